"""The tables of an HDF5 file, read by h5py in the sandboxed process: names, types and shapes of datasets, and the
first values where they are asked for.

Out: JSON, see `read`. A type is a name ("int64", "string") or a list: ["list", type], ["struct", [[name, type], ...]],
["timestamp", unit, zone], ["duration", unit]. Links into other files are not followed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from s3_catalog.formats._hdf5_pandas import PandasStores
from s3_catalog.formats._hdf5_rows import BROKEN, Cells, RowReader
from s3_catalog.formats._hdf5_types import Types, describe_class
from s3_catalog.formats._sandbox_process import LentFile, RefusedError

_MAX_LINKS = 20_000
_PANDAS_TYPE = "pandas_type"
_INDEXES = "_i_"
"""How PyTables names the groups of a table's indexes."""


def prepare() -> None:
    """Import what reading needs, before files are opened no more."""
    import h5py

    h5py.File  # noqa: B018 - h5py loads on first use what it needs
    h5py._errors.silence_errors()


def read(file: LentFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the tables of a file.

    Args:
        options: `max_depth` of groups and types, `max_columns` of one table, `max_members`; `sample_rows` of each whose values are
            wanted, texts up to `max_length`, for at most `max_bytes` of the file in all.

    Returns: `members`, each with name, `columns` (name, type, source type), `rows`, `details`, and `sample` where rows were asked for, see
    `RowReader.read`; `warnings`.
    """
    import h5py

    if options["sample_rows"]:
        file.allowance = options["max_bytes"]
    try:
        tree = h5py.File(file, "r")
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise RefusedError(_reason(error)) from error
    rows = RowReader(options["sample_rows"], options["max_length"]) if options["sample_rows"] else None
    reader = _TreeReader(options, rows)
    reader.read_group(tree, "", 0)
    if not reader.members:
        raise RefusedError("; ".join(reader.warnings) or "no datasets")
    return {"members": reader.members, "warnings": reader.warnings}


def _reason(error: Exception) -> str:
    text = str(error)
    if "truncated file" in text:
        return "truncated: shorter than its own header says"
    return "not HDF5, or corrupt" if "signature not found" in text else "the HDF5 structure is corrupt"


@dataclass(slots=True)
class _Dataset:
    """One dataset. `shape` is () for a single value, `item` gives its values."""

    name: str
    path: str
    shape: tuple[int, ...]
    dtype: Any
    is_boolean: bool
    item: Any


@dataclass(slots=True)
class _TreeReader:
    options: Mapping[str, Any]
    rows: RowReader | None
    members: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _seen: set[Any] = field(default_factory=set)
    _links: int = 0

    def read_group(self, group: Any, path: str, depth: int) -> None:
        """Read one group and those below it: a pandas store is one table, datasets of one length are the columns of one."""
        import h5py

        datasets, groups = list[_Dataset](), list[tuple[str, Any]]()
        for name, item in self._items(group, path):
            if isinstance(item, h5py.Group):
                groups.append((name, item))
            elif isinstance(item, h5py.Dataset):
                self._keep_dataset(datasets, name, f"{path}{name}", item)
        self._add_tables(datasets, path)
        for name, item in groups:
            below = f"{path}{name}"
            if len(self.members) >= self.options["max_members"]:
                self._warn(f"only the first {self.options['max_members']:,} tables were read")
                return
            if self._read_store(item, below):
                continue
            if depth + 1 >= self.options["max_depth"]:
                self._warn(f"groups nested deeper than {self.options['max_depth']} were left out")
                continue
            self.read_group(item, f"{below}/", depth + 1)

    def _items(self, group: Any, path: str) -> Iterator[tuple[str, Any]]:
        """What hard links of a group lead to, each object once in the whole file."""
        import h5py

        for name in islice(iter(group), _MAX_LINKS):
            self._links += 1
            if self._links > _MAX_LINKS:
                self._warn(f"only the first {_MAX_LINKS:,} links were followed")
                return
            try:
                link = group.get(name, getlink=True)
                if isinstance(link, h5py.ExternalLink):
                    self._warn(f"{_shown(path + name)}: a link to another file was not followed")
                if not isinstance(link, h5py.HardLink) or name.startswith(_INDEXES):
                    continue
                item = group[name]
                address = h5py.h5g.get_objinfo(item.id).objno  # h5o.get_info would add up the sizes of all indexes
            except BROKEN as error:
                self._warn(f"{_shown(path + str(name))} cannot be read ({type(error).__name__})")
                continue
            if address not in self._seen:
                self._seen.add(address)
                yield name, item

    def _keep_dataset(self, datasets: list[_Dataset], name: str, path: str, item: Any) -> None:
        try:
            if item.shape is not None:  # None: a dataset that never holds anything
                datasets.append(_Dataset(name, path, item.shape, item.dtype, describe_class(item) == "boolean", item))
        except BROKEN as error:
            self._warn(f"{_shown(path)} cannot be read ({type(error).__name__})")

    def _read_store(self, group: Any, path: str) -> bool:
        """Whether a group is a table that pandas wrote."""
        try:
            if _PANDAS_TYPE not in group.attrs:
                return False
            found = PandasStores(self.options["max_columns"]).read(group)
        except BROKEN as error:
            self._warn(f"{_shown(path)}: its pandas metadata cannot be read ({type(error).__name__})")
            return False
        if found is None:
            return False
        self._add(path, found["columns"], found["rows"], found["details"]["layout"])
        return True

    def _add_tables(self, datasets: list[_Dataset], path: str) -> None:
        columns = [d for d in datasets if d.dtype.names is None]
        scalars = [d for d in columns if not d.shape]
        if len(scalars) < len(columns):
            columns = [d for d in columns if d.shape]
            if scalars:
                self._warn(f"{len(scalars)} single values in {_shown(path) or '/'} were left out")
        is_one = len(columns) > 1 and len({d.shape[:1] for d in columns}) == 1
        if is_one or scalars == columns != []:
            self._add_columns(path.rstrip("/") or "/", columns)
        for dataset in datasets:
            if dataset.dtype.names is not None or (dataset in columns and not is_one and dataset.shape):
                self._add_dataset(dataset)

    def _add_columns(self, name: str, columns: list[_Dataset]) -> None:
        types = Types(self.options["max_depth"])
        described = [[d.name, *self._describe(types, d, d.shape[1:]), Cells(dataset=d.item)] for d in columns]
        self._add(name, described, columns[0].shape[0] if columns[0].shape else 1, "datasets of one length")

    def _add_dataset(self, dataset: _Dataset) -> None:
        """One dataset as a table of its own: a compound one by its fields, a matrix by its columns."""
        types = Types(self.options["max_depth"])
        rows = dataset.shape[0] if dataset.shape else 1
        if dataset.dtype.names is not None:
            fields, item = dataset.dtype.fields, dataset.item
            columns = [[name, *types.describe(fields[name][0]), Cells(dataset=item, field=name)] for name in dataset.dtype.names]
            self._add(dataset.path, columns, rows, "compound dataset")
        elif len(dataset.shape) == 2 and 0 < dataset.shape[1] <= self.options["max_columns"]:
            kind = self._describe(types, dataset, ())
            columns = [["", *kind, Cells(dataset=dataset.item, column=place)] for place in range(dataset.shape[1])]
            self._add(dataset.path, columns, rows, "matrix")
        else:
            column = ["value", *self._describe(types, dataset, dataset.shape[1:]), Cells(dataset=dataset.item)]
            self._add(dataset.path, [column], rows, "one dataset")

    def _describe(self, types: Types, dataset: _Dataset, inner: tuple[int, ...]) -> tuple[Any, str | None]:
        kind, source = ("bool", None) if dataset.is_boolean else types.describe(dataset.dtype)
        for _ in inner:
            kind = ["list", kind]
        return kind, source

    def _add(self, name: str, columns: list[list[Any]], rows: int | None, layout: str) -> None:
        described = [[column, kind, source] for column, kind, source, _ in columns]
        member = {"name": name, "columns": described, "rows": rows, "details": {"layout": layout}}
        if self.rows is not None:
            known = [(kind, cells) for _, kind, _, cells in columns]
            member["sample"] = self.rows.read(known)
        self.members.append(member)

    def _warn(self, text: str) -> None:
        if text not in self.warnings and len(self.warnings) < 20:
            self.warnings.append(text)


def _shown(path: str) -> str:
    return repr(path[:200]) if path else ""
