"""Where a table is, held against a keyword or a glob of people: its location first, then the keys of its objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.hints import read_glob
from s3_catalog.model.tables import MEMBER_MARK, TableLayout
from s3_catalog.tagging._names import split_name

_GLOB = re.compile(r"[*?\[{/]")


@dataclass(frozen=True, slots=True)
class PathMatch:
    """Why a table matches, in words, and the share of its keys that do (1.0 where its location does)."""

    why: str
    share: float


def is_glob(text: str) -> bool:
    """Whether a text is a glob; else it is a keyword.

    >>> is_glob("finance/"), is_glob("*.csv"), is_glob("pii")
    (True, True, False)
    """
    return _GLOB.search(text) is not None


def match_path(text: str, layout: TableLayout, objects: pa.Table) -> PathMatch | None:
    """Hold a table against a keyword (whole words of its path, in any case) or a glob as in `include`.

    Args:
        objects: those of the table, with a column `key`.

    Raises:
        ConfigError: the glob cannot be understood.
    """
    if is_glob(text):
        return _match_glob(text, layout, objects)
    words = split_name(text)
    if any(_has_word(segment, text, words) for segment in layout.location.split("/")):
        return PathMatch(f"the path holds the word {text!r}", 1.0)
    return _match_keys(_word_expression(text), objects, f"hold the word {text!r}")


def _match_glob(text: str, layout: TableLayout, objects: pa.Table) -> PathMatch | None:
    expression = _glob_expression(text)
    places = pa.array([layout.location, layout.location.rpartition(MEMBER_MARK)[0] or layout.location])
    if pc.any(pc.match_substring_regex(places, expression)).as_py():
        return PathMatch(f"the path matches {text!r}", 1.0)
    return _match_keys(expression, objects, f"match {text!r}")


def _match_keys(expression: str, objects: pa.Table, what: str) -> PathMatch | None:
    found = pc.sum(pc.match_substring_regex(objects.column("key"), expression)).as_py() or 0
    return PathMatch(f"{found:,} of {objects.num_rows:,} keys {what}", round(found / objects.num_rows, 3)) if found else None


def _has_word(segment: str, keyword: str, words: tuple[str, ...]) -> bool:
    if segment.casefold() == keyword.casefold():
        return True
    return bool(words) and f"_{'_'.join(words)}_" in f"_{'_'.join(split_name(segment))}_"


@cache
def _word_expression(keyword: str) -> str:
    # Keys are many: RE2 looks at them as a column, so that only what parts words in any script ends one here, not a change of case.
    inner = r"[^\pL\pN/]+".join(re.escape(part) for part in re.split(r"[\W_]+", keyword) if part) or re.escape(keyword)
    return rf"(?i)(?:^|[^\pL\pN]){inner}(?:[^\pL\pN]|$)"


@cache
def _glob_expression(text: str) -> str:
    return rf"\A(?:{read_glob(text)})\z"
