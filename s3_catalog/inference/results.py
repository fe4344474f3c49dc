"""How schemas are inferred, and what comes of one layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from s3_catalog.formats import ReadLimits
from s3_catalog.model.tables import Table, TableLayout
from s3_catalog.table_formats import LogLimits

if TYPE_CHECKING:
    from s3_catalog.inference.logged import LoggedRows

_RULES_VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRules:
    """`sample_files` are read per table, `workers` tables at a time.

    Tables of up to `count_files` files are read whole where that is cheap: each file tells its row count without its data, or all
    together are no larger than the first blocks of a sample. Where files differ, up to `blame_files` more are read to find the file
    that brought the change.
    """

    sample_files: int = 3
    count_files: int = 16
    blame_files: int = 16
    workers: int = 16
    limits: ReadLimits = field(default_factory=ReadLimits)
    log_limits: LogLimits = field(default_factory=LogLimits)

    @property
    def fingerprint(self) -> str:
        """Changes when the same files could give another schema."""
        own = (_RULES_VERSION, self.sample_files, self.count_files, self.blame_files)
        limits = (self.limits.head_bytes, self.limits.max_whole_file_bytes, self.limits.max_decompressed_bytes)
        return ":".join(str(part) for part in (*own, *limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """One layout's outcome: its tables (several where files hold several), or none with the reason in `error`.

    `failed` are (key, error) of files that could not be read. `dead` are the keys that the table's log has removed: the figures of
    `layout` and `tables` are without them. `logged` is what the log, where it was read just now, says of the rows; it is not stored.
    """

    layout: TableLayout
    tables: tuple[Table, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    dead: pa.Array = field(default_factory=lambda: pa.array([], pa.string()), repr=False)
    logged: LoggedRows | None = field(default=None, repr=False, compare=False)

    @property
    def table(self) -> Table | None:
        """The only table, or the first."""
        return self.tables[0] if self.tables else None

    @property
    def identities(self) -> tuple[str, ...]:
        """Of the tables, or of the layout where there is none."""
        return tuple(table.layout.identity for table in self.tables) or (self.layout.identity,)

    def renamed(self, names: Mapping[str, str]) -> TableResult:
        """The same under other names, by identity."""
        layout = replace(self.layout, name=names.get(self.layout.identity, self.layout.name))
        tables = tuple(replace(t, layout=replace(t.layout, name=names[t.layout.identity])) for t in self.tables)
        return replace(self, layout=layout, tables=tables)
