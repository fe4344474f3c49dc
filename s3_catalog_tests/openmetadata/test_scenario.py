from __future__ import annotations

from dataclasses import replace

from s3_catalog.catalogs import Action
from s3_catalog.catalogs.openmetadata import CATALOG
from s3_catalog_tests.catalogs.samples import make_table, see
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.openmetadata.tables import key, many, plain, publish, wider

NO_FIGURES = {"profiles": "off", "samples": "off"}


def test_a_thousand_tables_live_through_crawl_change_edit_retirement_and_return(double: Double, open_on: Opener) -> None:
    tables = many(1_000)
    with double.counting() as crawl:
        _, outcome = publish(open_on(double, **NO_FIGURES), tables)
    assert (outcome.counts[Action.CREATE], outcome.failed) == (1_000, ())
    assert crawl["PUT /tables/bulk"] == 10
    assert crawl.total() <= 40

    with double.counting() as again:
        plan, outcome = publish(open_on(double, **NO_FIGURES), tables)
    assert plan.count(Action.UNCHANGED) == 1_000
    assert outcome.writes == 0
    assert {request.partition(" ")[0] for request in again} == {"GET"}
    assert again.total() <= 6

    edited = key("t0007", "area7")
    double.by_hand(edited, {"op": "add", "path": "/description", "value": "Written by a person."})
    with double.counting() as change:
        plan, outcome = publish(open_on(double, **NO_FIGURES), [wider(table) for table in tables])
    assert (plan.count(Action.UPDATE), outcome.failed) == (1_000, ())
    assert plan.changes[0].fields == (("columns.added", None, "date"),)
    assert change.total() <= 40
    assert double.table(edited)["description"] == "Written by a person."

    changed = [wider(table) for table in tables]
    with double.counting() as retirement:
        plan, outcome = publish(open_on(double, **NO_FIGURES), changed[2:])
    assert (plan.count(Action.RETIRE), outcome.counts[Action.RETIRE]) == (2, 2)
    assert retirement["DELETE /tables/{id}"] == 2
    assert retirement.total() <= 14
    before = double.table(key("t0000", "area0"))
    assert before["deleted"] is True

    with double.counting() as back:
        plan, outcome = publish(open_on(double, **NO_FIGURES), changed)
    assert (plan.count(Action.RESTORE), outcome.failed) == (2, ())
    after = double.table(key("t0000", "area0"))
    assert (after["id"], after["deleted"], after["version"] > before["version"]) == (before["id"], False, True)
    assert back.total() <= 40

    plan, outcome = publish(open_on(double, **NO_FIGURES), changed)
    assert (plan.count(Action.UNCHANGED), outcome.writes) == (1_000, 0)


def test_samples_and_profiles_cost_one_request_each_and_only_when_they_move(double: Double, open_on: Opener) -> None:
    tables = [make_table(f"t{number}") for number in range(20)]
    with double.counting() as first:
        publish(open_on(double), tables)
    assert (first["PUT /tables/{id}/sampleData"], first["PUT /tables/{id}/tableProfile"]) == (20, 20)
    tables[0] = make_table("t0", row_count=2_000)
    with double.counting() as second:
        plan, _ = publish(open_on(double), tables)
    assert plan.changes[0].fields == (("row_count", "1000", "2000"),)
    assert {name: count for name, count in second.items() if not name.startswith("GET")} == {"PUT /tables/{id}/tableProfile": 1}
    profile = double.entities.latest_profile(key("t0"))
    assert profile["profile"]["rowCount"] == 2_000
    assert profile["columns"][0]["profile"]["median"] == 1


def test_a_server_without_bulk_calls_is_found_out_once(token: str, open_on: Opener) -> None:
    old = Double(has_bulk=False, version="1.6.2")
    try:
        catalog = open_on(old, **NO_FIGURES)
        _, outcome = publish(catalog, many(30))
        assert (outcome.counts[Action.CREATE], outcome.failed) == (30, ())
        publish(catalog, [wider(table) for table in many(30)])
        counts = old.counts()
        assert (counts["PUT /tables"], counts["PUT /databaseSchemas/bulk"] + counts["PUT /tables/bulk"]) == (60, 1)
    finally:
        old.close()


def test_a_collection_without_a_bulk_call_takes_it_from_no_other(double: Double, open_on: Opener) -> None:
    double.without_bulk = frozenset({"containers", "tags"})
    catalog = open_on(double, **NO_FIGURES, lineage="on")
    tables = [plain(f"t{number}", tags=(f"Layer.L{number}",)) for number in range(6)]
    _, outcome = publish(catalog, tables)
    assert outcome.failed == ()
    publish(catalog, [wider(table) for table in tables])
    counts = double.counts()
    assert (counts["PUT /tables/bulk"], counts["PUT /containers/bulk"], counts["PUT /tags/bulk"]) == (2, 1, 1)
    assert (counts["PUT /tables"], counts["PUT /containers"], counts["PUT /tags"]) == (0, 6, 6)


def test_many_new_tags_are_made_in_one_call(double: Double, open_on: Opener) -> None:
    tables = [plain(f"t{number}", tags=(f"Layer.L{number}", f"Team.T{number % 3}")) for number in range(60)]
    with double.counting() as counted:
        _, outcome = publish(open_on(double, **NO_FIGURES), tables)
    assert (outcome.failed, counted["PUT /tags/bulk"], counted["PUT /tags"]) == ((), 1, 0)
    assert counted.total() <= 40


def test_many_schema_folders_become_schemas_or_one_fixed_schema(double: Double, open_on: Opener) -> None:
    publish(open_on(double), [plain("a", location="top/a/"), plain("b", location="b/"), plain("c", location="day_*/c/")])
    assert sorted(e["fullyQualifiedName"] for e in double.entities.list("tables", include="all", within=None)) == [
        key("b"),
        key("c"),
        key("a", "top"),
    ]
    publish(open_on(double, schema="raw"), [plain("d", store_url="s3://second/", location="deep/er/d/")], see(store_url="s3://second/"))
    assert double.table(key("d", "raw", "second"))["locationPath"] == "s3://second/deep/er/d/"


def test_another_schema_option_moves_no_table_that_is_published(double: Double, open_on: Opener) -> None:
    publish(open_on(double), [plain("a")])
    plan, _ = publish(open_on(double, schema="raw"), [plain("a")])
    assert plan.count(Action.UNCHANGED) == 1


def test_with_nothing_remembered_published_tables_are_known_by_their_location(double: Double, open_on: Opener) -> None:
    publish(open_on(double), [plain("a", text="Ours."), plain("b"), plain("c"), plain("d")])
    with CATALOG.open(double.url(profiles="off", samples="off")) as forgetful:
        plan, outcome = publish(forgetful, [plain("a", text="Ours."), plain("b"), plain("c")])
        assert {change.name: change.action for change in plan.changes} == {
            "a": Action.UNCHANGED,
            "b": Action.UNCHANGED,
            "c": Action.UNCHANGED,
            "d": Action.RETIRE,
        }
        assert outcome.counts[Action.RETIRE] == 1
        plan, _ = publish(forgetful, [plain("a", text="Ours."), plain("b"), plain("c"), plain("d")])
        assert plan.changes[-1].action is Action.RESTORE


def test_a_table_that_an_earlier_listing_showed_gone_is_retired_though_nothing_is_remembered(double: Double, open_on: Opener) -> None:
    tables = [plain(name, format="orc") for name in "abcde"]
    publish(open_on(double), tables)
    with CATALOG.open(double.url(profiles="off", samples="off")) as forgetful:
        scope = replace(see(prefixes=("a/", "b/")), gone=("orc:s3://lake/e/",))
        plan, outcome = publish(forgetful, tables[:2], scope)
    assert [(change.name, change.identity) for change in plan.changes if change.action is Action.RETIRE] == [("e", "orc:s3://lake/e/")]
    assert (outcome.failed, double.table(key("e"))["deleted"], double.table(key("d"))["deleted"]) == ((), True, False)
