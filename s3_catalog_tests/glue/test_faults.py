"""Glue refuses, throttles, loses answers and is changed meanwhile: what was written is known, the rest is told, the next run mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from s3_catalog.catalogs import Action
from s3_catalog.errors import CatalogError, CatalogUnavailableError
from s3_catalog.model.description import Basis, ColumnProfile, Tag
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Table
from s3_catalog_tests.catalogs.samples import POLICY, make_table, make_tables, see
from s3_catalog_tests.glue.conftest import Glue
from s3_catalog_tests.glue.proxy import GlueFault
from s3_catalog_tests.glue.test_partitions import counted

Failing = Callable[..., Glue]


def with_figures(table: Table) -> Table:
    """The table with statistics of its first column that are good enough for Glue, and a tag on it."""
    profile = ColumnProfile(column="id", basis=Basis.FULL, bounds_basis=Basis.FOOTERS, rows=9, distinct=9, distinct_method="exact")
    figures = replace(table.columns[0], statistics=ColumnStatistics(null_count=0, min="1", max="9"))
    assert table.description is not None
    tags = (Tag(name="PII.Email", column="id", rule="email", why="values"),)
    return replace(table, columns=(figures, *table.columns[1:]), description=replace(table.description, columns=(profile,), tags=tags))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("AccessDeniedException", "permission denied"),
        ("UnrecognizedClientException", "the credentials are wrong"),
        ("InvalidSignatureException", "the credentials are wrong"),
        ("ExpiredTokenException", "the credentials have expired"),
    ],
)
def test_refused_credentials_are_one_line_and_write_nothing(failing: Failing, code: str, told: str) -> None:
    glue = failing(GlueFault(kind="status", match="GetTables", status=400, code=code))
    with pytest.raises(CatalogError, match=rf"\AGetTables: {told}\Z") as caught:
        glue.catalog().plan(make_tables("a"), see(), POLICY)
    assert not caught.value.retryable
    assert not glue.proxy.writes


@pytest.mark.parametrize(
    "fault",
    [
        GlueFault(kind="status", match="Table", status=400, code="ThrottlingException", times=2),
        GlueFault(kind="status", match="Table", status=500, code="InternalServiceException", times=2),
        GlueFault(kind="status", match="Table", status=429, code="TooManyRequestsException", times=2),
        GlueFault(kind="reset", match="Table", times=2),
        GlueFault(kind="stall", match="Table", times=2),
    ],
    ids=["throttled", "server error", "too many", "reset", "slow"],
)
def test_what_passes_is_tried_again(failing: Failing, fault: GlueFault) -> None:
    fault.times, struck = 0, fault.times
    glue = failing(fault)
    glue.publish(make_table("a"))
    fault.times = struck
    _, outcome = glue.publish(*make_tables("a", "b"), max_attempts=6, read_timeout=1.0 if fault.kind == "stall" else 30.0)
    assert (outcome.writes, outcome.failed) == (1, ())
    assert fault.hits == struck


@pytest.mark.parametrize(
    "fault",
    [
        GlueFault(kind="status", match="GetTables", status=503, code="ServiceUnavailable"),
        GlueFault(kind="status", match="GetTables", status=400, code="ThrottlingException"),
        GlueFault(kind="reset", match="GetTables"),
        GlueFault(kind="cut", match="GetTables"),
        GlueFault(kind="stall", match="GetTables"),
        GlueFault(kind="status", match="GetTables", status=429, text=b""),
        GlueFault(kind="error_body", match="GetTables", text=b"<html>Please log in</html>"),
        GlueFault(kind="status", match="GetTables", status=403, text=b"<html>Blocked</html>"),
        GlueFault(kind="error_body", match="GetTables", text=b'{"TableList": [{"Name": "a"'),
        GlueFault(kind="error_body", match="GetTables", text=b"\xff\xfe"),
        GlueFault(kind="error_body", match="GetTables", text=b""),
    ],
    ids=["down", "throttled", "reset", "cut", "slow", "429", "a web page", "a refusing page", "half a document", "bytes", "nothing"],
)
def test_a_glue_that_is_down_says_so(failing: Failing, fault: GlueFault) -> None:
    glue = failing(fault)
    with pytest.raises(CatalogUnavailableError, match="AWS Glue"):
        glue.catalog(max_attempts=1, read_timeout=1.0).plan(make_tables("a"), see(), POLICY)
    assert not glue.proxy.writes


def test_an_outage_in_mid_run_is_told_for_each_table_and_mended_by_the_next(failing: Failing) -> None:
    outage = GlueFault(kind="status", match="CreateTable", status=500, code="InternalServiceException", times=1)
    glue = failing(outage)
    catalog = glue.catalog(max_attempts=1)
    _, outcome = glue.publish(*make_tables("a", "b", "c"), max_attempts=1)
    assert [name for name, _ in outcome.failed] == ["a", "b", "c"]
    assert outcome.counts[Action.CREATE] == 0
    assert set(dict(outcome.failed).values()) == {"AWS Glue: CreateTable: InternalServiceException after all retries"}
    _, outcome = glue.publish(*make_tables("a", "b", "c"))
    assert (outcome.writes, outcome.failed) == (3, ())
    assert [table.name for table in catalog.list_tables()] == ["a", "b", "c"]


@pytest.mark.parametrize("code", ["ConcurrentModificationException", "EntityNotFoundException", "InvalidInputException"])
def test_one_refused_table_fails_alone(failing: Failing, code: str) -> None:
    refusal = GlueFault(kind="status", match="UpdateTable", status=400, code=code, times=0)
    glue = failing(refusal)
    glue.publish(*make_tables("a", "b"))
    refusal.hits, refusal.times = 0, 1
    changed = [make_table(name, columns=make_table().columns[:1]) for name in ("a", "b")]
    _, outcome = glue.publish(*changed)
    assert (outcome.writes, outcome.failed) == (1, (("a", f"UpdateTable: {code}"),))
    plan, outcome = glue.publish(*changed)
    assert {change.name: change.action for change in plan.changes} == {"a": Action.UPDATE, "b": Action.UNCHANGED}
    assert outcome.failed == ()


def test_a_lost_answer_is_no_conflict_with_ourselves(failing: Failing) -> None:
    # moto makes the table, half of the answer arrives, the call is sent again and meets its own table
    lost = GlueFault(kind="cut", match="CreateTable", times=1)
    glue = failing(lost)
    _, outcome = glue.publish(*make_tables("a", "b"))
    assert (lost.hits, outcome.failed) == (1, ())
    assert glue.table("a")["StorageDescriptor"]["Location"] == "s3://lake/a/"
    assert len(glue.partitions("a")) == 2


def test_a_table_that_appears_meanwhile_is_left_alone(glue: Glue) -> None:
    plan = glue.catalog().plan(make_tables("a"), see(), POLICY)
    glue.people.create_database(DatabaseInput={"Name": glue.database})
    glue.people.create_table(DatabaseName=glue.database, TableInput={"Name": "a", "Description": "somebody's"})
    with pytest.raises(CatalogError, match="changed since this plan was made"):
        glue.catalog().apply(plan)
    plan, outcome = glue.publish(*make_tables("a", "b"))
    assert {change.name: change.action for change in plan.changes} == {"a": Action.CONFLICT, "b": Action.CREATE}
    assert outcome.failed == (("a", "the name 'a' belongs to a table that s3-catalog did not publish (a)"),)
    assert glue.table("a")["Description"] == "somebody's"


def test_a_name_that_another_tool_takes_between_reading_and_writing_is_refused(failing: Failing) -> None:
    glue = failing(GlueFault(kind="error_body", match="GetTables", answer={"TableList": []}))
    glue.people.create_database(DatabaseInput={"Name": glue.database})
    glue.people.create_table(DatabaseName=glue.database, TableInput={"Name": "a", "Description": "somebody's"})
    _, outcome = glue.publish(*make_tables("a", "b"))
    assert outcome.failed == (("a", "the name 'a' was taken by another table meanwhile"),)
    assert glue.table("a")["Description"] == "somebody's"
    assert "s3_catalog.identity" in glue.table("b")["Parameters"]


def test_partitions_that_fail_are_named_and_mended_by_the_next_run(failing: Failing) -> None:
    failed = [{"PartitionValues": ["2026-01-31", "2"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}]
    glue = failing(GlueFault(kind="error_body", match="BatchCreatePartition", times=1, answer={"Errors": failed}))
    _, outcome = glue.publish(*make_tables("a", "b"))
    assert outcome.failed == (("a", "partition 2026-01-31/2: InternalServiceException"),)
    plan, outcome = glue.publish(*make_tables("a", "b"))
    assert [change.fields for change in plan.changes if change.action is Action.UPDATE] == [(("partitions", None, "2"),)]
    assert outcome.failed == ()
    assert len(glue.partitions("a")) == 2


def test_half_of_the_batches_can_fail_and_the_rest_stands(failing: Failing) -> None:
    table = counted(*range(250))
    lost = [{"PartitionValues": [f"v{number}"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}} for number in range(100)]
    glue = failing(GlueFault(kind="error_body", match="BatchCreatePartition", times=1, answer={"Errors": lost}))
    _, outcome = glue.publish(table)
    assert outcome.failed == (("a", "partition v0: InternalServiceException, and 99 more"),)
    assert len(glue.partitions("a")) == 150
    _, outcome = glue.publish(table)
    assert (outcome.failed, len(glue.partitions("a"))) == ((), 250)
    assert glue.proxy.writes["BatchCreatePartition"] == 4  # three, and one for the hundred that failed


def test_partitions_whose_answer_was_lost_are_no_failure(failing: Failing) -> None:
    lost = GlueFault(kind="cut", match="BatchCreatePartition", times=1)
    glue = failing(lost)
    table = counted(1, 2)
    _, outcome = glue.publish(table)
    assert (lost.hits, outcome.failed, len(glue.partitions("a"))) == (1, (), 2)
    assert glue.publish(table)[0].changes[0].action is Action.UNCHANGED


@pytest.mark.parametrize("operation", ["CreateTable", "BatchCreatePartition", "UpdateTable"])
@pytest.mark.parametrize("text", [b"<html>Please log in</html>", b'{"Errors": ['], ids=["a web page", "half a document"])
def test_a_write_that_something_else_answers_is_no_success(failing: Failing, operation: str, text: bytes) -> None:
    glue = failing(GlueFault(kind="error_body", match=operation, times=1, text=text))
    _, outcome = glue.publish(counted(1, 2), max_attempts=1)
    reason = f"AWS Glue: {operation}: the answer was cut or is a web page: something stands before Glue"
    assert outcome.failed == (("a", reason),)
    _, outcome = glue.publish(counted(1, 2))
    assert (outcome.failed, len(glue.partitions("a"))) == ((), 2)
    assert glue.publish(counted(1, 2))[0].changes[0].action is Action.UNCHANGED


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("UpdateColumnStatisticsForTable", {"Errors": [{"ColumnStatistics": {"ColumnName": "id"}, "Error": {"ErrorCode": "Busy"}}]}),
        ("CreatePartitionIndex", None),
        ("AddLFTagsToResource", {"Failures": [{"LFTag": {"TagKey": "PII.Email"}, "Error": {"ErrorCode": "Busy"}}]}),
    ],
)
def test_what_fails_beside_a_table_is_told_and_sent_again(failing: Failing, operation: str, answer: Any) -> None:
    status = 200 if answer else 400
    glue = failing(
        GlueFault(kind="error_body" if answer else "status", match=operation, times=1, status=status, code="Busy", answer=answer)
    )
    options: dict[str, Any] = {"partition_indexes": True, "lake_formation_tags": True}
    table = with_figures(make_table("a", conflicts=()))
    _, outcome = glue.publish(table, **options)
    assert [(name, "Busy" in reason) for name, reason in outcome.failed] == [("a", True)]
    _, outcome = glue.publish(table, **options)
    assert outcome.failed == ()
    sent = sum(glue.proxy.writes.values())
    plan, _ = glue.publish(table, **options)
    assert (plan.changes[0].action, sum(glue.proxy.writes.values())) == (Action.UNCHANGED, sent)
    assert Counter(target.rpartition("/")[2] for target in glue.proxy.targets)[operation] == 2


def test_a_page_instead_of_an_answer_is_no_success(failing: Failing) -> None:
    glue = failing(GlueFault(kind="status", match="UpdateTable", status=502, text=b"<html>Bad gateway</html>"))
    _, outcome = glue.publish(make_table("a"), max_attempts=1)
    assert [name for name, _ in outcome.failed] == ["a"]


def test_a_server_without_statistics_gets_its_tables_all_the_same(failing: Failing) -> None:
    lacking = GlueFault(kind="status", match="UpdateColumnStatisticsForTable", status=500, code="InternalServiceException", times=None)
    glue = failing(lacking)
    tables = [with_figures(table) for table in make_tables("a", "b", "c")]
    for _ in range(2):
        lacking.hits = 0
        _, outcome = glue.publish(*tables, max_attempts=1)
        assert [table.name for table in glue.catalog().list_tables()] == ["a", "b", "c"]
        told = "published without its statistics: AWS Glue: UpdateColumnStatisticsForTable: InternalServiceException after all retries"
        assert outcome.failed == tuple((name, f"{told}; column_statistics=false sends none") for name in "abc")
        assert (lacking.hits, outcome.counts[Action.CREATE], outcome.counts[Action.UPDATE]) == (1, 0, 0)
    lacking.times = 0
    _, outcome = glue.publish(*tables)
    assert (outcome.writes, outcome.failed) == (3, ())
    assert glue.publish(*tables)[1].writes == 0


def test_an_empty_setting_of_a_serde_is_not_taken_for_deleted(failing: Failing) -> None:
    glue = failing(GlueFault(kind="status", match="Nothing", times=0))
    table = replace(make_table("a", format="csv"), details=(("delimiter", ","),))
    glue.publish(table)
    plan, outcome = glue.publish(table)
    assert glue.table("a")["StorageDescriptor"]["SerdeInfo"]["Parameters"]["serialization.null.format"] == ""
    assert [(change.kept, outcome.writes) for change in plan.changes] == [((), 0)]
