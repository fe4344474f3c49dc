"""Files that one hop hands to the next."""

from __future__ import annotations

from pathlib import Path

from s3_catalog.storage import ObjectStore, open_store
from s3_catalog.storage.files import OpenedFiles

SIZE = 100


def store_of(folder: Path, *names: str) -> ObjectStore:
    for name in names:
        (folder / name).write_bytes(b"x" * SIZE)
    return open_store(str(folder))


def read_head(opened: OpenedFiles, store: ObjectStore, key: str, length: int) -> int:
    """Open a file as a hop does, read its first bytes and hand it on; how many bytes that fetched."""
    before = store.receipt.bytes_read
    file = opened.take(store, key, SIZE, None)
    file.head(length)
    opened.add(file)
    return store.receipt.bytes_read - before


def test_what_one_hop_read_the_next_does_not_fetch(tmp_path):
    store, opened = store_of(tmp_path, "a"), OpenedFiles()

    assert [read_head(opened, store, "a", length) for length in (50, 50, 10, 80)] == [50, 0, 0, 80]


def test_no_more_is_held_than_agreed_and_what_is_taken_makes_room(tmp_path):
    store, opened = store_of(tmp_path, "a", "b", "c"), OpenedFiles(max_bytes=SIZE * 3 // 2)

    assert [read_head(opened, store, name, SIZE) for name in "abc"] == [SIZE, SIZE, SIZE]
    assert [read_head(opened, store, name, SIZE) for name in "ba"] == [SIZE, 0]
    opened.take(store, "a", SIZE, None)
    assert [read_head(opened, store, "c", SIZE) for _ in range(2)] == [SIZE, 0]
