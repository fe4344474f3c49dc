"""From an Arrow schema that a library read to columns, with nothing in it that could break a caller later."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from s3_catalog.model.tables import Column
from s3_catalog.model.types import type_text


def read_columns(
    schema: pa.Schema, max_depth: int, source_types: Mapping[str, str] | None = None
) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Make columns of a schema, and warnings: a type nested deeper than `max_depth` is kept as text.

    Raises:
        ValueError: a name, at any depth, that is not UTF-8.
    """
    columns, warnings = [], []
    for field in schema:
        arrow_type = field.type
        if _is_deeper(arrow_type, max_depth):
            warnings.append(f"{field.name}: nested too deep, kept as text")
            arrow_type = pa.string()
        type_text(arrow_type)  # Arrow decodes names when they are asked for, so ask now
        source_type = (source_types or {}).get(field.name)
        columns.append(Column(name=field.name, type=arrow_type, nullable=field.nullable, source_type=source_type))
    return tuple(columns), tuple(warnings)


def _is_deeper(arrow_type: pa.DataType, depth: int) -> bool:
    """Whether a type has more than `depth` levels of lists, maps and structs."""
    if not arrow_type.num_fields:
        return False
    return depth == 0 or any(_is_deeper(arrow_type.field(i).type, depth - 1) for i in range(arrow_type.num_fields))
