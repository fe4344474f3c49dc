"""Which file is blamed for a column, and which file is read next to find it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.model.blame import FileRef, SeenFile, blame_columns, find_gap


def seen(rank: int, **types: str) -> SeenFile:
    return SeenFile(file=FileRef(f"{rank}.parquet", (str(rank),)), rank=rank, types=types)


def test_a_column_of_all_files_was_neither_added_nor_dropped():
    blame = blame_columns([seen(0, id="int"), seen(1, id="int")])["id"]

    assert (blame.first.key, blame.last.key) == ("0.parquet", "1.parquet")
    assert (blame.added, blame.dropped, blame.exact, blame.changes) == (False, False, True, ())


def test_the_files_of_a_column_that_came_and_went_are_named_with_their_partitions():
    blame = blame_columns([seen(0, id="int"), seen(1, id="int", x="string"), seen(2, id="int", x="string"), seen(3, id="int")])["x"]

    assert (blame.first, blame.last) == (FileRef("1.parquet", ("1",)), FileRef("2.parquet", ("2",)))
    assert (blame.added, blame.dropped, blame.exact) == (True, True, True)


@pytest.mark.parametrize("ranks", [(0, 2, 3), (0, 1, 9)])
def test_unread_files_beside_a_boundary_make_the_blame_inexact(ranks):
    first, middle, last = ranks
    blame = blame_columns([seen(first, id="int"), seen(middle, id="int", x="string"), seen(last, id="int")])["x"]

    assert blame.exact is False


def test_each_change_of_type_names_the_file_from_which_on_it_holds():
    blame = blame_columns([seen(0, id="int"), seen(1, id="bigint"), seen(5, id="string")])["id"]

    assert [(c.file.key, c.before, c.after, c.exact) for c in blame.changes] == [
        ("1.parquet", "int", "bigint", True),
        ("5.parquet", "bigint", "string", False),
    ]


def test_a_type_is_compared_across_files_that_lack_the_column():
    blame = blame_columns([seen(0, x="int"), seen(1), seen(2, x="string")])["x"]

    assert [(c.file.key, c.exact) for c in blame.changes] == [("2.parquet", False)]


def test_no_file_is_asked_for_between_files_that_agree():
    assert find_gap([seen(0, id="int"), seen(100, id="int")]) is None


def test_the_order_of_columns_alone_asks_for_no_file():
    assert find_gap([seen(0, a="int", b="int"), seen(100, b="int", a="int")]) is None


@given(count=st.integers(2, 2000), changes=st.lists(st.integers(0, 1999), max_size=3), unreadable=st.sets(st.integers(1, 1998), max_size=3))
def test_closing_the_gaps_finds_every_file_that_brought_a_column_for_good(count, changes, unreadable):
    """Columns that are added once and stay are found by halving; only unreadable files leave a doubt."""
    brought = {f"c{number}": rank for number, rank in enumerate(changes)}
    readable = [rank for rank in range(count) if rank not in unreadable]

    def read(rank: int) -> SeenFile:
        return seen(rank, id="int", **{name: "string" for name, since in brought.items() if rank >= since})

    files, tried = [read(readable[0]), read(readable[-1])], 0
    failed: set[int] = set()
    while (rank := find_gap(files, unreadable=failed)) is not None:
        assert rank not in {file.rank for file in files} | failed
        tried += 1
        if rank in unreadable:
            failed.add(rank)
        else:
            files.append(read(rank))

    blame = blame_columns(files)
    for name, since in brought.items():
        expected = next((rank for rank in readable if rank >= since), None)
        assert (blame[name].first.key if name in blame else None) == (None if expected is None else f"{expected}.parquet")
    assert tried <= 3 * 12 + 3
