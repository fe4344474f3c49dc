"""The page as bytes: markup, style, script, and the data in between, one block of JSON for each thing.

The browser is told to run this script and to use this style alone (their digests stand in the page's policy) and to fetch nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, BinaryIO

from s3_catalog.storage import printable

_STYLES = ("page.css", "parts.css")
_SCRIPTS = ("dom.js", "format.js", "charts.js", "search.js", "overview.js", "columns.js", "table.js", "page.js")
_HARMLESS = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\x7f": "\\u007f"})


def write_document(
    target: BinaryIO, overview: Mapping[str, Any], tables: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]
) -> tuple[int, int]:
    """Write the page: overview, then each table's head (what search needs) and its page, each as soon as it comes.

    Returns: the number of tables and of bytes.
    """
    count, size = 0, 0
    before, after = _page_parts(str(overview["title"]))

    def write(text: str) -> None:
        nonlocal size
        data = text.encode("utf-8")
        size += len(data)
        target.write(data)

    write(before)
    write(_block("overview", overview))
    for head, page in tables:
        write(_block("head", head))
        write(_block("page", page))
        count += 1
    write(after)
    return count, size


def encode(value: object) -> str:
    r"""Write JSON that can stand in HTML: ASCII alone, no markup, so that neither encoding nor `</script>` can break it.

    >>> encode("</script>\u2028\ud800")
    '"\\u003c/script\\u003e\\u2028\\ud800"'

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_HARMLESS)


def _block(kind: str, value: object) -> str:
    return f'<script type="application/json" class="{kind}">{encode(value)}</script>\n'


def _page_parts(title: str) -> tuple[str, str]:
    """The page before and after its data."""
    style, script = _read_all(_STYLES), _read_all(_SCRIPTS)
    fields = {
        "title": escape(printable(title)),
        "style": style,
        "style_digest": _digest(style),
        "script": script,
        "script_digest": _digest(script),
    }
    before, _, after = _read("page.html").partition("@data@\n")
    return _fill(before, fields), _fill(after, fields)


def _fill(markup: str, fields: Mapping[str, str]) -> str:
    return re.sub("@([a-z_]+)@", lambda place: fields[place[1]], markup)


def _read_all(names: Iterable[str]) -> str:
    return "\n".join(_read(name) for name in names)


@cache
def _read(name: str) -> str:
    # A browser reads CR LF as LF before it takes the digest.
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8").replace("\r\n", "\n")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
