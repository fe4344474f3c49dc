"""Killed processes, two processes at once, a full disk: the old state or the new one, never a third."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog.errors import CatalogUnavailableError
from s3_catalog.model.tables import Partition, Table
from s3_catalog_tests.catalogs.samples import LAKE, POLICY, make_ledger, make_run, make_table, make_tables, see

ROOT = Path(__file__).parents[2]
HUGE = replace(
    make_table("huge"), partitions=tuple(Partition(values=(str(n),), object_count=1, size_bytes=1, newest=None) for n in range(50_000))
)


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start Python with our code importable; its output is text."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, **pipes)  # type: ignore[call-overload, no-any-return]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with start(*arguments) as process:
        yield process
        process.kill()


def publish(catalog: SqlCatalog, tables: list[Table]) -> None:
    catalog.apply(catalog.plan(tables, see(), POLICY))


def test_killed_at_any_statement_the_old_state_remains_whole(catalog_url: str) -> None:
    with start("-m", "s3_catalog_tests.catalogs.killed_writer", catalog_url) as process:
        answer = json.loads(process.communicate()[0])
    before, *killed, after = answer["states"]
    assert answer["exit_code"] == 0
    assert len(killed) > 12
    assert set(killed) == {before}
    assert after != before


def test_processes_that_open_a_new_catalog_at_once_all_succeed(catalog_url: str) -> None:
    code = "import sys; from s3_catalog.catalogs.sql import SqlCatalog; sys.stdin.readline(); SqlCatalog(sys.argv[1]).close()"
    processes = [start("-c", code, catalog_url) for _ in range(4)]
    for process in processes:  # released together
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 4


def test_threads_that_open_new_catalogs_at_once_all_succeed(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_one(number: int) -> None:
        try:
            SqlCatalog(f"sqlite:///{tmp_path}/{number % 2}.db").close()
        except BaseException as error:  # noqa: BLE001 -- kept for the assertion
            failures.append(error)

    threads = [threading.Thread(target=open_one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


HOLD = """
import sys
from s3_catalog.catalogs.sql import SqlCatalog
with SqlCatalog(sys.argv[1]).exclusive(10):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_one_publisher_at_a_time_and_the_second_is_told(catalog_url: str) -> None:
    with running("-c", HOLD, catalog_url) as holder, SqlCatalog(catalog_url) as catalog:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CatalogUnavailableError, match="another crawl holds this catalog"), catalog.exclusive(0.1):
            pass
        release = threading.Timer(0.2, holder.stdin.close)
        release.start()
        with catalog.exclusive(30):
            publish(catalog, make_tables("a"))
        release.join()


def test_a_killed_publisher_holds_nothing(catalog_url: str) -> None:
    with running("-c", HOLD, catalog_url) as holder, SqlCatalog(catalog_url) as catalog:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
        with catalog.exclusive(30):
            pass


def test_exclusive_can_be_taken_again_and_lets_errors_through(catalog_url: str) -> None:
    with SqlCatalog(catalog_url) as catalog:
        with pytest.raises(KeyError), catalog.exclusive(1):
            raise KeyError("the caller's own")
        with catalog.exclusive(1):
            publish(catalog, make_tables("a"))


@contextmanager
def limited_to(pages: int) -> Iterator[None]:
    """SQLite itself says that the disk is full beyond so many pages of 4 KiB."""

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    sa.event.listen(sa.Engine, "connect", limit)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", limit)


def test_a_full_disk_leaves_the_old_catalog(tmp_path: Path) -> None:
    with SqlCatalog(f"sqlite:///{tmp_path}/catalog.db") as catalog:
        publish(catalog, make_tables("a"))
        plan = catalog.plan([*make_tables("a"), HUGE], see(), POLICY)
        with limited_to(pages=100), pytest.raises(CatalogUnavailableError) as caught:
            catalog.apply(plan, make_run(), {"a/": make_ledger("a/1")})
        assert str(caught.value) == f"{tmp_path}/catalog.db: disk full, nothing was written"
        assert catalog.list_tables() == make_tables("a")
        assert catalog.list_runs() == []
        catalog.apply(plan, make_run(), {"a/": make_ledger("a/1")})  # there is room again: the plan still holds
        assert catalog.find_object(LAKE, "a/1")


LIMITED = """
import resource, sys
from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.catalogs.samples import POLICY, make_tables, see
from s3_catalog_tests.catalogs.test_sql_safety import HUGE
with SqlCatalog(sys.argv[1]) as catalog:
    plan = catalog.plan([*make_tables("a"), HUGE], see(), POLICY)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    try:
        catalog.apply(plan)
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_a_file_that_may_not_grow_leaves_the_old_catalog(tmp_path: Path) -> None:
    with SqlCatalog(f"sqlite:///{tmp_path}/catalog.db") as catalog:
        publish(catalog, make_tables("a"))
        with start("-c", LIMITED, f"sqlite:///{tmp_path}/catalog.db") as process:
            answer = process.communicate()[0]
        assert answer.startswith(f"CatalogUnavailableError {tmp_path}/catalog.db: disk full")
        assert catalog.list_tables() == make_tables("a")


def test_a_reader_does_not_stop_a_writer(catalog_url: str) -> None:
    with SqlCatalog(catalog_url) as writer, SqlCatalog(catalog_url) as reader:
        writer.record_run(make_run(), {"a/": make_ledger("a/1"), "b/": make_ledger("b/1")})
        rows = reader.latest_ledger(LAKE)
        next(rows)
        publish(writer, make_tables("a"))
        assert next(rows).num_rows == 1
