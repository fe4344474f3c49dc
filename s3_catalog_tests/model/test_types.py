"""Canonical type text, and how two types become one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.model.types import merge_types, type_text


@pytest.mark.parametrize(
    ("arrow_type", "text"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "tinyint"),
        (pa.int16(), "smallint"),
        (pa.int32(), "int"),
        (pa.int64(), "bigint"),
        (pa.uint8(), "smallint"),
        (pa.uint16(), "int"),
        (pa.uint32(), "bigint"),
        (pa.uint64(), "decimal(20,0)"),
        (pa.float16(), "float"),
        (pa.float32(), "float"),
        (pa.float64(), "double"),
        (pa.decimal128(18, 4), "decimal(18,4)"),
        (pa.decimal256(50, 2), "decimal(50,2)"),
        (pa.string(), "string"),
        (pa.large_string(), "string"),
        (pa.string_view(), "string"),
        (pa.binary(), "binary"),
        (pa.large_binary(), "binary"),
        (pa.binary(16), "binary"),
        (pa.date32(), "date"),
        (pa.date64(), "date"),
        (pa.time32("s"), "time"),
        (pa.time64("ns"), "time"),
        (pa.timestamp("ns"), "timestamp"),
        (pa.timestamp("us", tz="Europe/Berlin"), "timestamptz"),
        (pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.list_(pa.int32()), "array<int>"),
        (pa.list_(pa.int32(), 3), "array<int>"),
        (pa.map_(pa.string(), pa.list_(pa.float64())), "map<string,array<double>>"),
        (pa.struct([("a", pa.int64()), ("b c", pa.string())]), "struct<a:bigint,`b c`:string>"),
        (pa.null(), "string"),
    ],
    ids=str,
)
def test_every_arrow_type_has_one_canonical_text(arrow_type, text):
    assert type_text(arrow_type) == text


@pytest.mark.parametrize(
    ("left", "right", "merged", "lossless"),
    [
        (pa.int8(), pa.int32(), "int", True),
        (pa.uint32(), pa.int32(), "bigint", True),
        (pa.uint64(), pa.int64(), "decimal(20,0)", True),
        (pa.int64(), pa.float64(), "double", True),
        (pa.float32(), pa.float64(), "double", True),
        (pa.int64(), pa.decimal128(10, 2), "decimal(21,2)", True),
        (pa.decimal128(10, 2), pa.decimal128(12, 6), "decimal(14,6)", True),
        (pa.decimal128(38, 0), pa.decimal128(38, 38), "double", False),
        (pa.date32(), pa.timestamp("us"), "timestamp", True),
        (pa.date32(), pa.timestamp("us", tz="UTC"), "string", False),
        (pa.timestamp("ms"), pa.timestamp("ns"), "timestamp", True),
        (pa.timestamp("us"), pa.timestamp("us", tz="UTC"), "string", False),
        (pa.null(), pa.int64(), "bigint", True),
        (pa.string(), pa.large_string(), "string", True),
        (pa.dictionary(pa.int8(), pa.string()), pa.string(), "string", True),
        (pa.string(), pa.int64(), "string", False),
        (pa.bool_(), pa.int64(), "string", False),
        (pa.list_(pa.int32()), pa.large_list(pa.int64()), "array<bigint>", True),
        (pa.list_(pa.int32()), pa.int32(), "string", False),
        (pa.struct([("a", pa.int32())]), pa.struct([("a", pa.int64()), ("b", pa.string())]), "struct<a:bigint,b:string>", True),
        (pa.struct([("a", pa.int32())]), pa.struct([("a", pa.string())]), "struct<a:string>", False),
        (pa.map_(pa.string(), pa.int32()), pa.map_(pa.string(), pa.int64()), "map<string,bigint>", True),
    ],
    ids=str,
)
def test_types_widen_by_the_stated_rules_in_both_directions(left, right, merged, lossless):
    for one, other in ((left, right), (right, left)):
        result = merge_types(one, other)
        assert (type_text(result.type), result.lossless) == (merged, lossless)


_SCALARS = st.sampled_from(
    [pa.null(), pa.bool_(), pa.int8(), pa.int32(), pa.uint64(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(9, 2), pa.string(),
     pa.binary(), pa.date32(), pa.timestamp("ms"), pa.timestamp("ns", tz="UTC"), pa.time64("us"), pa.dictionary(pa.int8(), pa.string())]
)  # fmt: skip
_TYPES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        inner.map(pa.list_),
        inner.map(lambda item: pa.map_(pa.string(), item)),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(lambda fields: pa.struct(list(fields.items()))),
    ),
    max_leaves=5,
)


def _shape(text: str) -> str:
    """A type's text without the order of struct fields."""
    return "".join(sorted(text))


@given(_TYPES, _TYPES)
def test_merging_is_commutative_and_absorbs_what_it_has_merged(left, right):
    merged, mirrored = merge_types(left, right), merge_types(right, left)

    assert _shape(type_text(merged.type)) == _shape(type_text(mirrored.type))
    assert merged.lossless == mirrored.lossless
    if merged.lossless:
        assert _shape(type_text(merge_types(merged.type, left).type)) == _shape(type_text(merged.type))


@given(_TYPES)
def test_a_type_merged_with_itself_stays(arrow_type):
    result = merge_types(arrow_type, arrow_type)

    assert result.lossless
    assert type_text(result.type) == type_text(arrow_type)
