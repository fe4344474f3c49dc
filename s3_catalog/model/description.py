"""What people see of a table after its schema: tags with their reasons, some masked rows, figures of columns and files, owners.

Nothing here holds personal data: values are masked before one of these is made (`tagging.masking`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """What the figures of a column come from."""

    FOOTERS = "footers"
    """Exact: footers or the table's log tell them."""
    SAMPLE = "sample"
    """The rows of a sample."""
    FULL = "full"
    """Every row was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag of a table, or of one of its columns, and why it is there.

    `name` is classification and tag (`PII.Email`). `column` is a column's name, with the way to a nested value (`contact.email`,
    `emails[]`); None for the table. `rule` is who says so: a detector's name, `path`, `prefix`, `default`, `sidecar`, `object tag`,
    `bucket tag`, `size`, `format`; where several do, their names are joined. `why` is the evidence in words; `confidence` is from 0 to 1.
    """

    name: str
    column: str | None = None
    rule: str
    why: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Some rows of a table over its files and partitions, masked.

    `rows` are JSON objects as text, their keys in the order of the columns, partition columns last. `masked` are the columns (paths)
    whose values are replaced by their kind. `withheld` says why there are no rows.
    """

    rows: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    withheld: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar of a histogram: how many values lie from `low` to `high` (text; `high` is exclusive but for the last bar)."""

    low: str
    high: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """Figures of one column; None or () where they are not known or make no sense. Values are text, masked.

    `basis` tells what all figures come from but `null_count`, `min` and `max`, which come from `bounds_basis`. `rows` were looked at.
    `distinct` was counted by `distinct_method` (`exact`, `HyperLogLog`). `quantiles` are (share from 0 to 1, value). Lengths are in
    characters, of bytes in bytes. `top_values` are (value, count), the most frequent first.
    """

    column: str
    basis: Basis
    bounds_basis: Basis
    rows: int
    null_count: int | None = None
    distinct: int | None = None
    distinct_method: str | None = None
    min: str | None = None
    max: str | None = None
    mean: float | None = None
    quantiles: tuple[tuple[float, str], ...] = ()
    min_length: int | None = None
    max_length: int | None = None
    mean_length: float | None = None
    top_values: tuple[tuple[str, int], ...] = ()
    histogram: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProfile:
    """How a table's bytes lie in files and partitions. Sizes in bytes.

    `small_files` are smaller than `small_bytes`. `partition_skew` is the largest partition's size over the mean one's; None without
    partitions.
    """

    smallest: int
    median: int
    largest: int
    small_files: int
    small_bytes: int
    partition_skew: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All of it for one table. `text` is what people wrote about the table, `column_texts` about its columns (name, text).

    `warnings` are about the description alone (a detector that failed, a sidecar that cannot be read). `rules` is a fingerprint of how
    it was made: with other rules it is made again.
    """

    tags: tuple[Tag, ...] = ()
    sample: Sample = Sample()
    columns: tuple[ColumnProfile, ...] = ()
    files: FileProfile | None = None
    owners: tuple[str, ...] = ()
    text: str | None = None
    column_texts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    rules: str = ""
