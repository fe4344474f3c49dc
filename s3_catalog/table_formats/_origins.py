"""Where a table comes from, as its log tells: the table that it was cloned from, and folders of files that lie outside its own root.

Shallow clones of Delta and Iceberg tables made by `snapshot` name the files of another table. A clone made on Delta's side says in its
commit what it was made from; as a path only where it was called by its path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.model.origins import FILES_FROM
from s3_catalog.table_formats._paths import plain_url

_MAX_FOLDERS = 20
_PARTITIONS_AND_NAME = r"(?:/[^/=]+=[^/]*)*/[^/]*$"
_CLONED_PATH = re.compile(r"(?:delta|parquet|iceberg)\.`(.+)`", re.DOTALL)


def describe_files(store_url: str, root: str, files: pa.Table | None) -> dict[str, str]:
    """Say, as details, in which folders files lie that are not below the table's root; partitions and names are cut off, 20 are named."""
    if files is None or not root:
        return {}
    keys = files.column("key").drop_null()
    outside = keys.filter(pc.invert(pc.starts_with(keys, root)))
    folders = pc.unique(pc.replace_substring_regex(outside, _PARTITIONS_AND_NAME, "/")).to_pylist()
    named = sorted(store_url + folder for folder in folders)[:_MAX_FOLDERS]
    return {FILES_FROM: json.dumps(named, ensure_ascii=False)} if named else {}


def find_cloned(commits: Iterable[Path]) -> str | None:
    """The URL of what a Delta table was cloned from last, by these commits, oldest first; None where it is no clone, or has but a name."""
    found = None
    for commit in commits:
        for line in commit.read_bytes().splitlines():
            if b'"CLONE"' in line:
                info = orjson.loads(line).get("commitInfo") or {}
                found = _cloned_path(info) if info.get("operation") == "CLONE" else found
    return found


def _cloned_path(info: Mapping[str, object]) -> str | None:
    parameters = info.get("operationParameters")
    source = parameters.get("source") if isinstance(parameters, dict) else None
    match = _CLONED_PATH.fullmatch(source.strip('"')) if isinstance(source, str) else None
    # some writers put credentials before the bucket: nothing of such a URL is shown
    if match is None or "@" in match[1]:
        return None
    url = plain_url(unquote(match[1])).rstrip("/") + "/"
    return f"file://{url}" if url.startswith("/") else url
