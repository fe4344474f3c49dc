"""Glue refuses, throttles, loses answers and is changed meanwhile: what was written is known, the rest is told, the next run mends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from s3_catalog.catalogs import Action
from s3_catalog.errors import CatalogError, CatalogUnavailableError
from s3_catalog_tests.catalogs.samples import POLICY, make_table, make_tables, see
from s3_catalog_tests.glue.conftest import Glue
from s3_catalog_tests.glue.proxy import GlueFault

Failing = Callable[..., Glue]


def test_no_permission_is_one_line_and_writes_nothing(failing: Failing) -> None:
    glue = failing(GlueFault(kind="status", match="GetTables", status=400, code="AccessDeniedException"))
    with pytest.raises(CatalogError, match=r"\AGetTables: permission denied\Z"):
        glue.catalog().plan(make_tables("a"), see(), POLICY)
    assert not glue.proxy.writes


@pytest.mark.parametrize(
    "fault",
    [
        GlueFault(kind="status", match="Table", status=400, code="ThrottlingException", times=2),
        GlueFault(kind="status", match="Table", status=500, code="InternalServiceException", times=2),
        GlueFault(kind="reset", match="Table", times=2),
    ],
    ids=["throttled", "server error", "reset"],
)
def test_what_passes_is_tried_again(failing: Failing, fault: GlueFault) -> None:
    fault.times, struck = 0, fault.times
    glue = failing(fault)
    glue.publish(make_table("a"))
    fault.times = struck
    _, outcome = glue.publish(*make_tables("a", "b"))
    assert (outcome.writes, outcome.failed) == (1, ())
    assert fault.hits == struck


@pytest.mark.parametrize(
    "fault",
    [
        GlueFault(kind="status", match="GetTables", status=503, code="ServiceUnavailable"),
        GlueFault(kind="status", match="GetTables", status=400, code="ThrottlingException"),
        GlueFault(kind="reset", match="GetTables"),
        GlueFault(kind="cut", match="GetTables"),
        GlueFault(kind="error_body", match="GetTables", text=b"<html>Please log in</html>"),
    ],
    ids=["down", "throttled", "reset", "cut", "a web page"],
)
def test_a_glue_that_is_down_says_so(failing: Failing, fault: GlueFault) -> None:
    glue = failing(fault)
    with pytest.raises(CatalogUnavailableError, match="AWS Glue"):
        glue.catalog(max_attempts=1).plan(make_tables("a"), see(), POLICY)


def test_an_outage_in_mid_run_is_told_for_each_table_and_mended_by_the_next(failing: Failing) -> None:
    outage = GlueFault(kind="status", match="CreateTable", status=500, code="InternalServiceException", times=1)
    glue = failing(outage)
    catalog = glue.catalog(max_attempts=1)
    _, outcome = glue.publish(*make_tables("a", "b", "c"), max_attempts=1)
    assert [name for name, _ in outcome.failed] == ["a", "b", "c"]
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


def test_partitions_that_fail_are_named_and_mended_by_the_next_run(failing: Failing) -> None:
    failed = [{"PartitionValues": ["2026-01-31", "2"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}]
    glue = failing(GlueFault(kind="error_body", match="BatchCreatePartition", times=1, answer={"Errors": failed}))
    _, outcome = glue.publish(*make_tables("a", "b"))
    assert outcome.failed == (("a", "partition 2026-01-31/2: InternalServiceException"),)
    plan, outcome = glue.publish(*make_tables("a", "b"))
    assert [change.fields for change in plan.changes if change.action is Action.UPDATE] == [(("partitions", None, "2"),)]
    assert outcome.failed == ()
    assert len(glue.partitions("a")) == 2


def test_a_page_instead_of_an_answer_is_no_success(failing: Failing) -> None:
    glue = failing(GlueFault(kind="status", match="UpdateTable", status=502, text=b"<html>Bad gateway</html>"))
    _, outcome = glue.publish(make_table("a"), max_attempts=1)
    assert [name for name, _ in outcome.failed] == ["a"]
