"""What the source would send for one bucket, and what it may retire: against the double, through our own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.catalogs._authority import LastWritten, MemoryLastWritten
from s3_catalog.catalogs._om_client import Client
from s3_catalog.catalogs._om_url import parse_url
from s3_catalog.catalogs.openmetadata import CATALOG
from s3_catalog.model.tables import Table
from s3_catalog.openmetadata_source.drafts import BucketPlan
from s3_catalog.openmetadata_source.lakes import Lake
from s3_catalog_tests.catalogs.samples import LAKE
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.openmetadata.tables import SERVICE, key, plain, publish, wider

Planning = Callable[..., BucketPlan]
NAMES = ("a", "b", "c", "d", "e")


@pytest.fixture
def planning(double: Double) -> Iterator[Planning]:
    settings = parse_url(double.url())
    with Client(settings.address, settings.label) as client:

        def plan(tables: list[Table], *, memory: LastWritten | None = None, override: bool = False, **lake: Any) -> BucketPlan:
            seen = replace(Lake(store_url=LAKE, prefixes=("",), tables=tuple(tables), listed=9), **lake)
            return BucketPlan(client, settings, memory or MemoryLastWritten(), seen, override=override)

        yield plan


@pytest.fixture
def published(double: Double) -> list[Table]:
    """Five tables that are on the server already."""
    tables = [plain(name, location=f"{name}/") for name in NAMES]
    with CATALOG.open(double.url()) as catalog:
        publish(catalog, tables)
    return tables


def gone(plan: BucketPlan) -> list[str]:
    return [entity["name"] for _, entity in plan.gone(0.25)[0]]


def test_both_ways_publish_the_same(planning: Planning, double: Double, published: list[Table]) -> None:
    plan = planning([*published[:4], wider(published[4]), plain("new")])
    assert [one.table.name for one in plan.publications if one.needs_put] == ["e", "new"]
    body = next(one for one in plan.publications if one.table.name == "new").request(SERVICE)
    with CATALOG.open(double.url()) as catalog:
        publish(catalog, [plain("new")])
    entity = double.table(key("new"))
    assert {name: entity[name] for name in ("name", "locationPath", "tableType", "sourceUrl")}.items() <= body.items()
    assert body["databaseSchema"] == entity["databaseSchema"]["fullyQualifiedName"]


def test_a_table_that_a_complete_reading_shows_gone_is_retired(planning: Planning, published: list[Table]) -> None:
    assert gone(planning(published[:4])) == ["e"]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"failed": (("s3://lake/x/", "permission denied"),)}, "could not be listed or read"),
        ({"unread": (("a/1.parquet", "truncated"),)}, "could not be listed or read"),
        ({"listed": 0}, "an empty listing retires nothing"),
    ],
)
def test_what_is_not_proved_is_not_retired(planning: Planning, published: list[Table], seen: dict[str, Any], reason: str) -> None:
    plan = planning(published[:4], **seen)
    _, found = plan.gone(0.25)
    assert (gone(plan), found.withheld) == ([], ("e",))
    assert reason in str(found.reason)


def test_never_more_than_a_quarter_is_retired(planning: Planning, published: list[Table]) -> None:
    plan = planning(published[:3])
    _, found = plan.gone(0.25)
    assert (gone(plan), found.withheld) == ([], ("d", "e"))


def test_other_prefixes_and_what_options_set_aside_are_not_gone(planning: Planning, published: list[Table]) -> None:
    assert gone(planning(published[:4], prefixes=("a/", "b/"))) == []
    assert gone(planning(published[:4], aside=pa.array(["e/part-1.csv"]))) == []
    assert gone(planning(published[:4], present=(published[4].layout.identity,))) == []


def test_tables_of_others_are_left_alone(planning: Planning, double: Double, published: list[Table]) -> None:
    schema = f"{SERVICE}.lake.root"
    double.person("PUT", "/databaseSchemas", {"name": "root", "database": f"{SERVICE}.lake"})
    double.person("PUT", "/tables", {"name": "theirs", "databaseSchema": schema, "columns": []})
    assert gone(planning(published)) == []


def test_people_win_unless_the_workflow_overrides(planning: Planning, double: Double, published: list[Table]) -> None:
    double.by_hand(key("a"), {"op": "add", "path": "/description", "value": "by hand"})
    ours = [replace(published[0], description=plain("a", text="of the lake").description)]
    kept = planning(ours).publications[0]
    assert (kept.merged.put["description"], kept.merged.changes) == ("by hand", ())
    replaced = planning(ours, override=True).publications[0]
    assert [change[1:] for change in replaced.merged.changes] == [("by hand", "of the lake")]


def test_overriding_without_a_text_of_ours_deletes_none(planning: Planning, double: Double, published: list[Table]) -> None:
    double.by_hand(key("a"), {"op": "add", "path": "/description", "value": "by hand"})
    assert planning(published[:1], override=True).publications[0].merged.changes == ()


def test_what_was_remembered_is_not_written_again(planning: Planning, published: list[Table]) -> None:
    memory = MemoryLastWritten()
    plan = planning(published, memory=memory)
    figures = {one.key: one.wanted.figures for one in plan.publications}
    assert all(one.moved_figures() for one in plan.publications)
    plan.remember(plan.publications, figures)
    again = planning(published, memory=memory)
    assert not any(one.needs_put or one.moved_figures() for one in again.publications)


def test_a_table_is_done_when_the_server_holds_all_that_we_say_of_it(planning: Planning, double: Double, published: list[Table]) -> None:
    said = plain("a", text="of the lake", tags=("Layer.Raw",)).description
    plan = planning([replace(published[0], description=said)])
    (one,) = plan.publications
    assert not one.is_done(None, plan.references)
    assert not one.is_done(double.table(key("a")), plan.references)
    double.by_hand(key("a"), {"op": "add", "path": "/description", "value": "of the lake"})
    assert not one.is_done(double.table(key("a")), plan.references)
    label = {"tagFQN": "Layer.Raw", "source": "Classification", "labelType": "Automated", "state": "Confirmed"}
    plan.make_tags(plan.publications)
    double.by_hand(key("a"), {"op": "add", "path": "/tags", "value": [label]})
    assert one.is_done(double.table(key("a")), plan.references)
    assert not one.is_done(double.table(key("a")) | {"deleted": True}, plan.references)


def test_a_table_that_a_person_deleted_stays_deleted_while_remembered(planning: Planning, double: Double, published: list[Table]) -> None:
    memory = MemoryLastWritten()
    plan = planning(published, memory=memory)
    plan.remember(plan.publications, {})
    double.person("DELETE", f"/tables/{double.table(key('a'))['id']}")
    assert [one.table.name for one in planning(published, memory=memory).publications] == ["b", "c", "d", "e"]
    assert [one.table.name for one in planning(published).publications if one.needs_put] == ["a"]
