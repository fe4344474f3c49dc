from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import FileSchema, MemberFormat, ReadLimits, file_formats
from s3_catalog.formats._detect import detect_format
from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.types import read_type
from s3_catalog_tests.formats.readers import LIMITS, read, types
from s3_catalog_tests.formats.stores import open_bytes

CSV = b"id,name\n1,a\n2,b\n"
JSONL = b'{"x": 1.5}\n{"x": 2}\n'


def parquet(rows: int = 10) -> bytes:
    sink = io.BytesIO()
    noise = np.random.default_rng(1).random(rows)
    pq.write_table(pa.table({"n": np.arange(rows), "noise": noise}), sink, compression="none")
    return sink.getvalue()


def make_zip(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def make_tar(members: Mapping[str, bytes], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tar_format) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


def members(
    name: str, data: bytes, compression: str | None = None, *, key: str = "data", limits: ReadLimits = LIMITS
) -> Mapping[str, FileSchema]:
    reader = file_formats()[name]
    assert isinstance(reader, MemberFormat)
    return reader.read_members(open_bytes(data, key)[0], compression, limits)


WRITERS: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {"zip": make_zip, "tar": make_tar}
FILES = {"a/orders.csv": CSV, "events.jsonl.gz": gzip.compress(JSONL), "c.parquet": parquet(), "notes.pdf": b"%PDF", "list.txt": CSV}


@pytest.mark.parametrize("name", WRITERS)
def test_every_member_is_read_by_its_own_format(name: str) -> None:
    found = members(name, WRITERS[name](FILES))
    assert {member: (schema.details["member_format"], types(schema), schema.row_count) for member, schema in found.items()} == {
        "a/orders.csv": ("csv", {"id": "bigint", "name": "string"}, 2),
        "events.jsonl.gz": ("jsonl", {"x": "double"}, 2),
        "c.parquet": ("parquet", {"n": "bigint", "noise": "double"}, 10),
        "list.txt": ("csv", {"id": "bigint", "name": "string"}, 2),
    }
    assert found["a/orders.csv"].warnings == ("1 members are empty or of no known format",)


@pytest.mark.parametrize("name", WRITERS)
def test_an_archive_of_one_table_is_that_table(name: str) -> None:
    schema = read(name, WRITERS[name]({"x/": b"", "x/orders.csv": CSV, "__MACOSX/._orders.csv": b"\0\5"}))
    assert (types(schema), schema.row_count, schema.format) == ({"id": "bigint", "name": "string"}, 2, None)


@pytest.mark.parametrize("name", WRITERS)
def test_of_several_tables_the_first_is_read_and_the_others_are_told(name: str) -> None:
    schema = read(name, WRITERS[name]({"a.csv": CSV, "b.csv": CSV}))
    assert (types(schema), schema.row_count) == ({"id": "bigint", "name": "string"}, None)
    assert schema.warnings == ("the archive holds 2 tables; this is a.csv",)


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [(".tgz", gzip.compress), (".tbz2", bz2.compress), (".txz", lzma.compress), (".tzst", zstandard.compress), (".tar", bytes)],
)
def test_packed_tar_files_are_read_by_their_bytes(suffix: str, compress: Callable[[bytes], bytes]) -> None:
    found = members("tar", compress(make_tar(FILES)), key=f"backup{suffix}")
    assert list(found) == ["a/orders.csv", "events.jsonl.gz", "c.parquet", "list.txt"]
    assert all(not any("although" in warning for warning in schema.warnings) for schema in found.values())


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_kind_of_tar_is_read(tar_format: int) -> None:
    name = "a" * 80 + "/" + "b" * 80 + ".csv"
    assert list(members("tar", make_tar({name: CSV}, tar_format))) == [name]


def test_an_office_document_is_no_archive() -> None:
    workbook = make_zip({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<x/>"})
    assert not file_formats()["zip"].matches(workbook)
    assert detect_format(make_zip({"a.csv": CSV})) == ("zip", None)
    assert detect_format(gzip.compress(make_tar({"a.csv": CSV}))) == ("tar", "gzip")


def test_only_the_needed_ranges_of_a_large_zip_are_fetched() -> None:
    big = parquet(1_000_000)
    data = make_zip({"big.parquet": big, "wide.csv": b"id,v\n" + b"1,abcdefgh\n" * 500_000}, zipfile.ZIP_STORED)
    file, receipt = open_bytes(data)
    reader = file_formats()["zip"]
    assert isinstance(reader, MemberFormat)
    found = reader.read_members(file, None, LIMITS)
    assert [schema.row_count for schema in found.values()] == [1_000_000, None]
    assert len(data) > 20_000_000
    assert (receipt.get_requests <= 6, receipt.bytes_read < 300_000) == (True, True)


def test_a_large_plain_tar_is_walked_by_its_headers() -> None:
    data = make_tar({f"{i}.parquet": parquet(100_000) for i in range(5)} | {"z.csv": CSV})
    file, receipt = open_bytes(data)
    reader = file_formats()["tar"]
    assert isinstance(reader, MemberFormat)
    assert [schema.row_count for schema in reader.read_members(file, None, LIMITS).values()] == [100_000] * 5 + [2]
    assert len(data) > 7_000_000
    assert (receipt.get_requests <= 13, receipt.bytes_read < 1_000_000) == (True, True)


def test_of_a_large_packed_tar_the_head_is_read_and_the_rest_is_told() -> None:
    rows = "".join(f"{i},{i * 7919 % 10007}\n" for i in range(400_000))
    data = gzip.compress(make_tar({"a.csv": ("id,v\n" + rows).encode(), "b.csv": CSV}), 1)
    file, receipt = open_bytes(data, "x.tar.gz")
    schema = file_formats()["tar"].read_schema(file, "gzip", LIMITS)
    assert (types(schema), schema.row_count) == ({"id": "bigint", "v": "bigint"}, None)
    assert any("plain bytes are not looked at" in warning for warning in schema.warnings)
    assert (receipt.get_requests, receipt.bytes_read <= 1 << 20) == (1, True)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("hostile", ["../../etc/cron.d/evil.csv", "/etc/passwd.csv", "..\\..\\evil.csv", "a/../../b.csv", "x\ny.csv"])
def test_names_that_climb_lead_nowhere(name: str, hostile: str) -> None:
    found = members(name, WRITERS[name]({hostile: CSV}))
    assert len(found) == 1
    for member in found:
        assert not member.startswith("/")
        assert ".." not in member.split("/")


def test_links_and_devices_of_a_tar_are_names_only() -> None:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("evil.csv")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with pytest.raises(UnreadableFileError, match="the archive is empty"):
        read("tar", sink.getvalue())


def encrypt_flags(data: bytes, name: bytes) -> bytes:
    """Set the flag of encryption in a member's header and in the archive's list."""
    edited = bytearray(data)
    for signature, flags, name_at in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        start = -1
        while (start := data.find(signature, start + 1)) >= 0:
            if data[start + name_at :].startswith(name):
                edited[start + flags] |= 1
    return bytes(edited)


def test_encrypted_members_are_refused_by_name() -> None:
    data = encrypt_flags(make_zip({"secret.csv": CSV, "open.csv": CSV}), b"secret.csv")
    assert list(members("zip", data)) == ["open.csv"]
    assert members("zip", data)["open.csv"].warnings == ("member secret.csv: it is encrypted",)
    with pytest.raises(UnreadableFileError, match=r"member secret\.csv: it is encrypted"):
        read("zip", encrypt_flags(make_zip({"secret.csv": CSV}), b"secret.csv"))


def test_archives_within_archives_are_not_opened() -> None:
    inner = make_zip({"a.csv": CSV})
    assert read("zip", make_zip({"b.csv": CSV, "in.zip": inner, "in.tgz": gzip.compress(inner)})).warnings == (
        "2 archives within the archive are not opened",
    )
    with pytest.raises(UnreadableFileError, match="not opened"):
        read("zip", make_zip({"in.zip": inner}))


def test_a_broken_member_does_not_hide_the_others() -> None:
    found = members("zip", make_zip({"bad.parquet": b"PAR1 is not enough", "good.csv": CSV}))
    assert list(found) == ["good.csv"]
    assert "member bad.parquet: " in found["good.csv"].warnings[0]


@pytest.mark.parametrize("name", WRITERS)
def test_many_members_are_bounded_and_told(name: str) -> None:
    found = members(name, WRITERS[name]({f"{i:04}.csv": CSV for i in range(200)}), limits=ReadLimits(head_bytes=1 << 20))
    assert len(found) == 64
    assert found["0000.csv"].warnings == ("136 members after the first 64 are not opened",)


def test_of_thousands_of_members_that_no_name_tells_a_few_are_opened() -> None:
    data = make_zip({f"{i:05}.txt": b"Dear reader" + bytes(100_000) for i in range(300)}, zipfile.ZIP_STORED)
    file, receipt = open_bytes(data)
    with pytest.raises(UnreadableFileError, match="236 members after the first 64 are not opened"):
        file_formats()["zip"].read_schema(file, None, LIMITS)
    assert receipt.get_requests <= 66


def test_a_list_of_a_hundred_thousand_members_is_refused() -> None:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for i in range(80_000):
            archive.writestr(zipfile.ZipInfo(f"{i:09}.csv"), b"")
    with pytest.raises(UnreadableFileError, match="list of its members is longer"):
        read("zip", sink.getvalue())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_member_that_unpacks_to_many_times_its_size_is_read_from_its_head(method: int) -> None:
    data = make_zip({"zeros.csv": b"id,name\n" + b"1,a\n" * 2_000_000}, method)
    if method == zipfile.ZIP_LZMA:
        with pytest.raises(UnreadableFileError, match="method that is not read"):
            read("zip", data)
        return
    schema = read("zip", data)
    assert (types(schema), schema.row_count) == ({"id": "bigint", "name": "string"}, None)


def test_a_large_compressed_member_that_is_read_from_its_end_says_why_not() -> None:
    with pytest.raises(UnreadableFileError, match="lies beyond its first"):
        read("zip", make_zip({"big.parquet": parquet(1_000_000)}))


def test_members_that_overlap_or_lie_about_their_size_are_bounded() -> None:
    data = bytearray(make_zip({"a.csv": CSV * 100}))
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 2**32 - 2)
    with pytest.raises(UnreadableFileError):
        read("zip", bytes(data))


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("zip", b"", "0 bytes"),
        ("zip", make_zip({}), "archive is empty"),
        ("zip", make_zip({"a.csv": CSV})[:-30], "truncated"),
        ("zip", CSV, "text"),
        ("zip", make_zip({"a.pdf": b"%PDF"}), "no known format"),
        ("tar", b"", "0 bytes"),
        ("tar", CSV, "text"),
        ("tar", make_tar({"a.pdf": b"%PDF"}), "no known format"),
    ],
)
def test_an_archive_without_a_table_is_refused_with_the_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(name, data)


def test_a_tar_that_is_cut_says_so() -> None:
    data = make_tar({"a.csv": CSV, "b.csv": CSV * 2000})
    schema = read("tar", data[:4000])
    assert any("cut or corrupt" in warning or "cut off" in warning for warning in schema.warnings)


@pytest.mark.parametrize("name", WRITERS)
def test_hints_are_for_every_member_and_one_that_does_not_fit_is_told(name: str) -> None:
    limits = ReadLimits(hints=ReadHints(types={"id": read_type("decimal(5,2)")}))
    found = members(name, WRITERS[name]({"a.csv": b"id\n1\n2.5\n", "b.jsonl": b'{"id": 1}\n', "c.jsonl": b'{"id": "x"}\n'}), limits=limits)
    assert {member: types(schema) for member, schema in found.items()} == {
        "a.csv": {"id": "decimal(5,2)"},
        "b.jsonl": {"id": "decimal(5,2)"},
    }
    assert found["a.csv"].warnings == ("member c.jsonl: the hint does not fit: column 'id' is said to be decimal(5,2), and 'x' is none",)


@pytest.mark.parametrize("name", WRITERS)
def test_hints_that_fit_no_member_are_an_error(name: str) -> None:
    limits = ReadLimits(hints=ReadHints(rows="data.items"))
    with pytest.raises(HintError, match=r"member a\.json: the hint does not fit: .*there is no 'data' at the top; the keys there are x"):
        members(name, WRITERS[name]({"a.json": b'{"x": 1}'}), limits=limits)


@pytest.mark.parametrize("name", WRITERS)
def test_rows_of_a_member_that_is_not_read_to_its_end_are_estimated(name: str) -> None:
    lines = b"".join(b'{"id": %d}\n' % i for i in range(20_000))
    archive = WRITERS[name]({"events.jsonl": lines, "after.csv": CSV})
    found = members(name, archive, limits=ReadLimits(tail_of_text=True))
    estimate = found["events.jsonl"].row_estimate
    assert estimate is not None
    assert estimate.low <= 20_000 <= estimate.high
    assert found["after.csv"].row_count == 2
