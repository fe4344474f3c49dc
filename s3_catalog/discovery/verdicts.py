"""Which tables a place holds: one of many parts, several side by side, or none (a file set).

In: per place and format, the distinct words of its file names with counts (`NameGroup`). Out: `Draft`s. Pure; sees groups, never objects.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from s3_catalog.discovery.places import DATE_KINDS, PathColumn, Place
from s3_catalog.discovery.rules import DATE_MARK, GENERIC_STEM, MONTH_MARK, NUMBER_MARK, UUID_MARK, YEAR_MARK
from s3_catalog.model.tables import UNSTRUCTURED, Evidence

_GENERIC = re.compile(GENERIC_STEM)
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_FIRST_MARK = re.compile(f"[{UUID_MARK}-{NUMBER_MARK}]")
_NAME_DATES = ((DATE_MARK, "date"), (MONTH_MARK, "yearmonth"), (YEAR_MARK, "year"))
_SHARED_PREFIX_SHARE = 0.9
_HIVE_WORD_LENGTH = 3
"""Shorter names inside key=value folders (`us.parquet`, `b.csv`) are parts: such a root is nearly always one table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameGroup:
    """Files of one directory template, format and wording; `shape` and `name` are of one of them.

    `root` is set where a table format owns them; `template_directories` counts all directories of the template, `directories` those with
    these files. `unseen`: their names say nothing, and none was looked into because there were too many such groups.
    """

    id: int
    place: Place
    root: str | None = None
    format: str
    words: str
    version: str
    files: int
    directories: int
    template_directories: int
    shape: str
    name: str
    every_name_dated: bool
    unseen: bool = False

    @property
    def stem(self) -> str:
        """The words that name a table, "" where they say nothing."""
        words = "" if _GENERIC.fullmatch(self.words) else self.words
        return "_".join(part for part in (words, self.version.replace(".", "_")) if part)

    @property
    def varies(self) -> bool:
        return _FIRST_MARK.search(self.shape) is not None

    @property
    def name_date(self) -> str | None:
        """The date part every file name carries (`date`, `yearmonth`, `year`), if any."""
        return next((kind for mark, kind in _NAME_DATES if mark in self.shape), None) if self.every_name_dated else None

    @property
    def name_pattern(self) -> str:
        """A glob of the table's file names: what is common up to the first thing that varies, then the words that follow.

        It must not move when files arrive, and be another one for each stem of a folder.
        """
        mark = _FIRST_MARK.search(self.shape)
        end = mark.start() if mark else len(self.shape)
        version = self.name.lower().find(self.version) if self.version else -1
        end = max(end, version + len(self.version))
        rest = [word for word in _NOT_WORD.split(self.shape[end:]) if word]
        return self.name[:end] + "*" + "".join(f"{word}*" for word in rest)


@dataclass(slots=True, kw_only=True)
class Draft:
    """A table in the making: its name groups, and the path columns they share."""

    place: Place
    format: str
    location: str
    words: tuple[str, ...]
    groups: list[NameGroup]
    columns: tuple[PathColumn, ...]
    evidence: Evidence
    warnings: list[str] = field(default_factory=list)


def decide_place(groups: Sequence[NameGroup], *, max_tables: int) -> list[Draft]:
    """Decide on all data files of one place (one root and pattern, all formats)."""
    by_format: dict[str, list[NameGroup]] = defaultdict(list)
    for group in groups:
        by_format[group.format].append(group)
    formats = sorted(set(by_format) - {UNSTRUCTURED})
    lone = {(g.format, g.stem) for g in groups if g.format != UNSTRUCTURED and g.stem and not g.varies}
    others = sum(g.files for g in by_format.get(UNSTRUCTURED, ()))
    plain = not any(g.place.columns for g in groups)
    if plain and (len(lone) > max_tables or (len(lone) >= 10 and others >= len(lone))):
        shared = _shared_first_word(stem for _, stem in lone)
        if shared is None:
            return [_file_set(groups, f"{len(lone)} data files and {others} others whose names have nothing in common")]
    drafts = [draft for name in formats for draft in _decide_format(by_format[name], max_tables=max_tables)]
    _warn_of_copies(drafts)
    return drafts


def decide_table_root(groups: Sequence[NameGroup], reason: str) -> Draft:
    """The table of a Delta, Iceberg or Hudi root: the log says what it is, whatever its files are called.

    Iceberg's folders are named after partition transforms, which its metadata defines: they make no columns.
    """
    root, table_format = groups[0].root or "", groups[0].format
    columns, _ = _join_columns(groups)
    draft = decide_bare_root(root, table_format, reason)
    draft.groups = list(groups)
    draft.columns = () if table_format == "iceberg" else tuple(column for column in columns if column.declared)
    return draft


def decide_bare_root(root: str, table_format: str, reason: str) -> Draft:
    """The table of a root that holds a log and no data file: it has no rows yet, or none any more."""
    names = tuple(root.split("/")[:-1])
    return Draft(
        place=Place(root, "", (), names),
        format=table_format,
        location=root,
        words=names,
        groups=[],
        columns=(),
        evidence=Evidence(rule=f"{table_format} log", reason=reason, runner_up="a folder of data files"),
    )


def _decide_format(groups: list[NameGroup], *, max_tables: int) -> list[Draft]:
    place = groups[0].place
    partitioned = [g for g in groups if g.place.columns]
    if place.writer:
        why = f"{place.writer} writes one table below here"
        return [_folder_draft(groups, Evidence(rule="writer", reason=why, runner_up="one table per region and account"))]
    if not partitioned:
        return _decide_plain(groups, max_tables=max_tables)
    stems = _splitting_stems(partitioned, max_tables=max_tables)
    if stems:
        drafts = [_stem_draft([g for g in groups if g.stem == stem], "each partition repeats these file names") for stem in sorted(stems)]
        rest = [g for g in groups if g.stem not in stems]
        return drafts + ([_folder_draft(rest, _partition_evidence(rest))] if rest else [])
    inside, beside = _split_root_files(groups, partitioned)
    drafts = [_folder_draft(inside, _partition_evidence(partitioned))]
    return drafts + (_decide_plain(beside, max_tables=max_tables) if beside else [])


def _splitting_stems(partitioned: Sequence[NameGroup], *, max_tables: int) -> set[str]:
    """The file words that stand for tables of their own inside partitions: they come back in partition after partition."""
    directories: dict[str, int] = defaultdict(int)
    files: dict[str, int] = defaultdict(int)
    for group in partitioned:
        directories[group.stem] += group.directories
        files[group.stem] += group.files
    hive = any(column.declared for group in partitioned for column in group.place.columns)
    words = {stem for stem in directories if len(stem) >= (_HIVE_WORD_LENGTH if hive else 2)}
    if not 2 <= len(words) <= max_tables:
        return set()
    most = max(directories.values())
    recurring = {stem for stem in words if directories[stem] >= 2 and directories[stem] * 2 >= most}
    if len(recurring) >= 2 and len(recurring) * 2 >= len(words):
        return words if not hive else recurring
    only_partition = len({group.place for group in partitioned}) == 1 and partitioned[0].template_directories == 1
    return words if only_partition and not hive else set()


def _split_root_files(groups: Sequence[NameGroup], partitioned: Sequence[NameGroup]) -> tuple[list[NameGroup], list[NameGroup]]:
    """Files at a partitioned table's root belong to it, unless their names say otherwise."""
    root = groups[0].place.root
    hive = any(column.declared for group in partitioned for column in group.place.columns)
    same = {"", _last_word(root), *(g.stem for g in partitioned)}
    at_root = [g for g in groups if not g.place.columns]
    strangers = [g for g in at_root if g.stem not in same]
    if hive and root and len({g.stem for g in strangers}) == 1:
        strangers = []
    kept = {g.id for g in strangers}
    return [g for g in groups if g.id not in kept], strangers


def _decide_plain(groups: list[NameGroup], *, max_tables: int) -> list[Draft]:
    """A directory without partitions: parts of one table, or tables side by side."""
    root = groups[0].place.root + groups[0].place.pattern
    by_stem: dict[str, list[NameGroup]] = defaultdict(list)
    for group in groups:
        by_stem["" if group.stem == _last_word(root) else group.stem].append(group)
    if sum(not members[0].varies for stem, members in by_stem.items() if stem) > max_tables:
        reason = f"{len(by_stem)} file names share their first word"
        return [_folder_draft(groups, Evidence(rule="shared prefix", reason=reason, runner_up="one table per file"))]
    drafts = []
    for stem, members in sorted(by_stem.items()):
        files = sum(g.files for g in members)
        dated = all(g.name_date for g in members)
        alone = len(by_stem) == 1 and root and not dated and (files > 1 or members[0].varies)
        if not stem or alone:
            drafts.append(_folder_draft(members, _parts_evidence(files)))
        else:
            drafts.append(_stem_draft(members, "the words of its name stand for a table of their own"))
    return drafts


def _parts_evidence(files: int) -> Evidence:
    if files == 1:
        return Evidence(rule="single file", reason="the only file of its kind here", runner_up="a table named after the file")
    return Evidence(rule="parts", reason=f"{files} files whose names differ only in numbers, dates or ids", runner_up="one table per file")


def _folder_draft(groups: list[NameGroup], evidence: Evidence) -> Draft:
    place = max(groups, key=lambda g: (g.files, g.place.columns != ())).place
    columns, warnings = _join_columns(groups)
    return Draft(
        place=place,
        format=groups[0].format,
        location=place.root + place.pattern,
        words=place.names,
        groups=groups,
        columns=columns or _name_columns(groups),
        evidence=evidence,
        warnings=warnings,
    )


def _stem_draft(groups: list[NameGroup], reason: str) -> Draft:
    draft = _folder_draft(groups, Evidence(rule="file name", reason=reason, runner_up="one table of the whole folder"))
    first = groups[0]
    files = sum(g.files for g in groups)
    folder = first.place.root + ("**/" if draft.place.columns and not first.place.pattern else first.place.pattern)
    if files == 1 and not first.varies and not draft.place.columns:
        draft.location = first.place.root + first.place.pattern + first.name
    else:
        draft.location = folder + first.name_pattern
    draft.words = (*draft.place.names, first.stem)
    return draft


def _file_set(groups: Sequence[NameGroup], reason: str) -> Draft:
    place = groups[0].place
    return Draft(
        place=place,
        format=UNSTRUCTURED,
        location=place.root + place.pattern,
        words=place.names,
        groups=list(groups),
        columns=(),
        evidence=Evidence(rule="nothing in common", reason=reason, runner_up="one table per file"),
    )


def _partition_evidence(groups: Sequence[NameGroup]) -> Evidence:
    columns = [column for group in groups for column in group.place.columns]
    if any(column.declared for column in columns):
        return Evidence(rule="hive partitions", reason="directories named key=value below one root", runner_up="one table per directory")
    if any(column.kind in DATE_KINDS for column in columns):
        return Evidence(rule="date folders", reason="directories named by dates below one root", runner_up="one table per directory")
    return Evidence(rule="id folders", reason="directories named by numbers or ids below one root", runner_up="one table per directory")


def _join_columns(groups: Sequence[NameGroup]) -> tuple[tuple[PathColumn, ...], list[str]]:
    """Unite the path columns of a table's directories, in the order of the most usual one."""
    by_use = sorted(groups, key=lambda g: -g.files)
    joined: dict[str, PathColumn] = {}
    for group in by_use:
        for column in group.place.columns:
            joined.setdefault(column.name, column)
    orders = {tuple(c.name for c in g.place.columns) for g in groups if g.place.columns}
    warnings = []
    if len({frozenset(order) for order in orders}) < len(orders):
        warnings.append("mixed key order: " + " and ".join("/".join(order) for order in sorted(orders)))
    elif len(orders) > 1:
        warnings.append("mixed partition depth: " + " and ".join("/".join(order) for order in sorted(orders)))
    if orders and any(not g.place.columns for g in groups):
        warnings.append("files at the root of a partitioned table: their partition values are null")
    return tuple(joined.values()), warnings


def _name_columns(groups: Sequence[NameGroup]) -> tuple[PathColumn, ...]:
    """The partition column that dated file names make (`orders_2024-01-01.csv`)."""
    kinds = {g.name_date for g in groups}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is None:
        return ()
    return (PathColumn(name="month" if kind == "yearmonth" else kind, kind=kind, segment=0),)


def _warn_of_copies(drafts: Sequence[Draft]) -> None:
    """The same table in two formats is two tables, and worth a warning."""
    by_words: dict[tuple[str, ...], list[Draft]] = defaultdict(list)
    for draft in drafts:
        by_words[tuple(word.lower() for word in draft.words)].append(draft)
    for copies in by_words.values():
        for draft in copies if len(copies) > 1 else []:
            others = ", ".join(sorted(other.format for other in copies if other is not draft))
            draft.warnings.append(f"the same place also holds files in {others}: a table of its own")


def _shared_first_word(stems: Iterable[str]) -> str | None:
    words = [stem.split("_")[0] for stem in stems]
    most = max(set(words), key=words.count)
    return most if words.count(most) >= _SHARED_PREFIX_SHARE * len(words) else None


def _last_word(root: str) -> str:
    return _NOT_WORD.sub("_", root.rstrip("/").rpartition("/")[2].lower()).strip("_") if root else ""
