"""Pinned tables: a path template of the configuration, or an entry of an `openmetadata.json` manifest in the bucket.

Both become a `Pin`: a regular expression over whole keys, whose groups are the table's name and its partition values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s3_catalog.errors import ConfigError
from s3_catalog.formats._compression import COMPRESSIONS

MANIFEST_NAME = "openmetadata.json"
"""Name of the manifest that OpenMetadata's storage connector reads at a bucket's root."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}|(\*\*/|\*\*|\*)")
_OPENMETADATA_TYPES = {
    "TINYINT": "int",
    "SMALLINT": "int",
    "INT": "int",
    "INTEGER": "int",
    "BIGINT": "bigint",
    "LONG": "bigint",
    "DATE": "date",
}
_COMPRESSED = "(?:" + "|".join(re.escape(suffix) for suffixes in COMPRESSIONS.values() for suffix in suffixes) + ")?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A rule of people, stronger than any verdict.

    `pattern` is RE2 and matches a whole key; its groups `c0`, `c1`... are the values of `columns`, `types` what people said of them
    (canonical text). `table_group` says whether a group `t` names the table, else `name` or the location does. `location` is the key
    pattern, with `{table}` where that group's text goes. `template` is what people wrote. `options` are hints for reading the files; they
    win over all others, and all others win over `defaults`.
    """

    pattern: str
    location: str
    columns: tuple[str, ...]
    origin: str
    table_group: bool = False
    name: str | None = None
    format: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    template: str = ""
    options: tuple[tuple[str, str], ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()


def read_path_template(
    path: str, *, name: str | None = None, file_format: str | None = None, options: tuple[tuple[str, str], ...] = ()
) -> Pin:
    """Compile a path template: `{column}` is one value within a segment, `{table}` the name, `*` and `**` as in globs.

    >>> read_path_template("{table}/{year}/{month}/*.parquet").columns
    ('year', 'month')

    Raises:
        ConfigError: a placeholder is no identifier, comes twice, or the template names no table.
    """
    pattern, position, literal_end = "", 0, None
    groups: list[str] = []
    for match in _PLACEHOLDER.finditer(path):
        pattern += re.escape(path[position : match.start()])
        placeholder, wildcard = match.groups()
        if placeholder is None:
            pattern += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}[wildcard]
        else:
            if not placeholder.isidentifier() or placeholder in groups:
                raise ConfigError(f"path template {path!r}: {{{placeholder}}} must be an identifier and stand once")
            pattern += f"(?P<{_group(placeholder, groups)}>[^/]+?)"
            groups.append(placeholder)
        if placeholder != "table" and literal_end is None:
            literal_end = path.rfind("/", 0, match.start()) + 1
        position = match.end()
    table_group = "table" in groups
    if not table_group and name is None and not path[: literal_end or 0].strip("/"):
        raise ConfigError(f"path template {path!r} names no table: add {{table}} to it or a name beside it")
    return Pin(
        pattern=f"(?s){pattern}{re.escape(path[position:])}",
        location=path[: path.rfind("/", 0, position) + 1 if literal_end is None else literal_end],
        columns=tuple(group for group in groups if group != "table"),
        origin="configuration",
        table_group=table_group,
        name=name,
        format=file_format,
        template=path,
        options=options,
    )


def read_openmetadata_manifest(text: bytes) -> list[Pin]:
    """Read the entries of a bucket manifest as OpenMetadata's storage connector defines them (`containerMetadataEntry`).

    Honoured: dataPath, structureFormat, separator, isPartitioned, partitionColumns (name, dataType), depth.

    Raises:
        ConfigError: not JSON, or an entry without `dataPath`.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{MANIFEST_NAME} is not JSON") from error
    entries = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ConfigError(f"{MANIFEST_NAME} is not a manifest: it must be a JSON object with a list of entries")
    return [_read_entry(entry, index) for index, entry in enumerate(entries) if _is_structured(entry)]


def _is_structured(entry: Any) -> bool:
    return not isinstance(entry, dict) or "structureFormat" in entry or not entry.get("unstructuredFormats")


def _read_entry(entry: Any, index: int) -> Pin:
    path = entry.get("dataPath") if isinstance(entry, dict) else None
    if not isinstance(path, str) or not path.strip("/"):
        raise ConfigError(f"{MANIFEST_NAME}: entry {index} has no dataPath")
    path = path.strip("/")
    columns: Sequence[Mapping[str, str]] = (entry.get("partitionColumns") or ()) if entry.get("isPartitioned") else ()
    depth = int(entry.get("depth") or 0)
    file_format = str(entry.get("structureFormat", "")).lower() or None
    root = "".join(re.escape(part).replace(r"\*", "[^/]*") + "/" for part in path.split("/"))
    table = f"(?P<t>{'/'.join(['[^/]+'] * depth)})/" if depth else ""
    # A value may stand alone or behind its own name: both count as this partition column.
    values = "".join(f"(?:{re.escape(c['name'])}=)?(?P<c{i}>[^/]+)/" for i, c in enumerate(columns))
    is_file = re.escape(path) + "|" if not columns and not depth else ""
    file_name = rf"[^/]*(?:\.{re.escape(file_format)}{_COMPRESSED})?" if file_format else "[^/]*"
    return Pin(
        pattern=f"(?s)(?:{is_file}{root}{table}{values}(?:.*/)?{file_name})",
        location=f"{path}/{{table}}/" if depth else f"{path}/",
        columns=tuple(c["name"] for c in columns),
        origin=MANIFEST_NAME,
        table_group=bool(depth),
        format=file_format,
        types={c["name"]: _OPENMETADATA_TYPES.get(str(c.get("dataType", "")).upper(), "string") for c in columns},
        template=path,
        defaults=(("delimiter", _separator(entry["separator"], index)),) if entry.get("separator") else (),
    )


def _separator(separator: Any, index: int) -> str:
    text = "\t" if separator == r"\t" else separator
    if not isinstance(text, str) or len(text) != 1 or text in "\r\n":
        raise ConfigError(f"{MANIFEST_NAME}: the separator of entry {index} must be one character")
    return text


def _group(placeholder: str, before: Sequence[str]) -> str:
    return "t" if placeholder == "table" else f"c{sum(name != 'table' for name in before)}"
