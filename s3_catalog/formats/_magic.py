"""What bytes are, by the signature at their start: for messages, and to know a file whose name lies."""

from __future__ import annotations

import re

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "Parquet"),
    (b"PARE", "encrypted Parquet"),
    (b"ORC", "ORC"),
    (b"ARROW1", "Arrow IPC"),
    (b"FEA1", "Feather version 1"),
    (b"Obj\x01", "Avro"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"PK\x03\x04", "a zip archive (or an office document)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive"),
    (b"Rar!", "a rar archive"),
    (b"%PDF", "PDF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an OLE document (old or encrypted Office file)"),
    (b"\x89HDF", "HDF5"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"\x7fELF", "a program (ELF)"),
    (b"CDF\x01", "NetCDF"),
    (b"-----BEGIN PGP", "PGP-encrypted data"),
    (b"Salted__", "OpenSSL-encrypted data"),
    (b"age-encryption.org", "age-encrypted data"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_MARKUP = re.compile(rb"\s*<(?:\?xml|!DOCTYPE|!--|html|[A-Za-z][\w:.-]*[\s>/])", re.IGNORECASE)
_TEXT_CONTAINERS = (b"%PDF-", b"-----BEGIN PGP", b"Salted__", b"age-encryption.org")
_BOM = b"\xef\xbb\xbf"
_CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\x1b\x01\x02\x03\x1a"))
"""C0 controls that text does not hold; \\x01 to \\x03 separate fields in Hive's text tables, \\x1a ends DOS files."""


def describe_bytes(head: bytes) -> str:
    """Say in a few words what bytes are, without a value of theirs.

    >>> describe_bytes(b"%PDF-1.7 ...")
    'PDF'
    >>> describe_bytes(b"id;name")
    'text'
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if not head:
        return "nothing"
    if _PICKLE.match(head):
        return "a Python pickle"
    if not head.strip(b"\x00"):
        return "zero bytes only"
    if not is_binary(head):
        return "XML or HTML" if is_markup(head) else "text"
    return "binary data of an unknown or encrypted kind"


def is_markup(head: bytes) -> bool:
    """Whether text begins as XML or HTML does."""
    return _MARKUP.match(head.removeprefix(_BOM)) is not None


def is_binary(head: bytes) -> bool:
    """Whether bytes hold control characters that no 8-bit text has (UTF-16 is text), or begin a printable document or cipher."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or utf16_byte_order(head) is not None:
        return False
    if head.startswith(_TEXT_CONTAINERS):
        return True
    sample = head[:65536]
    controls = len(sample) - len(sample.translate(None, _CONTROL_BYTES))
    return b"\x00" in sample or controls * 100 > len(sample)


def utf16_byte_order(head: bytes) -> str | None:
    """Name the byte order of UTF-16 text without a byte-order mark ("le" or "be"); None when it is something else.

    Mostly Latin letters are assumed: every other byte is zero, and the bytes between are text.
    """
    sample = head[: min(len(head), 4096) & ~1]
    if len(sample) < 4:
        return None
    for order, zeros, letters in (("le", sample[1::2], sample[0::2]), ("be", sample[0::2], sample[1::2])):
        printable = len(letters) - len(letters.translate(None, _CONTROL_BYTES))
        if zeros.count(0) * 10 >= len(zeros) * 7 and letters.count(0) == 0 and printable == 0:
            return order
    return None
