from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_catalog.catalogs import Action, Outcome, Plan
from s3_catalog.catalogs._planning import diff_tables
from s3_catalog.catalogs._sql_rows import digest_table
from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog.model.snapshots import take_snapshot
from s3_catalog.model.tables import Column, Partition, Table
from s3_catalog_tests.catalogs.samples import LAKE, POLICY, make_run, make_table, make_tables, see
from s3_catalog_tests.strategies import layouts, tables

TEXT = st.text(st.one_of(st.characters(), st.sampled_from("\x00\x1a\ud800\udfff'\"\\%_\n💥")), max_size=12)
ARROW_NAME = st.text(st.characters(codec="utf-8"), max_size=5)
LEAF_TYPES = st.sampled_from(
    [
        pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.decimal128(38, 10), pa.decimal256(50, 3), pa.string(),
        pa.large_string(), pa.string_view(), pa.binary(), pa.binary(16), pa.date32(), pa.date64(), pa.time32("s"), pa.time64("ns"),
        pa.timestamp("s"), pa.timestamp("ns", tz="Europe/Zurich"), pa.duration("us"), pa.month_day_nano_interval(), pa.uuid(),
        pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string(), ordered=True),
    ]
)  # fmt: skip


def _nested(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.builds(
        lambda name, child, nullable: pa.field(name, child, nullable or child == pa.null()), ARROW_NAME, children, st.booleans()
    )
    return st.one_of(
        children.map(pa.list_),
        children.map(pa.large_list),
        children.map(lambda child: pa.list_(child, 3)),
        st.lists(fields, max_size=3, unique_by=lambda field: field.name).map(pa.struct),
        st.builds(pa.map_, st.just(pa.string()), children, keys_sorted=st.booleans()),
    )


TYPES = st.recursive(LEAF_TYPES, _nested, max_leaves=5)
TABLES = tables(layouts(TEXT, TYPES, store_url=LAKE, locations=TEXT), TEXT, TYPES, values=TEXT)
LAKES = st.lists(TABLES, max_size=3, unique_by=(lambda t: t.layout.identity, lambda t: t.name))


def publish(catalog: SqlCatalog, tables: list[Table], run_id: str | None = None) -> tuple[Plan, Outcome]:
    plan = catalog.plan(tables, see(), POLICY)
    return plan, catalog.apply(plan, make_run(run_id) if run_id else None)


@given(tables=LAKES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_table_comes_back_equal(catalog: SqlCatalog, tables: list[Table]) -> None:
    catalog.remove(list(catalog.names().values()))
    publish(catalog, tables)
    assert catalog.known_tables(LAKE) == {table.layout.identity: table for table in tables}
    assert catalog.names() == {table.layout.identity: table.name for table in tables}
    assert publish(catalog, tables)[1].writes == 0


@given(before=TABLES, after=TABLES)
@settings(max_examples=60, deadline=None)
def test_tables_differ_exactly_when_their_digests_and_their_fields_do(before: Table, after: Table) -> None:
    assert (before == after) == (digest_table(before) == digest_table(after)) == (not diff_tables(before, after))


def test_unchanged_tables_cost_no_write_at_all(catalog: SqlCatalog) -> None:
    publish(catalog, make_tables("a", "b"))
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement.split()[0])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        publish(catalog, make_tables("a", "b"))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert set(statements) <= {"BEGIN", "SELECT"}


def test_history_outlives_retirement(catalog: SqlCatalog) -> None:
    rest = make_tables("b", "c", "d")
    publish(catalog, [make_table("a"), *rest], "run-1")
    publish(catalog, [make_table("a", content_digest="new"), *rest], "run-2")
    publish(catalog, [make_table("a", content_digest="new"), *rest], "run-3")
    publish(catalog, rest, "run-4")
    publish(catalog, [make_table("a", columns=()), *rest], "run-5")
    assert [(change, run) for _, change, run in catalog.history("a")] == [
        ("added", "run-1"),
        ("content", "run-2"),
        ("retired", "run-4"),
        ("restored", "run-5"),
    ]
    assert catalog.latest_snapshots(LAKE)[f"parquet:{LAKE}a/"] == take_snapshot(make_table("a", columns=()))


def test_a_change_beside_the_digests_is_published_without_a_snapshot(catalog: SqlCatalog) -> None:
    publish(catalog, [make_table("a", row_count=None)])
    plan, _ = publish(catalog, [make_table("a", row_count=7)])
    assert plan.changes[0].fields == (("row_count", None, "7"),)
    assert len(catalog.history("a")) == 1


def test_names_of_retired_tables_stay_taken(catalog: SqlCatalog) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    publish(catalog, make_tables("a", "b", "c"))
    assert f"parquet:{LAKE}d/" in catalog.names()
    assert f"parquet:{LAKE}d/" not in catalog.known_tables(LAKE)
    plan, _ = publish(catalog, [*make_tables("a", "b", "c"), make_table("d", location="elsewhere/")])
    assert plan.changes[-1].action is Action.CONFLICT


def test_one_table_is_found_by_its_name_unless_it_is_retired(catalog: SqlCatalog) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    publish(catalog, make_tables("a", "b", "c"))
    assert catalog.find_table("b") == make_table("b")
    assert (catalog.find_table("d"), catalog.find_table("e"), catalog.find_table("%")) == (None, None, None)


def test_a_plan_of_another_catalog_is_refused(catalog: SqlCatalog, tmp_path: Any) -> None:
    with SqlCatalog(f"sqlite:///{tmp_path}/other.db") as other:
        assert other.plan([], see(), POLICY).revision != catalog.plan([], see(), POLICY).revision


def test_a_thousand_tables_are_published_in_bulk(catalog: SqlCatalog) -> None:
    partitions = tuple(Partition(values=(f"2026-01-{day}", None), object_count=1, size_bytes=1, newest=None) for day in range(50))
    columns = tuple(Column(name=f"c{number}", type=pa.int64()) for number in range(20))
    wide = [replace(make_table(f"t{number}"), columns=columns, partitions=partitions) for number in range(1_000)]
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        _, outcome = publish(catalog, wide)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert outcome.writes == 1_000
    assert len(statements) < 50
