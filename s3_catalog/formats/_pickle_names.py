"""Which importable names stand for plain data in a pickle. Everything else is refused by its name."""

from __future__ import annotations

import re

_PLAIN = frozenset(
    {"slice", "bytearray", "bytes", "set", "frozenset", "complex", "list", "dict", "tuple", "object", "range"}
    | {"int", "float", "str", "bool", "unicode", "long", "getattr"}
)
"""`getattr` is here for time zones only: the machine refuses every other use of it."""

_PANDAS = re.compile(
    r"DataFrame|Series|Index|(?:Int64|UInt64|Float64|Range|Datetime|Timedelta|Period|Categorical|Multi|Interval)Index"
    r"|(?:Categorical|DatetimeTZ|Period|Interval|String|Boolean|Arrow|Sparse|Numpy|NumpyEA|Pandas|U?Int\d+|Float\d+)Dtype|PeriodDtypeCode"
    r"|(?:Single)?BlockManager|_unpickle_block|new_block|make_block|_new_Index|_new_DatetimeIndex|_new_PeriodIndex|Flags"
    r"|Categorical|(?:Datetime|Timedelta|Period|Interval|Integer|Floating|Boolean|String|Sparse|Pandas|NumpyExtension)Array"
    r"|ArrowExtensionArray|ArrowStringArray|(?:Arrow)?StringArrayNumpySemantics|IntIndex|BlockIndex|FrozenList|FrozenNDArray"
    r"|__pyx_unpickle_(?:NDArrayBacked|IntervalMixin)"
    r"|Timestamp|Timedelta|Period|Interval|NaTType|NAType|NA|C_NA|_{1,2}nat_unpickle"
    r"|_timestamp_unpickle|_timedelta_unpickle|_period_unpickle|_unpickle_timestamp|_unpickle_timedelta|_unpickle_period"
    r"|(?:[A-Z][A-Za-z]*)?(?:Block|Offset|Day|Hour|Minute|Second|Milli|Micro|Nano|Begin|End)"
)
_NUMPY = re.compile(
    r"(?:ndarray|dtype|_reconstruct|_frombuffer|scalar|recarray|record|matrix|void|str_|bytes_|string_|unicode_|object_|bool_?|datetime64|timedelta64"
    r"|u?int(?:8|16|32|64|c|p|_)?|float(?:16|32|64|128|_)?|complex(?:64|128|256|_)?|long|ulong|longlong|ulonglong|longdouble|clongdouble"
    r"|MaskedArray|_mareconstruct|StringDType|_convert_to_stringdtype_kwargs)"
    r"|dtypes\.\w+DType|\w+DType"
)
_ARROW = frozenset(
    [
        "_restore_array",
        "type_for_alias",
        "py_buffer",
        "chunked_array",
        "ChunkedArray",
        "timestamp",
        "duration",
        "time32",
        "time64",
        "decimal32",
        "decimal64",
        "decimal128",
        "decimal256",
        "binary",
        "list_",
        "large_list",
        "list_view",
        "map_",
        "struct",
        "field",
        "dictionary",
        "string",
        "large_string",
        "string_view",
        "fixed_size_binary",
        "DataType",
        "Buffer",
    ]
)
_OTHERS: dict[str, frozenset[str]] = {
    "builtins": _PLAIN,
    "__builtin__": _PLAIN,
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
    "uuid": frozenset({"UUID", "SafeUUID"}),
    "collections": frozenset({"OrderedDict", "defaultdict", "deque", "Counter"}),
    "copyreg": frozenset({"_reconstructor", "__newobj__"}),
    "copy_reg": frozenset({"_reconstructor", "__newobj__"}),
    "_codecs": frozenset({"encode"}),
    "zoneinfo": frozenset({"ZoneInfo"}),
    "pytz": frozenset({"_UTC", "_p", "timezone"}),
    "pytz.tzfile": frozenset({"DstTzInfo", "StaticTzInfo"}),
    "dateutil.tz.tz": frozenset({"tzutc", "tzlocal", "tzfile", "tzoffset"}),
    "dateutil.zoneinfo": frozenset({"gettz"}),
    "pyarrow.lib": _ARROW,
}


def is_data(module: str, name: str) -> bool:
    """Whether a name is a constructor of plain data: Python's own, pandas', numpy's or Arrow's.

    >>> is_data("pandas.core.frame", "DataFrame"), is_data("pandas.io.common", "get_handle"), is_data("os", "system")
    (True, False, False)
    """
    top = module.partition(".")[0]
    if top == "pandas":
        return not module.startswith("pandas.io") and _PANDAS.fullmatch(name) is not None
    if top == "numpy":
        return _NUMPY.fullmatch(name) is not None
    return name in _OTHERS.get(module, frozenset())
