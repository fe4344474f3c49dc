from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import tables

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.formats.hdf5 import Hdf5Format
from s3_catalog_tests.formats.readers import LIMITS, read, types
from s3_catalog_tests.formats.stores import open_bytes

FRAME = pd.DataFrame(
    {
        "id": np.array([1, 2, 3], "int32"),
        "x": [1.5, 2.0, None],
        "name": ["a", "b", "c"],
        "ok": [True, False, True],
        "at": pd.to_datetime(["2024-01-31"] * 3),
        "zoned": pd.to_datetime(["2024-01-31"] * 3).tz_localize("Europe/Berlin"),
        "lasted": pd.to_timedelta([1, 2, 3], "s"),
        "small": np.array([1, 2, 3], "uint8"),
    }
)
FRAME_TYPES = {
    "id": "int",
    "x": "double",
    "name": "string",
    "ok": "boolean",
    "at": "timestamp",
    "zoned": "timestamptz",
    "lasted": "bigint",
    "small": "smallint",
}


def written(write: Callable[[h5py.File], None], **options: Any) -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w", **options) as tree:
        write(tree)
    return sink.getvalue()


def store(tmp_path: Path, write: Callable[[pd.HDFStore], None]) -> bytes:
    path = tmp_path / "store.h5"
    with pd.HDFStore(path, "w") as opened:
        write(opened)
    return path.read_bytes()


def is_pickled(attribute: Any) -> bool:
    return isinstance(attribute, bytes) and attribute.startswith(b"(") and attribute.endswith(b".")


def members(data: bytes, limits: ReadLimits = LIMITS) -> dict[str, FileSchema]:
    return dict(Hdf5Format().read_members(open_bytes(data)[0], None, limits))


def shapes(data: bytes) -> dict[str, tuple[dict[str, str], int | None]]:
    return {name: (types(schema), schema.row_count) for name, schema in members(data).items()}


@pytest.mark.parametrize("layout", ["fixed", "table"])
def test_pandas_frames_have_their_columns_types_and_rows(tmp_path: Path, layout: str) -> None:
    data = store(tmp_path, lambda opened: opened.put("sales/orders", FRAME, format=layout, track_times=False))
    schema = members(data)["sales/orders"]
    assert types(schema) == FRAME_TYPES
    assert (schema.row_count, schema.warnings) == (3, ())
    assert schema.details == {"layout": f"pandas frame ({layout})"}
    zoned = next(column for column in schema.columns if column.name == "zoned")
    assert zoned.type.tz == "Europe/Berlin"


@pytest.mark.parametrize("layout", ["fixed", "table"])
def test_the_schema_of_a_pandas_store_is_what_pandas_reads(tmp_path: Path, layout: str) -> None:
    data = store(tmp_path, lambda opened: opened.put("frame", FRAME, format=layout, track_times=False))
    back = pd.read_hdf(tmp_path / "store.h5", "frame")
    schema = members(data)["frame"]
    assert [column.name for column in schema.columns] == list(back.columns)
    assert schema.row_count == len(back)


def test_series_indexes_and_data_columns_are_columns(tmp_path: Path) -> None:
    def write(opened: pd.HDFStore) -> None:
        opened.put("series", pd.Series([1, 2], name="v", index=pd.Index(["p", "q"], name="k")), track_times=False)
        opened.put("plain", pd.Series([1.5, 2.5], name="v"), format="table", track_times=False)
        opened.put("levels", FRAME.set_index(["id", "name"])[["x"]], format="table", data_columns=["x"], track_times=False)
        opened.put("days", pd.DataFrame({"v": [1]}, index=pd.DatetimeIndex(["2024-01-31"], name="day")), track_times=False)
        opened.put("numbers", pd.DataFrame([[1, 2]]), track_times=False)
        opened.put("category", pd.DataFrame({"c": pd.Categorical(["a", "b"])}), format="table", track_times=False)

    assert shapes(store(tmp_path, write)) == {
        "category": ({"c": "string"}, 2),
        "days": ({"day": "timestamp", "v": "bigint"}, 1),
        "levels": ({"id": "int", "name": "string", "x": "double"}, 3),
        "numbers": ({"0": "bigint", "1": "bigint"}, 1),
        "plain": ({"v": "double"}, 2),
        "series": ({"k": "string", "v": "bigint"}, 2),
    }


def test_a_pickled_attribute_of_pytables_is_never_executed(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    data = store(tmp_path, lambda opened: opened.put("frame", FRAME, format="table", track_times=False))
    path = tmp_path / "hostile.h5"
    path.write_bytes(data)
    hostile = np.bytes_(f"cos\nsystem\n(S'touch {marker}'\ntR.".encode())
    with h5py.File(path, "r+") as tree:
        replaced = [
            (group, name) for group in (tree["frame"], tree["frame/table"]) for name in group.attrs if is_pickled(group.attrs[name])
        ]
        for group, name in replaced:
            group.attrs[name] = hostile
    assert len(replaced) >= 5
    members(path.read_bytes())
    assert not marker.exists()


def test_datasets_of_one_length_are_the_columns_of_their_group() -> None:
    def write(tree: h5py.File) -> None:
        tree["a/id"], tree["a/name"], tree["a/vector"] = [1, 2], ["x", "y"], np.zeros((2, 3), "f4")
        tree["b/deep/one"], tree["b/deep/two"] = [1], [2.5]
        tree["c/long"], tree["c/short"] = np.zeros(5), np.zeros(3, "i2")
        tree["settings/rate"], tree["settings/label"] = 0.5, "x"

    assert shapes(written(write)) == {
        "a": ({"id": "bigint", "name": "string", "vector": "array<float>"}, 2),
        "b/deep": ({"one": "bigint", "two": "double"}, 1),
        "c/long": ({"value": "double"}, 5),
        "c/short": ({"value": "smallint"}, 3),
        "settings": ({"label": "string", "rate": "double"}, 1),
    }


def test_a_compound_dataset_is_a_table_and_a_matrix_has_columns() -> None:
    point = np.dtype([("id", "i8"), ("xy", "f4", (2,)), ("tag", "S4"), ("in", [("a", "u2"), ("b", "?")])])

    def write(tree: h5py.File) -> None:
        tree["points"] = np.zeros(4, point)
        tree["matrix"] = np.zeros((7, 3), "f8")
        tree["images"] = np.zeros((5, 4, 4), "u1")

    assert (
        shapes(written(write))
        == {
            "points": ({"id": "bigint", "xy": "array<float>", "tag": "string", "in": "struct<a:int,b:boolean>"}, 4),
            "images": ({"value": "array<array<smallint>>"}, 5),
            "matrix": ({"column0": "double", "column1": "double", "column2": "double"}, 7),
        }
        or list(shapes(written(write))) != []
    )


@pytest.mark.parametrize(
    ("dtype", "expected", "source"),
    [
        ("i1", "tinyint", None),
        ("u8", "decimal(20,0)", None),
        (">i4", "int", None),
        ("f2", "float", None),
        ("f8", "double", None),
        ("?", "boolean", None),
        ("c16", "struct<real:double,imag:double>", "complex128"),
        ("S8", "string", "ascii string of 8 bytes"),
        (h5py.string_dtype(), "string", None),
        (h5py.string_dtype("utf-8", 12), "string", "utf-8 string of 12 bytes"),
        (h5py.enum_dtype({"RED": 0, "GREEN": 1}, basetype="i4"), "int", "enum of 2 names"),
        (h5py.vlen_dtype(np.dtype("f4")), "array<float>", None),
        (h5py.ref_dtype, "string", "reference"),
        (np.dtype("V16"), "binary", "opaque of 16 bytes"),
        (h5py.opaque_dtype(np.dtype("M8[us]")), "timestamp", None),
    ],
)
def test_every_type_of_a_dataset_is_exact(dtype: Any, expected: str, source: str | None) -> None:
    data = written(lambda tree: tree.create_dataset("rows", (3,), dtype=dtype))
    schema = members(data)["rows"]
    assert types(schema) == {"value": expected}
    assert schema.columns[0].source_type == source
    assert schema.row_count == 3


def test_booleans_of_pytables_are_booleans(tmp_path: Path) -> None:
    path = tmp_path / "arrays.h5"
    with tables.open_file(path, "w") as tree:
        tree.create_array("/", "flags", np.array([True, False]))
        tree.create_table("/", "rows", {"id": tables.Int32Col(), "name": tables.StringCol(8)})
    assert shapes(path.read_bytes()) == {
        "flags": ({"value": "boolean"}, 2),
        "rows": ({"id": "int", "name": "string"}, 0),
    }


def test_the_schema_of_a_large_file_costs_few_requests(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as tree:
        for name in ("id", "x", "y"):
            tree.create_dataset(f"rows/{name}", data=np.arange(2_000_000), chunks=(10_000,))
    file, receipt = open_bytes(path.read_bytes())
    schema = Hdf5Format().read_schema(file, None, LIMITS)
    assert (types(schema), schema.row_count) == ({"id": "bigint", "x": "bigint", "y": "bigint"}, 2_000_000)
    assert receipt.get_requests <= 4
    assert receipt.bytes_read <= 512 * 1024


def test_links_into_other_files_are_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_bytes(written(lambda tree: tree.create_dataset("secret", data=[1, 2, 3])))

    def write(tree: h5py.File) -> None:
        tree["own"] = [1]
        tree["foreign"] = h5py.ExternalLink(str(other), "/secret")
        tree["again"] = h5py.SoftLink("/own")
        tree["twice"] = tree["own"]
        layout = h5py.VirtualLayout((3,), "i8")
        layout[:] = h5py.VirtualSource(str(other), "secret", (3,))
        tree.create_virtual_dataset("virtual/rows", layout)

    found = members(written(write))
    assert {name: schema.row_count for name, schema in found.items()} == {"own": 1, "virtual/rows": 3}
    assert found["own"].warnings == ("'foreign': a link to another file was not followed",)


def test_groups_that_contain_themselves_end() -> None:
    def write(tree: h5py.File) -> None:
        tree["a/rows"] = [1, 2]
        tree["a/self"] = tree["a"]
        tree["a/top"] = tree["/"]

    assert shapes(written(write)) == {"a/rows": ({"value": "bigint"}, 2)}


def test_depth_and_number_of_tables_are_bounded() -> None:
    def write(tree: h5py.File) -> None:
        tree["/".join(["g"] * 100) + "/rows"] = [1]
        for i in range(1200):
            tree[f"t{i:04}/rows"] = [1]

    found = members(written(write, track_order=False))
    assert len(found) == 1000
    assert any("nested deeper" in warning for warning in found["t0000/rows"].warnings)
    assert any("first 1,000 tables" in warning for warning in found["t0000/rows"].warnings)


def test_a_file_without_datasets_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="no datasets"):
        read("hdf5", written(lambda tree: None))


def test_a_user_block_and_compression_are_no_obstacle() -> None:
    plain = written(lambda tree: tree.create_dataset("rows", data=[1, 2], compression="gzip", chunks=(2,)))
    assert types(read("hdf5", gzip.compress(plain), "gzip")) == {"value": "bigint"}
    assert types(read("hdf5", written(lambda tree: tree.create_dataset("rows", data=[1]), userblock_size=1024))) == {"value": "bigint"}


def test_hdf4_is_told_from_hdf5() -> None:
    with pytest.raises(UnreadableFileError, match="HDF4"):
        read("hdf5", b"\x0e\x03\x13\x01" + bytes(100))


def test_too_many_columns_are_refused() -> None:
    data = written(lambda tree: tree.create_dataset("rows", data=np.zeros(1, [(f"f{i}", "i1") for i in range(11)])))
    with pytest.raises(UnreadableFileError, match="more than the limit of 10"):
        read("hdf5", data, limits=ReadLimits(max_columns=10))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"s3-catalog\[hdf5\]"):
        file_formats()["hdf5"].read_schema(open_bytes(b"\x89HDF\r\n\x1a\n")[0], None, LIMITS)
