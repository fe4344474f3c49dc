"""Names as OpenMetadata takes them, and back.

The rule, whose inverse is `decode_name`: what OpenMetadata's own client reserves (`::` `>` `"`, line ends, tabs) is written as it writes
it, `__reserved__colon__`; a name of more than 256 characters keeps its first 239 and ends in `~` and 16 digits of its digest, and its
display name is the whole name. All else goes as it is: dots, slashes, blanks, emoji, digits alone, names equal but for case. Refused is,
by name, what cannot come back: characters that no text holds (NUL, other controls, lone surrogates), and names with a reserved mark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from urllib.parse import quote

MAX_NAME = 256
MAX_FQN = 3072

_RESERVED = {
    "::": "__reserved__colon__",
    ">": "__reserved__arrow__",
    '"': "__reserved__quote__",
    "\n": "__reserved__newline__",
    "\r": "__reserved__carriage_return__",
    "\t": "__reserved__tab__",
}
_MARK = "__reserved__"
_UNNAMEABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_DIGEST_DIGITS = 16


class UnnameableError(ValueError):
    """A name that OpenMetadata cannot hold so that it could be read back. The message names it."""


def encode_name(name: str) -> str:
    """Write one part of a name (a table, a column) as OpenMetadata stores it.

    >>> encode_name("a::b"), encode_name("sales.2024")
    ('a__reserved__colon__b', 'sales.2024')

    Raises:
        UnnameableError: it holds a character that no text can hold, or a reserved mark.
    """
    if _UNNAMEABLE.search(name):
        raise UnnameableError(f"the name {name!a} holds control characters or broken Unicode, which OpenMetadata cannot keep")
    if _MARK in name:
        raise UnnameableError(f"the name {name!r} contains {_MARK}, which OpenMetadata reads as another character")
    for text, mark in _RESERVED.items():
        name = name.replace(text, mark)
    return name


def decode_name(name: str) -> str:
    """Undo `encode_name`.

    >>> decode_name(encode_name('a "quoted" > name'))
    'a "quoted" > name'
    """
    for text, mark in _RESERVED.items():
        name = name.replace(mark, text)
    return name


def shorten_name(encoded: str) -> str:
    """Cut a name to what an entity may be called; names that differ anywhere stay different."""
    if len(encoded) <= MAX_NAME:
        return encoded
    digest = hashlib.sha256(encoded.encode()).hexdigest()[:_DIGEST_DIGITS]
    return f"{encoded[: MAX_NAME - _DIGEST_DIGITS - 1]}~{digest}"


def join_fqn(parts: Iterable[str]) -> str:
    """Join encoded names to a fully qualified name: parts with a dot are quoted.

    >>> join_fqn(["svc", "lake", "s", "my.table v1"])
    'svc.lake.s."my.table v1"'

    Raises:
        UnnameableError: the whole is longer than OpenMetadata allows.
    """
    joined = ".".join(f'"{part}"' if "." in part else part for part in parts)
    if len(joined) > MAX_FQN:
        raise UnnameableError(f"the fully qualified name {joined[:60]}… has {len(joined)} characters, OpenMetadata allows {MAX_FQN}")
    return joined


def split_fqn(fqn: str) -> list[str]:
    """The parts of a fully qualified name.

    >>> split_fqn('svc.lake.s."my.table v1"')
    ['svc', 'lake', 's', 'my.table v1']
    """
    return [match[1] if match[1] is not None else match[2] for match in _PART.finditer(fqn)]


def quote_path(text: str) -> str:
    """Percent-encode a name for the path of a request, slashes and dots in quotes too."""
    return quote(text, safe="")
