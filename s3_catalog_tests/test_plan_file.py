"""Plans as files: what is written comes back, and what was not written is refused by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.catalogs import Action, Plan, PlannedChange, RunRecord, RunStatus
from s3_catalog.errors import ConfigError
from s3_catalog.model.ledger import LEDGER_SCHEMA, FailedPrefix, summarize_ledger
from s3_catalog.plan_file import read_plan_file, write_plan_file
from s3_catalog.planning import Plans
from s3_catalog.publishing import PlannedCrawl
from s3_catalog.targets import TargetReport
from s3_catalog_tests.catalogs.samples import LAKE, make_table, see
from s3_catalog_tests.strategies import layouts, tables

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
TEXT = st.text(st.one_of(st.characters(), st.sampled_from("\x00\ud800'\"\\: #-\n💥\x85")), max_size=10)
TYPES = st.sampled_from([pa.int64(), pa.decimal128(38, 10), pa.list_(pa.struct([("a", pa.timestamp("us", tz="UTC"))]))])
FIELDS = st.lists(st.tuples(TEXT, st.none() | TEXT, st.none() | TEXT), max_size=2).map(tuple)
TABLES = tables(layouts(TEXT, TYPES, store_url=LAKE, locations=TEXT), TEXT, TYPES, values=TEXT)


def plans_of(*changes: PlannedChange, withheld: tuple[str, ...] = ()) -> Plans:
    plan = Plan(changes=changes, revision="7", scope=see(), withheld=withheld, withheld_reason="too many" if withheld else None)
    return Plans(location=LAKE, made=NOW, targets=(TargetReport(name="glue", plan=plan),))


def ledger(*keys: str) -> pa.Table:
    rows = [{"key": key, "size": 1, "last_modified": NOW, "etag": "e", "storage_class": None, "table": "t"} for key in keys]
    return pa.Table.from_pylist([{**dict.fromkeys(LEDGER_SCHEMA.names), **row} for row in rows], schema=LEDGER_SCHEMA)


@settings(max_examples=60)
@given(table=TABLES, fields=FIELDS, kept=FIELDS, reason=st.none() | TEXT, withheld=st.lists(TEXT, max_size=2).map(tuple))
def test_every_plan_comes_back_exactly(table, fields, kept, reason, withheld):
    actions = [Action.CREATE, Action.UPDATE, Action.RESTORE, Action.CONFLICT, Action.SKIP]
    change = PlannedChange(
        action=Action.CREATE, identity=table.layout.identity, name=table.name, fields=fields, kept=kept, reason=reason, table=table
    )
    plans = plans_of(*(replace(change, action=action) for action in actions), withheld=withheld)
    assert read_plan_file(write_plan_file(plans), "plan.yaml") == plans


def test_of_unchanged_and_retired_tables_only_the_name_is_kept():
    change = PlannedChange(action=Action.UNCHANGED, identity="s3://lake/:a", name="a", table=make_table("a"))
    retired = PlannedChange(action=Action.RETIRE, identity="s3://lake/:b", name="b")
    [report] = read_plan_file(write_plan_file(plans_of(change, retired)), "plan.yaml").targets
    assert report.plan is not None
    assert report.plan.changes == (replace(change, table=None), retired)


def test_the_embedded_catalogs_plan_brings_its_run_and_its_ledgers():
    parts = {"a/": ledger("a/1", "a/2"), "b/": ledger("b/1")}
    run = RunRecord(
        id="r", location=LAKE, store_url=LAKE, started=NOW, finished=NOW, status=RunStatus.FAILURES,
        counts={"listed": 3}, receipt={"seconds": 0.5}, failed_prefixes=(FailedPrefix("c/", "denied"),),
    )  # fmt: skip
    whole = pa.concat_tables(parts.values())
    summary = summarize_ledger(whole, run.failed_prefixes)
    plan = Plan(changes=(), revision="1", scope=see())
    crawl = PlannedCrawl(run=run, tables=(), ledger=whole, summary=summary, plan=plan, ledgers=parts)
    plans = Plans(location=LAKE, made=NOW, crawl=crawl)

    again = read_plan_file(write_plan_file(plans), "plan.yaml")

    assert again == plans


def test_a_deleted_change_is_not_in_the_plan():
    changes = [PlannedChange(action=Action.RETIRE, identity=f"s3://lake/:{name}", name=name) for name in ("a", "b")]
    text = write_plan_file(plans_of(*changes))
    shortened = text.replace("  - action: retire\n    name: a\n    identity: s3://lake/:a\n", "")
    assert shortened != text
    [report] = read_plan_file(shortened, "plan.yaml").targets
    assert report.plan is not None
    assert [change.name for change in report.plan.changes] == ["b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yaml: not a plan of s3-catalog: `s3-catalog plan --out p.yaml` makes one"),
        ("[1, 2]", "not a plan of s3-catalog"),
        ("location: s3://lake/", "not a plan of s3-catalog"),
        ("a: [", "p.yaml:1: not valid YAML"),
        ("s3_catalog_plan: 2", "a plan of version 2, and this program reads 1"),
        ("s3_catalog_plan: 1", "the plan is damaged ('types_and_partitions' is missing): make a new one"),
        ("s3_catalog_plan: 1\ntypes_and_partitions: !!binary AAAA", "the plan is damaged (ArrowInvalid)"),
        ("s3_catalog_plan: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused(text, message):
    with pytest.raises(ConfigError) as caught:
        read_plan_file(text, "p.yaml")
    assert message in str(caught.value)


def test_a_change_without_its_table_is_refused():
    change = PlannedChange(action=Action.RETIRE, identity="s3://lake/:a", name="a")
    text = write_plan_file(plans_of(change)).replace("action: retire", "action: create")
    with pytest.raises(ConfigError, match=r"the plan is damaged \('s3://lake/:a' is missing\)"):
        read_plan_file(text, "plan.yaml")
