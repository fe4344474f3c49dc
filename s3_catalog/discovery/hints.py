"""Hints of the configuration find their tables: a glob over keys, and what people say of the files of every table that it meets.

Hints change nothing about grouping. They become a layout's `options`, which the readers of its files believe and check; a hint for a
partition column, whose values stand in the keys, is checked here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from s3_catalog.discovery.layouts import LayoutDraft
from s3_catalog.discovery.scopes import ROOT_SCOPE, scope_of_key
from s3_catalog.errors import ConfigError, HintError
from s3_catalog.formats._hints import read_options
from s3_catalog.formats._type_hints import describe_misfit
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.model.tables import UNSTRUCTURED, Partition, TableLayout
from s3_catalog.model.types import type_text
from s3_catalog.storage import printable

if TYPE_CHECKING:
    import duckdb

_MAX_ALTERNATIVES = 1000
_TABLES_OF_KEYS = "SELECT DISTINCT a.layout FROM assigned a JOIN objects o USING (i) WHERE regexp_full_match(? || o.key, ?)"
_TOKEN = re.compile(
    r"""(?P<below>(?:(?<=/)|^)\*\*\Z)|(?P<across>(?:(?<=/)|^)\*\*/+)|(?P<star>\*+)|(?P<one>\?)|(?P<slash>/+)
    |\[(?P<negated>[!^]?)(?P<members>\](?:\[:\w+:\]|[^]/])*|(?:\[:\w+:\]|[^]/])+)\]|\\(?P<escaped>.)|(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
"""What a glob is made of."""
_WILD = re.compile(r"[*?\[{]")
_COMPACT_DATE = re.compile(r"\A(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHint:
    """What people say of every table that has an object whose key matches `path`, a glob over whole keys; see `ReadHints.write_options`."""

    path: str
    options: tuple[tuple[str, str], ...]


def read_glob(pattern: str) -> str:
    r"""Compile a glob to RE2, which columns of keys are matched with; it matches what `include` and `exclude` match.

    `*` and `?` stay within a segment, `**` crosses segments, `{a,b}` are alternatives, `[a-c]` and `[!a-c]` are classes. A pattern without
    `/` matches the last segment at any depth; one that ends in `/` means everything below it.

    >>> read_glob("exports/*.csv")
    '(?s)(?:exports/+[^/]*\\.csv/*)'

    Raises:
        ConfigError: it cannot be understood.
    """
    whole = pattern + "**" if pattern.endswith("/") else pattern if "/" in pattern else f"**/{pattern}"
    expression = f"(?s)(?:{'|'.join(_translate(plain) for plain in _expand(whole))})"
    try:
        pc.match_substring_regex(pa.array([""]), expression)
    except pa.ArrowException as error:
        raise ConfigError(f"the pattern {printable(pattern)!r} is not a glob") from error
    return expression


def _expand(pattern: str) -> list[str]:
    """The patterns that one with braces stands for; braces without a comma are characters like others."""
    start = -1
    while (start := pattern.find("{", start + 1)) >= 0:
        if pattern[start - 1 : start] == "\\":
            continue
        depth, parts = 0, [start + 1]
        for position in range(start, len(pattern)):
            depth += {"{": 1, "}": -1}.get(pattern[position], 0)
            if pattern[position] == "," and depth == 1:
                parts.append(position + 1)
            if depth == 0:
                break
        if depth == 0 and len(parts) > 1:
            ends = [*(part - 1 for part in parts[1:]), position]
            middles = [pattern[first:last] for first, last in zip(parts, ends, strict=True)]
            found = [one for middle in middles for one in _expand(pattern[:start] + middle + pattern[position + 1 :])]
            if len(found) > _MAX_ALTERNATIVES:
                raise ConfigError(f"the pattern {printable(pattern)!r} has more than {_MAX_ALTERNATIVES} alternatives")
            return found
    return [pattern]


def _translate(pattern: str) -> str:
    written = ""
    for token in _TOKEN.finditer(pattern):
        kind = token.lastgroup or ""
        if kind == "members":
            members = token["members"].replace("\\", "\\\\")
            written += f"[^/{members}]" if token["negated"] else f"[{members}]"
        elif kind in ("escaped", "other"):
            written += re.escape(token[kind])
        else:
            written += {"below": ".*", "across": "(?:.*/)?", "star": "[^/]*", "one": "[^/]", "slash": "/+"}[kind]
    return f"{written}/*"


def apply_hints(
    connection: duckdb.DuckDBPyConnection, drafts: Sequence[LayoutDraft], hints: Sequence[TableHint], base: str
) -> tuple[list[LayoutDraft], tuple[str, ...]]:
    """Give drafts the hints that meet one of their objects; later hints win field by field, what a pin of people says wins over all.

    Returns: the drafts, and the paths of hints that meet no table.
    """
    met: list[list[TableHint]] = [[] for _ in drafts]
    unused = []
    for hint in hints:
        found = connection.execute(_TABLES_OF_KEYS, [base, read_glob(hint.path)]).fetchall()
        tables = [layout for (layout,) in found if drafts[layout].format != UNSTRUCTURED]
        for layout in tables:
            met[layout].append(hint)
        if not tables:
            unused.append(hint.path)
    return [_with_hints(draft, own) for draft, own in zip(drafts, met, strict=True)], tuple(unused)


def _with_hints(draft: LayoutDraft, hints: Iterable[TableHint]) -> LayoutDraft:
    said = {**dict(draft.defaults), **dict(pair for hint in hints for pair in hint.options), **dict(draft.options)}
    in_path = {column.name for column in draft.columns}
    types = {name: type_text(wanted) for name, wanted in read_options(said.items()).types.items() if name in in_path}
    return replace(draft, options=tuple(sorted(said.items())), pinned_types={**draft.pinned_types, **types})


def find_partition_misfits(tables: Iterable[tuple[TableLayout, Sequence[Partition]]]) -> dict[str, str]:
    """Identity -> error of the tables with a hint that does not fit a partition column."""
    found = {layout.identity: _find_misfit(layout, partitions) for layout, partitions in tables}
    return {identity: str(error) for identity, error in found.items() if error is not None}


def _find_misfit(layout: TableLayout, partitions: Sequence[Partition]) -> HintError | None:
    """Check hints against the values in the keys, and where a log tells the type of a partition column, against that."""
    hints = read_options(layout.options)
    for index, column in enumerate(layout.partition_columns):
        wanted = hints.types.get(column.name)
        if wanted is None:
            continue
        if type_text(column.type) != type_text(wanted):
            reason = f"partition column {column.name!r} is said to be {type_text(wanted)}, and the log says {type_text(column.type)}"
            return HintError(layout.location, layout.format, reason)
        values = dict.fromkeys(value for partition in partitions if (value := partition.values[index]) is not None)
        misfit = None if _are_all(values, wanted) else next(value for value in values if not _are_all([value], wanted))
        if misfit is not None:
            return HintError(layout.location, layout.format, f"partition {describe_misfit(column.name, wanted, misfit)}")
    return None


def _are_all(values: Iterable[str], wanted: pa.DataType) -> bool:
    # Stricter than for texts in files: engines read the values of a path as they stand there. Dates may do without their hyphens.
    texts = [_COMPACT_DATE.sub(r"\1-\2-\3", value) if pt.is_date(wanted) else value for value in values]
    try:
        pa.array(texts, pa.string()).cast(wanted)
    except pa.ArrowException:
        return False
    return True


def was_listed(path: str, scopes: Sequence[str] | None, failed: Sequence[FailedPrefix], *, base: str, depth: int) -> bool:
    """Whether a crawl of some scopes (None: of all) has seen every key that a glob can match."""
    literal = path[: match.start()] if (match := _WILD.search(path)) else path
    literal = literal if "/" in path else ""
    if any(one.prefix.startswith(literal) or literal.startswith(one.prefix) for one in failed):
        return False
    if scopes is None:
        return True
    scope = scope_of_key(literal[: literal.rfind("/") + 1], base=base, depth=depth)
    return scope != ROOT_SCOPE and scope in scopes and scope.removeprefix(base).count("/") == depth
