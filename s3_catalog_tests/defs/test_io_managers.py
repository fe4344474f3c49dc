"""The Parquet parts: one file per key, whatever the key, and never outside the folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from s3_catalog.defs.io_managers import ParquetParts
from s3_catalog.defs.partitions import PREFIXES, read_partition_key, write_partition_key

ROWS = pa.table({"n": [1, 2]})
HOSTILE = [
    "../../x",
    "..",
    ".",
    "/",
    "/etc/passwd",
    "a",
    "a/",
    "./a",
    "A",
    "a//",
    "a\\b",
    "x" * 300,
    "x" * 301,
    "é",
    "e\u0301",
    "",
    " ",
    "(root)",
]
KEYS = st.text() | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(["a", "..", "", "."]), max_size=4).map("/".join)


def path_of(key: str) -> Path:
    return Path(str(ParquetParts(UPath("/base")).make_safe_partition_path(UPath("/base/asset"), key)))


@given(KEYS)
def test_a_key_never_leaves_its_folder(key: str) -> None:
    path = path_of(key)
    assert path.parent == Path("/base/asset")
    assert path.resolve() == path
    assert len(path.name.encode()) <= 255
    assert not path.name.startswith(".")


@given(KEYS, KEYS)
def test_two_keys_never_share_a_file(left: str, right: str) -> None:
    names = {path_of(left).name.lower(), path_of(right).name.lower()}
    assert len(names) == (1 if left == right else 2)


@given(st.text(st.characters(codec="utf-8")))
def test_partition_keys_stand_for_one_scope_and_hold_nothing_that_dagster_refuses(scope: str) -> None:
    from dagster._core.definitions.partitions.utils import raise_error_on_invalid_partition_key_substring

    key = write_partition_key(scope)
    assert read_partition_key(key) == scope
    raise_error_on_invalid_partition_key_substring([key])


def write_and_read(folder: Path, values: Mapping[str, pa.Table], tags: Mapping[str, str] | None = None) -> dict[str, pa.Table]:
    """Run two assets: the first one stores `values`, the second one gets what it loads (all partitions, where no tags name some)."""
    got: list[dict[str, pa.Table]] = []

    def first() -> object:
        return dg.MaterializeResult(value=dict(values))

    def second(first: object) -> None:
        got.append(dict(first))  # type: ignore[call-overload]

    partitioned: dict[str, Any] = {"partitions_def": PREFIXES} if tags else {}
    writer = dg.asset(first, partitions_def=PREFIXES, io_manager_key="parts")
    reader = dg.asset(second, **partitioned)
    resources = {"parts": ParquetParts(UPath(folder))}
    instance = dg.DagsterInstance.ephemeral()
    try:
        instance.add_dynamic_partitions(str(PREFIXES.name), list(values))
        selection = None if tags else [reader]
        assert dg.materialize([writer, reader], instance=instance, tags=tags, selection=selection, resources=resources).success
    finally:
        instance.dispose()
    return got[0]


@pytest.mark.parametrize("keys", [["a/"], ["a/", "b/", "../../x"], HOSTILE])
def test_one_and_many_partitions_come_back_as_a_dict(tmp_path: Path, keys: list[str]) -> None:
    keys = [key for key in keys if key]  # Dagster has no empty partition key
    values = {key: pa.table({"n": [number]}) for number, key in enumerate(keys)}
    tags = {"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]}
    assert write_and_read(tmp_path / "base", values, tags) == values
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
    files = [path for path in (tmp_path / "base").rglob("*") if path.is_file()]
    assert len(files) == len(keys)


def test_no_partition_is_an_empty_dict(tmp_path: Path) -> None:
    assert write_and_read(tmp_path / "base", {}) == {}


def test_a_partition_that_was_never_stored_is_named(tmp_path: Path) -> None:
    context = dg.build_input_context(
        asset_key=dg.AssetKey("first"), partition_key="a/", asset_partitions_def=dg.StaticPartitionsDefinition(["a/"])
    )
    with pytest.raises(dg.Failure, match="no stored value for 'a/': materialize first first"):
        ParquetParts(UPath(tmp_path)).load_input(context)


def test_parts_can_stand_below_any_url_of_fsspec(tmp_path: Path) -> None:
    parts = ParquetParts(UPath("memory://parts-test"))
    path = parts.make_safe_partition_path(UPath("memory://parts-test/first"), "a/")
    parts.dump_to_path(dg.build_output_context(), ROWS, path)
    assert parts.load_from_path(dg.build_input_context(), path).equals(ROWS)


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, path = ParquetParts(UPath(tmp_path)), UPath(tmp_path / "old.parquet")
    parts.dump_to_path(dg.build_output_context(), ROWS, path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "replace", full)
    with pytest.raises(OSError, match="No space left"):
        parts.dump_to_path(dg.build_output_context(), pa.table({"n": [3]}), path)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["old.parquet"]
