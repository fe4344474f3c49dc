"""Types of the values and arrays in a pickle that was taken apart: plain Python, numpy's arrays, pandas' arrays and indexes."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

import pyarrow as pa

from s3_catalog.formats._pickle_symbols import Call, Global, Items, Opaque, Pairs
from s3_catalog.model.types import Merge, merge_types, type_text

_NUMPY_TYPES = {
    "b1": pa.bool_(), "?": pa.bool_(), "i1": pa.int8(), "i2": pa.int16(), "i4": pa.int32(), "i8": pa.int64(),
    "u1": pa.uint8(), "u2": pa.uint16(), "u4": pa.uint32(), "u8": pa.uint64(), "f2": pa.float16(), "f4": pa.float32(), "f8": pa.float64(),
}  # fmt: skip
_PYTHON_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), type(None): pa.null()}
_NUMBER_FORMATS = {"i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q", "f4": "f", "f8": "d"}
_MASKED = re.compile(r"(U?Int|Float)(8|16|32|64)Dtype")
_MAX_FIELDS = 10_000
_NODE_COST = 20
_UNITS = ("s", "ms", "us", "ns")


Values = Callable[[int], Sequence[object] | None]
"""Gives so many of the first values of a column; None where they are not known."""


@dataclass(frozen=True, slots=True)
class Found:
    """One array or index: the type of its values, how many there are (None: unknown), and the format's own name of the type.

    `width` is more than one where an array has rows of several values. `conflict`: the two types that only text joins. `values` gives the
    first values, None where they were not kept.
    """

    type: pa.DataType
    length: int | None
    source_type: str | None = None
    conflict: tuple[str, str] | None = None
    fields: tuple[tuple[str, pa.DataType], ...] | None = None
    shape: tuple[int, ...] = ()
    values: Values | None = field(default=None, compare=False)


UNKNOWN = Found(pa.string(), None)


@dataclass(slots=True)
class Types:
    """Finds types; `depth` is how far values may nest until they are text."""

    depth: int
    work: int = 2_000_000
    """What may still be spent on looking: values that are shared can nest into exponentially many."""

    def _spend(self, depth: int, cost: int = _NODE_COST) -> bool:
        """Whether one more value that is made of others may be looked at."""
        self.work -= cost
        return depth >= 0 and self.work > 0

    def of_items(self, items: Items | tuple[Any, ...], depth: int) -> Found:
        """The type of a list's values, and how many there are."""
        if isinstance(items, tuple):
            merged = self._merge(items, depth)
            return Found(merged.type, len(items), conflict=merged.conflict)
        merged = self._merge(chain(items.kept, *(values for _, values in items.examples)), depth)
        return Found(merged.type, items.count, conflict=merged.conflict)

    def of_block_row(self, values: Any, row: int) -> Found | None:
        """One row of a block of Python objects, which is a column of a pandas frame; None for any other block."""
        array = numpy_array(values)
        if array is None or len(array[1]) != 2 or not isinstance(array[2], Items):
            return None
        (height, width), items = array[1], array[2]
        if is_column_major(values):
            return self.of_items(Items(items.kept[row::height], width), self.depth)
        return self.of_items(items.part(row * width, (row + 1) * width), self.depth)

    def of_value(self, value: Any, depth: int) -> pa.DataType:
        """The type of one value."""
        self.work -= 1
        plain = _PYTHON_TYPES.get(type(value))
        if plain is not None:
            return _integer(value) if type(value) is int else pa.null() if type(value) is float and math.isnan(value) else plain
        if isinstance(value, Opaque):
            return {"bytes": pa.binary(), "integer": pa.string()}.get(value.kind, pa.string())
        if isinstance(value, Global) or not self._spend(depth - 1):
            return pa.string()
        if isinstance(value, Call):
            return self._of_object(value, depth)
        if isinstance(value, Pairs):
            names = [(str(key), inner) for key, inner in value.kept[:_MAX_FIELDS] if isinstance(key, str | int)]
            return pa.struct(list({name: self.of_value(inner, depth - 1) for name, inner in names}.items()))
        kept = value.kept if isinstance(value, Items) else value
        return pa.list_(self._merge(kept, depth - 1).type)

    def _merge(self, values: Iterable[Any], depth: int) -> _Merged:
        merged = _Merged(pa.null())
        only_nan = False
        seen: set[pa.DataType] = set()
        for value in values:
            found = self.of_value(value, depth)
            only_nan |= type(value) is float
            if found not in seen:
                seen.add(found)
                merged = _join(merged, found)
        return _Merged(pa.float64()) if only_nan and pa.types.is_null(merged.type) else merged

    def _of_object(self, call: Call, depth: int) -> pa.DataType:
        args = call.args
        match call.function.name, args:
            case "date", _:
                return pa.date32()
            case "datetime", _:
                return pa.timestamp("us", tz=_zone(args[1]) if len(args) > 1 and isinstance(args[1], Call) else None)
            case "time", _:
                return pa.time64("us")
            case "timedelta" | "Timedelta" | "_timedelta_unpickle", _:
                return pa.duration("us")
            case "Decimal", (str() as text,):
                return _decimal(text)
            case "_timestamp_unpickle" | "Timestamp" | "_unpickle_timestamp", _:
                zone = next((arg for arg in args if isinstance(arg, Call) and "Offset" not in arg.function.name), None)
                return pa.timestamp("ns", tz=_zone(zone) if zone is not None else None)
            case "NaTType" | "_nat_unpickle" | "__nat_unpickle" | "NAType", _:
                return pa.null()
            case "scalar", (Call() as dtype, *_):
                return self.of_dtype(dtype, depth - 1).type
            case "OrderedDict" | "defaultdict" | "Counter", _:
                return self.of_value(call.pairs or Pairs(), depth)
            case "deque" | "set" | "frozenset" | "list" | "tuple", _:
                inner = next((arg for arg in args if isinstance(arg, Items | tuple)), call.items or Items())
                return self.of_value(inner, depth)
            case _:
                found = self.of_array(call, depth - 1)
                return pa.list_(found.type) if found is not None else pa.string()

    def of_array(self, value: Any, depth: int | None = None) -> Found | None:
        """The values of an array, an index or a list; None for what is none of these."""
        depth = self.depth if depth is None else depth
        if not self._spend(depth):
            return None
        if isinstance(value, Items | tuple):
            return self.of_items(value, depth)
        if not isinstance(value, Call):
            return None
        array = numpy_array(value)
        if array is not None:
            return self._of_numpy(*array, depth)
        return self._of_pandas(value, depth)

    def _of_numpy(self, dtype: Any, shape: tuple[int, ...], data: Any, depth: int) -> Found:
        found = self.of_dtype(dtype, depth)
        length = shape[0] if shape else 1
        if isinstance(data, Items):
            values = self.of_items(data, depth)
            return Found(values.type, length, conflict=values.conflict, shape=shape)
        return Found(found.type, length, found.source_type, fields=found.fields, shape=shape)

    def of_dtype(self, dtype: Any, depth: int) -> Found:
        """The type that a numpy or pandas dtype stands for."""
        if not isinstance(dtype, Call) or not self._spend(depth):
            return UNKNOWN
        state, name = dtype.state, dtype.function.name
        if name == "dtype" and dtype.args:
            code = dtype.args[0] if isinstance(dtype.args[0], str) else "V"  # numpy.record, which has fields as V has
            return self._of_numpy_dtype(code, state if isinstance(state, tuple) else (), depth)
        masked = _MASKED.fullmatch(name)
        if masked:
            return Found(
                pa.type_for_alias(f"{masked[1].lower()}{masked[2]}".replace("float8", "float16")), None, name.removesuffix("Dtype")
            )
        match name, state:
            case "DatetimeTZDtype", Pairs():
                return Found(pa.timestamp(_unit(state.get("unit")), tz=_zone(state.get("tz"))), None)
            case "CategoricalDtype", Pairs():
                categories = self.of_array(state.get("categories"), depth - 1)
                return Found(categories.type if categories else pa.string(), None, "category")
            case "BooleanDtype", _:
                return Found(pa.bool_(), None)
            case "PeriodDtype", _:
                return Found(pa.string(), None, "period")
            case "SparseDtype", Pairs():
                return Found(self.of_dtype(state.get("_dtype"), depth - 1).type, None, "Sparse")
            case "IntervalDtype", Pairs():
                side = self.of_dtype(state.get("subtype") or state.get("_subtype"), depth - 1).type
                return Found(pa.struct([("left", side), ("right", side)]), None, "interval")
            case "ArrowDtype", _:
                return Found(self.of_arrow(next(iter(dtype.args), None), depth), None)
        return UNKNOWN

    def _of_numpy_dtype(self, code: str, state: tuple[Any, ...], depth: int) -> Found:
        plain = _NUMPY_TYPES.get(code)
        if plain is not None:
            return Found(plain, None)
        kind = code[:1]
        if kind in "Mm" and kind:
            unit = _metadata_unit(state)
            coarse = unit not in _UNITS
            moment: pa.DataType = pa.date32() if coarse else pa.timestamp(unit)
            return Found(
                moment if kind == "M" else pa.duration("s" if coarse else unit),
                None,
                f"{'datetime' if kind == 'M' else 'timedelta'}64[{unit}]",
            )
        if kind == "V" and len(state) > 4 and isinstance(state[4], Pairs):
            return self._of_record(state, depth)
        if kind == "V" and len(state) > 2 and isinstance(state[2], tuple) and len(state[2]) == 2:  # a sub-array: (dtype, shape)
            return Found(pa.list_(self.of_dtype(state[2][0], depth - 1).type), None)
        if kind in ("S", "V"):
            return Found(pa.binary(), None, code)
        return Found(pa.string(), None, None if kind in "UO" else code)

    def _of_record(self, state: tuple[Any, ...], depth: int) -> Found:
        places = {key: value for key, value in state[4].kept if isinstance(key, str) and isinstance(value, tuple) and value}
        names = state[3] if isinstance(state[3], tuple) else ()
        fields = [(name, self.of_dtype(places[name][0], depth - 1).type) for name in names if isinstance(name, str) and name in places]
        return Found(pa.struct(fields), None, fields=tuple(fields))

    def _of_pandas(self, call: Call, depth: int) -> Found | None:
        name, state = call.function.name, call.state
        if name in ("_new_Index", "_new_DatetimeIndex", "_new_PeriodIndex"):
            return self._of_index(call, depth)
        if name.startswith("__pyx_unpickle_NDArrayBacked") and isinstance(state, tuple) and len(state) > 1:
            dtype, array = (state[1], state[0]) if numpy_array(state[0]) else (state[0], state[1])
            values = self.of_array(array, depth - 1)
            found = self.of_dtype(dtype, depth - 1)
            shape = values.shape if values else ()
            return Found(found.type, max(shape, default=None) if len(shape) < 2 else shape[-1], found.source_type, shape=shape)
        if name.startswith("__pyx_unpickle_IntervalMixin") and isinstance(state, tuple) and state:
            return self._of_interval(state[0], depth)
        if not isinstance(state, Pairs):
            return None
        if name == "IntervalArray":
            return self._of_interval(state, depth)
        if name in ("ArrowStringArray", "ArrowExtensionArray", "ArrowStringArrayNumpySemantics"):
            return self._of_arrow_array(state.get("_pa_array") or state.get("_data"), depth)
        if name == "SparseArray":
            index = state.get("_sparse_index")
            length = index.args[0] if isinstance(index, Call) and index.args and isinstance(index.args[0], int) else None
            return Found(self.of_dtype(state.get("_dtype"), depth - 1).type, length, "Sparse")
        if name == "Categorical" and state.get("_categories") is not None:  # pandas before 0.21
            categories, codes = self.of_array(state.get("_categories"), depth - 1), self.of_array(state.get("_codes"), depth - 1)
            return Found(categories.type, codes.length, "category") if categories and codes else None
        values = self.of_array(state.get("_data") or state.get("_ndarray") or state.get("_codes"), depth - 1)
        dtype = self.of_dtype(state.get("_dtype"), depth - 1)
        if values is None:
            return None
        return Found(dtype.type, values.length, dtype.source_type) if state.get("_dtype") is not None else values

    def _of_interval(self, state: Any, depth: int) -> Found | None:
        left = self.of_array(state.get("_left"), depth - 1) if isinstance(state, Pairs) else None
        return Found(pa.struct([("left", left.type), ("right", left.type)]), left.length, "interval") if left else None

    def _of_index(self, call: Call, depth: int) -> Found | None:
        state = call.args[1] if len(call.args) > 1 else None
        if not isinstance(state, Pairs):
            return None
        if is_range(call):
            first, stop, step = (state.get(part) for part in ("start", "stop", "step"))
            whole = all(isinstance(part, int) for part in (first, stop, step)) and step
            return Found(pa.int64(), max(0, -(-(stop - first) // step)) if whole else None)
        data = state.get("data")
        if data is None:
            return None
        found = self.of_array(data, depth - 1)
        zone = state.get("tz")
        if found and zone is not None and pa.types.is_timestamp(found.type) and found.type.tz is None:
            return Found(pa.timestamp(found.type.unit, tz=_zone(zone)), found.length)
        return found

    def _of_arrow_array(self, value: Any, depth: int) -> Found | None:
        match value:
            case Call(Global(_, "_restore_array"), ((kind, int() as length, *_),)):
                return Found(self.of_arrow(kind, depth), length)
            case Call(Global(_, "chunked_array" | "ChunkedArray"), (Items() as chunks, *_)) if self._spend(depth):
                parts = [self._of_arrow_array(chunk, depth - 1) for chunk in chunks.kept]
                lengths = [part.length for part in parts if part is not None and part.length is not None]
                kind = next((part.type for part in parts if part), pa.string())
                return Found(kind, sum(lengths) if len(lengths) == chunks.count else None)
        return None

    def of_arrow(self, value: Any, depth: int) -> pa.DataType:
        """The Arrow type that a pickled one names; text for one that is not understood."""
        if not isinstance(value, Call) or not self._spend(depth):
            return pa.string()
        try:
            match value.function.name, value.args:
                case "type_for_alias", (str() as alias,):
                    return pa.type_for_alias(alias)
                case "timestamp" | "duration" | "time32" | "time64" as name, (str() as unit, *rest):
                    return getattr(pa, name)(unit, *(zone for zone in rest if isinstance(zone, str)))
                case "decimal128" | "decimal256" as name, (int() as precision, int() as scale):
                    return getattr(pa, name)(precision, scale)
                case "list_" | "large_list", (inner, *_):
                    return pa.list_(self.of_arrow(_field_type(inner), depth - 1))
                case "struct", (Items() as fields, *_):
                    kept = [f for f in fields.kept if isinstance(f, Call) and f.args and isinstance(f.args[0], str)]
                    return pa.struct([(f.args[0], self.of_arrow(_field_type(f), depth - 1)) for f in kept])
                case "dictionary", (_, inner, *_):
                    return self.of_arrow(inner, depth - 1)
                case "map_", (key, item, *_):
                    return pa.map_(self.of_arrow(_field_type(key), depth - 1), self.of_arrow(_field_type(item), depth - 1))
        except (ValueError, TypeError):
            return pa.string()
        return pa.string()


@dataclass(frozen=True, slots=True)
class _Merged:
    type: pa.DataType
    conflict: tuple[str, str] | None = None


def _join(before: _Merged, found: pa.DataType) -> _Merged:
    result: Merge = merge_types(before.type, found) if not before.type.equals(found) else Merge(found)
    conflict = before.conflict if result.lossless or before.conflict else (type_text(before.type), type_text(found))
    return _Merged(result.type, conflict)


def numpy_array(value: Any) -> tuple[Any, tuple[int, ...], Any] | None:
    """A numpy array as (dtype, shape, data); None for anything else. Data are `Opaque` bytes, or the `Items` of an object array."""
    if not isinstance(value, Call):
        return None
    match value.function.name, value.args, value.state:
        case "_reconstruct", _, (_, tuple() as shape, dtype, _, data, *_):
            pass
        case "_frombuffer", (data, dtype, tuple() as shape, *_), _:
            pass
        case _:
            return None
    return (dtype, shape, data) if all(isinstance(size, int) and not isinstance(size, bool) and size >= 0 for size in shape) else None


def is_column_major(value: Any) -> bool:
    """Whether a numpy array lists its values column by column."""
    return isinstance(value, Call) and isinstance(value.state, tuple) and len(value.state) > 3 and value.state[3] is True


def is_range(index: Any) -> bool:
    """Whether an index only counts rows."""
    return isinstance(index, Call) and index.args[:1] == (next((a for a in index.args[:1] if _is_range_class(a)), None),)


def _is_range_class(value: Any) -> bool:
    return isinstance(value, Global) and value.name == "RangeIndex"


def numbers(value: Any) -> list[int] | None:
    """The values of a small integer array; None when it is none, or was too long to keep."""
    array = numpy_array(value)
    if array is None:
        return None
    dtype, _, data = array
    code = dtype.args[0] if isinstance(dtype, Call) and dtype.args else None
    if not isinstance(data, Opaque) or data.data is None or code not in _NUMBER_FORMATS:
        return None
    order = dtype.state[1] if isinstance(dtype.state, tuple) and len(dtype.state) > 1 and dtype.state[1] in ("<", ">") else "<"
    form, size = _NUMBER_FORMATS[code], int(code[1:])
    return list(struct.unpack(f"{order}{len(data.data) // size}{form}", data.data[: len(data.data) // size * size]))


def arrow_strings(value: Any) -> list[str] | None:
    """The texts of a small Arrow array of strings; None when it is none, or was too long to keep."""
    match value:
        case Call(Global(_, "chunked_array" | "ChunkedArray"), (Items(kept=[chunk], count=1), *_)):
            return _one_arrow_array(chunk)
    return _one_arrow_array(value)


def _one_arrow_array(value: Any) -> list[str] | None:
    match value:
        case Call(Global(_, "_restore_array"), ((Call(_, (str() as alias,)), int() as length, _, 0, Items() as buffers, *_),)):
            pass
        case _:
            return None
    raw = [b.args[0].data for b in buffers.kept if isinstance(b, Call) and b.args and isinstance(b.args[0], Opaque)]
    form = {"string": "i", "large_string": "q"}.get(alias)
    if len(raw) < 2 or raw[-1] is None or raw[-2] is None or form is None or not 0 <= length <= len(raw[-2]):
        return None
    offsets = struct.unpack_from(f"<{length + 1}{form}", raw[-2])
    return [raw[-1][start:end].decode("utf-8", "replace") for start, end in pairwise(offsets)]


def _field_type(value: Any) -> Any:
    return value.args[1] if isinstance(value, Call) and value.function.name == "field" and len(value.args) > 1 else value


def _integer(value: int) -> pa.DataType:
    if -(2**63) <= value < 2**63:
        return pa.int64()
    digits = len(str(abs(value)))
    return pa.decimal128(20 if digits <= 20 else 38, 0) if digits <= 38 else pa.string()


def _decimal(text: str) -> pa.DataType:
    match = re.fullmatch(r"-?(\d+)(?:\.(\d+))?", text)
    if match is None or len(match[1]) + len(match[2] or "") > 38:
        return pa.string()
    scale = len(match[2] or "")
    return pa.decimal128(max(1, len(match[1].lstrip("0")) + scale), scale)


def _unit(value: Any) -> str:
    return value if value in _UNITS else "ns"


def _metadata_unit(state: tuple[Any, ...]) -> str:
    """The unit of numpy's moments: the dtype's state ends in (metadata, (unit, count, ...))."""
    match state[-1:]:
        case ((_, (Opaque(data=bytes() as unit), *_)),):
            return unit.decode("ascii", "replace")
        case ((_, (str() as text, *_)),):
            return text
    return "ns"


def _zone(value: Any) -> str:
    """The name of a time zone; UTC where it has none that is known."""
    if isinstance(value, Call):
        return next((arg for arg in value.args if isinstance(arg, str) and re.fullmatch(r"[A-Za-z_]+(/[\w+-]+)*", arg)), "UTC")
    return value if isinstance(value, str) and re.fullmatch(r"[A-Za-z_]+(/[\w+-]+)*|[+-]\d\d:\d\d", value) else "UTC"
