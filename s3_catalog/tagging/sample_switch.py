"""Which tables keep no sample: people switch samples off by path, by table and by tag, the detectors' tags included."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pyarrow as pa

from s3_catalog.model.description import Tag
from s3_catalog.model.tables import Table
from s3_catalog.tagging._paths import match_path


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSwitch:
    """Samples are off for tables that any of these meets. `paths` are keywords or globs as in `TagRules`, `tables` globs over names, `tags`
    over tags (`PII.*`), in any case.
    """

    paths: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def why_off(self, table: Table, objects: pa.Table, tags: Iterable[Tag]) -> str | None:
        """Why a table keeps no sample, or None.

        Args:
            objects: those of the table, with a column `key`.
        """
        for pattern in self.tables:
            if fnmatchcase(table.name.casefold(), pattern.casefold()):
                return f"samples are off for tables named {pattern!r}"
        for pattern in self.paths:
            if match_path(pattern, table.layout, objects) is not None:
                return f"samples are off for the path {pattern!r}"
        names = sorted({tag.name for tag in tags})
        for pattern in self.tags:
            for name in names:
                if fnmatchcase(name.casefold(), pattern.casefold()):
                    return f"samples are off for the tag {name}"
        return None
