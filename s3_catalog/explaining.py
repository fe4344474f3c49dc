"""Why an object is in its table, or in none: what the catalog and its ledgers know of one key or one table.

In: what people write (a URL, a key, a path, a table's name) and an open catalog. Out: `Explanation`s. Nothing is listed or read anew.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from s3_catalog.errors import UnknownNameError
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.tables import Table
from s3_catalog.storage import parse_location, printable

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog

MEANINGS: Mapping[str, str] = {
    SkipReason.EXCLUDED: "an exclude pattern matches its key",
    SkipReason.NOT_INCLUDED: "there are include patterns, and none matches its key",
    SkipReason.TOO_LARGE: "max_object_size leaves larger objects out",
    SkipReason.DIRECTORY_MARKER: "its key stands for a folder; such objects hold no rows",
    SkipReason.EMPTY: "it has no bytes, so it holds no rows and tells no schema",
    SkipReason.MARKER: "a job left it to say that it began or ended; it holds no rows",
    SkipReason.CHECKSUM: "it holds the checksum of another file",
    SkipReason.TEMPORARY: "a job or an upload has not finished it; its rows count once it has its final name",
    SkipReason.HIDDEN: "names that begin with . or _ are no data, as Spark, Hive and Trino see it",
    SkipReason.SUMMARY: "it repeats the footers of the Parquet files around it",
    SkipReason.TABLE_LOG: "it belongs to the log of a Delta, Iceberg or Hudi table, which says which files are the table",
    SkipReason.TABLE_MAINTENANCE: "it lies in a Delta, Iceberg or Hudi table and is not one of its live data files",
    SkipReason.FEED_MANIFEST: "it lists the files of an inventory or a feed; those files are catalogued themselves",
    SkipReason.SIDECAR: "it describes tables to the catalog and is none itself",
    SkipReason.TABLE_REMOVED: "the log of its Delta, Iceberg or Hudi table has removed it: no reader of the table sees it",
    SkipReason.NOT_DATA: "it is no data file and lies beside a table's files, like a README",
}
"""What a `SkipReason` means to somebody who asks why."""

_BUCKET_ALIASES = re.compile(r"(?i)^s3[an]://")
_MANY_RUNS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One answer. `verdict` says what became of the subject, `meaning` what that is about; `row` is an object's row of the ledger."""

    subject: str
    verdict: str
    meaning: str | None = None
    table: Table | None = None
    row: Mapping[str, Any] | None = None


def find_table(catalog: SqlCatalog | None, name: str) -> Table:
    """Find a published table by its name.

    Raises:
        UnknownNameError: there is none; names near ones, and says when it was retired.
    """
    found = catalog.find_table(name) if catalog else None
    if found is not None:
        return found
    raise UnknownNameError(_why_unknown(catalog, name, [table.name for table in catalog.list_tables()] if catalog else []))


def explain(catalog: SqlCatalog | None, subject: str, locations: Iterable[str] = ()) -> list[Explanation]:
    """Explain a table or an object: one answer per table and object that `subject` names (the same key can be in several buckets).

    Args:
        locations: URLs of locations to look in besides those that were crawled.

    Raises:
        UnknownNameError: it names no table, and no crawl has listed it.
    """
    tables = {table.name: table for table in catalog.list_tables()} if catalog else {}
    answers = [_explain_table(table) for table in tables.values() if subject in (table.name, table.layout.uri)]
    stores = known_stores(catalog, tables.values(), locations)
    for store_url, key in dict.fromkeys(_places(subject, stores)):
        row = catalog.find_object(store_url, key) if catalog else None
        if row is not None:
            answers.append(_explain_object(store_url, row, tables))
    if answers:
        return answers
    for store_url, key in _places(subject, stores):
        answers += _explain_failed_prefix(catalog, store_url, key)
    if answers:
        return answers
    raise UnknownNameError(_why_unknown(catalog, subject, tables, listed=stores))


def known_stores(catalog: SqlCatalog | None, tables: Iterable[Table], locations: Iterable[str] = ()) -> tuple[str, ...]:
    """The buckets a catalog knows of, those of the newest runs first."""
    runs = [run.store_url for run in catalog.list_runs(_MANY_RUNS)] if catalog else []
    return tuple(
        dict.fromkeys([*runs, *(table.layout.store_url for table in tables), *(parse_location(url).store_url for url in locations)])
    )


def _places(subject: str, stores: Iterable[str]) -> list[tuple[str, str]]:
    """Where an object named by a URL, a path or a bare key can be: (store, key)."""
    if "://" in subject:
        urls = [_BUCKET_ALIASES.sub("s3://", subject)]
        if subject.lower().startswith("file:"):
            path = "/" + subject.partition("://")[2].partition("/")[2]
            urls = [f"file://{path}", f"file://{unquote(path)}"]
        within = [(store, url.removeprefix(store)) for url in urls for store in stores if url.startswith(store)]
        return sorted(within, key=lambda place: -len(place[0]))
    path_url = "file://" + Path(subject).absolute().as_posix() if "\0" not in subject else ""
    as_path = [(store, path_url.removeprefix(store)) for store in stores if path_url.startswith(store)]
    return [*((store, subject) for store in stores), *as_path]


def _explain_table(table: Table) -> Explanation:
    return Explanation(subject=table.name, verdict="a table", table=table)


def _explain_object(store_url: str, row: Mapping[str, Any], tables: Mapping[str, Table]) -> Explanation:
    subject = store_url + row["key"]
    if row["table"] is not None:
        table = tables.get(row["table"])
        gone = None if table else "that table is no longer in the catalog"
        return Explanation(subject=subject, verdict=f"in the table {row['table']}", meaning=gone, table=table, row=row)
    if row["skipped"] is not None:
        return Explanation(subject=subject, verdict=f"in no table: {row['skipped']}", meaning=MEANINGS.get(row["skipped"]), row=row)
    return Explanation(subject=subject, verdict="in no table: failed", meaning=row["error"], row=row)


def _explain_failed_prefix(catalog: SqlCatalog | None, store_url: str, key: str) -> list[Explanation]:
    """What the ledger says of a prefix above a key whose listing failed."""
    above = [key[: match.end()] for match in re.finditer("/", key)]
    rows = [catalog.find_object(store_url, prefix) for prefix in reversed(above)] if catalog else []
    failed = next((row for row in rows if row is not None and row["error"] is not None), None)
    if failed is None:
        return []
    verdict = f"not known: {failed['key']} could not be listed"
    return [Explanation(subject=store_url + key, verdict=verdict, meaning=failed["error"])]


def _why_unknown(catalog: SqlCatalog | None, name: str, tables: Iterable[str], *, listed: Iterable[str] | None = None) -> str:
    names = sorted(tables)
    if catalog and name in catalog.names().values():
        return f"the table '{printable(name)}' {_ending(catalog.history(name))}"
    near = difflib.get_close_matches(name, names, n=3) or [known for known in names if len(name) > 2 and name.lower() in known.lower()][:3]
    hint = f"; near it are {', '.join(map(printable, near))}" if near else "" if names else "; the catalog is empty"
    if listed is None:
        return f"there is no table '{printable(name)}'{hint}"
    where = ", ".join(printable(store) for store in listed)
    return f"'{printable(name)}' is no table, and no crawl has listed such an object" + (f" in {where}" if where else "") + hint


def _ending(history: list[tuple[datetime, str, str | None]]) -> str:
    when = f" at {history[-1][0]:%Y-%m-%d %H:%M} UTC" if history else ""
    return f"was retired{when}: a complete listing no longer showed it"
