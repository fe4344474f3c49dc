from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.catalogs import Action
from s3_catalog.catalogs._om_names import UnnameableError, decode_name, encode_name, join_fqn, quote_path, shorten_name, split_fqn
from s3_catalog.catalogs.openmetadata import CATALOG, OpenMetadataCatalog
from s3_catalog.model.tables import Column
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.openmetadata.tables import SERVICE, plain, publish

STRANGE = [
    "my.table v1",
    'a "quoted" name',
    "a::b",
    "a>b",
    "line\nend\rtab\tx",
    "🦆 Straße",
    "2024",
    "Orders",
    "orders",
    "slash/and %2F",
    "?query#fragment&x=y",
    ".",
    "..",
    "x" * 300,
    "x" * 299 + "y",
    "é.ü",
]
UNNAMEABLE = ["nul\0byte", "half \ud83e emoji", "bell\x07", "a__reserved__colon__b"]


def test_strange_names_are_published_and_come_back(double: Double, catalog: OpenMetadataCatalog) -> None:
    tables = [plain(name, location=f"t{n}/", columns=(Column(name=name, type=pa.int32()),)) for n, name in enumerate(STRANGE)]
    _, outcome = publish(catalog, tables)
    assert outcome.failed == ()
    assert {t.name: [c.name for c in t.columns] for t in catalog.list_tables()} == {name: [name] for name in STRANGE}
    plan, _ = publish(catalog, tables)
    assert plan.count(Action.UNCHANGED) == len(STRANGE)


def test_strange_names_come_back_with_nothing_remembered(double: Double, open_on: Opener) -> None:
    publish(open_on(double), [plain(name, location=f"t{number}/") for number, name in enumerate(STRANGE)])
    with CATALOG.open(double.url()) as forgetful:
        assert sorted(table.name for table in forgetful.list_tables()) == sorted(STRANGE)


@pytest.mark.parametrize("name", UNNAMEABLE)
def test_a_name_that_cannot_come_back_is_refused_by_name_and_alone(catalog: OpenMetadataCatalog, name: str) -> None:
    column = plain("column", columns=(Column(name=name, type=pa.int32()),))
    plan, outcome = publish(catalog, [plain(name, location="odd/"), column, plain("fine")])
    assert [change.action for change in plan.changes] == [Action.CONFLICT, Action.CONFLICT, Action.CREATE]
    assert all(ascii(name)[1:-1] in reason for _, reason in outcome.failed)
    assert outcome.counts[Action.CREATE] == 1


def test_a_long_name_is_shown_whole(double: Double, catalog: OpenMetadataCatalog) -> None:
    publish(catalog, [plain("x" * 300)])
    (table,) = double.entities.list("tables", include="all", within=None)
    assert (len(table["name"]), table["name"][:239], table["displayName"]) == (256, "x" * 239, "x" * 300)


@pytest.mark.parametrize("length", [3_100, 3_060])
def test_a_name_that_is_too_long_with_its_folders_is_refused_by_name(double: Double, catalog: OpenMetadataCatalog, length: int) -> None:
    plan, outcome = publish(catalog, [plain("t", columns=(Column(name="c" * length, type=pa.int32()),)), plain("fine")])
    assert [change.action for change in plan.changes] == [Action.CONFLICT, Action.CREATE]
    assert "ccc" in outcome.failed[0][1]
    assert "3072" in outcome.failed[0][1]


def test_repeated_and_empty_column_names_are_numbered(double: Double, catalog: OpenMetadataCatalog) -> None:
    table = plain("t", columns=tuple(Column(name=name, type=pa.int32()) for name in ("a", "a", "", "", "a#2")))
    assert publish(catalog, [table])[1].failed == ()
    assert [c["name"] for c in double.table(f"{SERVICE}.lake.root.t")["columns"]] == ["a", "a#2", "-", "-#2", "a#2#2"]
    assert publish(catalog, [table])[0].count(Action.UNCHANGED) == 1


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_every_name_that_is_taken_is_read_back(name: str) -> None:
    try:
        encoded = encode_name(name)
    except UnnameableError:
        assert "__reserved__" in name
        return
    assert decode_name(encoded) == name
    assert '"' not in encoded
    assert "::" not in encoded


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"'), min_size=1), min_size=1, max_size=4))
def test_parts_of_a_qualified_name_are_read_back(parts: list[str]) -> None:
    assert split_fqn(join_fqn(parts)) == parts


def test_shortened_names_stay_different() -> None:
    names = {shorten_name("x" * 255 + letters) for letters in ("", "a", "ab", "ba", "bb")}
    assert len(names) == 5
    assert max(map(len, names)) == 256


def test_a_name_in_a_path_is_encoded_whole() -> None:
    assert quote_path('svc."a.b"/c?') == "svc.%22a.b%22%2Fc%3F"
