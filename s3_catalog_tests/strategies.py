"""Hypothesis strategies for parts of the model, over any texts."""

from __future__ import annotations

from hypothesis import strategies as st

from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.description import Bar, Basis, ColumnProfile, Description, FileProfile, Sample, Tag
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate

_COUNTS = st.integers(0, 2**62)
ROW_ESTIMATES = st.none() | st.builds(RowEstimate, _COUNTS, _COUNTS, _COUNTS)


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


def blames(texts: st.SearchStrategy[str]) -> st.SearchStrategy[ColumnBlame | None]:
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
        mean=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        quantiles=st.lists(st.tuples(shares, texts), max_size=2).map(tuple),
        top_values=st.lists(st.tuples(texts, _COUNTS), max_size=2).map(tuple),
        histogram=st.lists(st.builds(Bar, low=texts, high=texts, count=_COUNTS), max_size=2).map(tuple),
    )
    return st.none() | st.builds(
        Description,
        tags=st.lists(st.builds(Tag, name=texts, column=some, rule=texts, why=texts, confidence=shares), max_size=3).map(tuple),
        sample=st.builds(Sample, rows=_some(texts), masked=_some(texts), withheld=some),
        columns=st.lists(profiles, max_size=2).map(tuple),
        files=st.none()
        | st.builds(FileProfile, smallest=_COUNTS, median=_COUNTS, largest=_COUNTS, small_files=_COUNTS, small_bytes=_COUNTS),
        owners=_some(texts),
        text=some,
        column_texts=st.lists(st.tuples(texts, texts), max_size=2).map(tuple),
        warnings=_some(texts),
    )


def _some(texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(texts, max_size=2).map(tuple)
