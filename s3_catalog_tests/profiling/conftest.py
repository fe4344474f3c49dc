"""A table of some files in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pytest

from s3_catalog.model.tables import Evidence, Table, TableLayout
from s3_catalog.storage import open_store
from s3_catalog_tests.profiling.tables import Lake, infer


@pytest.fixture
def lake(fill_folder: Callable[[dict[str, bytes]], Path]) -> Callable[..., Lake]:
    def make(file_format: str, files: dict[str, bytes], *, details: Mapping[str, str] | None = None) -> Lake:
        store = open_store(str(fill_folder(files)))
        objects = pa.concat_tables(pa.table(page.objects) for page in store.list_pages(""))
        columns, found = infer(store, file_format, objects)
        layout = TableLayout(
            name="t",
            store_url=store.location.store_url,
            location="",
            format=file_format,
            object_count=len(files),
            size_bytes=sum(map(len, files.values())),
            newest=None,
            evidence=Evidence(rule="", reason="", runner_up=""),
        )
        return Lake(store, Table(layout=layout, columns=columns, details=tuple({**found, **(details or {})}.items())), objects)

    return make
