"""Texts that would do harm where a page took them for more than text, and a table that holds one in every place."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.description import Bar, Basis, ColumnProfile, Description, FileProfile, Sample, Tag
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Evidence, Partition, PartitionColumn, Table, TypeConflict
from s3_catalog_tests.report.catalogs import make_table

MARKUP = (
    "<script>window.harmed = 1</script>",
    "</script><script>window.harmed = 1</script>",
    "<!--<script>",
    "<img src=x onerror='window.harmed = 1'>",
    '"><svg onload="window.harmed = 1">',
    "' onmouseover='window.harmed = 1",
    "<iframe srcdoc='<script>parent.harmed = 1</script>'></iframe>",
    "<base href='https://example.invalid/'><link rel=stylesheet href=//example.invalid/a.css>",
    "<meta http-equiv=refresh content='0;url=https://example.invalid/'>",
    "javascript:window.harmed = 1",
    "</title></style></template></noscript></textarea>]]>",
    "{{ 7 * 7 }} ${7 * 7} @script@ @data@ @title@",
    "__proto__",
    "constructor",
)
UNSEEN = (
    "\0",
    "\x1b[2J\x1b]0;title\x07",
    "a\u2028b\u2029c",
    "\u202egpj.exe",
    "zero\u200bwidth\ufeff",
    "\ud800 half",
    "half \udfff",
    "line\nend\r\ttab",
)
FORMULAS = ('=HYPERLINK("https://example.invalid")', "+1+cmd|' /C calc'!A0", "@SUM(1)", "-2+3")
TEXTS = (*MARKUP, *UNSEEN, *FORMULAS)


def hostile_table(text: str, *, name: str | None = None, **fields: Any) -> Table:
    """A table whose every text is this one."""
    file = FileRef(text, (text, None))
    columns = (
        Column(
            name=text,
            type=pa.struct([(text.encode("utf-8", "replace").decode(), pa.string())]),
            source_type=text,
            statistics=ColumnStatistics(min=text, max=text, null_count=1, size_bytes=1),
            blame=ColumnBlame(first=file, last=file, added=True, changes=(TypeChange(file=file, before=text, after=text),)),
        ),
        Column(name="plain", type=pa.string(), statistics=ColumnStatistics(min=text, max=text)),
    )
    layout = {
        "location": text,
        "format": text,
        "evidence": Evidence(rule=text, reason=text, runner_up=text),
        "warnings": (text,),
        "partition_columns": (PartitionColumn(name=f"p {text}", type=pa.string()),),
    }
    return make_table(
        text if name is None else name,
        layout=layout,
        columns=columns,
        conflicts=(TypeConflict(column=text, expected=text, found=text, resolved=text, key=text),),
        details=((text, text), (f"certainty.{text}", text)),
        sampled_keys=(text,),
        partitions=(
            Partition(values=(text,), object_count=1, size_bytes=1, newest=None),
            Partition(values=(None,), object_count=1, size_bytes=1, newest=None),
        ),
        description=describe(text),
        **fields,
    )


def describe(text: str) -> Description:
    profile = ColumnProfile(
        column=text,
        basis=Basis.SAMPLE,
        bounds_basis=Basis.SAMPLE,
        rows=2,
        null_count=1,
        distinct=1,
        distinct_method=text,
        min=text,
        max=text,
        mean=float("nan"),
        quantiles=((0.5, text),),
        min_length=1,
        max_length=2,
        mean_length=float("inf"),
        top_values=((text, 1),),
        histogram=(Bar(low=text, high=text, count=1),),
    )
    row = {text: text, "plain": [text, {text: float("nan")}], "year": "0001-01-01", "number": 10**40}
    return Description(
        tags=(Tag(name=text, rule=text, why=text), Tag(name=text, column=text, rule=text, why=text, confidence=0.5)),
        sample=Sample(rows=(json.dumps(row), text), masked=(text,)),
        columns=(profile,),
        files=FileProfile(smallest=1, median=1, largest=1, small_files=1, small_bytes=1, partition_skew=float("nan")),
        owners=(text,),
        text=text,
        column_texts=((text, text),),
        warnings=(text,),
    )
