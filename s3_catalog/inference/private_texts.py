"""What files say beside their values can be personal too: the value that an error quotes, and names of columns and fields.

In: errors and schemas as formats give them. Out: the same, with what detectors know replaced by its kind, before anything keeps them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, reduce

import pyarrow as pa

from s3_catalog.errors import HintError, S3CatalogError
from s3_catalog.formats import FileSchema
from s3_catalog.formats._type_hints import cut
from s3_catalog.model.tables import Column
from s3_catalog.model.types import merge_types
from s3_catalog.tagging import Certainty, ColumnName, Detections, Detector, detectors
from s3_catalog.tagging.masking import NOT_SHOWN, Masker
from s3_catalog.tagging.scanning import detect_columns

logger = logging.getLogger(__name__)

_PEOPLE = "people"
"""In a table of people a bare `name` is a person's: of one value alone the safe side is taken."""
_MANY_DIGITS, _LONG_NAME = 5, 16
"""Names with fewer of both are nobody's data; looking at all names would cost 0.1 ms each."""


def error_text(error: S3CatalogError, table: str) -> str:
    """The text of an error; the value that a hint does not fit is masked.

    Args:
        table: the table's name.
    """
    if not isinstance(error, HintError):
        return str(error)
    if error.shows is None:
        return Masker(Detections()).mask_text(str(error))
    column, value = error.shows
    detections = detect_columns({column: [value]}, table=f"{_PEOPLE}_{table}")
    masked = NOT_SHOWN if detections.failures else str(Masker(detections).mask(column, value))
    return str(error).replace(repr(cut(value)), repr(cut(masked)))


def hide_private_names(schema: FileSchema) -> FileSchema:
    """Name columns that are named after a person's data (an e-mail address as a key) by its kind: `<email>`.

    A struct with such a field is a map whose keys are data. Detectors look at names as at values.
    """
    shown = _shown_names([column.name for column in schema.columns])
    columns = tuple(replace(c, name=shown.get(c.name, c.name), type=_without_private_fields(c.type)) for c in schema.columns)
    if columns == schema.columns:
        return schema
    masker = Masker(Detections())
    return replace(
        schema,
        columns=columns,
        figures={shown.get(name, name): figures for name, figures in schema.figures.items()},
        conflicts=tuple(replace(c, column=str(masker.mask_text(c.column))) for c in schema.conflicts),
        warnings=tuple(map(masker.mask_text, schema.warnings)),
        details={_fact_of(name, shown): value for name, value in schema.details.items()},
    )


def hide_private_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The same for columns that a table's log tells."""
    return hide_private_names(FileSchema(columns=tuple(columns))).columns


def _shown_names(names: Iterable[str]) -> dict[str, str]:
    """Private name -> what is shown in its place; two addresses are `<email>` and `<email> 2`."""
    shown: dict[str, str] = {}
    for name in names:
        if (label := _private_kind(name)) is not None:
            taken = set(shown.values())
            numbered = (f"<{label}> {number}" for number in range(2, len(taken) + 3))
            shown[name] = next(text for text in (f"<{label}>", *numbered) if text not in taken)
    return shown


def _fact_of(name: str, shown: Mapping[str, str]) -> str:
    """The name of a detail, which may be about a column (`thousands.price`)."""
    fact, mark, column = name.partition(".")
    return f"{fact}{mark}{shown.get(column, column)}"


def _without_private_fields(arrow_type: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(arrow_type):
        fields = [arrow_type.field(index) for index in range(arrow_type.num_fields)]
        inner = [_without_private_fields(field.type) for field in fields]
        if any(_private_kind(field.name) for field in fields):
            return pa.map_(pa.string(), reduce(lambda one, other: merge_types(one, other).type, inner))
        if any(own is not field.type for own, field in zip(inner, fields, strict=True)):
            return pa.struct([field.with_type(own) for own, field in zip(inner, fields, strict=True)])
    elif pa.types.is_list(arrow_type) and (item := _without_private_fields(arrow_type.value_type)) is not arrow_type.value_type:
        return pa.list_(arrow_type.value_field.with_type(item))
    elif pa.types.is_map(arrow_type) and (item := _without_private_fields(arrow_type.item_type)) is not arrow_type.item_type:
        return pa.map_(arrow_type.key_field, arrow_type.item_field.with_type(item))
    return arrow_type


@lru_cache(maxsize=100_000)
def _private_kind(name: str) -> str | None:
    """The kind of personal data that a name is, or holds beyond doubt."""
    if "@" not in name and len(name) < _LONG_NAME and sum(map(str.isdigit, name)) < _MANY_DIGITS:
        return None
    found = (detector.label for detector in detectors().values() if _is_in(detector, name))
    return next(found, None)


def _is_in(detector: Detector, name: str) -> bool:
    """Whether a detector finds its kind in a name; a mere shape must be all of it."""
    try:
        spans = list(detector.find(ColumnName(path="", words=()), name))
    except Exception as error:  # noqa: BLE001  other people's detectors; where values are looked at the failure is told
        logger.warning("detector failed on a name detector=%s error=%s", detector.name, type(error).__name__)
        return False
    return any(detector.certainty <= Certainty.PARSED or (start, end) == (0, len(name)) for start, end in spans)
