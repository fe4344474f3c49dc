"""Arrow types as canonical text, and how two types of one column become one.

The text is the product's own, so that digests and published schemas do not move with a library's release:
`boolean tinyint smallint int bigint float double decimal(p,s) string binary date time timestamp timestamptz`,
`array<t> map<k,v> struct<name:t>`. Unsigned integers widen to the next signed type; uint64 is `decimal(20,0)`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

_FIXED_TEXT = {
    pa.null(): "string",
    pa.bool_(): "boolean",
    pa.int8(): "tinyint",
    pa.int16(): "smallint",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.uint8(): "smallint",
    pa.uint16(): "int",
    pa.uint32(): "bigint",
    pa.uint64(): "decimal(20,0)",
    pa.float16(): "float",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
    pa.date64(): "date",
    pa.month_day_nano_interval(): "string",
}
_READABLE = {
    "boolean": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}
_DECIMAL = re.compile(r"decimal\((\d{1,2}),\s*(\d{1,2})\)")
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")
_MAX_DECIMAL_PRECISION = 38
_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}


def type_text(arrow_type: pa.DataType) -> str:
    """Write a type as canonical text.

    >>> type_text(pa.struct([("id", pa.uint32()), ("tags", pa.list_(pa.large_string()))]))
    'struct<id:bigint,tags:array<string>>'
    """
    fixed = _FIXED_TEXT.get(arrow_type)
    if fixed is not None:
        return fixed
    if isinstance(arrow_type, pa.BaseExtensionType):
        return type_text(arrow_type.storage_type)
    if pt.is_dictionary(arrow_type) or pt.is_run_end_encoded(arrow_type):
        return type_text(arrow_type.value_type)
    if pt.is_decimal(arrow_type):
        return f"decimal({arrow_type.precision},{arrow_type.scale})"
    if pt.is_timestamp(arrow_type):
        return "timestamptz" if arrow_type.tz else "timestamp"
    if pt.is_time(arrow_type):
        return "time"
    if pt.is_duration(arrow_type):
        return "bigint"
    if pt.is_map(arrow_type):
        return f"map<{type_text(arrow_type.key_type)},{type_text(arrow_type.item_type)}>"
    if _is_list(arrow_type):
        return f"array<{type_text(arrow_type.value_type)}>"
    if pt.is_struct(arrow_type):
        return f"struct<{','.join(f'{_quote_name(f.name)}:{type_text(f.type)}' for f in arrow_type)}>"
    if pt.is_binary(arrow_type) or pt.is_large_binary(arrow_type) or pt.is_fixed_size_binary(arrow_type):
        return "binary"
    if pt.is_binary_view(arrow_type):
        return "binary"
    return "string"


def read_type(text: str) -> pa.DataType:
    """The Arrow type of a canonical text that is not nested; timestamps and times in microseconds.

    >>> str(read_type("decimal(10,2)"))
    'decimal128(10, 2)'

    Raises:
        ValueError: another text; the message names the choices.
    """
    plain = text.strip().lower()
    if plain in _READABLE:
        return _READABLE[plain]
    match = _DECIMAL.fullmatch(plain)
    if match and 0 < int(match[1]) <= _MAX_DECIMAL_PRECISION and int(match[2]) <= int(match[1]):
        return pa.decimal128(int(match[1]), int(match[2]))
    raise ValueError(f"unknown type; choose one of {', '.join(_READABLE)}, decimal(precision,scale) with a precision of at most 38")


def _quote_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def _is_list(arrow_type: pa.DataType) -> bool:
    return bool(
        pt.is_list(arrow_type)
        or pt.is_large_list(arrow_type)
        or pt.is_fixed_size_list(arrow_type)
        or pt.is_list_view(arrow_type)
        or pt.is_large_list_view(arrow_type)
    )


@dataclass(frozen=True, slots=True)
class Merge:
    """What two types became. `lossless` is False where no rule joins them and the result is text (a conflict)."""

    type: pa.DataType
    lossless: bool = True


def merge_types(left: pa.DataType, right: pa.DataType) -> Merge:
    """Find the narrowest type that holds the values of both.

    Rules, in order: equal types stay; null gives way to anything; integers widen to the wider; an integer joins a
    decimal or a double (an integer or decimal with more digits than a double keeps stays a decimal); float -> double; date -> timestamp;
    a local and a zoned timestamp, and all that is left, become string and are a conflict. Structs merge field by field
    (union, order of first appearance), lists and maps by their items. Commutative up to the order of struct fields.

    >>> str(merge_types(pa.int32(), pa.int64()).type)
    'int64'
    >>> merge_types(pa.int64(), pa.bool_())
    Merge(type=DataType(string), lossless=False)
    """
    left, right = _plain(left), _plain(right)
    if left.equals(right) or pt.is_null(right):
        return Merge(left)
    if pt.is_null(left):
        return Merge(right)
    if _is_number(left) and _is_number(right):
        return _merge_numbers(left, right)
    if pt.is_temporal(left) and pt.is_temporal(right):
        return _merge_temporal(left, right)
    if pt.is_struct(left) and pt.is_struct(right):
        return _merge_structs(left, right)
    if pt.is_map(left) and pt.is_map(right):
        key, item = merge_types(left.key_type, right.key_type), merge_types(left.item_type, right.item_type)
        return Merge(pa.map_(key.type, item.type), key.lossless and item.lossless)
    if _is_list(left) and _is_list(right):
        value = merge_types(left.value_type, right.value_type)
        return Merge(pa.list_(value.type), value.lossless)
    if type_text(left) == type_text(right):
        return Merge(left)
    return Merge(pa.string(), lossless=False)


def _plain(arrow_type: pa.DataType) -> pa.DataType:
    """Drop what is only a way to store: dictionaries, runs, views, large offsets, unsigned widths."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return _plain(arrow_type.storage_type)
    if pt.is_dictionary(arrow_type) or pt.is_run_end_encoded(arrow_type):
        return _plain(arrow_type.value_type)
    if pt.is_large_string(arrow_type) or pt.is_string_view(arrow_type):
        return pa.string()
    if pt.is_large_binary(arrow_type) or pt.is_binary_view(arrow_type):
        return pa.binary()
    unsigned = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.decimal128(20, 0)}
    return unsigned.get(arrow_type, arrow_type)


def _is_number(arrow_type: pa.DataType) -> bool:
    return bool(pt.is_integer(arrow_type) or pt.is_floating(arrow_type) or pt.is_decimal(arrow_type))


def _merge_numbers(left: pa.DataType, right: pa.DataType) -> Merge:
    if pt.is_integer(left) and pt.is_integer(right):
        return Merge(max(left, right, key=lambda t: t.bit_width))
    if pt.is_floating(left) and pt.is_floating(right):
        return Merge(max(left, right, key=lambda t: t.bit_width))
    if pt.is_floating(left) or pt.is_floating(right):
        return Merge(pa.float64())
    return _merge_decimals(_as_decimal(left), _as_decimal(right))


def _as_decimal(arrow_type: pa.DataType) -> pa.DataType:
    return arrow_type if pt.is_decimal(arrow_type) else pa.decimal128(_INTEGER_DIGITS[type_text(arrow_type)], 0)


def _merge_decimals(left: pa.DataType, right: pa.DataType) -> Merge:
    scale = max(left.scale, right.scale)
    whole = max(left.precision - left.scale, right.precision - right.scale)
    if whole + scale <= _MAX_DECIMAL_PRECISION:
        return Merge(pa.decimal128(whole + scale, scale))
    return Merge(pa.float64(), lossless=False)


def _merge_temporal(left: pa.DataType, right: pa.DataType) -> Merge:
    date, stamp = sorted((left, right), key=pt.is_timestamp)
    if pt.is_date(date) and pt.is_date(stamp):
        return Merge(pa.date32())
    if pt.is_date(date) and pt.is_timestamp(stamp) and stamp.tz is None:
        return Merge(stamp)
    if pt.is_timestamp(left) and pt.is_timestamp(right) and (left.tz is None) == (right.tz is None):
        unit = max(left.unit, right.unit, key=["s", "ms", "us", "ns"].index)
        zone = left.tz if left.tz == right.tz else "UTC"
        return Merge(pa.timestamp(unit, tz=zone))
    if type_text(left) == type_text(right):
        return Merge(left if left.bit_width >= right.bit_width else right)
    return Merge(pa.string(), lossless=False)


def _merge_structs(left: pa.DataType, right: pa.DataType) -> Merge:
    merged: dict[str, pa.DataType] = {field.name: field.type for field in left}
    lossless = True
    for child in right:
        if child.name in merged:
            result = merge_types(merged[child.name], child.type)
            merged[child.name], lossless = result.type, lossless and result.lossless
        else:
            merged[child.name] = child.type
    return Merge(pa.struct(list(merged.items())), lossless)
