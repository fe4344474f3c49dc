from __future__ import annotations

import json

import pyarrow as pa
import pytest

from s3_catalog.catalogs import Action
from s3_catalog.catalogs._om_lineage import find_copies, find_sources
from s3_catalog.model.origins import CLONED_FROM, FILES_FROM
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Column, Table
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.openmetadata.tables import key, plain, publish

COLUMNS = tuple(Column(name=name, type=pa.string()) for name in ("id", "Name", "city"))


def table(name: str, file_format: str, rows: int | None = 100, **changes: object) -> Table:
    return plain(name, format=file_format, row_count=rows, columns=COLUMNS, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tables", "copies"),
    [
        ([table("raw", "csv"), table("copy", "parquet")], {"copy": "raw"}),
        ([table("raw", "csv"), table("copy", "parquet", 99)], {}),
        ([table("raw", "csv", None, row_estimate=RowEstimate(95, 90, 110)), table("copy", "delta")], {"copy": "raw"}),
        ([table("raw", "csv", None), table("copy", "delta")], {}),
        ([table("raw", "csv"), table("other", "json")], {}),
        ([table("raw", "csv"), table("more", "json"), table("copy", "orc")], {}),
        ([plain("raw", format="csv", row_count=5), plain("copy", row_count=5)], {}),  # two columns say too little
        ([table("raw", "csv", 0), table("copy", "parquet", 0)], {}),
    ],
)
def test_a_copy_has_the_columns_and_rows_of_one_text(tables: list[Table], copies: dict[str, str]) -> None:
    names = {t.layout.identity: t.name for t in tables}
    assert {names[copy]: names[source] for copy, source in find_copies(tables).items()} == copies


def test_paths_and_copies_lead_to_tables(double: Double, open_on: Opener) -> None:
    tables = [table("raw", "csv"), table("copy", "parquet")]
    catalog = open_on(double, lineage="on")
    plan, outcome = publish(catalog, tables)
    assert outcome.failed == ()
    ids = {name: double.table(key(name))["id"] for name in ("raw", "copy")}
    containers = {c["fullPath"]: c["id"] for c in double.entities.list("containers", include="all", within=None)}
    edges = {(edge["fromEntity"]["id"], edge["toEntity"]["id"]) for edge in double.entities.lineage}
    assert edges == {(containers["s3://lake/raw/"], ids["raw"]), (containers["s3://lake/copy/"], ids["copy"]), (ids["raw"], ids["copy"])}
    plan, outcome = publish(catalog, tables)
    assert (plan.count(Action.UNCHANGED), outcome.writes) == (2, 0)


def clone(name: str, *origins: str, **changes: object) -> Table:
    return plain(name, format="delta", details=((CLONED_FROM, origins[0]), (FILES_FROM, json.dumps(origins))), **changes)  # type: ignore[arg-type]


def test_a_clone_comes_from_the_table_whose_folder_or_files_its_log_names() -> None:
    source, other = plain("source", location="a/source/", format="delta"), plain("other", location="a/")
    copies = [
        clone("whole", "s3://lake/a/source/"),
        clone("files", "s3://lake/a/source/data/deep/"),
        clone("both", "s3://lake/a/source/", "s3://lake/a/beside/"),
        clone("nowhere", "s3://lake/b/", "s3://elsewhere/a/source/"),
        clone("itself", "s3://lake/itself/data/"),
    ]
    found = find_sources([source, other, *copies])
    assert {identity.rpartition("/lake/")[2]: sources for identity, sources in found.items() if sources} == {
        "whole/": ["delta:s3://lake/a/source/"],
        "files/": ["delta:s3://lake/a/source/"],
        "both/": ["delta:s3://lake/a/source/", "parquet:s3://lake/a/"],
        "nowhere/": ["s3://lake/b/", "s3://elsewhere/a/source/"],
    }


def test_what_a_log_names_leads_to_the_clone_as_a_table_or_as_a_path(double: Double, open_on: Opener) -> None:
    tables = [plain("source"), clone("copy", "s3://lake/source/", "s3://elsewhere/raw/")]
    catalog = open_on(double, lineage="on")
    assert publish(catalog, tables)[1].failed == ()
    ids = {name: double.table(key(name))["id"] for name in ("source", "copy")}
    containers = {c["fullPath"]: c["id"] for c in double.entities.list("containers", include="all", within=None)}
    into_copy = {edge["fromEntity"]["id"] for edge in double.entities.lineage if edge["toEntity"]["id"] == ids["copy"]}
    assert into_copy == {ids["source"], containers["s3://lake/copy/"], containers["s3://elsewhere/raw/"]}
    plan, outcome = publish(catalog, tables)
    assert (plan.count(Action.UNCHANGED), outcome.writes) == (2, 0)


def test_a_new_copy_of_a_table_that_is_published_finds_it(double: Double, open_on: Opener) -> None:
    catalog = open_on(double, lineage="on")
    publish(catalog, [table("raw", "csv")])
    publish(catalog, [table("raw", "csv"), table("copy", "parquet")])
    ids = {name: double.table(key(name))["id"] for name in ("raw", "copy")}
    assert (ids["raw"], ids["copy"]) in {(edge["fromEntity"]["id"], edge["toEntity"]["id"]) for edge in double.entities.lineage}


def test_lineage_that_is_refused_is_reported_and_drawn_next_time(double: Double, open_on: Opener) -> None:
    catalog = open_on(double, lineage="on")
    double.fail("status", method="PUT", path="/lineage", status=403)
    _, outcome = publish(catalog, [table("raw", "csv")])
    assert [name for name, _ in outcome.failed] == ["raw"]
    plan, outcome = publish(catalog, [table("raw", "csv")])
    assert (plan.changes[0].fields, outcome.failed) == ((("lineage", None, '["s3://lake/raw/"]'),), ())
    assert len(double.entities.lineage) == 1


def test_without_being_asked_no_lineage_is_drawn(double: Double, open_on: Opener) -> None:
    publish(open_on(double), [table("raw", "csv")])
    assert double.entities.lineage == []
