from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.catalogs._authority import Keep, LastWritten, MemoryLastWritten, WrittenTable, decide_set, decide_value, value_text
from s3_catalog.catalogs.sql import SqlCatalog


@pytest.mark.parametrize(
    ("found", "written", "wanted", "decision"),
    [
        (None, None, None, Keep.NOTHING),
        (None, None, "ours", Keep.WRITE),  # nobody wrote it
        ("ours", "ours", "ours", Keep.NOTHING),
        ("ours", "ours", "ours, new", Keep.WRITE),
        ("ours", "ours", None, Keep.WRITE),  # we clear what we wrote
        ("theirs", "ours", "ours", Keep.THEIRS),
        ("theirs", "ours", "ours, new", Keep.THEIRS),
        ("theirs", None, "ours", Keep.THEIRS),  # there before us
        (None, "ours", "ours", Keep.THEIRS),  # deleted by hand
        (None, "ours", "ours, new", Keep.THEIRS),
        ("agreed", "ours", "agreed", Keep.NOTHING),
    ],
)
def test_a_value_is_written_only_where_nobody_changed_ours(found: Any, written: Any, wanted: Any, decision: Keep) -> None:
    assert decide_value(found, written, wanted) is decision


@pytest.mark.parametrize(
    ("found", "written", "wanted", "add", "remove", "kept"),
    [
        ("", "", "a", "a", "", ""),
        ("a", "a", "a", "", "", ""),
        ("a", "a", "", "", "a", ""),
        ("", "a", "a", "", "", "a"),  # removed by hand
        ("x", "", "a", "a", "", ""),  # a person's tag stays
        ("ax", "a", "b", "b", "a", ""),
    ],
)
def test_only_our_own_members_of_a_set_move(found: str, written: str, wanted: str, add: str, remove: str, kept: str) -> None:
    decision = decide_set(found, written, wanted)
    assert (decision.add, decision.remove, decision.kept) == (frozenset(add), frozenset(remove), frozenset(kept))


def test_a_plan_shows_values_as_text() -> None:
    assert [value_text(value) for value in ("a", None, [], ["b", "ü"])] == ["a", None, None, '["b", "ü"]']


def written(identity: str = "parquet:s3://lake/a/", **fields: Any) -> WrittenTable:
    return WrittenTable(identity=identity, name="a", store_url="s3://lake/", location="a/", key="svc.lake.a", fields=fields)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LastWritten]:
    if request.param == "memory":
        yield MemoryLastWritten()
        return
    url = f"sqlite:///{tmp_path}/catalog.db" if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    with SqlCatalog(url) as catalog:
        yield catalog.last_written()


def test_what_was_written_is_remembered_per_catalog(memory: LastWritten) -> None:
    memory.write("one", [written(description="ü\ud800\0", tags=["a"])])
    memory.write("two", [written()])
    memory.write("one", [written("b")])
    assert memory.read("one") == {"parquet:s3://lake/a/": written(description="ü\ud800\0", tags=["a"]), "b": written("b")}
    assert memory.read("three") == {}


def test_the_last_write_counts(memory: LastWritten) -> None:
    memory.write("one", [written(description="old", row_count=1)])
    memory.write("one", [written(description="new")])
    assert memory.read("one")[written().identity].fields == {"description": "new"}


def test_forgotten_tables_are_unknown(memory: LastWritten) -> None:
    memory.write("one", [written(), written("b")])
    memory.forget("one", ["b", "unknown"])
    assert list(memory.read("one")) == [written().identity]
