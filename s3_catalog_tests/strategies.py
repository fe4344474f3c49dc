"""Hypothesis strategies for parts of the model, over any texts."""

from __future__ import annotations

from hypothesis import strategies as st

from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
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
