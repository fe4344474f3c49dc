"""HDF5's types as JSON: names of Arrow types, lists and structs. Runs in the sandboxed process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_KINDS = {"i": "int", "u": "uint", "f": "float"}
_UNIT = re.compile(r"[Mm]8\[(?:\d+)?(\w+)\]|(?:datetime|timedelta)64\[(\w+)")
_UNITS = ("s", "ms", "us", "ns")
Kind = str | list[Any]


def describe_class(dataset: Any) -> str:
    """`boolean` for PyTables' way to store booleans (a bit field of one byte), which numpy's types do not tell from numbers."""
    from h5py import h5t

    kind = dataset.id.get_type()
    return "boolean" if kind.get_class() == h5t.BITFIELD and kind.get_size() == 1 and "CLASS" in dataset.attrs else ""


@dataclass(frozen=True, slots=True)
class Types:
    """Describes numpy's types as h5py gives them; `depth` is how deep they may nest until they are text."""

    depth: int

    def describe(self, dtype: Any, depth: int | None = None) -> tuple[Kind, str | None]:
        """A type, and HDF5's own name where that says more."""
        import h5py

        depth = self.depth if depth is None else depth
        if depth <= 0:
            return "string", None
        text = h5py.check_string_dtype(dtype)
        if text is not None:
            return "string", f"{text.encoding} string of {text.length} bytes" if text.length else None
        names = h5py.check_enum_dtype(dtype)
        if names is not None:
            return _number(dtype), f"enum of {len(names)} names"
        base = h5py.check_vlen_dtype(dtype)
        if base is not None:
            return ["list", self.describe(base, depth - 1)[0]], None
        if h5py.check_ref_dtype(dtype) is not None:
            return "string", "reference"
        if dtype.subdtype is not None:
            kind = self.describe(dtype.subdtype[0], depth - 1)[0]
            for _ in dtype.subdtype[1][:depth]:
                kind = ["list", kind]
            return kind, None
        if dtype.names is not None:
            return ["struct", [[name, self.describe(dtype.fields[name][0], depth - 1)[0]] for name in dtype.names]], None
        return _plain(dtype)


def _plain(dtype: Any) -> tuple[Kind, str | None]:
    if dtype.kind in "Mm":
        return moment(dtype.str, None), None
    if dtype.kind == "c":
        side = "float32" if dtype.itemsize == 8 else "float64"
        return ["struct", [["real", side], ["imag", side]]], dtype.name
    if dtype.kind == "b":
        return "bool", None
    if dtype.kind in _KINDS:
        return _number(dtype), dtype.name if dtype.kind == "f" and dtype.itemsize > 8 else None
    if dtype.kind == "V":
        return "binary", f"opaque of {dtype.itemsize} bytes"
    return "string", dtype.name


def _number(dtype: Any) -> str:
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        return "float64" if dtype.kind == "f" else "string"
    return f"{_KINDS[dtype.kind]}{dtype.itemsize * 8}"


def moment(name: str, zone: str | None) -> Kind:
    """The type of numpy's or pandas' name of a moment or a duration: `<M8[us]`, `datetime64[ns]`, `timedelta64`."""
    match = _UNIT.search(name)
    unit = next((part for part in match.groups() if part in _UNITS), "ns") if match else "ns"
    return ["duration", unit] if "timedelta" in name or "m8" in name else ["timestamp", unit, zone]
