"""Tags that need no look at a row: by a table's path, size and format, and those that every table has.

In: a table, its objects, and the rules of the configuration. Out: tags with their reasons. `settle_tags` then makes one list of these and
of all other tags of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa

from s3_catalog.errors import ConfigError
from s3_catalog.model.description import Tag
from s3_catalog.model.tables import Table
from s3_catalog.storage import printable
from s3_catalog.tagging._paths import match_path

_T = TypeVar("_T")

DEFAULT, BUCKET_TAG, PREFIX = "default", "bucket tag", "prefix"
PATH, SIZE, FORMAT, OBJECT_TAG, SIDECAR = "path", "size", "format", "object tag", "sidecar"
"""Names of the rules, as `Tag.rule` has them."""
_WEAK = {DEFAULT: 0, BUCKET_TAG: 1, PREFIX: 2}
"""Rules that say what holds while nobody says it more closely, the weakest first."""

_CLASSIFICATION = re.compile(r"\w(?:[\w -]{0,98}\w)?")
_TAG = re.compile(r'[^\s"<>](?:[^"<>]{0,254}[^\s"<>])?')
_COMPACT_PARTS = re.compile(r"[;,\n]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRules:
    """What people set about tags. A tag is `Classification.Tag`; the first dot parts them.

    `paths` are (keyword or glob, tag); `prefixes` (key prefix ending in `/`, tag), of which the longest speaks for its classification;
    `sizes` (bytes at least, tag), of which the largest does; `formats` (name of a format, tag). `object_tags` and `bucket_tags` are (key
    of a tag in the store, classification): the tag's value becomes the tag.
    """

    default: tuple[str, ...] = ()
    paths: tuple[tuple[str, str], ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    sizes: tuple[tuple[int, str], ...] = ()
    formats: tuple[tuple[str, str], ...] = ()
    object_tags: tuple[tuple[str, str], ...] = ()
    bucket_tags: tuple[tuple[str, str], ...] = ()


def check_tag_name(name: str) -> str:
    """Refuse what is no `Classification.Tag`; returns the name.

    >>> check_tag_name("PII.Email")
    'PII.Email'

    Raises:
        ConfigError: there is no dot, one side of it is empty, too long, or holds characters that no catalog takes.
    """
    if not is_tag_name(name):
        raise ConfigError("not a tag: write Classification.Tag, like PII.Email or Tier.Gold")
    return name


def is_tag_name(name: str) -> bool:
    """Whether a text is a `Classification.Tag` that every catalog takes."""
    classification, _, tag = name.partition(".")
    return bool(_CLASSIFICATION.fullmatch(classification) and _TAG.fullmatch(tag) and "::" not in tag and tag.isprintable())


def check_classification(name: str) -> str:
    """Refuse what is no name of a classification; returns the name.

    Raises:
        ConfigError: it holds a dot, or characters that no catalog takes.
    """
    if not _CLASSIFICATION.fullmatch(name):
        raise ConfigError("not a classification: write one name without a dot, like Team")
    return name


def read_compact_tags(text: str) -> list[tuple[str, str]]:
    """Read the short form `keyword:Classification.Tag; keyword:...`; a keyword may have several tags, parted by commas.

    >>> read_compact_tags("pii:PII.PersonalData; pay:PII.Sensitive, Finance.CriticalData")
    [('pii', 'PII.PersonalData'), ('pay', 'PII.Sensitive'), ('pay', 'Finance.CriticalData')]

    Raises:
        ConfigError: a tag stands before any keyword, or a keyword is empty.
    """
    found: list[tuple[str, str]] = []
    keyword = ""
    for part in filter(None, (part.strip() for part in _COMPACT_PARTS.split(text))):
        before, colon, tag = part.rpartition(":")
        keyword = before.strip() if colon else keyword
        if not keyword or not tag.strip():
            raise ConfigError("not a list of rules: write keyword:Classification.Tag; keyword:Classification.Tag")
        found.append((keyword, tag.strip()))
    return found


def tag_by_rules(table: Table, objects: pa.Table, rules: TagRules) -> Iterator[Tag]:
    """Tags of a table by everything but its content and what is written beside it.

    Args:
        objects: those of the table, with a column `key`.
    """
    layout = table.layout
    yield from (Tag(name=name, rule=DEFAULT, why="every table has it") for name in rules.default)
    for text, name in rules.paths:
        match = match_path(text, layout, objects)
        if match is not None:
            yield Tag(name=name, rule=PATH, why=match.why, confidence=match.share)
    prefixes = sorted((rule for rule in rules.prefixes if layout.location.startswith(rule[0])), key=lambda rule: -len(rule[0]))
    for prefix, name in _one_per_classification(prefixes):
        yield Tag(name=name, rule=PREFIX, why=f"it lies below {prefix!r}")
    sizes = sorted((rule for rule in rules.sizes if layout.size_bytes >= rule[0]), key=lambda rule: -rule[0])
    for least, name in _one_per_classification(sizes):
        yield Tag(name=name, rule=SIZE, why=f"{size_text(layout.size_bytes)}, at least {size_text(least)}")
    yield from (Tag(name=name, rule=FORMAT, why=f"its format is {fmt}") for fmt, name in rules.formats if fmt == table.format)


def _one_per_classification(rules: Sequence[tuple[_T, str]]) -> list[tuple[_T, str]]:
    first: dict[str, tuple[_T, str]] = {}
    for rule in rules:
        first.setdefault(rule[1].partition(".")[0], rule)
    return list(first.values())


def settle_tags(tags: Iterable[Tag], columns: Sequence[str] = ()) -> tuple[Tag, ...]:
    """One list of all tags of a table: one tag per name and column, the table's first, then by column, then by name.

    What is said of every table, of the bucket or of a folder gives way to what is said more closely of this table in the same
    classification. Where several rules give one tag, their names and reasons are joined, and the greatest confidence counts.

    Args:
        columns: the table's, in their order.
    """
    joined: dict[tuple[str | None, str], list[Tag]] = {}
    for tag in _without_weaker(list(tags)):
        joined.setdefault((tag.column, tag.name), []).append(tag)
    order = {name: index for index, name in enumerate(columns)}

    def place(tag: Tag) -> tuple[bool, int, str, str]:
        column = tag.column or ""
        return tag.column is not None, order.get(column, len(order)), column, tag.name

    return tuple(sorted((_join(same) for same in joined.values()), key=place))


def _without_weaker(tags: Sequence[Tag]) -> list[Tag]:
    strongest: dict[str, int] = {}
    for tag in tags:
        if tag.column is None:
            classification = tag.name.partition(".")[0]
            strongest[classification] = max(strongest.get(classification, 0), _WEAK.get(tag.rule, len(_WEAK)))
    return [
        tag for tag in tags if tag.column is not None or tag.rule not in _WEAK or _WEAK[tag.rule] == strongest[tag.name.partition(".")[0]]
    ]


def _join(tags: Sequence[Tag]) -> Tag:
    return Tag(
        name=tags[0].name,
        column=tags[0].column,
        rule=", ".join(dict.fromkeys(tag.rule for tag in tags)),
        why="; ".join(dict.fromkeys(printable(tag.why) for tag in tags)),
        confidence=max(tag.confidence for tag in tags),
    )


def size_text(size: int) -> str:
    """Write a number of bytes for people.

    >>> size_text(7_730_941_132), size_text(1 << 30), size_text(999)
    ('7.2 GiB', '1 GiB', '999 bytes')
    """
    unit, value = "bytes", float(size)
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024:
            break
        unit, value = larger, value / 1024
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"
