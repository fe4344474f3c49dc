"""What every catalog promises. A new target adds its URL to `catalog_url`, and to `HELD` what it keeps of a table, if not all."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

from s3_catalog.catalogs import Action, Catalog, Outcome, Plan, RetirePolicy, Scope, open_catalog
from s3_catalog.errors import CatalogError
from s3_catalog.model.tables import Column, Table
from s3_catalog.model.types import type_text
from s3_catalog_tests.catalogs.databases import postgresql_server, postgresql_url
from s3_catalog_tests.catalogs.samples import ALLOW, LAKE, POLICY, make_table, make_tables, see
from s3_catalog_tests.openmetadata.conftest import double, token
from s3_catalog_tests.servers import ACCESS_KEY, SECRET_KEY

__all__ = ["double", "postgresql_server", "postgresql_url", "token"]


@dataclass(frozen=True)
class Held:
    """What a catalog keeps of a table, in words that can be compared."""

    view: Callable[[Table], Any] = lambda table: table

    def same(self, catalog: Catalog, tables: Sequence[Table]) -> bool:
        return [self.view(table) for table in catalog.list_tables()] == [self.view(table) for table in tables]


def what_people_see(table: Table) -> Any:
    layout, description = table.layout, table.description
    columns = [(column.name, type_text(column.type), getattr(column, "nullable", True)) for column in table.columns]
    partition_columns = [(column.name, type_text(column.type)) for column in layout.partition_columns]
    text = description.text if description else None
    return (table.name, layout.identity, columns, partition_columns, table.row_count, layout.object_count, layout.size_bytes, text)


def what_engines_see(table: Table) -> Any:
    """What stands in Glue: nothing there says whether a value may be missing."""
    name, identity, columns, *rest = what_people_see(table)
    return (name, identity, [column[:2] for column in columns], *rest[:-1])


HELD = {"openmetadata": Held(what_people_see), "glue": Held(what_engines_see)}


@pytest.fixture(params=["sqlite", "postgresql", "openmetadata", "glue"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def catalog_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty catalog, once of each kind."""
    state = f"sqlite:///{tmp_path}/catalog.db"
    if kind == "openmetadata":
        return str(request.getfixturevalue("double").url(state=state))
    if kind == "glue":
        request.getfixturevalue("aws_credentials")
        server = request.getfixturevalue("s3_server")
        return f"glue://contract_{secrets.token_hex(6)}?region=us-east-1&endpoint_url={quote(server.endpoint_url)}"
    return state if kind == "sqlite" else str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def other_url(kind: str, catalog_url: str, tmp_path: Path) -> str:
    """The URL of a second empty catalog."""
    if kind in ("openmetadata", "glue"):
        return catalog_url.replace("lake_service", "other_service").replace("contract_", "other_")
    return f"sqlite:///{tmp_path}/other.db"


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def held(kind: str) -> Held:
    return HELD.get(kind, Held())


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    opened = open_catalog(catalog_url)
    yield opened
    close = getattr(opened, "close", None)
    if close is not None:
        close()


def publish(catalog: Catalog, tables: Sequence[Table], scope: Scope | None = None, policy: RetirePolicy = POLICY) -> tuple[Plan, Outcome]:
    plan = catalog.plan(tables, scope or see(), policy)
    return plan, catalog.apply(plan)


def names(catalog: Catalog) -> list[str]:
    return [table.name for table in catalog.list_tables()]


def actions(plan: Plan) -> dict[str, Action]:
    return {change.name: change.action for change in plan.changes}


def test_tables_come_back_equal_and_by_name(catalog: Catalog, held: Held) -> None:
    tables = make_tables("b", "a", "Z")
    _, outcome = publish(catalog, tables)
    assert held.same(catalog, sorted(tables, key=lambda table: table.name))
    assert outcome.counts[Action.CREATE] == outcome.writes == 3


def test_a_plan_writes_nothing(catalog: Catalog) -> None:
    plan = catalog.plan(make_tables("a"), see(), POLICY)
    assert actions(plan) == {"a": Action.CREATE}
    assert catalog.list_tables() == []


def test_publishing_twice_changes_nothing_and_says_so(catalog: Catalog) -> None:
    publish(catalog, make_tables("a", "b"))
    plan, outcome = publish(catalog, make_tables("a", "b"))
    assert set(actions(plan).values()) == {Action.UNCHANGED}
    assert outcome.writes == 0
    assert outcome.counts[Action.UNCHANGED] == 2


def test_an_update_lists_every_field_old_and_new(catalog: Catalog, held: Held) -> None:
    old = make_table("a")
    new = replace(make_table("a", object_count=4), row_count=None, columns=(*old.columns[:1], Column(name="price", type=pa.string())))
    publish(catalog, [old])
    plan, outcome = publish(catalog, [new])
    assert plan.changes[0].action is Action.UPDATE
    # In Glue every partition carries the columns.
    assert {change for change in plan.changes[0].fields if change[0] != "partitions"} == {
        ("columns.price", "decimal(18,4)", "string"),
        ("columns.tags", "map<string,array<struct<a:smallint>>>", None),
        ("row_count", "1000", None),
        ("object_count", "3", "4"),
    }
    assert outcome.writes == 1
    assert held.same(catalog, [new])


def test_a_table_gone_from_a_complete_listing_is_retired(catalog: Catalog) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    plan, outcome = publish(catalog, make_tables("a", "b", "c"))
    assert actions(plan)["d"] is Action.RETIRE
    assert outcome.counts[Action.RETIRE] == 1
    assert names(catalog) == ["a", "b", "c"]


def test_a_table_retired_before_is_not_retired_again(catalog: Catalog) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    publish(catalog, make_tables("a", "b", "c"))
    plan, outcome = publish(catalog, make_tables("a", "b", "c"))
    assert (plan.count(Action.RETIRE), outcome.writes) == (0, 0)


def test_a_reappearing_table_is_restored(catalog: Catalog, held: Held) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    publish(catalog, make_tables("a", "b", "c"))
    changed = make_table("d", object_count=9)
    plan, _ = publish(catalog, [*make_tables("a", "b", "c"), changed])
    assert actions(plan)["d"] is Action.RESTORE
    assert ("object_count", "3", "9") in plan.changes[-1].fields
    assert held.same(catalog, [*make_tables("a", "b", "c"), changed])


@pytest.mark.parametrize(
    ("scope", "withheld"),
    [
        (see(listed=0), ("d",)),  # an empty listing is named, and retires nothing
        (see(prefixes=("a/", "b/")), ()),  # not looked at
        (see(prefixes=()), ()),
        (see(excluded=("d/",)), ()),  # its listing failed
        (see(excluded=("d/x/",)), ()),  # part of its listing failed
        (see(excluded=("",)), ()),
        (see(store_url="s3://other/"), ()),
    ],
)
def test_nothing_is_retired_without_proof(catalog: Catalog, scope: Scope, withheld: tuple[str, ...]) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    plan, _ = publish(catalog, make_tables("a", "b", "c"), scope)
    assert plan.withheld == withheld
    assert names(catalog) == ["a", "b", "c", "d"]


def test_too_many_tables_gone_at_once_all_stay_until_allowed(catalog: Catalog) -> None:
    publish(catalog, make_tables("a", "b", "c", "d"))
    plan, _ = publish(catalog, make_tables("a", "b"))
    assert plan.withheld == ("c", "d")
    assert "--allow-retire" in (plan.withheld_reason or "")
    assert names(catalog) == ["a", "b", "c", "d"]
    publish(catalog, make_tables("a", "b"), policy=ALLOW)
    assert names(catalog) == ["a", "b"]


def test_a_stale_plan_is_refused_and_nothing_of_it_written(catalog: Catalog) -> None:
    stale = catalog.plan(make_tables("a"), see(), POLICY)
    publish(catalog, make_tables("b"))
    with pytest.raises(CatalogError, match="changed since this plan was made"):
        catalog.apply(stale)
    assert names(catalog) == ["b"]


def test_a_plan_is_for_one_catalog_alone(catalog: Catalog, other_url: str) -> None:
    plan = catalog.plan(make_tables("a"), see(), POLICY)
    other = open_catalog(other_url)
    try:
        with pytest.raises(CatalogError, match="changed since this plan was made"):
            other.apply(plan)
        assert other.list_tables() == []
    finally:
        other.close()  # type: ignore[attr-defined]


def test_a_taken_name_fails_that_table_alone(catalog: Catalog) -> None:
    publish(catalog, make_tables("a"))
    intruder = make_table("a", store_url="s3://other/")
    plan, outcome = publish(catalog, [intruder, make_table("b", store_url="s3://other/")], see(store_url="s3://other/"))
    assert actions(plan) == {"a": Action.CONFLICT, "b": Action.CREATE}
    assert outcome.failed == (("a", f"the name 'a' belongs to parquet:{LAKE}a/"),)
    assert [(table.name, table.layout.store_url) for table in catalog.list_tables()] == [("a", LAKE), ("b", "s3://other/")]


def test_two_tables_may_exchange_names(catalog: Catalog, held: Held) -> None:
    publish(catalog, [make_table("a", location="x/"), make_table("b", location="y/")])
    exchanged = [make_table("a", location="y/"), make_table("b", location="x/")]
    publish(catalog, exchanged)
    assert held.same(catalog, exchanged)


def test_of_two_that_exchange_names_one_alone_overwrites_nothing(catalog: Catalog, held: Held) -> None:
    tables = [make_table("a", location="x/"), make_table("b", location="y/")]
    publish(catalog, tables)
    plan = catalog.plan([make_table("a", location="y/"), make_table("b", location="x/")], see(), POLICY)
    with pytest.raises(CatalogError):
        catalog.apply(replace(plan, changes=plan.changes[1:]))
    assert held.same(catalog, tables)


def test_what_is_not_written_may_be_deleted_from_a_plan(catalog: Catalog) -> None:
    publish(catalog, [make_table("a", store_url="s3://other/"), make_table("u")], see(store_url="s3://other/"))
    plan = catalog.plan(make_tables("a", "b", "u"), see(), POLICY)
    assert actions(plan) == {"a": Action.CONFLICT, "b": Action.CREATE, "u": Action.UNCHANGED}
    outcome = catalog.apply(replace(plan, changes=plan.changes[1:2]))
    assert outcome.failed == ()
    assert names(catalog) == ["a", "b", "u"]


def test_listing_can_be_limited_to_one_store(catalog: Catalog) -> None:
    publish(catalog, make_tables("a"))
    publish(catalog, [make_table("b", store_url="s3://other/")], see(store_url="s3://other/"))
    assert [table.name for table in catalog.list_tables("s3://other/")] == ["b"]


def test_removed_tables_are_gone_for_good(catalog: Catalog) -> None:
    publish(catalog, make_tables("a", "b"))
    assert catalog.remove(["a", "unknown"]) == 1
    assert names(catalog) == ["b"]
    plan, _ = publish(catalog, make_tables("a", "b"))
    assert actions(plan)["a"] is Action.CREATE


def test_the_same_table_twice_is_the_callers_mistake(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="planned twice"):
        catalog.plan(make_tables("a", "a"), see(), POLICY)
