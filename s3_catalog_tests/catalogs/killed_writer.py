"""A program for `test_sql_safety.py`: apply a plan again and again, each time killed one statement later, until one attempt ends.

Prints, as JSON, a digest of the catalog's whole state as each attempt finds it, and after the last one. Every attempt runs in a process
of its own, so that nothing survives a kill but the database. Usage: killed_writer.py URL
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import tempfile
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.catalogs.samples import LAKE, POLICY, make_ledger, make_run, make_table, make_tables, see

OTHERS = make_tables(*(f"other{number}" for number in range(10)))


def prepare(catalog: SqlCatalog) -> None:
    """A catalog in which the next plan creates, updates, retires and restores."""
    catalog.apply(catalog.plan([*OTHERS, *make_tables("updated", "retired", "restored")], see(), POLICY))
    catalog.apply(
        catalog.plan([*OTHERS, *make_tables("updated", "retired")], see(), POLICY), make_run("before"), {"a/": make_ledger("a/old")}
    )


def publish(catalog: SqlCatalog) -> None:
    tables = [*OTHERS, make_table("updated", object_count=9), *make_tables("restored", "created")]
    plan = catalog.plan(tables, see(), POLICY)
    ledgers = {"a/": make_ledger(*(f"a/{number}" for number in range(5_000))), "b/": make_ledger("b/1")}
    catalog.apply(plan, make_run("after"), ledgers)


def kill_after(statements: int) -> None:
    """Die by SIGKILL once so many writing statements were executed."""
    executed = 0

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal executed
        executed += statement.startswith(("INSERT", "UPDATE", "DELETE"))
        if executed == statements:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "after_cursor_execute", count)


def digest_state(catalog: SqlCatalog) -> str:
    state: list[Any] = [repr(catalog.list_tables()), sorted(catalog.names().items()), repr(catalog.list_runs())]
    state += [catalog.manifest_digests(LAKE), [catalog.history(table.name)[-1][1:] for table in catalog.list_tables()]]
    state += [part.num_rows for part in catalog.latest_ledger(LAKE)]
    return hashlib.sha256(repr(state).encode()).hexdigest()


def attempt(url: str, statements: int) -> tuple[int, str]:
    """In a child process: tell the state found, then publish until killed. Returns its exit code (negative: the signal) and the state."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with SqlCatalog(url) as catalog:
            os.write(writing, digest_state(catalog).encode())
            kill_after(statements)
            publish(catalog)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        state = answer.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), state


def spill_pages(connection: Any, _record: object) -> None:
    """Let SQLite write to its file long before the commit, so that a kill leaves work for its journal."""
    if hasattr(connection, "isolation_level") and type(connection).__module__ == "sqlite3":
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("PRAGMA synchronous = OFF")  # matters when the power fails, not when a process dies


def warm_up() -> None:
    """Load here, once, what every child would load again: most of the time goes there."""
    with tempfile.TemporaryDirectory() as folder, SqlCatalog(f"sqlite:///{folder}/other.db") as catalog:
        prepare(catalog)
        digest_state(catalog)


def main(url: str) -> None:
    pa.set_cpu_count(1)
    warm_up()
    with SqlCatalog(url) as catalog:
        prepare(catalog)
    sa.event.listen(sa.Engine, "connect", spill_pages)
    states: list[str] = []
    code: int = -signal.SIGKILL
    while code == -signal.SIGKILL:
        code, state = attempt(url, len(states) + 1)
        states.append(state)
    with SqlCatalog(url) as catalog:
        states.append(digest_state(catalog))
    json.dump({"states": states, "exit_code": code}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
