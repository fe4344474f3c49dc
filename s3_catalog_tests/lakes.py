"""Small lakes on disk, and the settings to crawl them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from s3_catalog.config import Settings, load_settings
from s3_catalog.model.types import type_text
from s3_catalog.pipeline import CrawlReport


def write_parquet(path: Path, **columns: object) -> None:
    """Write one Parquet file of the given columns (lists or Arrow arrays)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def lake_settings(lake: Path | str, home: Path, **overrides: object) -> Settings:
    """Settings for a folder (or a URL) and an SQLite catalog in `home`."""
    return load_settings(environ={}, overrides={"location": str(lake), "catalog": f"sqlite:///{home / 'catalog.db'}", **overrides})


def schemas(report: CrawlReport) -> Mapping[str, str]:
    """Table name -> `format(column:type, ...)` of all tables that were inferred."""
    return {
        result.table.name: f"{result.table.format}({', '.join(f'{c.name}:{type_text(c.type)}' for c in result.table.columns)})"
        for result in report.tables
        if result.table is not None
    }
