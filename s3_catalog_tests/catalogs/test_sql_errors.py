"""What a user reads when the database cannot be used: one line, which thing, why, and no secret."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from s3_catalog.catalogs import catalog_types, open_catalog
from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog.errors import CatalogError, CatalogUnavailableError, UnknownPluginError


def refusal(url: str) -> CatalogError:
    with pytest.raises(CatalogError) as caught:
        SqlCatalog(url)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://folder/catalog.db"])
def test_an_sqlite_catalog_is_a_file(url: str) -> None:
    assert "sqlite:///relative/path.db" in str(refusal(url))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cr@t@host/db",  # the @ of the password is not encoded
        "postgresql://me:s3cr@t@host:5432/db?connect_timeout=1",
        "postgresql://me:s3cret",  # read as a port
        "s3cret",
    ],
)
def test_an_unreadable_url_is_not_repeated(url: str) -> None:
    error = refusal(url)
    assert "percent-encoded" in str(error)
    assert "s3cr" not in repr(error) + repr(error.__cause__)
    assert error.__suppress_context__ or error.__context__ is None


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    SqlCatalog(f"sqlite:///{tmp_path}/new/folder/catalog.db").close()
    assert (tmp_path / "new/folder/catalog.db").is_file()


def test_a_path_through_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert str(refusal(f"sqlite:///{tmp_path}/file/catalog.db")) == f"{tmp_path}/file/catalog.db: the folder cannot be made: File exists"


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    assert "cannot be opened" in str(refusal(f"sqlite:///{tmp_path}"))


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(b"id,name\n" * 200)
    assert str(refusal(f"sqlite:///{path}")) == f"{path}: this file is not an SQLite database"
    assert path.read_bytes() == b"id,name\n" * 200


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    SqlCatalog(f"sqlite:///{path}").close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    assert "damaged" in str(refusal(f"sqlite:///{path}"))


UNPRIVILEGED = """
import os, sys
from s3_catalog.catalogs.sql import SqlCatalog
import alembic.command, alembic.script, filelock, psycopg
if os.getuid() == 0:
    os.setuid(65534)
try:
    catalog = SqlCatalog(sys.argv[1])
    with catalog.exclusive(1):
        catalog.remove(["a"])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(("existing", "reason"), [(False, "cannot be opened or created"), (True, "the lock file cannot be used")])
def test_an_unwritable_folder_is_named(existing: bool, reason: str) -> None:
    # Not in tmp_path: pytest keeps its folders closed to the user that the program becomes.
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent, "folder")
        folder.mkdir()
        url = f"sqlite:///{folder}/catalog.db"
        if existing:
            SqlCatalog(url).close()
        folder.chmod(0o555)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", UNPRIVILEGED, url]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        folder.chmod(0o755)
    assert done.stdout.startswith("CatalogError ")
    assert reason in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_a_newer_database_is_not_touched(catalog_url: str) -> None:
    SqlCatalog(catalog_url).close()
    engine = sa.create_engine(catalog_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE s3_catalog_version SET version_num = '9999'"))
    assert "written by a newer version of s3-catalog" in str(refusal(catalog_url))


def test_another_applications_tables_are_not_touched(catalog_url: str) -> None:
    engine = sa.create_engine(catalog_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE assets (id INTEGER)"))
    assert "another application" in str(refusal(catalog_url))
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["assets"]


def test_dagsters_own_tables_may_stand_beside(catalog_url: str) -> None:
    engine = sa.create_engine(catalog_url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('dagster')"))
        connection.execute(sa.text("CREATE TABLE snapshots (id INTEGER)"))
    SqlCatalog(catalog_url).close()
    SqlCatalog(catalog_url).close()


def test_a_busy_database_is_waited_for_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3_catalog.catalogs._sql_database.BUSY_SECONDS", 0.1)
    path = tmp_path / "catalog.db"
    with SqlCatalog(f"sqlite:///{path}") as catalog:
        import sqlite3

        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogUnavailableError, match="another process has been writing"):
            catalog.remove(["a"])
        other.close()


def test_catalogs_are_found_by_scheme(tmp_path: Path) -> None:
    catalog = open_catalog(f"sqlite:///{tmp_path}/catalog.db")
    assert isinstance(catalog, SqlCatalog)
    assert {"sqlite", "postgresql"} <= catalog_types().keys()


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(UnknownPluginError, match=r"unknown catalog 'mysql': choose one of .*postgresql.*sqlite"):
        open_catalog("mysql://me:s3cret@host/db")


def test_a_url_without_scheme_names_the_known_ones() -> None:
    with pytest.raises(CatalogError, match=r"begins with a scheme.*sqlite"):
        open_catalog("catalog.db")
