"""The embedded catalog on a real PostgreSQL server: what SQLite cannot show."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from importlib.machinery import ModuleSpec

import pytest
import sqlalchemy as sa

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog.errors import CatalogError, CatalogUnavailableError, MissingExtraError
from s3_catalog_tests.catalogs.databases import postgresql_server, postgresql_url
from s3_catalog_tests.catalogs.samples import POLICY, make_tables, see

__all__ = ["postgresql_server", "postgresql_url"]


@pytest.fixture
def admin(postgresql_server: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def locked_out_url(admin: sa.Connection, postgresql_url: str) -> Iterator[str]:
    """The URL of a role that needs a password, with a wrong one."""
    rules = admin.scalar(sa.text("SHOW hba_file"))
    with open(rules) as file:  # noqa: PTH123 -- a path of the server
        trusting = file.read()
    with open(rules, "w") as file:  # noqa: PTH123
        file.write("local all locked_out scram-sha-256\n" + trusting)
    admin.exec_driver_sql("CREATE ROLE locked_out LOGIN PASSWORD 'right'")
    admin.exec_driver_sql("SELECT pg_reload_conf()")
    yield sa.make_url(postgresql_url).set(username="locked_out", password="s3cret").render_as_string(hide_password=False)
    admin.exec_driver_sql("DROP ROLE locked_out")
    with open(rules, "w") as file:  # noqa: PTH123
        file.write(trusting)
    admin.exec_driver_sql("SELECT pg_reload_conf()")


def test_a_wrong_password_is_named_and_not_shown(locked_out_url: str) -> None:
    with pytest.raises(CatalogError, match="password authentication failed") as caught:
        SqlCatalog(locked_out_url)
    assert not caught.value.retryable
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert "\n" not in str(caught.value)


def test_an_unknown_database_is_named(postgresql_url: str) -> None:
    with pytest.raises(CatalogError, match='database "nowhere" does not exist') as caught:
        SqlCatalog(sa.make_url(postgresql_url).set(database="nowhere").render_as_string(hide_password=False))
    assert not caught.value.retryable


def test_an_unreachable_server_is_named_with_its_address() -> None:
    with pytest.raises(CatalogUnavailableError, match=r"^postgresql://me@127\.0\.0\.1:1/db: .*refused") as caught:
        SqlCatalog("postgresql://me:s3cret@127.0.0.1:1/db")
    assert "s3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgres"])
def test_every_usual_scheme_works(postgresql_url: str, scheme: str) -> None:
    SqlCatalog(postgresql_url.replace("postgresql", scheme, 1)).close()


def test_a_server_that_stops_answering_in_between_is_an_error_and_then_works_again(admin: sa.Connection, postgresql_url: str) -> None:
    with SqlCatalog(postgresql_url) as catalog:
        catalog.apply(catalog.plan(make_tables("a"), see(), POLICY))
        admin.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
            {"name": sa.make_url(postgresql_url).database},
        )
        assert catalog.list_tables() == make_tables("a")


def test_a_connection_lost_while_holding_the_lock_is_reported(admin: sa.Connection, postgresql_url: str) -> None:
    with SqlCatalog(postgresql_url) as catalog:
        with pytest.raises(CatalogUnavailableError), catalog.exclusive(1):
            admin.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": sa.make_url(postgresql_url).database},
            )
        with catalog.exclusive(5):
            pass


def test_catalogs_of_two_databases_do_not_lock_each_other(admin: sa.Connection, postgresql_url: str) -> None:
    admin.exec_driver_sql("CREATE DATABASE neighbour")
    other = sa.make_url(postgresql_url).set(database="neighbour").render_as_string(hide_password=False)
    try:
        with SqlCatalog(postgresql_url) as first, SqlCatalog(other) as second, first.exclusive(1), second.exclusive(1):
            pass
    finally:
        admin.exec_driver_sql("DROP DATABASE neighbour WITH (FORCE)")


def test_a_user_who_may_not_create_tables_is_told(admin: sa.Connection, postgresql_url: str) -> None:
    admin.exec_driver_sql("CREATE ROLE reader LOGIN")
    try:
        with pytest.raises(CatalogError, match="permission denied"):
            SqlCatalog(sa.make_url(postgresql_url).set(username="reader").render_as_string(hide_password=False))
    finally:
        admin.exec_driver_sql("DROP ROLE reader")


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without_psycopg(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "psycopg" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_psycopg)
    with pytest.raises(MissingExtraError, match=r"pip install 's3-catalog\[postgresql\]'"):
        SqlCatalog("postgresql://me@127.0.0.1:1/db")
