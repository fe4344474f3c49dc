"""Hypothesis strategies for parts of the model, over any texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
from hypothesis import strategies as st

from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.description import Bar, Basis, ColumnProfile, Description, FileProfile, Sample, Tag
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate
from s3_catalog.model.tables import Column, Evidence, Partition, PartitionColumn, Table, TableLayout, TypeConflict

_COUNTS = st.integers(0, 2**63 - 1)
_FIGURES = st.floats(allow_nan=False, allow_infinity=False)
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-9.5))])
_TIMES = st.none() | st.builds(
    lambda micros, zone: datetime.fromtimestamp(0, zone) + timedelta(microseconds=micros), st.integers(0, 2**52), _ZONES
)


def layouts(
    texts: st.SearchStrategy[str], types: st.SearchStrategy[pa.DataType], *, store_url: str, locations: st.SearchStrategy[str]
) -> st.SearchStrategy[TableLayout]:
    partition_columns = st.builds(PartitionColumn, name=texts, type=types, declared=st.booleans())
    return st.builds(
        TableLayout,
        name=texts,
        store_url=st.just(store_url),
        location=locations,
        format=st.sampled_from(["csv", "parquet", "unstructured"]),
        partition_columns=st.lists(partition_columns, max_size=3).map(tuple),
        object_count=_COUNTS,
        size_bytes=_COUNTS,
        newest=_TIMES,
        evidence=st.builds(Evidence, rule=texts, reason=texts, runner_up=texts),
        warnings=_some(texts),
        content_digest=texts,
        options=_pairs(texts),
    )


def tables(
    layouts: st.SearchStrategy[TableLayout],
    texts: st.SearchStrategy[str],
    types: st.SearchStrategy[pa.DataType],
    *,
    values: st.SearchStrategy[str],
) -> st.SearchStrategy[Table]:
    """`values` are those of partitions."""
    columns = st.builds(
        Column,
        name=texts,
        type=types,
        nullable=st.booleans(),
        source_type=st.none() | texts,
        statistics=statistics(texts),
        blame=_blames(texts),
    )
    partitions = st.builds(
        Partition,
        values=st.lists(st.none() | values, max_size=3).map(tuple),
        object_count=_COUNTS,
        size_bytes=_COUNTS,
        newest=_TIMES,
        row_count=st.none() | _COUNTS,
    )
    conflicts = st.builds(TypeConflict, column=texts, expected=texts, found=texts, resolved=texts, key=texts)
    return st.builds(
        Table,
        layout=layouts,
        columns=st.lists(columns, max_size=4).map(tuple),
        row_count=st.none() | _COUNTS,
        row_estimate=st.none() | st.builds(RowEstimate, _COUNTS, _COUNTS, _COUNTS),
        description=descriptions(texts),
        conflicts=st.lists(conflicts, max_size=2).map(tuple),
        warnings=_some(texts),
        details=_pairs(texts),
        sampled_keys=_some(texts),
        partitions=st.lists(partitions, max_size=3).map(tuple),
    )


def statistics(texts: st.SearchStrategy[str]) -> st.SearchStrategy[ColumnStatistics | None]:
    return st.none() | st.builds(
        ColumnStatistics,
        null_count=st.none() | _COUNTS,
        min=st.none() | texts,
        max=st.none() | texts,
        size_bytes=st.none() | _COUNTS,
        exact=st.booleans(),
        complete=st.booleans(),
    )


def _blames(texts: st.SearchStrategy[str]) -> st.SearchStrategy[ColumnBlame | None]:
    files = st.builds(FileRef, texts, st.lists(st.none() | texts, max_size=2).map(tuple))
    changes = st.lists(st.builds(TypeChange, file=files, before=texts, after=texts, exact=st.booleans()), max_size=2).map(tuple)
    return st.none() | st.builds(
        ColumnBlame, first=files, last=files, added=st.booleans(), dropped=st.booleans(), exact=st.booleans(), changes=changes
    )


def descriptions(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Description | None]:
    shares = st.floats(0, 1)
    some = st.none() | texts
    counts = st.none() | _COUNTS
    bases = st.sampled_from(Basis)
    profiles = st.builds(
        ColumnProfile,
        column=texts,
        basis=bases,
        bounds_basis=bases,
        rows=_COUNTS,
        null_count=counts,
        distinct=counts,
        distinct_method=some,
        min=some,
        max=some,
        mean=st.none() | _FIGURES,
        quantiles=st.lists(st.tuples(shares, texts), max_size=2).map(tuple),
        top_values=st.lists(st.tuples(texts, _COUNTS), max_size=2).map(tuple),
        histogram=st.lists(st.builds(Bar, low=texts, high=texts, count=_COUNTS), max_size=2).map(tuple),
    )
    files = st.builds(
        FileProfile,
        smallest=_COUNTS,
        median=_COUNTS,
        largest=_COUNTS,
        small_files=_COUNTS,
        small_bytes=_COUNTS,
        partition_skew=st.none() | _FIGURES,
    )
    return st.none() | st.builds(
        Description,
        tags=st.lists(st.builds(Tag, name=texts, column=some, rule=texts, why=texts, confidence=shares), max_size=3).map(tuple),
        sample=st.builds(Sample, rows=_some(texts), masked=_some(texts), withheld=some),
        columns=st.lists(profiles, max_size=2).map(tuple),
        files=st.none() | files,
        owners=_some(texts),
        text=some,
        column_texts=_pairs(texts),
        warnings=_some(texts),
        rules=texts,
    )


def _some(texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(texts, max_size=2).map(tuple)


def _pairs(texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    return st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
