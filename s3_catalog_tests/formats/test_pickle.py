from __future__ import annotations

import collections
import datetime as dt
import decimal
import gzip
import pickle
import pickletools
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats.pickle import PickleFormat
from s3_catalog_tests.formats.readers import LIMITS, read, types
from s3_catalog_tests.formats.stores import open_bytes

WRITTEN_ELSEWHERE = Path(__file__).with_name("written_elsewhere")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
FRAME = pd.DataFrame(
    {
        "id": np.array([1, 2, 3], "int32"),
        "x": [1.5, 2.0, None],
        "name": ["a", "b", None],
        "code": pd.Series(["001", "002", "003"], dtype=object),
        "ok": [True, False, True],
        "maybe": pd.array([1, None, 3], dtype="Int64"),
        "at": pd.to_datetime(["2024-01-31"] * 3),
        "zoned": pd.to_datetime(["2024-01-31"] * 3).tz_localize("Europe/Berlin"),
        "lasted": pd.to_timedelta([1, 2, 3], "s"),
        "kind": pd.Categorical(["p", "q", "p"]),
        "month": pd.period_range("2024-01", periods=3, freq="M"),
        "span": pd.arrays.IntervalArray.from_tuples([(0, 1), (1, 2), (2, 3)]),
        "mixed": pd.Series([1, "two", 3.5], dtype=object),
        "day": [dt.date(2024, 1, 31)] * 3,
        "amount": [decimal.Decimal("12.50"), decimal.Decimal("3.1"), None],
    }
)
FRAME_TYPES = {
    "id": "int",
    "x": "double",
    "name": "string",
    "code": "string",
    "ok": "boolean",
    "maybe": "bigint",
    "at": "timestamp",
    "zoned": "timestamptz",
    "lasted": "bigint",
    "kind": "string",
    "month": "string",
    "span": "struct<left:bigint,right:bigint>",
    "mixed": "string",
    "day": "date",
    "amount": "decimal(4,2)",
}


def schema_of(value: Any, protocol: int = pickle.DEFAULT_PROTOCOL) -> FileSchema:
    return read("pickle", pickle.dumps(value, protocol))


def refusal(data: bytes, limits: ReadLimits = LIMITS) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read("pickle", data, limits=limits)
    return str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_frame_has_its_columns_types_and_rows_in_every_protocol(protocol: int) -> None:
    schema = schema_of(FRAME, protocol)
    assert types(schema) == FRAME_TYPES
    assert (schema.row_count, schema.warnings) == (3, ())
    assert [(c.column, c.resolved) for c in schema.conflicts] == [("mixed", "string")]
    assert schema.details == {"layout": "pandas DataFrame"}


@pytest.mark.parametrize("version", ["0.20.3", "1.0.5", "1.5.3", "2.2.3"])
def test_frames_of_older_pandas_are_read(version: str) -> None:
    schema = read("pickle", (WRITTEN_ELSEWHERE / f"pandas-{version}.pkl").read_bytes())
    assert {name: kind for name, kind in types(schema).items() if name != "maybe"} == {
        "key": "string",
        "id": "int",
        "x": "double",
        "name": "string",
        "ok": "boolean",
        "at": "timestamp",
        "zoned": "timestamptz",
        "lasted": "bigint",
        "kind": "string",
        "day": "date",
    }
    assert (schema.row_count, schema.conflicts, schema.details["index"]) == (2, (), "key")


@pytest.mark.parametrize(
    ("value", "expected", "rows"),
    [
        (pd.Series([1, 2], name="v"), {"v": "bigint"}, 2),
        (pd.Series(["a"], index=pd.Index([5], name="key")), {"key": "bigint", "value": "string"}, 1),
        (FRAME.set_index(["id", "name"])[["x"]], {"id": "int", "name": "string", "x": "double"}, 3),
        (FRAME.set_index("at")[["x"]], {"at": "timestamp", "x": "double"}, 3),
        (FRAME[["id"]].set_index(pd.Index(["p", "q", "r"])), {"index": "string", "id": "int"}, 3),
        (pd.DataFrame([[1, 2.5]]), {"0": "bigint", "1": "double"}, 1),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "p"), ("a", "q")])), {"a_p": "bigint", "a_q": "bigint"}, 1),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": "bigint", "a_2": "bigint"}, 1),
        (pd.DataFrame({"a": []}), {"a": "double"}, 0),
        (pd.DataFrame(), {}, 0),
        (pd.DataFrame({"v": pd.array(["a", None], dtype=pd.ArrowDtype(pa.string()))}), {"v": "string"}, 2),
        (pd.DataFrame({"v": pd.array([1, None], dtype=pd.ArrowDtype(pa.int16()))}), {"v": "smallint"}, 2),
        (np.zeros(3, [("id", "i8"), ("tag", "U4"), ("raw", "S2"), ("xy", "f4", (2,))]),
         {"id": "bigint", "tag": "string", "raw": "binary", "xy": "array<float>"}, 3),
        (np.rec.array([(1, 2.5)], dtype=[("a", "i2"), ("b", "f8")]), {"a": "smallint", "b": "double"}, 1),
        (np.arange(5, dtype="u1"), {"value": "smallint"}, 5),
        (np.zeros((4, 2)), {"column0": "double", "column1": "double"}, 4),
        (np.zeros((4, 2, 2)), {"value": "array<array<double>>"}, 4),
        (np.array(["2024-01-31"], "M8[D]"), {"value": "date"}, 1),
        (np.array(["a", 1], dtype=object), {"value": "string"}, 2),
        ([{"id": 1, "name": "a"}, {"id": 2.5, "tags": ["x"]}], {"id": "double", "name": "string", "tags": "array<string>"}, 2),
        ([(1, "a"), (2, "b")], {"column0": "bigint", "column1": "string"}, 2),
        ([1, 2, 3], {"value": "bigint"}, 3),
        ({"id": [1, 2], "name": ["a", "b"]}, {"id": "bigint", "name": "string"}, 2),
        ({"id": np.arange(2), "x": pd.Series([0.5, 1.5])}, {"id": "bigint", "x": "double"}, 2),
        ({"name": "a", "sizes": [1, 2], "inner": {"x": 1.5}}, {"name": "string", "sizes": "array<bigint>", "inner": "struct<x:double>"}, 1),
        (collections.OrderedDict(a=[1], b=["x"]), {"a": "bigint", "b": "string"}, 1),
        ([{"v": 2**70}], {"v": "decimal(38,0)"}, 1),
        ([{"at": dt.datetime(2024, 1, 31, tzinfo=dt.UTC), "t": dt.time(1), "b": b"x", "n": None}],
         {"at": "timestamptz", "t": "time", "b": "binary", "n": "string"}, 1),
        ([{"u": uuid.UUID(int=1), "s": {1, 2}, "f": np.float32(1.5)}], {"u": "string", "s": "array<bigint>", "f": "float"}, 1),
        ("text", {"value": "string"}, 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_objects_of_pandas_numpy_and_python_are_tables(value: Any, expected: dict[str, str], rows: int, protocol: int) -> None:
    schema = schema_of(value, protocol)
    assert types(schema) == expected
    assert schema.row_count == rows


def test_a_dict_of_frames_has_a_member_for_each() -> None:
    data = pickle.dumps({"orders": FRAME[["id"]], "people": FRAME[["name"]]})
    members = PickleFormat().read_members(open_bytes(data)[0], None, LIMITS)
    assert {name: types(schema) for name, schema in members.items()} == {"orders": {"id": "int"}, "people": {"name": "string"}}
    assert types(read("pickle", data)) == {"id": "int"}


def test_the_values_of_a_large_frame_are_passed_over() -> None:
    frame = pd.DataFrame({f"c{i}": np.arange(200_000) * 0.5 for i in range(20)})
    file, receipt = open_bytes(pickle.dumps(frame))
    schema = PickleFormat().read_schema(file, None, LIMITS)
    assert (len(schema.columns), schema.row_count) == (20, 200_000)
    assert receipt.bytes_read <= 2 * 256 * 1024


def test_rows_beyond_those_kept_are_counted_and_said() -> None:
    schema = schema_of([{"id": i} for i in range(25_000)])
    assert schema.row_count == 25_000
    assert schema.warnings == ("types of the first 20,000 of 25,000 rows",)
    late = schema_of([*range(25_000), "late"])
    assert (types(late), late.row_count, len(late.conflicts)) == ({"value": "string"}, 25_001, 1)


def test_compressed_pickles_are_read() -> None:
    assert types(read("pickle", gzip.compress(pickle.dumps(FRAME)), "gzip")) == FRAME_TYPES


def test_neither_pandas_nor_numpy_is_imported() -> None:
    code = (
        "import pickle, sys, types\n"
        "for name in ('pandas', 'numpy'): sys.modules[name] = None\n"
        "from s3_catalog_tests.formats.stores import open_bytes\n"
        "from s3_catalog.formats import ReadLimits\n"
        "from s3_catalog.formats.pickle import FORMAT\n"
        "data = sys.stdin.buffer.read()\n"
        "print(len(FORMAT.read_schema(open_bytes(data)[0], None, ReadLimits()).columns))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pickle.dumps(FRAME), capture_output=True, check=True)
    assert done.stdout.split() == [str(len(FRAME_TYPES)).encode()]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_known_by_its_bytes(protocol: int) -> None:
    assert PickleFormat().matches(pickle.dumps(FRAME, protocol)[:512])
    assert PickleFormat().matches(pickle.dumps([1, 2], protocol))


@pytest.mark.parametrize(
    "head", [b"", b"\x80", b"\x80\x04", b"\x80\x03abc", b"\x80\x02" + bytes(50), b"\x80\x04 binary data of another kind"]
)
def test_other_bytes_are_no_pickle(head: bytes) -> None:
    assert not PickleFormat().matches(head)


class Runs:
    """Runs a command when it is loaded, in one of the ways that pickle has."""

    def __init__(self, reduced: tuple[Any, ...]) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def _system(command: str) -> Any:
    import os

    return Runs((os.system, (command,)))


def _evaluated(command: str) -> Any:
    return Runs((eval, (f"__import__('os').system({command!r})",)))


def _called_through_getattr(command: str) -> Any:
    return Runs((getattr, (Runs((__import__, ("os",))), "system")))


def _as_a_dict_item(command: str) -> Any:
    return [{"id": 1, "inner": {"x": [_system(command)]}}]


def _inside_a_frame(command: str) -> Any:
    return pd.DataFrame({"id": [1], "v": pd.Series([_system(command)], dtype=object)})


def _popen(command: str) -> Any:
    return Runs((subprocess.Popen, (["sh", "-c", command],)))


def _pandas_reader(command: str) -> Any:
    return Runs((pd.read_pickle, (command,)))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("make", [_system, _evaluated, _called_through_getattr, _as_a_dict_item, _inside_a_frame, _popen, _pandas_reader])
def test_a_pickle_that_runs_a_command_is_refused_by_name(tmp_path: Path, make: Callable[[str], Any], protocol: int) -> None:
    marker = tmp_path / "ran"
    message = refusal(pickle.dumps(make(f"touch {marker}"), protocol))
    assert not marker.exists()
    assert "refused: it would call " in message
    assert str(marker) not in message


def _global(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _frozen(*steps: bytes) -> bytes:
    return b"\x80\x04" + b"".join(steps) + b"."


def _text(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"cos\nsystem\n(S'touch ran'\ntR.", "os.system"),
        (b"(S'touch ran'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'touch ran'\no.", "os.system"),
        (_frozen(_global("os", "system"), _text("x"), b"\x85R"), "os.system"),
        (_frozen(_text("o"), _text("s"), b"\x86", _text("system"), b"\x93", _text("x"), b"\x85R"), "compute the name"),
        (_frozen(_global("builtins", "getattr"), _global("builtins", "str"), _text("format"), b"\x86R"), "builtins.getattr"),
        (_frozen(_global("pandas.io.common", "get_handle"), b")R"), "pandas.io.common.get_handle"),
        (_frozen(_global("pandas", "DataFrame.to_csv"), b")R"), "pandas.DataFrame.to_csv"),
        (_frozen(_global("numpy", "load"), b")R"), "numpy.load"),
        (_frozen(_global("builtins", "__import__"), b")R"), "builtins.__import__"),
        (_frozen(_global("pandas", "DataFrame"), b"}" + _text("x") + _text("y") + b"sb"), "would change pandas.DataFrame"),
        (_frozen(_text("pandas"), _text("DataFrame"), b"\x93)\x81)\x81"), "what another call returns"),
        (b"Pos.system\n.", "persistent ids"),
        (_frozen(_text("os"), b"Q"), "persistent ids"),
        (_frozen(b"\x82\x05"), "extension"),
        (_frozen(b"\x97"), "out-of-band"),
        (_frozen(_global("copyreg", "_reconstructor"), b"(NNNtR"), "copyreg._reconstructor"),
        (_frozen(_global("copyreg", "add_extension")), "copyreg.add_extension"),
        (_frozen(_global("os\nevil", "system")), "that is no name"),
        (b"\x80\x05\x95" + bytes([40, 0, 0, 0, 0, 0, 0, 0]) + _global("posix", "system") + _text("x") + b"\x85R.", "posix.system"),
    ],
)  # fmt: skip
def test_every_trick_of_the_pickle_machine_is_refused(data: bytes, reason: str) -> None:
    assert reason in refusal(data)


def test_a_class_of_ones_own_is_refused_by_its_name() -> None:
    assert "refused: it would call " in refusal(pickle.dumps(Runs((Runs, ((),)))))


def test_out_of_band_buffers_are_missed() -> None:
    data = pickle.dumps(np.arange(10), protocol=5, buffer_callback=lambda buffer: None)
    assert "out-of-band" in refusal(data)


def test_an_optimized_pickle_is_read() -> None:
    assert types(read("pickle", pickletools.optimize(pickle.dumps(FRAME)))) == FRAME_TYPES


def test_only_the_first_rows_of_too_long_a_pickle_are_read() -> None:
    data = pickle.dumps([{"id": i, "name": f"name {i}"} for i in range(100_000)])
    schema = read("pickle", data, limits=ReadLimits(max_whole_file_bytes=500_000))
    assert types(schema) == {"id": "bigint", "name": "string"}
    assert schema.row_count is None
    assert schema.row_estimate is not None
    assert abs(schema.row_estimate.rows - 100_000) < 15_000
    assert schema.row_estimate.low > 10_000
    assert "only the start of the pickle was read" in schema.warnings[-1]


def test_protocol_0_text_of_another_kind_is_described() -> None:
    assert "the bytes are text" in refusal(b"id,name\n1,a\n")
