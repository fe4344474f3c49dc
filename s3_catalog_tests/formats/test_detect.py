from __future__ import annotations

import bz2
import gzip

import pytest

from s3_catalog.formats._detect import detect_format


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"id,name\n1,a\n2,b\n", ("csv", None)),
        (b"id;name\n1;a\n2;b\n", ("csv", None)),
        (b"id\tname\n1\ta\n2\tb\n", ("tsv", None)),
        (b"id,name\n1,a\n2,b\n3,c", ("csv", None)),
        (b'{"id": 1}', ("json", None)),
        (b'[{"id": 1}, {"id": 2}]', ("json", None)),
        (b'[{"id": 1}, {"id', ("json", None)),
        (b'{"id": 1}\n{"id": 2}\n', ("jsonl", None)),
        (b'{"id": 1}\n{"id": 2}\n{"i', ("jsonl", None)),
        (gzip.compress(b'{"id": 1}\n{"id": 2}\n'), ("jsonl", "gzip")),
        (bz2.compress(b"id,name\n1,a\n2,b\n"), ("csv", "bz2")),
        (b"PAR1" + bytes(60), ("parquet", None)),
        (b"ORC\n\x00\x01" + bytes(60), ("orc", None)),
        (b"Obj\x01" + bytes(60), ("avro", None)),
        (b"ARROW1\x00\x00" + bytes(60), ("arrow_ipc", None)),
        (b"ORC,name\n1,a\n2,b\n", ("csv", None)),
        (b"Dear reader, this is a letter.\nIt has lines, but no columns, none at all.\n", None),
        (b"one\ntwo\nthree\n", None),
        (b"<html><body>a,b</body></html>", None),
        (b"%PDF-1.7", None),
        (b"\x1f\x8b\x08 not really gzip", None),
        (bytes(range(256)), None),
        (b"", None),
    ],
)
def test_format_and_compression_are_told_from_the_first_bytes(head: bytes, expected: tuple[str, str | None] | None) -> None:
    assert detect_format(head) == expected
