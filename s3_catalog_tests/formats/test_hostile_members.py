"""Hostile workbooks, HDF5 files and pickles: bounded memory and time, a reason, never a crash, never code run."""

from __future__ import annotations

import io
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, MemberFormat, ReadLimits, file_formats
from s3_catalog.formats._sandbox import _launcher
from s3_catalog_tests.formats.readers import LIMITS
from s3_catalog_tests.formats.stores import open_bytes
from s3_catalog_tests.formats.workbooks import ROWS, ods, xls, xlsb, xlsx, zipped

SECRET = "Jane-Roe-4711"
BUDGET = 512 * 1024 * 1024
HARD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _hdf5() -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w") as tree:
        tree["rows/id"], tree["rows/name"] = np.arange(50), [SECRET] * 50
        tree.create_dataset("points", data=np.zeros(20, [("x", "f4"), ("tag", "S4")]), chunks=(5,), compression="gzip")
        tree["points"].attrs["pandas_type"] = "frame_table"
    return sink.getvalue()


FRAME = pd.DataFrame(
    {"id": [1, 2], "name": [SECRET] * 2, "at": pd.to_datetime(["2024-01-31"] * 2), "any": pd.Series([1, "x"], dtype=object)}
)
SAMPLES: dict[str, tuple[str, bytes]] = {
    "xlsx": ("excel", xlsx({"Rows": [*ROWS, [3, 0.5, SECRET, True, None]]})),
    "xlsb": ("excel", xlsb([["id", "name"], [1, SECRET]])),
    "xls": ("excel", xls([["id", "name"], [1, SECRET]])),
    "ods": ("excel", ods([["id", "name"], [1, SECRET]])),
    "h5": ("hdf5", _hdf5()),
    "pickle 5": ("pickle", pickle.dumps(FRAME, 5)),
    "pickle 2": ("pickle", pickle.dumps(FRAME, 2)),
    "pickle 0": ("pickle", pickle.dumps([{"id": 1, "name": SECRET}], 0)),
}


def attempt(name: str, data: bytes, limits: ReadLimits = LIMITS) -> dict[str, FileSchema] | str:
    """The tables of a file, or the message that refuses it. Any other exception is the test's failure."""
    reader = file_formats()[name]
    assert isinstance(reader, MemberFormat)
    try:
        return dict(reader.read_members(open_bytes(data)[0], None, limits))
    except UnreadableFileError as error:
        message = str(error)
    assert SECRET not in message
    return message


@pytest.mark.parametrize("sample", SAMPLES)
def test_files_cut_at_every_tenth_byte_are_read_or_refused(sample: str) -> None:
    name, data = SAMPLES[sample]
    assert isinstance(attempt(name, data), dict)
    for end in range(1, len(data), max(10, len(data) // 120)):
        attempt(name, data[:end])


@pytest.mark.parametrize("sample", SAMPLES)
@HARD
@given(data=st.data())
def test_files_with_changed_bytes_are_read_or_refused(sample: str, data: st.DataObject) -> None:
    name, plain = SAMPLES[sample]
    damaged = bytearray(plain)
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=8)):
        damaged[position] = data.draw(st.integers(0, 255))
    attempt(name, bytes(damaged))


@HARD
@given(data=st.data())
def test_workbooks_with_changed_parts_are_read_or_refused(data: st.DataObject) -> None:
    """The bytes inside of the zip archive are changed, so that its checksums still fit."""
    with zipfile.ZipFile(io.BytesIO(SAMPLES["xlsx"][1])) as archive:
        parts = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    part = parts[data.draw(st.sampled_from(sorted(parts)))]
    start = data.draw(st.integers(0, len(part) - 1))
    part[start : start + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=12))
    attempt("excel", zipped({name: bytes(content) for name, content in parts.items()}))


SIGNATURES = [
    ("excel", b"PK\x03\x04"),
    ("excel", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("hdf5", b"\x89HDF\r\n\x1a\n"),
    ("pickle", b"\x80\x04"),
]


@pytest.mark.parametrize(("name", "start"), SIGNATURES)
@HARD
@given(noise=st.binary(max_size=400))
def test_noise_behind_a_signature_is_read_or_refused(name: str, start: bytes, noise: bytes) -> None:
    attempt(name, start + noise)


# Steps of the pickle machine that name nothing and only make or move things.
_STEPS = [
    b"N",
    b"\x88",
    b"K\x01",
    b"G" + bytes(8),
    b"\x8c\x01a",
    b"C\x01b",
    b"]",
    b"}",
    b")",
    b"(",
    b"t",
    b"l",
    b"d",
    b"a",
    b"e",
    b"s",
    b"u",
    b"\x85",
]
_STEPS += [
    b"\x86",
    b"\x87",
    b"\x94",
    b"h\x00",
    b"2",
    b"0",
    b"1",
    b"b",
    b"R",
    b"\x81",
    b"\x8f",
    b"\x90",
    b"\x91",
    b"\x8c\x06pandas\x8c\x09DataFrame\x93",
]
_STEPS += [b"cpandas\nSeries\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\n_reconstruct\n", b"\x8c\x04_mgr"]
_STEPS += [b"cpandas.core.internals.managers\nBlockManager\n"]


@settings(HARD, max_examples=300)
@given(steps=st.lists(st.sampled_from(_STEPS), max_size=60))
def test_any_steps_of_the_pickle_machine_are_read_or_refused(steps: list[bytes]) -> None:
    attempt("pickle", b"\x80\x04" + b"".join(steps) + b".")


def _wide_apart() -> bytes:
    import openpyxl

    workbook, sink = openpyxl.Workbook(), io.BytesIO()
    workbook.active["A1"], workbook.active["XFD1048576"] = 1, 2
    workbook.save(sink)
    return sink.getvalue()


def _repacked(change: Callable[[dict[str, bytes]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(SAMPLES["xlsx"][1])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    return zipped(parts)


def _bomb_that_lies() -> bytes:
    """300 MB of blanks, of which the zip directory says that they are 1 KB."""

    def inflate(parts: dict[str, bytes]) -> None:
        parts["xl/worksheets/sheet1.xml"] = b"<worksheet><sheetData><row r='1'><c r='A1' t='str'><v>" + b"x" * 300_000_000

    data = _repacked(inflate)
    return data.replace((300_000_054).to_bytes(4, "little"), (1024).to_bytes(4, "little"))


def _bomb_by_its_own_account() -> bytes:
    data = bytearray(SAMPLES["xlsx"][1])
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2**32 - 2).to_bytes(4, "little")
    return bytes(data)


def _laughs() -> bytes:
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12))

    def laugh(parts: dict[str, bytes]) -> None:
        text = f"<!DOCTYPE w [{entities}]><worksheet><sheetData><row r='1'><c r='A1' t='str'><v>&l11;</v></c></row></sheetData></worksheet>"
        parts["xl/worksheets/sheet1.xml"] = text.encode()

    return _repacked(laugh)


def _nested(levels: int) -> bytes:
    return b"\x80\x04" + b"]" * levels + b"a" * (levels - 1) + b"."


def _doubled(levels: int) -> bytes:
    return b"\x80\x04K\x01" + b"2\x86" * levels + b"."


def _doubled_lists(levels: int) -> bytes:
    """A list that holds the list before it twice, and so on: exponentially many values in few bytes."""
    return b"\x80\x04]" + b"\x94" + b"".join(b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(levels)) + b"."


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "two cells at the ends of a sheet": ("excel", _wide_apart),
    "a zip bomb that lies": ("excel", _bomb_that_lies),
    "a zip bomb by its own account": ("excel", _bomb_by_its_own_account),
    "entities in entities": ("excel", _laughs),
    "a billion bytes claimed": ("pickle", lambda: b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"x."),
    "an integer of 2 GB claimed": ("pickle", lambda: b"\x80\x04\x8b" + (2**31 - 1).to_bytes(4, "little") + b"x."),
    "a string without end": ("pickle", lambda: b"V" + b"x" * 30_000_000),
    "5 million lists": ("pickle", lambda: b"\x80\x04(" + b"]" * 5_000_000 + b"t."),
    "5 million memos": ("pickle", lambda: b"\x80\x04\x8c\x01x" + b"\x94" * 5_000_000 + b"."),
    "5 million copies": ("pickle", lambda: b"\x80\x04(N" + b"2" * 5_000_000 + b"t."),
    "a million strings": ("pickle", lambda: b"\x80\x04(" + (b"\x8c\xff" + b"x" * 255 + b"\x94") * 200_000 + b"l."),
    "lists 300,000 deep": ("pickle", lambda: _nested(300_000)),
    "tuples doubled 200 times": ("pickle", lambda: _doubled(200)),
    "lists doubled 200 times": ("pickle", lambda: _doubled_lists(200)),
    "a text of a billion digits claimed": ("pickle", lambda: b"I" + b"9" * 900_000 + b"\n."),
}  # fmt: skip

_READ_ONE = """
import sys, time
from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog_tests.formats.stores import open_bytes
data = sys.stdin.buffer.read()
started = time.monotonic()
try:
    print("read", len(file_formats()[sys.argv[1]].read_schema(open_bytes(data)[0], None, ReadLimits()).columns))
except UnreadableFileError as error:
    print("refused:", error)
print(time.monotonic() - started)
"""


def resident(pid: int) -> int:
    """Bytes resident in a process and in all processes below it; what they share counts for each."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):  # ended meanwhile
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") + sum(resident(int(child)) for child in children)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="memory is measured by /proc")
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_bounded_in_memory_and_time(bomb: str, tmp_path: Path) -> None:
    name, make = BOMBS[bomb]
    path, peak, done = tmp_path / "bomb", [0], threading.Event()
    path.write_bytes(make())
    with path.open("rb") as data:
        process = subprocess.Popen([sys.executable, "-c", _READ_ONE, name], stdin=data, stdout=subprocess.PIPE)

        def watch() -> None:
            while not done.wait(0.01):
                peak[0] = max(peak[0], resident(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        output = process.communicate(timeout=60)[0].decode()
        done.set()
        watcher.join()
    assert process.returncode == 0, output
    assert output.startswith(("read", "refused:"))
    assert float(output.split()[-1]) < LIMITS.max_seconds + 1
    assert peak[0] < BUDGET, f"{peak[0]:,} bytes: {output}"


@pytest.mark.parametrize(
    ("bomb", "reason"),
    [
        ("a zip bomb that lies", "corrupt"),
        ("a zip bomb by its own account", "a zip bomb: unpacked it has 4,29"),
        ("a billion bytes claimed", "cut short"),
        ("5 million lists", "more than 500,000 objects"),
    ],
)
def test_a_bomb_is_refused_with_its_reason(bomb: str, reason: str) -> None:
    name, make = BOMBS[bomb]
    assert reason in str(attempt(name, make()))


def test_of_a_workbook_that_does_not_fit_into_memory_the_first_rows_are_read() -> None:
    members = attempt("excel", _wide_apart())
    assert isinstance(members, dict)
    assert members["Sheet"].row_count is None
    estimate = members["Sheet"].row_estimate
    assert estimate is not None
    assert estimate.low <= 2 <= estimate.high <= 2**20
    assert members["Sheet"].warnings == ("only the first rows were read: the workbook is too large to be read as a whole",)


@pytest.mark.parametrize("sample", ["xlsx", "h5"])
def test_a_reader_that_takes_too_long_is_ended(sample: str) -> None:
    name, data = SAMPLES[sample]
    assert "takes longer than 1e-09 seconds" in str(attempt(name, data, ReadLimits(max_seconds=1e-9)))
    assert isinstance(attempt(name, data), dict)


def test_a_pickle_of_many_steps_is_ended_in_time() -> None:
    data = b"\x80\x04N" + b"20" * 5_000_000 + b"."
    started = time.monotonic()
    assert "takes longer than 0.2 seconds" in str(attempt("pickle", data, ReadLimits(max_seconds=0.2)))
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("open('/etc/hostname')", "OSError"),
        ("__import__('socket').socket()", "OSError"),
        ("x = bytearray(100_000_000)", "MemoryError"),
        ("while True: pass", f"ended by {int(signal.SIGXCPU)}"),
        ("x = bytearray(10_000_000)", "nothing"),
    ],
)
def test_a_confined_process_can_do_nothing_but_compute(code: str, ending: str) -> None:
    script = (
        "from s3_catalog.formats._sandbox_process import confine\n"
        "import socket\n"
        "confine(memory_bytes=50_000_000, seconds=1)\n"
        f"try:\n    {code}\n    print('nothing')\n"
        "except (OSError, MemoryError) as error:\n    print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout.strip() or f"ended by {-done.returncode}") == ending


def test_the_sandbox_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    _launcher("_excel_sheets").stop()
    assert isinstance(attempt("excel", SAMPLES["xlsx"][1]), dict)
    process = _launcher("_excel_sheets")._process
    assert process is not None
    assert SECRET.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_a_sandbox_ended_from_outside_is_started_again() -> None:
    assert isinstance(attempt("excel", SAMPLES["xlsx"][1]), dict)
    process = _launcher("_excel_sheets")._process
    assert process is not None
    process.kill()
    process.wait()
    assert isinstance(attempt("excel", SAMPLES["xlsx"][1]), dict)


def test_many_reads_leave_no_descriptors_and_no_processes() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def processes() -> int:
        process = _launcher("_excel_sheets")._process
        assert process is not None
        return len(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())

    attempt("excel", SAMPLES["xlsx"][1])
    before = descriptors()
    for _ in range(30):
        attempt("excel", SAMPLES["xlsx"][1])
        attempt("excel", SAMPLES["xlsx"][1][:-30])
    deadline = time.monotonic() + 5
    while processes() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (descriptors(), processes()) == (before, 0)


def test_workbooks_are_read_side_by_side_without_mixing() -> None:
    found: dict[int, Any] = {}

    def read(number: int) -> None:
        found[number] = attempt("excel", xlsx({f"sheet {number}": [["a"], [number]]}))

    threads = [threading.Thread(target=read, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: list(members) for number, members in found.items()} == {number: [f"sheet {number}"] for number in range(12)}
