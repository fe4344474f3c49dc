"""What a removal promises of every catalog that tells its retired tables: all of ours are planned, and exactly the plan goes."""

from __future__ import annotations

import pytest

from s3_catalog.catalogs import Action, Catalog, RetiringCatalog
from s3_catalog.catalogs._removal import apply_removal, is_removal, list_published, plan_removal
from s3_catalog.errors import CatalogError
from s3_catalog_tests.catalogs.databases import postgresql_server, postgresql_url
from s3_catalog_tests.catalogs.samples import ALLOW, POLICY, make_table, make_tables, see
from s3_catalog_tests.contracts.test_catalogs import aws_credentials, catalog, catalog_url, kind
from s3_catalog_tests.openmetadata.conftest import double, token

__all__ = ["aws_credentials", "catalog", "catalog_url", "double", "kind", "postgresql_server", "postgresql_url", "token"]

MINE = "s3://mine/"


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    """Tables of two stores; `b` is retired."""
    catalog.apply(catalog.plan(make_tables("a", "b"), see(), POLICY))
    catalog.apply(catalog.plan([make_table("c", store_url=MINE)], see(store_url=MINE), POLICY))
    catalog.apply(catalog.plan(make_tables("a"), see(), ALLOW))
    return catalog


def test_all_tables_of_all_stores_are_planned_retired_ones_too(filled: Catalog) -> None:
    assert isinstance(filled, RetiringCatalog)
    assert [(table.name, table.retired) for table in filled.list_retired()] == [("b", True)]
    plan, is_all = plan_removal(filled, lambda table: True)
    assert is_all
    assert is_removal(plan)
    assert [(change.action, change.name, change.reason) for change in plan.changes] == [
        (Action.REMOVE, "a", "s3://lake/a/"),
        (Action.REMOVE, "b", "s3://lake/b/, retired"),
        (Action.REMOVE, "c", "s3://mine/c/"),
    ]
    assert len(list_published(filled)) == 3


def test_exactly_the_plan_goes(filled: Catalog) -> None:
    plan, is_all = plan_removal(filled, lambda table: table.name != "a")
    assert not is_all
    removal = apply_removal(filled, plan)
    assert (removal.outcome.counts, removal.outcome.failed, removal.service, removal.left) == ({Action.REMOVE: 2}, (), (), None)
    assert [table.name for table in list_published(filled)] == ["a"]
    assert apply_removal(filled, plan_removal(filled, lambda table: True)[0]).left is None
    assert list_published(filled) == []


@pytest.mark.parametrize("moved", ["a", "c"])
def test_a_catalog_that_moved_is_left_alone(filled: Catalog, moved: str) -> None:
    plan, _ = plan_removal(filled, lambda table: True)
    changed = make_table(moved, store_url=MINE if moved == "c" else "s3://lake/", columns=make_table().columns[:1])
    store = changed.layout.store_url
    filled.apply(filled.plan([changed], see(store_url=store), POLICY))
    with pytest.raises(CatalogError, match="make a new plan"):
        apply_removal(filled, plan)
    assert len(list_published(filled)) == 3


def test_what_went_is_published_anew(filled: Catalog) -> None:
    apply_removal(filled, plan_removal(filled, lambda table: True)[0])
    plan = filled.plan(make_tables("a", "b"), see(), POLICY)
    assert [change.action for change in plan.changes] == [Action.CREATE, Action.CREATE]
    assert filled.apply(plan).failed == ()
