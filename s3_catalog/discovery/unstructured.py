"""Files of no known format: file sets of whole folders, or the stray documents beside a table.

In: the name groups that are in no table, and the tables. Out: drafts of file sets, and the groups that are no data at all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from s3_catalog.discovery.rules import DOCUMENT_NAME
from s3_catalog.discovery.verdicts import Draft, NameGroup
from s3_catalog.model.tables import UNSTRUCTURED, Evidence

_DOCUMENT = re.compile(DOCUMENT_NAME)


def decide_unstructured(groups: Sequence[NameGroup], tables: Sequence[Draft]) -> tuple[list[Draft], list[int]]:
    """Collect files of no known format into one file set per topmost folder that holds no table.

    A folder that is one table keeps no file set beside it: what is not its data there is skipped, as are documents
    (README, LICENSE) beside any table.

    Returns: the file sets; ids of groups that are skipped as no data.
    """
    table_folders = {folder for draft in tables for folder in _with_parents(draft.place.root)}
    table_roots = {draft.location for draft in tables if draft.location.endswith("/")}
    homes = {draft.place.root for draft in tables}
    sets: dict[str, list[NameGroup]] = defaultdict(list)
    skipped: list[int] = []
    for group in groups:
        folder = group.place.root
        inside = any(parent in table_roots for parent in _with_parents(folder)[:-1]) or (folder in table_roots and folder != "")
        if inside or (folder in homes and _DOCUMENT.fullmatch(group.name)):
            skipped.append(group.id)
            continue
        sets[_topmost_free(folder, table_folders)].append(group)
    return [_draft(folder, members) for folder, members in sorted(sets.items())], skipped


def _with_parents(folder: str) -> list[str]:
    """A folder and all above it, down to the top: `a/b/` gives `a/b/`, `a/`, ``."""
    parts = folder.split("/")[:-1]
    return ["".join(f"{part}/" for part in parts[:depth]) for depth in range(len(parts), -1, -1)]


def _topmost_free(folder: str, table_folders: set[str]) -> str:
    free = folder
    for parent in _with_parents(folder)[1:-1]:
        if parent in table_folders:
            break
        free = parent
    return free


def _draft(folder: str, groups: list[NameGroup]) -> Draft:
    files = sum(group.files for group in groups)
    unseen = sum(group.files for group in groups if group.unseen)
    words = tuple(folder.split("/")[:-1])
    return Draft(
        place=groups[0].place,
        format=UNSTRUCTURED,
        location=folder,
        words=(*words, "files"),
        groups=groups,
        columns=(),
        evidence=Evidence(rule="unstructured", reason=f"{files} files of no known table format", runner_up="one entry per file"),
        warnings=[f"{unseen} of {files} files were not looked into: too many kinds of files have no telling names"] if unseen else [],
    )
