"""Bytes to text: which encoding, decided once for all formats that are text."""

from __future__ import annotations

import codecs
import re
import string
from dataclasses import dataclass

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._magic import describe_bytes, is_binary, utf16_byte_order

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_IMPOSSIBLE = re.compile("[\x00\ufffe]")
"""A zero character, and a byte-order mark read in the other order."""
_GUESS_BYTES = 16 * 1024
_WESTERN_SHARE = 0.4
"""Of the letters of Western text in an 8-bit encoding, fewer than this share are above 127; other scripts have far more."""
_ASCII_LETTERS = string.ascii_letters.encode()
_HIGH_BYTES = bytes(range(128, 256))


@dataclass(frozen=True, slots=True)
class Text:
    """Decoded text, its encoding as Python names it, whether it began with a byte-order mark, and what was wrong with its bytes."""

    text: str
    encoding: str
    marked: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def start(self) -> int:
        """Where in the bytes the text begins."""
        return len("\ufeff".encode(self.encoding)) if self.marked else 0


class NotTextError(ValueError):
    """Bytes that are no text in any encoding known here; the message says what they are."""


def decode_head(key: str, file_format: str, data: bytes, *, whole: bool, hints: ReadHints) -> Text:
    """Decode the head of a text file by the encoding that people say it has, else by the one its bytes tell.

    Raises:
        UnreadableFileError: no text.
        HintError: no encoding of that name, or bytes that are not of it.
    """
    try:
        if hints.encoding is None:
            return decode_text(data, whole=whole)
        return _decode_as(hints.encoding, data, whole)
    except UnicodeDecodeError as error:
        raise HintError(key, file_format, f"the bytes at {error.start:,} are not {hints.encoding} ({describe_bytes(data)})") from error
    except (LookupError, UnicodeError) as error:
        raise HintError(key, file_format, f"Python knows no text encoding {hints.encoding!r}") from error
    except NotTextError as error:
        raise UnreadableFileError(key, file_format, str(error)) from error


def _decode_as(name: str, data: bytes, whole: bool) -> Text:
    "".encode(name)  # refuses codecs that are not of text, as hex
    encoding = codecs.lookup(name).name.removesuffix("-sig").replace("iso8859", "iso-8859")
    if encoding in ("idna", "punycode"):  # of host names, not of files
        raise LookupError(name)
    mark = next((mark for mark, marked in _MARKS if data.startswith(mark) and marked.startswith(encoding)), b"")
    if encoding in ("utf-16", "utf-32"):
        encoding += "-be" if mark in (codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE) else "-le"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data[len(mark) :], final=whole)
    except UnicodeDecodeError as error:
        raise UnicodeDecodeError(encoding, data, len(mark) + error.start, len(mark) + error.end, error.reason) from error
    impossible = _IMPOSSIBLE.search(text)
    if impossible:
        start = len(mark) + len(text[: impossible.start()].encode(encoding))
        raise UnicodeDecodeError(encoding, data, start, start + 1, "no character of text")
    return Text(text, encoding, marked=bool(mark))


def decode_text(data: bytes, *, whole: bool) -> Text:
    """Decode the head of a text file; a last character that is cut is dropped when the head is not the whole file.

    Order: byte-order mark, UTF-8, UTF-16 without a mark, Windows-1252 or ISO-8859-1 for text that is mostly ASCII, else what
    charset-normalizer finds most coherent.

    Raises:
        NotTextError: binary bytes, or bytes that contradict their own mark.

    >>> decode_text("Köln".encode("cp1252"), whole=True).encoding
    'iso-8859-1'
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _decode(data[len(mark) :], encoding, whole)
            if text is None or "\x00" in text:
                raise NotTextError(f"the bytes do not follow their byte-order mark ({encoding})")
            return Text(text, encoding, marked=True)
    if is_binary(data):
        raise NotTextError(f"the bytes are {describe_bytes(data)}")
    order = utf16_byte_order(data)
    if order is not None:
        text = _decode(data, f"utf-16-{order}", whole)
        if text is not None:
            return Text(text, f"utf-16-{order}")
    text = _decode(data, "utf-8", whole)
    return Text(text, "utf-8") if text is not None else _decode_legacy(data, whole)


def _decode(data: bytes, encoding: str, whole: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=whole)
    except UnicodeDecodeError:
        return None


def _decode_damaged(data: bytes, whole: bool) -> Text | None:
    """Read UTF-8 in which a few bytes are damaged; None when it is rather another encoding."""
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data, final=whole)
    damaged = text.count("\ufffd")
    if damaged * 10 > sum(character > "\x7f" for character in text):
        return None
    return Text(text, "utf-8", warnings=(f"{damaged} characters are not UTF-8",))


def _decode_legacy(data: bytes, whole: bool) -> Text:
    damaged = _decode_damaged(data, whole)
    if damaged is not None:
        return damaged
    high = len(data) - len(data.translate(None, _HIGH_BYTES))
    letters = high + len(data) - len(data.translate(None, _ASCII_LETTERS))
    foreign = high > _WESTERN_SHARE * letters
    if foreign:
        guessed = _guess_encoding(data[:_GUESS_BYTES])
        text = _decode(data, guessed, whole) if guessed else None
        if guessed and text is not None:
            return Text(text, guessed)
    # 0x80-0x9f are control characters in ISO-8859-1 and quotes, dashes and the euro sign in Windows-1252.
    if any(0x80 <= byte < 0xA0 for byte in data):
        text = _decode(data, "cp1252", whole)
        if text is not None:
            return Text(text, "cp1252")
        if foreign:
            raise NotTextError("the bytes are binary data of an unknown or encrypted kind")
    return Text(data.decode("iso-8859-1"), "iso-8859-1")


def _guess_encoding(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best is not None else None
