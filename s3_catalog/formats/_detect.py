"""The format of a file whose name says nothing, by its first bytes."""

from __future__ import annotations

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import file_formats
from s3_catalog.formats._compression import decompress_head, detect_compression

_DETECT_BYTES = 256 * 1024


def detect_format(head: bytes) -> tuple[str, str | None] | None:
    r"""Name format and compression (None when plain) of a file by its first bytes; None when no format is certain.

    Signatures decide for binary formats; text is JSON, or delimited when all rows have the same number of cells, two or more.

    >>> detect_format(b'{"id": 1}\n{"id": 2}\n')
    ('jsonl', None)
    """
    compression = detect_compression(head)
    if compression is not None:
        try:
            head = decompress_head(head, compression, _DETECT_BYTES).data
        except UnreadableFileError:
            return None
    if not head:
        return None
    name = next((name for name, file_format in file_formats().items() if file_format.matches(head)), None)
    return (name, compression) if name is not None else None
