from __future__ import annotations

from s3_catalog.catalogs import Action
from s3_catalog.catalogs._om_removal import name_some
from s3_catalog.catalogs._removal import apply_removal, plan_removal
from s3_catalog.catalogs.openmetadata import CATALOG, OpenMetadataCatalog
from s3_catalog_tests.catalogs.samples import see
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.openmetadata.tables import SERVICE, key, plain, publish


def left(double: Double) -> set[str]:
    """Qualified names of all that is there, retired or not."""
    collections = ("services/databaseServices", "services/storageServices", "databases", "databaseSchemas", "tables", "containers")
    return {e["fullyQualifiedName"] for name in collections for e in double.entities.list(name, include="all", within=None)}


def foreign(double: Double, name: str, schema: str = f"{SERVICE}.lake.root") -> None:
    double.person("PUT", "/tables", {"name": name, "databaseSchema": schema, "columns": [{"name": "x", "dataType": "INT"}]})


def test_an_empty_service_goes_with_all_that_is_in_it(double: Double, open_on: Opener) -> None:
    catalog = open_on(double, lineage="on")
    publish(catalog, [plain("a"), plain("b", location="top/b/")])
    publish(catalog, [plain("c", store_url="s3://second.bucket/")], see(store_url="s3://second.bucket/"))
    assert catalog.remove(["a", "b", "c"]) == 3
    deleted, reason = catalog.remove_service()
    schemas = {f"{SERVICE}.lake.root", f"{SERVICE}.lake.top", f'{SERVICE}."second.bucket".root'}
    databases = {f"{SERVICE}.lake", f'{SERVICE}."second.bucket"'}
    assert (set(deleted[:3]), set(deleted[3:5]), deleted[5:], reason) == (schemas, databases, [SERVICE, SERVICE], None)
    assert left(double) == set()
    assert catalog.remove_service() == ([], None)


def test_what_holds_tables_of_others_stays_and_they_are_named(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a"), plain("b", location="top/b/")])
    for name in ("p", "q", "r", "s"):
        foreign(double, name)
    catalog.remove(["a", "b"])
    deleted, reason = catalog.remove_service()
    assert (deleted, reason) == ([f"{SERVICE}.lake.top"], f"tables are in it: {key('p')}, {key('q')}, {key('r')} and 1 more")
    assert left(double) == {SERVICE, f"{SERVICE}.lake", f"{SERVICE}.lake.root", *(key(name) for name in "pqrs")}


def test_a_table_of_others_that_is_soft_deleted_stays(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    foreign(double, "p")
    double.person("DELETE", f"/tables/{double.table(key('p'))['id']}")
    catalog.remove(["a"])
    assert catalog.remove_service() == ([], f"tables are in it: {key('p')}")


def test_our_own_tables_keep_their_places_until_they_are_removed(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    assert catalog.remove_service() == ([], f"tables are in it: {key('a')}")
    assert publish(catalog, [plain("a")])[0].count(Action.UNCHANGED) == 1


def test_places_are_deleted_alone_so_that_a_table_that_came_meanwhile_is_not_lost(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    catalog.remove(["a"])
    asked = len(double.requests)
    catalog.remove_service()
    deletions = [path for method, path in double.requests[asked:] if method == "DELETE"]
    assert len(deletions) == 3
    assert all("recursive=false" in path for path in deletions)


def test_a_refused_deletion_is_the_reason_and_the_rest_goes_next_time(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    catalog.remove(["a"])
    double.fail("status", method="DELETE", path="^/databases/", status=403)
    deleted, reason = catalog.remove_service()
    assert deleted == [f"{SERVICE}.lake.root"]
    assert "may not do this" in str(reason)
    assert catalog.remove_service() == ([f"{SERVICE}.lake", SERVICE], None)


def test_a_storage_service_that_somebody_else_fills_stays(double: Double, open_on: Opener) -> None:
    catalog = open_on(double, lineage="on")
    publish(catalog, [plain("a")])
    double.person("PUT", "/containers", {"name": "theirs", "service": SERVICE})
    catalog.remove(["a"])
    deleted, reason = catalog.remove_service()
    assert (deleted[-1], deleted.count(SERVICE), reason) == (SERVICE, 1, None)
    assert f"{SERVICE}.theirs" in left(double)


def test_a_table_that_stays_is_not_removed_with_a_retired_one_of_its_name(double: Double, catalog: OpenMetadataCatalog) -> None:
    tables = [plain(name) for name in "abcd"]
    publish(catalog, tables)
    publish(catalog, tables[:3])
    with CATALOG.open(double.url(profiles="off", samples="off")) as other:
        publish(other, [plain("d", store_url="s3://second/")], see(store_url="s3://second/"))
    plan, is_all = plan_removal(catalog, lambda table: table.retired)
    reason = "s3://lake/d/, retired: s3://second/d/ has the same name and is to stay"
    assert ([(change.action, change.reason) for change in plan.changes], is_all) == ([(Action.CONFLICT, reason)], False)
    assert apply_removal(catalog, plan).outcome.failed == (("d", reason),)
    assert {key("d"), key("d", database="second")} <= left(double)


def test_names_are_cut_after_the_third() -> None:
    assert [name_some(list("abcde"[:count])) for count in (1, 3, 4)] == ["a", "a, b, c", "a, b, c and 1 more"]
