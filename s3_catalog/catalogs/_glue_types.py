"""Arrow types as the text of Hive types, which AWS Glue keeps, and back.

Pure. What Hive has no type for is None: such a column is not shown (`s3_catalog.engines` says so), or is text where files are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.model.types import read_type, type_text

_FIELD_NAME = re.compile(r"[A-Za-z0-9_.$][A-Za-z0-9_.$ ]*")
_TOKEN = re.compile(r"[<>,:]|[^<>,:]+")
_MAX_DEPTH = 100


def hive_type(arrow_type: pa.DataType, *, text: bool = False) -> str | None:
    """Write a type as Hive does; None where Hive has none.

    Args:
        text: the values stand in the files as text, so that a time or a time zone can only be shown as such.

    >>> hive_type(pa.struct([("Id", pa.uint32()), ("at", pa.list_(pa.timestamp("us", "UTC")))]))
    'struct<id:bigint,at:array<timestamp>>'
    >>> hive_type(pa.timestamp("us", "UTC"), text=True), hive_type(pa.float16())
    ('string', None)
    """
    if isinstance(arrow_type, pa.BaseExtensionType):
        return hive_type(arrow_type.storage_type, text=text)
    if pt.is_dictionary(arrow_type) or pt.is_run_end_encoded(arrow_type):
        return hive_type(arrow_type.value_type, text=text)
    if pt.is_nested(arrow_type):
        return _nested_type(arrow_type, text=text)
    if pt.is_float16(arrow_type) or (pt.is_decimal(arrow_type) and arrow_type.precision > 38):
        return None
    if pt.is_time(arrow_type):
        return "string" if text else "int" if arrow_type.bit_width == 32 else "bigint"
    plain = type_text(arrow_type)
    return ("string" if text else "timestamp") if plain == "timestamptz" else plain


def _nested_type(arrow_type: pa.DataType, *, text: bool) -> str | None:
    if pt.is_map(arrow_type):
        key, item = hive_type(arrow_type.key_type, text=text), hive_type(arrow_type.item_type, text=text)
        return None if key is None or item is None else f"map<{key},{item}>"
    if not pt.is_struct(arrow_type):
        value = hive_type(arrow_type.value_type, text=text) if hasattr(arrow_type, "value_type") else None
        return None if value is None else f"array<{value}>"
    names = [field.name.lower() for field in arrow_type]
    types = [hive_type(field.type, text=text) for field in arrow_type]
    if None in types or not names or len(set(names)) < len(names) or not all(_FIELD_NAME.fullmatch(name) for name in names):
        return None
    return f"struct<{','.join(f'{name}:{inner}' for name, inner in zip(names, types, strict=True))}>"


def read_hive_type(text: str) -> pa.DataType:
    """The Arrow type of a Hive type. Text in another language than Hive's, which other tools may have written, is read as string.

    >>> str(read_hive_type("array<struct<id:bigint,price:decimal(10,2)>>"))
    'list<item: struct<id: int64, price: decimal128(10, 2)>>'
    """
    try:
        reader = _Reader(_join_arguments(_TOKEN.findall(text.strip())))
        found = reader.read(0)
        return pa.string() if reader.rest() else found
    except (ValueError, StopIteration):
        return pa.string()


def _join_arguments(tokens: list[str]) -> Iterator[str]:
    """Put `decimal(10` `,` `2)` together again."""
    parts: list[str] = []
    for token in tokens:
        parts.append(token)
        if "".join(parts).count("(") <= "".join(parts).count(")"):
            yield "".join(parts)
            parts = []
    yield from parts


class _Reader:
    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens

    def rest(self) -> list[str]:
        return list(self._tokens)

    def read(self, depth: int) -> pa.DataType:
        """One type from the tokens.

        Raises:
            ValueError, StopIteration: it is no Hive type.
        """
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        name = next(self._tokens).strip().lower()
        if name not in ("array", "map", "struct"):
            return _leaf(name)
        self._expect("<")
        if name == "array":
            value = self.read(depth + 1)
            self._expect(">")
            return pa.list_(value)
        if name == "map":
            key = self.read(depth + 1)
            self._expect(",")
            item = self.read(depth + 1)
            self._expect(">")
            return pa.map_(key, item)
        fields: list[tuple[str, pa.DataType]] = []
        while True:
            field = next(self._tokens)
            self._expect(":")
            fields.append((field, self.read(depth + 1)))
            if self._end_of_fields():
                return pa.struct(fields)

    def _expect(self, mark: str) -> None:
        if next(self._tokens) != mark:
            raise ValueError(f"{mark} is missing")

    def _end_of_fields(self) -> bool:
        mark = next(self._tokens)
        if mark not in (",", ">"):
            raise ValueError("> is missing")
        return mark == ">"


def _leaf(name: str) -> pa.DataType:
    if name.startswith(("varchar", "char")):
        return pa.string()
    return pa.decimal128(10, 0) if name == "decimal" else read_type({"integer": "int"}.get(name, name))
