from __future__ import annotations

import socket
from typing import Any

import pytest

from s3_catalog.catalogs import Check, CheckedCatalog, CheckStatus, ServiceCatalog
from s3_catalog.catalogs._om_checks import check_server
from s3_catalog.catalogs._om_url import parse_url
from s3_catalog.catalogs.openmetadata import CATALOG, OpenMetadataCatalog
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import PERSON_TOKEN, Double
from s3_catalog_tests.openmetadata.tables import key, plain, publish

OK, WARNING, FAILURE = CheckStatus


def by_name(checks: list[Check]) -> dict[str, Check]:
    assert len({check.name for check in checks}) == len(checks)
    assert all(check.advice for check in checks if check.status is not OK)
    return {check.name: check for check in checks}


def look(double: Double, **options: str) -> dict[str, Check]:
    return by_name(check_server(parse_url(double.url(**options))))


def test_a_good_server_passes_every_check_and_nothing_is_written(double: Double, open_on: Opener) -> None:
    catalog = open_on(double, lineage="on")
    publish(catalog, [plain("a"), plain("b")])
    with double.counting() as counted:
        checks = by_name(catalog.check())
    assert {check.status for check in checks.values()} == {OK}
    assert {request.partition(" ")[0] for request in counted} == {"GET"}
    assert checks["version"].found == "2.0.6 (1.6 or newer is needed)"
    assert checks["token"].found == "it is the bot ingestion-bot"
    assert checks["service"].found == "lake_service (CustomDatabase) holds 2 tables, all by s3-catalog"
    assert checks["bulk calls"].found == "they are there"
    assert checks["may draw lineage"].found == "yes"
    assert isinstance(catalog, CheckedCatalog)
    assert isinstance(catalog, ServiceCatalog)


def test_a_service_that_is_not_there_yet_is_no_fault(double: Double) -> None:
    checks = look(double)
    assert {check.status for check in checks.values()} == {OK}
    assert "the first publication makes it" in checks["service"].found


def test_a_persons_token_is_a_warning(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENMETADATA_JWT_TOKEN", PERSON_TOKEN)
    check = look(double)["token"]
    assert (check.status, check.found) == (WARNING, "it is the person admin")
    assert "a bot's token" in str(check.advice)


def test_tables_of_others_in_the_service_are_counted_and_named(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    for name in "bcdef":
        foreign = {"name": name, "databaseSchema": "lake_service.lake.root", "columns": [{"name": "x", "dataType": "INT"}]}
        double.person("PUT", "/tables", foreign)
    check = by_name(catalog.check())["service"]
    assert check.status is WARNING
    assert check.found.endswith(f"holds 6 tables, 5 of them by others: {key('b')}, {key('c')}, {key('d')} and 2 more")


@pytest.mark.parametrize(
    ("resource", "operation", "name", "status"),
    [
        ("databaseService", "Create", "may make the service", FAILURE),
        ("database", "Create", "may make databases", FAILURE),
        ("databaseSchema", "Create", "may make schemas", FAILURE),
        ("table", "Create", "may write tables", FAILURE),
        ("table", "EditAll", "may write tables", FAILURE),
        ("table", "Delete", "may retire tables", FAILURE),
        ("table", "EditSampleData", "may write samples", FAILURE),
        ("table", "EditDataProfile", "may write profiles", FAILURE),
        ("classification", "Create", "may make classifications", WARNING),
        ("tag", "Create", "may make tags", WARNING),
        ("lineage", "EditLineage", "may draw lineage", FAILURE),
        ("container", "Create", "may make containers", FAILURE),
        ("storageService", "Create", "may make storage services", FAILURE),
    ],
)
@pytest.mark.parametrize("word", ["deny", "notAllow"])
def test_a_permission_that_is_missing_is_named_with_what_it_is_for(
    double: Double, resource: str, operation: str, name: str, status: CheckStatus, word: str
) -> None:
    double.access[resource, operation] = word
    checks = look(double, lineage="on")
    assert {n: check.status for n, check in checks.items() if check.status is not OK} == {name: status}
    assert checks[name].found == f"the token may not do {operation} on {resource}"
    assert f"allow {operation} on {resource}" in str(checks[name].advice)


def test_what_the_settings_switch_off_needs_no_permission(double: Double) -> None:
    for resource, operation in (("table", "EditSampleData"), ("table", "EditDataProfile"), ("lineage", "EditLineage")):
        double.access[resource, operation] = "deny"
    assert {check.status for check in look(double, samples="off", profiles="off", lineage="off").values()} == {OK}


def test_new_databases_are_a_warning_where_the_service_is_there(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a")])
    double.access |= {("databaseService", "Create"): "deny", ("database", "Create"): "deny"}
    checks = by_name(catalog.check())
    assert {name: check.status for name, check in checks.items() if check.status is not OK} == {"may make databases": WARNING}


def test_a_permission_that_is_not_told_or_hangs_on_the_entity_is_no_warning(double: Double) -> None:
    double.access |= {("table", "EditAll"): "conditionalAllow", ("tag", "Create"): None}
    checks = look(double)
    assert (checks["may write tables"].status, checks["may write tables"].found) == (OK, "yes, but a policy decides by entity")
    assert (checks["may make tags"].status, checks["may make tags"].found) == (OK, "the server does not tell; publishing finds it out")


def test_a_server_that_has_no_such_call_does_not_tell(double: Double) -> None:
    for status in (400, 403, 404):
        double.fail("status", path="^/permissions/", status=status, times=1)
    assert {check.status for check in look(double).values()} == {OK}


def test_an_older_server_writes_table_by_table_and_a_too_old_one_none(token: str) -> None:
    for version, status in (("1.6.2", OK), ("1.5.9", FAILURE)):
        old = Double(has_bulk=False, version=version)
        try:
            checks = look(old)
            assert checks["version"].status is status
            if status is OK:
                assert "one by one" in checks["bulk calls"].found
            else:
                assert "upgrade OpenMetadata to 1.6 or newer" in str(checks["version"].advice)
        finally:
            old.close()


def test_a_server_that_is_down_is_told_in_one_check(token: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with CATALOG.open(f"openmetadata://127.0.0.1:{port}/svc?backoff=0.01") as catalog:
        (check,) = catalog.check()
    assert (check.name, check.status) == ("server", FAILURE)
    assert "host, port and tls" in str(check.advice)


@pytest.mark.parametrize(
    ("fault", "path", "name", "advice"),
    [
        ({"kind": "status", "status": 401}, "", "token", "make a token for a bot"),
        ({"kind": "status", "status": 401}, "loggedInUser", "token", "make a token for a bot"),
        ({"kind": "status", "status": 403}, "", "server", "ask who runs the server"),
        ({"kind": "status", "status": 403}, "loggedInUser", "token", "ask who runs the server"),
        ({"kind": "status", "status": 403}, "databaseServices", "service", "ask who runs the server"),
        ({"kind": "status", "status": 500}, "databaseServices", "service", "whether the server runs"),
        ({"kind": "html"}, "", "server", "past any log-in page"),
        ({"kind": "html"}, "permissions/lineage", "may draw lineage", "past any log-in page"),
        ({"kind": "drop"}, "tables/bulk", "bulk calls", "whether the server runs"),
        ({"kind": "cut"}, "loggedInUser", "token", "whether the server runs"),
    ],
)
def test_every_fault_is_one_failed_check_that_says_what_to_do(
    double: Double, fault: dict[str, Any], path: str, name: str, advice: str
) -> None:
    double.fail(path=path, times=100, **fault)
    failed = [check for check in look(double, lineage="on").values() if check.status is FAILURE]
    assert [check.name for check in failed] == [name]
    assert advice in str(failed[0].advice)


def test_a_missing_token_is_a_failed_check(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse_url(double.url())
    monkeypatch.delenv("OPENMETADATA_JWT_TOKEN")
    (check,) = check_server(settings)
    assert (check.name, check.status) == ("settings", FAILURE)
    assert "OPENMETADATA_JWT_TOKEN" in check.found
