from __future__ import annotations

import logging
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.catalogs import Action
from s3_catalog.catalogs.openmetadata import CATALOG, OpenMetadataCatalog
from s3_catalog.errors import CatalogError, CatalogUnavailableError
from s3_catalog.model.tables import Table
from s3_catalog_tests.catalogs.samples import POLICY, make_table, see
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double
from s3_catalog_tests.openmetadata.tables import key, many, plain, publish, wider

PASSING: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429},
    {"kind": "drop"},
    {"kind": "cut"},
]


def repaired(catalog: OpenMetadataCatalog, double: Double, tables: Sequence[Table]) -> bool:
    """Whether the next run leaves everything published and nothing to do."""
    _, outcome = publish(catalog, list(tables))
    plan, _ = publish(catalog, list(tables))
    live = double.entities.list("tables", include="non-deleted", within=None)
    return not outcome.failed and plan.count(Action.UNCHANGED) == len(tables) == len(live)


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("path", [r"^/databases/name", r"^/tables\?", r"^/tables/bulk", r"sampleData", r"tableProfile"])
def test_a_failure_that_passes_is_retried_and_everything_written(
    double: Double, catalog: OpenMetadataCatalog, fault: dict[str, Any], path: str
) -> None:
    strike = double.fail(path=path, times=1, **fault)
    tables = [make_table(f"t{number}") for number in range(6)]
    _, outcome = publish(catalog, tables)
    assert (outcome.failed, outcome.counts[Action.CREATE], strike.times) == ((), 6, 0)
    assert publish(catalog, tables)[0].count(Action.UNCHANGED) == 6


def test_retry_after_is_honoured(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("status", path="/tables/bulk", status=429, headers={"Retry-After": "1"})
    plan = catalog.plan(many(6), see(), POLICY)
    begin = time.monotonic()
    assert catalog.apply(plan).failed == ()
    assert time.monotonic() - begin >= 1


def test_a_server_that_asks_for_a_long_rest_is_unavailable(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("status", status=429, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})
    with pytest.raises(CatalogUnavailableError, match="asks to wait"):
        catalog.plan([plain("a")], see(), POLICY)
    assert len(double.requests) == 1


def test_a_catalog_that_is_down_is_unavailable(token: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with CATALOG.open(f"openmetadata://127.0.0.1:{port}/svc?retries=1&backoff=0.01") as catalog, pytest.raises(CatalogUnavailableError):
        catalog.plan([plain("a")], see(), POLICY)


def test_a_catalog_that_is_too_slow_is_unavailable(double: Double, open_on: Opener) -> None:
    double.fail("slow", path="/databases", times=3, seconds=1)
    with pytest.raises(CatalogUnavailableError, match=r"no answer within 0\.2 seconds"):
        open_on(double, timeout="0.2", retries="1").plan([plain("a")], see(), POLICY)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"kind": "status", "status": 401}, "refuses the token"),
        ({"kind": "status", "status": 403}, "may not do this"),
        ({"kind": "status", "status": 404}, "no OpenMetadata API|instance|404"),
        ({"kind": "html"}, "a web page was answered"),
        ({"kind": "status", "status": 302, "headers": {"Location": "https://elsewhere.example/"}}, "sends elsewhere"),
        ({"kind": "status", "status": 500}, "answers 500, also after 2 retries"),
    ],
)
@pytest.mark.parametrize("path", ["", r"^/databaseSchemas"])
def test_a_refusal_before_the_first_table_is_an_error_and_nothing_is_written(
    double: Double, catalog: OpenMetadataCatalog, fault: dict[str, Any], message: str, path: str
) -> None:
    double.fail(path=path, times=100, **fault)
    with pytest.raises(CatalogError, match=message):
        publish(catalog, many(5))
    assert double.entities.list("tables", include="all", within=None) == []
    double.faults.clear()
    assert repaired(catalog, double, many(5))


@pytest.mark.parametrize("status", [400, 403, 409, 412])
def test_one_table_that_is_refused_does_not_stop_the_others(double: Double, catalog: OpenMetadataCatalog, status: int) -> None:
    double.fail("status", method="PUT", path=r"^/tables$", status=status, after=1)
    _, outcome = publish(catalog, [plain("a"), plain("b"), plain("c")])
    assert [name for name, _ in outcome.failed] == ["b"]
    assert str(status) in outcome.failed[0][1]
    assert (outcome.counts[Action.CREATE], outcome.writes) == (2, 2)
    assert repaired(catalog, double, [plain("a"), plain("b"), plain("c")])


def test_the_failed_half_of_a_bulk_call_is_sent_again(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("half", path="/tables/bulk")
    _, outcome = publish(catalog, many(20))
    assert (outcome.failed, outcome.counts[Action.CREATE]) == ((), 20)
    assert double.counts()["PUT /tables"] == 10


def test_of_a_half_failed_bulk_call_the_rest_is_reported_table_by_table(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("half", path="/tables/bulk")
    double.fail("status", method="PUT", path=r"^/tables$", status=400, times=3)
    _, outcome = publish(catalog, many(20))
    assert [name for name, _ in outcome.failed] == ["t0001", "t0003", "t0005"]
    assert outcome.counts[Action.CREATE] == 17
    assert repaired(catalog, double, many(20))


@pytest.mark.parametrize("status", [400, 403, 413, 500])
def test_a_refused_bulk_call_is_sent_singly(double: Double, catalog: OpenMetadataCatalog, status: int) -> None:
    double.fail("status", path="/tables/bulk", status=status, times=3)
    _, outcome = publish(catalog, many(6))
    assert (outcome.failed, outcome.counts[Action.CREATE]) == ((), 6)


def test_a_server_that_dies_half_way_leaves_what_was_written_known(double: Double, open_on: Opener) -> None:
    double.fail("drop", path="", times=10_000, after=18)
    catalog = open_on(double, batch="10")
    _, outcome = publish(catalog, many(60))
    written = len(double.entities.list("tables", include="all", within=None))
    assert 0 < written < 60
    assert len(outcome.failed) >= 60 - written
    double.faults.clear()
    assert repaired(catalog, double, many(60))


@pytest.mark.parametrize(
    ("fault", "requests"),
    [({"kind": "drop"}, 9), ({"kind": "status", "status": 503}, 9), ({"kind": "html"}, 3), ({"kind": "status", "status": 401}, 1)],
)
def test_a_server_that_is_gone_is_not_asked_for_every_table_that_is_left(
    token: str, open_on: Opener, fault: dict[str, Any], requests: int
) -> None:
    old = Double(has_bulk=False)
    try:
        catalog = open_on(old, profiles="off", samples="off")
        old.fail(method="PUT", path="^/tables$", times=10_000, after=10, **fault)
        _, outcome = publish(catalog, many(100))
        assert (len(outcome.failed), outcome.counts[Action.CREATE]) == (90, 10)
        assert sum(path == "/tables" for _, path in old.requests) == 10 + requests
        old.faults.clear()
        assert repaired(catalog, old, many(100))
    finally:
        old.close()


def test_tables_that_the_server_stumbles_over_do_not_stop_the_others(double: Double, catalog: OpenMetadataCatalog) -> None:
    tables = [make_table(f"t{number}") for number in range(12)]
    publish(catalog, [plain(f"t{number}") for number in range(12)])
    for number in range(6):
        double.fail("status", path=f"{double.table(key(f't{number}'))['id']}/sampleData", times=10_000, status=500)
    _, outcome = publish(catalog, tables)
    assert sorted({name for name, _ in outcome.failed}) == [f"t{number}" for number in range(6)]
    assert outcome.counts[Action.UPDATE] == 6
    double.faults.clear()
    assert repaired(catalog, double, tables)


def test_a_lost_answer_to_a_patch_is_no_second_change(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old.")])
    double.fail("cut", method="PATCH")
    _, outcome = publish(catalog, [plain("a", text="New.")])
    assert (outcome.failed, outcome.writes) == ((), 1)
    table = double.table(key("a"))
    assert (table["description"], table["version"]) == ("New.", 0.2)


def test_a_patch_that_another_writer_overtook_is_made_anew(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old.")])
    double.fail("status", method="PATCH", status=412, times=2)
    _, outcome = publish(catalog, [plain("a", text="New.")])
    assert (outcome.failed, double.table(key("a"))["description"]) == ((), "New.")


def test_a_table_that_others_keep_changing_is_reported(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("a", text="Old."), plain("b", text="Old.")])
    double.fail("status", method="PATCH", path=double.table(key("a"))["id"], status=412, times=3)
    _, outcome = publish(catalog, [plain("a", text="New."), plain("b", text="New.")])
    assert [name for name, _ in outcome.failed] == ["a"]
    assert double.table(key("b"))["description"] == "New."
    assert repaired(catalog, double, [plain("a", text="New."), plain("b", text="New.")])


def test_a_failed_sample_is_reported_without_its_values_and_repaired(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("status", method="PUT", path="sampleData", status=400)
    _, outcome = publish(catalog, [make_table("a"), make_table("b")])
    assert len(outcome.failed) == 1
    assert "was refused (400)" in outcome.failed[0][1]
    plan, outcome = publish(catalog, [make_table("a"), make_table("b")])
    assert ([c.fields for c in plan.changes if c.fields], outcome.failed) == ([(("sample", None, "changed"),)], ())


def test_a_failed_retirement_is_reported_and_done_next_time(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain(name) for name in "abcd"])
    double.fail("status", method="DELETE", status=403)
    _, outcome = publish(catalog, [plain(name) for name in "abc"])
    assert (outcome.counts[Action.RETIRE], [name for name, _ in outcome.failed]) == (0, ["d"])
    assert repaired(catalog, double, [plain(name) for name in "abc"])


def test_a_retirement_whose_answers_were_lost_is_ours_and_the_table_comes_back(double: Double, catalog: OpenMetadataCatalog) -> None:
    tables = [plain(name) for name in "abcd"]
    publish(catalog, tables)
    double.fail("cut", method="DELETE")
    double.fail("drop", method="DELETE", times=2)
    _, outcome = publish(catalog, tables[:3])
    assert [name for name, _ in outcome.failed] == ["d"]
    assert double.table(key("d"))["deleted"] is True
    plan, outcome = publish(catalog, tables)
    assert (plan.changes[-1].action, outcome.failed) == (Action.RESTORE, ())


def test_the_failed_half_of_the_schemas_is_made_again(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("half", path="/databaseSchemas/bulk")
    _, outcome = publish(catalog, many(20))
    assert (outcome.failed, outcome.counts[Action.CREATE]) == ((), 20)


def test_a_tag_that_is_refused_stops_only_the_tables_that_want_it(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.fail("status", method="PUT", path="^/tags/bulk", status=400)
    double.fail("status", method="PUT", path="^/tags$", status=400)
    tables = [plain("a", tags=("Odd.One",)), plain("b", tags=("Layer.Raw",)), plain("c")]
    _, outcome = publish(catalog, tables)
    assert [name for name, _ in outcome.failed] == ["a"]
    assert "tags 'One' cannot be made" in outcome.failed[0][1]
    assert (outcome.counts[Action.CREATE], outcome.writes) == (2, 2)
    assert repaired(catalog, double, tables)


def test_a_token_that_was_renewed_in_its_file_is_read_again(double: Double, tmp_path: Path, open_on: Opener) -> None:
    file = tmp_path / "token"
    file.write_text("outdated\n")
    catalog = open_on(double, token_file=str(file))
    file.write_text(f"{BOT_TOKEN}\n")
    assert publish(catalog, [plain("a")])[1].failed == ()


def test_neither_token_nor_values_are_logged_or_shown(
    double: Double, catalog: OpenMetadataCatalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for status in (400, 429, 500):
        double.fail("status", path="sampleData", status=status, times=4)
        _, outcome = publish(catalog, [make_table("a", content_digest=str(status)), wider(make_table("b"))])
        assert BOT_TOKEN not in caplog.text + repr(outcome) + repr(vars(catalog))
        assert "2026-01-30" not in caplog.text + repr(outcome)
