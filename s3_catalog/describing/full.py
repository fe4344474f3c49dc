"""Profiles of all rows, for the tables that people name: one at a time, as each takes much memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import pyarrow as pa

from s3_catalog.formats import ReadLimits
from s3_catalog.model.description import ColumnProfile
from s3_catalog.model.tables import Table
from s3_catalog.profiling.columns import Mask
from s3_catalog.profiling.full import profile_fully
from s3_catalog.storage import ObjectStore

NO_FULL_PROFILE = "no full profile: "
"""Begins the warning that says why a table has none."""
_PARTIAL = "full profile: "

ByteProgress = Callable[[str, int, int], None]
"""Called with a table's name, bytes done and bytes in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRules:
    """Which tables (globs over names) are profiled in full, and what of each may be read (bytes).

    `once`: asked for by hand. Descriptions made so are like others: as long as the table does not change no crawl makes them again.
    """

    tables: tuple[str, ...] = ()
    max_bytes: int = 1024 * 1024 * 1024
    once: bool = False
    progress: ByteProgress | None = field(default=None, compare=False, repr=False)

    def wants(self, table: Table) -> bool:
        """Whether a table is profiled in full."""
        return any(fnmatchcase(table.name.casefold(), pattern.casefold()) for pattern in self.tables)

    def mark(self, tables: Iterable[Table]) -> str:
        """What a fingerprint of the description of these tables says of full profiles."""
        wanted = not self.once and any(map(self.wants, tables))
        return f"-full:{self.max_bytes}" if wanted else ""


_ONE_AT_A_TIME = threading.Lock()


def profile_all_rows(
    store: ObjectStore,
    table: Table,
    objects: pa.Table,
    sampled: Sequence[ColumnProfile],
    labels: Mapping[str, str],
    mask: Mask,
    rules: FullRules,
    limits: ReadLimits,
) -> tuple[list[ColumnProfile], tuple[str, ...]]:
    """Profile all rows; the columns where that gave nothing keep what a sample told. Comes with warnings.

    Args:
        labels: column -> kind of personal data that it holds as a whole.
    """

    def tell(done: int, total: int) -> None:
        if rules.progress is not None:
            rules.progress(table.name, done, total)

    with _ONE_AT_A_TIME:
        found = profile_fully(store, table, objects, labels, mask, max_bytes=rules.max_bytes, limits=limits, progress=tell)
    if found.reason is not None:
        return list(sampled), (f"{NO_FULL_PROFILE}{found.reason}",)
    profiles = {profile.column: profile for profile in (*sampled, *found.columns)}
    names = [*(column.name for column in table.columns), *(column.name for column in table.layout.partition_columns)]
    return [profiles[name] for name in names if name in profiles], tuple(f"{_PARTIAL}{problem}" for problem in found.problems)
