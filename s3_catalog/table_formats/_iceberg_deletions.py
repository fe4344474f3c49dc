"""Which data files of an Iceberg table have rows that delete files take away.

A delete file says which data file it is about (a deletion vector; position deletes that name one file alone), or it may be about every
file that is no newer: older by sequence number, of any partition. That is more than it is about, and never less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestEntry

_PATH_COLUMN = 2_147_483_546
"""The field id of the path column in files of position deletes."""


class Deletions:
    """Takes the live entries of a snapshot one by one."""

    def __init__(self) -> None:
        self._files: list[tuple[str | None, int | None]] = []
        self._named: set[str] = set()
        self._newest = -1

    def add(self, entry: ManifestEntry) -> None:
        """Take the entry of a data file or a delete file."""
        from pyiceberg.manifest import DataFileContent

        file = entry.data_file
        if file.content == DataFileContent.DATA:
            self._files.append((file.file_path, entry.sequence_number))
            return
        self._files.append((None, None))
        named = _named_file(file)
        if named is None:
            self._newest = max(self._newest, entry.sequence_number or 0)
        else:
            self._named.add(named)

    def whole(self) -> list[bool]:
        """Whether each file, as they came, is a data file whose rows are all rows of the table."""
        return [
            path is not None and path not in self._named and (self._newest < 0 or (sequence is not None and sequence > self._newest))
            for path, sequence in self._files
        ]


def _named_file(file: DataFile) -> str | None:
    """The one data file that a delete file is about, as far as it says so: the least and the greatest path in it are the same."""
    low, high = ((bounds or {}).get(_PATH_COLUMN) for bounds in (file.lower_bounds, file.upper_bounds))
    return low.decode(errors="replace") if low is not None and low == high else None
