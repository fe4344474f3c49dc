"""Hints find the tables they are for, change nothing about grouping, and are checked against the values in the keys."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.discovery.hints import TableHint, find_partition_misfits, read_glob, was_listed
from s3_catalog.discovery.listing import filter_manifest
from s3_catalog.discovery.pins import read_openmetadata_manifest, read_path_template
from s3_catalog.errors import ConfigError
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog_tests.discovery.keys import group, tables

KEYS = ["exports/orders/part-1.csv", "exports/orders/part-2.csv", "exports/customers.csv", "web/2024/x.jsonl", "docs/a.pdf"]
SEPARATOR = b'{"entries": [{"dataPath": "exports/orders", "structureFormat": "csv", "separator": "~"}]}'


def hint(path, **options):
    return TableHint(path=path, options=tuple(sorted((name.replace("_", "."), text) for name, text in options.items())))


def options(grouping):
    return {layout.location: dict(layout.options) for layout in grouping.layouts if layout.options}


def matched(pattern, keys):
    return pc.match_substring_regex(pa.array(keys, pa.string()), rf"\A{read_glob(pattern)}\z").to_pylist()


def included(pattern, keys):
    rows = [{"key": key, "size": 1, "last_modified": datetime(2024, 1, 1, tzinfo=UTC)} for key in keys]
    kept, _ = filter_manifest(pa.Table.from_pylist(rows, MANIFEST_SCHEMA), include=[pattern])
    wanted = set(kept.column("key").to_pylist())
    return [key in wanted for key in keys]


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("exports/**/*.csv", "exports/a.csv", True),
        ("exports/**/*.csv", "exports/2024/01/a.csv", True),
        ("exports/*.csv", "exports/2024/a.csv", False),
        ("*.csv", "deep/below/a.csv", True),
        ("exports/", "exports/a/b", True),
        ("exports/{a,b{1,2}}.csv", "exports/b2.csv", True),
        ("a?c/[!x-z]", "a/c/b", False),
        ("a[.]csv", "axcsv", False),
        (r"a\*b", "axb", False),
        ("a{b}", "a{b}", True),
        ("**", "a/\n/.b", True),
    ],
)
def test_a_glob_means_what_it_means_in_include(pattern, key, expected):
    assert matched(pattern, [key]) == included(pattern, [key]) == [expected]


@given(st.text("ab*?/[]!{},", min_size=1, max_size=8).filter(lambda p: p.strip("/")), st.lists(st.text("ab/{,", min_size=1, max_size=6)))
def test_no_glob_means_anything_else_than_in_include(pattern, keys):
    # Keys with empty segments are left out: whether a star is one of them is of no consequence.
    plain = [key for key in keys if "//" not in key and not key.startswith("/") and not key.endswith("/")]
    try:
        expected = included(pattern, plain)
    except ConfigError:
        return
    assert matched(pattern, plain) == expected


def test_a_pattern_of_too_many_alternatives_is_refused():
    with pytest.raises(ConfigError, match="more than 1000 alternatives"):
        read_glob("{a,b}" * 30)


def test_a_hint_is_for_every_table_with_a_matching_key_and_changes_no_grouping():
    plain, hinted = group(*KEYS), group(*KEYS, hints=(hint("exports/**", delimiter=";"), hint("**/part-2.csv", decimal=",")))

    assert options(hinted) == {"exports/orders/": {"delimiter": ";", "decimal": ","}, "exports/customers.csv": {"delimiter": ";"}}
    assert tables(hinted) == tables(plain)
    assert hinted.unused_hints == ()


def test_later_hints_win_field_by_field_a_pinned_table_over_them_and_a_bucket_manifest_over_none():
    hints = (hint("exports/**", delimiter=";", quote="'", type_a="int"), hint("*.csv", delimiter="|", type_b="string"))
    manifest = tuple(read_openmetadata_manifest(SEPARATOR))
    pinned = read_path_template("exports/orders/*.csv", options=(("quote", ""),))

    assert options(group(*KEYS, pins=manifest))["exports/orders/"] == {"delimiter": "~"}
    by_hints = options(group(*KEYS, pins=manifest, hints=hints))["exports/orders/"]
    assert by_hints == {"delimiter": "|", "quote": "'", "type.a": "int", "type.b": "string"}
    assert options(group(*KEYS, pins=(pinned,), hints=hints))["exports/orders/"] == {**by_hints, "quote": ""}


def test_a_placeholder_of_a_pinned_table_has_the_type_people_say():
    pin = read_path_template("{table}/{code}/*.parquet", options=(("type.code", "string"),))

    assert tables(group("orders/7/a.parquet", "orders/8/a.parquet", pins=(pin,))) == {"orders/": "parquet(code:string)"}


def test_a_hint_that_meets_no_table_is_told():
    idle = read_path_template("nothing/{day}/*.csv", name="x", options=(("quote", ""),))
    grouping = group(*KEYS, hints=(hint("exprots/**", delimiter=";"), hint("docs/*", delimiter=";")), pins=(idle,))

    assert grouping.unused_hints == ("nothing/{day}/*.csv", "exprots/**", "docs/*")


@pytest.mark.parametrize(
    ("path", "scopes", "failed", "expected"),
    [
        ("exports/**", None, "", True),
        ("**/*.csv", None, "", True),
        ("exports/**", None, "exports/2024/", False),
        ("exports/2024/**", None, "exports/", False),
        ("exports/**", None, "web/", True),
        ("exports/**", ("exports/",), "", True),
        ("exports/**", ("web/",), "", False),
        ("*.csv", ("exports/", "web/"), "", False),
        ("orders.csv", ("(root)",), "", False),
    ],
)
def test_a_hint_is_judged_where_all_it_can_match_was_listed(path, scopes, failed, expected):
    prefixes = (FailedPrefix(failed, "denied"),) if failed else ()
    assert was_listed(path, scopes, prefixes, base="", depth=1) is expected


@pytest.mark.parametrize(
    ("wanted", "values", "misfit"),
    [
        ("string", ["01", "02"], None),
        ("int", ["01", "02"], None),
        ("bigint", ["1", "x1"], "x1"),
        ("date", ["2024-01-01", "20240102"], None),
        ("date", ["2024-01-01", "2024-13-01"], "2024-13-01"),
        ("decimal(4,2)", ["1.5", "1.555"], "1.555"),
        ("boolean", ["true", "__HIVE_DEFAULT_PARTITION__"], None),
    ],
)
def test_a_partition_column_gets_the_type_people_say_when_its_values_have_it(wanted, values, misfit):
    keys = [f"t/part={value}/a.parquet" for value in values]
    grouping = group(*keys, hints=(hint("t/**", type_part=wanted),))

    assert tables(grouping) == {"t/": f"parquet(part:{wanted})"}
    errors = find_partition_misfits(zip(grouping.layouts, grouping.partitions, strict=True))
    expected = f"the hint does not fit: partition column 'part' is said to be {wanted}, and {misfit!r} is none"
    assert list(errors.values()) == ([expected] if misfit else [])
