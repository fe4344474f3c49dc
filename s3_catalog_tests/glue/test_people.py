"""What people and other tools wrote into our tables stays; what we wrote stays ours to change."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.catalogs import Action, RetirePolicy
from s3_catalog.catalogs._authority import MemoryLastWritten
from s3_catalog.catalogs._glue_options import GlueOptions
from s3_catalog.catalogs.glue import GlueCatalog
from s3_catalog.errors import CatalogError
from s3_catalog.model.description import Description
from s3_catalog.model.tables import Column, Table
from s3_catalog_tests.catalogs.samples import ALLOW, POLICY, make_table, make_tables, see
from s3_catalog_tests.glue.conftest import Glue
from s3_catalog_tests.glue.publishing import connection
from s3_catalog_tests.servers import S3Server

OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"


def described(text: str, **columns: str) -> Table:
    return make_table("a", description=Description(text=text, owners=("sales",), column_texts=tuple(columns.items())))


def describe(text: str | None) -> Any:
    def change(table: dict[str, Any]) -> None:
        table.pop("Description", None)
        if text is not None:
            table["Description"] = text

    return change


def column(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in table["StorageDescriptor"]["Columns"] if one["Name"] == name)


@pytest.mark.parametrize("theirs", ["by hand", None], ids=["changed", "deleted"])
def test_a_description_that_people_changed_or_deleted_is_theirs(glue: Glue, theirs: str | None) -> None:
    glue.publish(described("ours"))
    glue.edit("a", describe(theirs))
    plan, _ = glue.publish(described("ours, new"))
    assert glue.table("a").get("Description") == theirs
    assert plan.changes[0].kept == (("description", theirs, "ours, new"),)


def test_a_description_that_nobody_changed_is_ours(glue: Glue) -> None:
    glue.publish(described("ours"))
    plan, _ = glue.publish(described("ours, new"))
    assert glue.table("a")["Description"] == "ours, new"
    assert plan.changes[0].fields == (("description", "ours", "ours, new"),)


def test_a_field_is_ours_again_when_it_says_again_what_we_said(glue: Glue) -> None:
    glue.publish(described("ours"))
    glue.edit("a", describe("by hand"))
    glue.publish(described("ours, new"))
    glue.edit("a", describe("ours"))
    glue.publish(described("ours, newer"))
    assert glue.table("a")["Description"] == "ours, newer"


def test_comments_types_and_serdes_that_people_changed_are_theirs_too(glue: Glue) -> None:
    glue.publish(described("ours", id="our comment", price="net"))

    def change(table: dict[str, Any]) -> None:
        column(table, "id")["Comment"] = "their comment"
        column(table, "price")["Type"] = "double"
        table["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] = OPEN_CSV

    glue.edit("a", change)
    glue.publish(described("ours", id="our new comment", price="gross"))
    found = glue.table("a")
    assert (column(found, "id")["Comment"], column(found, "price")) == (
        "their comment",
        {"Name": "price", "Type": "double", "Comment": "gross"},
    )
    assert found["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"] == OPEN_CSV


def test_what_other_tools_set_is_kept(glue: Glue) -> None:
    glue.publish(make_table("a"))

    def change(table: dict[str, Any]) -> None:
        table["Parameters"] |= {"UPDATED_BY_CRAWLER": "nightly", "has_encrypted_data": "false"}
        table["Retention"] = 3
        table["StorageDescriptor"]["Columns"].append({"Name": "added_by_hand", "Type": "string"})
        column(table, "id")["Parameters"] = {"theirs": "yes"}

    glue.edit("a", change)
    glue.publish(make_table("a", object_count=9))
    found = glue.table("a")
    assert {name: found["Parameters"][name] for name in ("UPDATED_BY_CRAWLER", "has_encrypted_data", "objectCount")} == {
        "UPDATED_BY_CRAWLER": "nightly",
        "has_encrypted_data": "false",
        "objectCount": "9",
    }
    assert [one["Name"] for one in found["StorageDescriptor"]["Columns"]] == ["id", "price", "tags", "added_by_hand"]
    assert (found["Retention"], column(found, "id")["Parameters"]) == (3, {"theirs": "yes"})


def test_a_commit_that_an_engine_made_through_glue_is_not_undone(glue: Glue) -> None:
    table = make_table(
        "a", format="iceberg", partition_columns=(), conflicts=(), partitions=(), sampled_keys=("a/metadata/1.metadata.json",)
    )
    glue.publish(table)

    def commit(body: dict[str, Any]) -> None:
        body["Parameters"]["metadata_location"] = "s3://lake/a/metadata/3.metadata.json"

    glue.edit("a", commit)
    glue.publish(replace(table, sampled_keys=("a/metadata/2.metadata.json",)))
    assert glue.table("a")["Parameters"]["metadata_location"] == "s3://lake/a/metadata/3.metadata.json"
    glue.publish(replace(table, sampled_keys=("a/metadata/3.metadata.json",)))
    glue.publish(replace(table, sampled_keys=("a/metadata/4.metadata.json",)))
    assert glue.table("a")["Parameters"]["metadata_location"] == "s3://lake/a/metadata/4.metadata.json"


def test_edits_of_people_alone_send_no_write(glue: Glue) -> None:
    glue.publish(described("ours"))
    glue.edit("a", describe("by hand"))
    before = sum(glue.proxy.writes.values())
    plan, outcome = glue.publish(described("ours"))
    assert (plan.changes[0].action, outcome.writes, sum(glue.proxy.writes.values())) == (Action.UNCHANGED, 0, before)


def test_without_memory_descriptions_are_peoples_and_the_rest_is_ours(glue: Glue) -> None:
    glue.publish(described("ours"))
    glue.memory = MemoryLastWritten()
    new = replace(described("ours, new"), columns=(Column(name="id", type=pa.string()),))
    glue.publish(new)
    found = glue.table("a")
    assert found["Description"] == "ours"
    assert [(one["Name"], one["Type"]) for one in found["StorageDescriptor"]["Columns"]] == [("id", "string")]


def test_a_plan_made_on_other_memories_is_refused(glue: Glue) -> None:
    glue.publish(described("ours"))
    glue.edit("a", describe("by hand"))
    plan = glue.catalog().plan([replace(described("ours, new"), row_count=7)], see(), POLICY)
    memory = glue.memory
    glue.memory = MemoryLastWritten()
    forgetful = glue.catalog().plan([replace(described("ours, new"), row_count=7)], see(), POLICY)
    assert forgetful.changes[0].fields == plan.changes[0].fields  # here both see the same
    glue.memory = memory
    with pytest.raises(CatalogError, match="changed since this plan was made"):
        glue.catalog(partition_indexes=True).apply(plan)
    assert glue.catalog().apply(plan).failed == ()


def test_a_state_remembers_across_processes(glue: Glue, tmp_path: Path) -> None:
    state = f"sqlite:///{tmp_path}/state.db"
    glue.memory = None
    glue.publish(described("ours"), state=state)
    plan, _ = glue.publish(described("ours, new"), state=state)
    assert plan.changes[0].fields == (("description", "ours", "ours, new"),)


def test_a_renamed_table_takes_along_what_people_wrote(glue: Glue) -> None:
    glue.publish(described("ours"))
    glue.edit("a", describe("by hand"))
    table = described("ours")
    glue.publish(replace(table, layout=replace(table.layout, name="b")))
    assert glue.table("b")["Description"] == "by hand"
    assert [table["Name"] for table in glue.people.get_tables(DatabaseName=glue.database)["TableList"]] == ["b"]
    assert len(glue.partitions("b")) == 2


def test_what_was_written_in_one_region_is_not_remembered_of_another(s3_server: S3Server) -> None:
    memory, name = MemoryLastWritten(), f"regions_{secrets.token_hex(6)}"
    catalogs = [
        GlueCatalog(name, GlueOptions(connection=connection(s3_server, region=region)), last_written=memory)
        for region in ("eu-west-1", "us-east-1")
    ]
    for catalog in catalogs:
        catalog.apply(catalog.plan([described("ours")], see(), POLICY))
    new = [described("ours, new")]
    first, second = catalogs
    first.apply(first.plan(new, see(), POLICY))
    plan = second.plan(new, see(), POLICY)
    assert (plan.changes[0].fields, plan.changes[0].kept) == ((("description", "ours", "ours, new"),), ())


def test_a_copy_that_a_person_made_of_our_table_is_theirs(glue: Glue) -> None:
    glue.publish(described("ours"))
    original = glue.table("a")
    body = {key: original[key] for key in ("Parameters", "StorageDescriptor", "PartitionKeys", "TableType")}
    for name in ("copy", "_copy"):
        glue.people.create_table(DatabaseName=glue.database, TableInput={**body, "Name": name, "Description": "A copy."})
    plan, outcome = glue.publish(described("ours, new"))
    assert ([change.action for change in plan.changes], outcome.writes) == ([Action.UPDATE], 1)
    assert [glue.table(name)["Description"] for name in ("copy", "_copy", "a")] == ["A copy.", "A copy.", "ours, new"]
    intruder = make_table("copy")
    plan, _ = glue.publish(described("ours, new"), intruder)
    assert [change.action for change in plan.changes] == [Action.UNCHANGED, Action.CONFLICT]
    with glue.catalog() as catalog:
        assert (catalog.remove(["a"]), catalog.remove(["a"])) == (1, 0)
    glue.publish(described("ours"))
    assert {table["Name"] for table in glue.people.get_tables(DatabaseName=glue.database)["TableList"]} == {"_copy", "copy", "a"}


def test_a_conflict_with_a_table_of_others_may_be_deleted_from_a_plan(glue: Glue) -> None:
    glue.publish(make_table("a"))
    glue.people.create_table(DatabaseName=glue.database, TableInput={"Name": "theirs"})
    with glue.catalog() as catalog:
        plan = catalog.plan(make_tables("a", "theirs", "b"), see(), POLICY)
        assert [change.action for change in plan.changes] == [Action.UNCHANGED, Action.CONFLICT, Action.CREATE]
        assert catalog.apply(replace(plan, changes=plan.changes[2:])).failed == ()


def test_a_retired_table_stays_with_a_mark_and_comes_back_as_people_left_it(glue: Glue) -> None:
    glue.publish(*make_tables("b", "c", "d"), described("ours"))
    glue.edit("a", describe("by hand"))
    glue.publish(*make_tables("b", "c", "d"))
    assert "s3_catalog.retired_at" in glue.table("a")["Parameters"]
    assert len(glue.partitions("a")) == 2
    plan, _ = glue.publish(*make_tables("b", "c", "d"), described("ours"))
    assert [change.action for change in plan.changes if change.name == "a"] == [Action.RESTORE]
    found = glue.table("a")
    assert ("s3_catalog.retired_at" in found["Parameters"], found["Description"]) == (False, "by hand")


def test_a_table_is_deleted_only_when_it_was_retired_for_long_enough(glue: Glue) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days, gone = timedelta(days=7), make_tables("b", "c", "d")
    glue.clock = lambda: start
    glue.publish(*gone, make_table("a"))
    glue.publish(*gone, delete_after=days)
    glue.clock = lambda: start + timedelta(days=6)
    plan, _ = glue.publish(*gone, delete_after=days)
    assert plan.count(Action.RETIRE) == 0
    glue.clock = lambda: start + days
    plan, _ = glue.publish(*gone, scope=see(excluded=("a/",)), delete_after=days)
    assert plan.count(Action.RETIRE) == 0  # its listing failed
    plan, outcome = glue.publish(*gone, delete_after=days)
    assert [(change.name, change.reason) for change in plan.changes if change.action is Action.RETIRE] == [
        ("a", "retired on 2026-01-01: is deleted")
    ]
    assert outcome.failed == ()
    assert [table["Name"] for table in glue.people.get_tables(DatabaseName=glue.database)["TableList"]] == ["b", "c", "d"]


def test_a_plan_that_retires_deletes_nothing_under_other_options(glue: Glue) -> None:
    glue.publish(*make_tables("a", "b", "c", "d"))
    with glue.catalog() as catalog:
        plan = catalog.plan(make_tables("a", "b", "c"), see(), POLICY)
    with glue.catalog(delete_after=timedelta(0)) as catalog:
        catalog.apply(plan)
    assert "s3_catalog.retired_at" in glue.table("d")["Parameters"]


def test_what_others_retired_is_not_deleted_by_a_publisher_that_never_had_it(glue: Glue) -> None:
    start, days = datetime(2026, 1, 1, tzinfo=UTC), timedelta(days=7)
    glue.clock = lambda: start
    glue.publish(*make_tables("a", "b", "c", "d"))
    glue.publish(*make_tables("b", "c", "d"))
    glue.clock = lambda: start + days
    ours = replace(see(), only_gone=True)
    plan, _ = glue.publish(*make_tables("b", "c", "d"), scope=ours, delete_after=days)
    assert plan.count(Action.RETIRE) == 0
    failed = replace(ours, gone=(make_table("a").layout.identity,), excluded=("a/",))
    plan, _ = glue.publish(*make_tables("b", "c", "d"), scope=failed, delete_after=days)
    assert plan.count(Action.RETIRE) == 0  # its listing failed
    plan, _ = glue.publish(*make_tables("b", "c", "d"), scope=replace(failed, excluded=()), delete_after=days)
    assert [(change.name, change.action) for change in plan.changes[3:]] == [("a", Action.RETIRE)]


def test_no_share_is_retired_that_was_not_allowed(glue: Glue) -> None:
    glue.publish(*make_tables("a", "b", "c"))
    plan, _ = glue.publish(make_table("a"), policy=RetirePolicy(max_share=0.5))
    assert (plan.withheld, plan.count(Action.RETIRE)) == (("b", "c"), 0)
    plan, _ = glue.publish(make_table("a"), policy=ALLOW, delete_after=timedelta(0))
    assert [(change.name, change.reason) for change in plan.changes[1:]] == [("b", "is deleted at once"), ("c", "is deleted at once")]
    assert [table["Name"] for table in glue.people.get_tables(DatabaseName=glue.database)["TableList"]] == ["a"]
