"""Rows of Avro blocks as fastavro reads them; runs in the sandbox: a block may unpack to anything, and an array of nulls takes no bytes.

A value of a union that is a struct of its branches as a column (`member0`, `member1`) is one here as well. Moments that Python cannot
hold are the texts of their numbers.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, BinaryIO

from s3_catalog.formats._sandbox_process import RefusedError

_NANOS = {"long-timestamp-nanos": dt.datetime(1970, 1, 1, tzinfo=dt.UTC), "long-local-timestamp-nanos": dt.datetime(1970, 1, 1)}  # noqa: DTZ001
_PYTHON: dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "int": (int, dt.date, dt.time),
    "long": (int, dt.datetime, dt.time),
    "float": float,
    "double": float,
    "bytes": (bytes, Decimal),
    "fixed": (bytes, Decimal),
    "string": str,
    "enum": str,
    "array": list,
    "map": dict,
    "record": dict,
    "error": dict,
}
"""What fastavro makes of a type; of a UUID a `UUID`, which is made text before."""


def prepare() -> None:
    """Import what reading needs, before files are opened no more; make the readers of logical types take any number."""
    import bz2  # noqa: F401
    import lzma  # noqa: F401
    import uuid  # noqa: F401

    import fastavro.read

    from s3_catalog.formats import _avro_types, _row_wire  # noqa: F401

    readers = fastavro.read.LOGICAL_READERS
    readers |= {name: _nanos_reader(epoch) for name, epoch in _NANOS.items()}
    readers.update({name: _tolerant(name, read) for name, read in list(readers.items())})


def _nanos_reader(epoch: dt.datetime) -> Callable[..., object]:
    return lambda number, *schemas: epoch + dt.timedelta(microseconds=number // 1000)


def _tolerant(name: str, read: Callable[..., object]) -> Callable[..., object]:
    def read_any(stored: Any, *schemas: Any) -> object:
        try:
            return read(stored, *schemas)
        except (OverflowError, ValueError, ArithmeticError):
            return stored if isinstance(stored, str | bytes) else f"{stored} ({name.partition('-')[2]})"

    return read_any


def read(file: BinaryIO, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read rows of a file that is all there.

    Args:
        options: `rows`, `max_length` and `max_depth`.

    Returns: see `_row_wire.OutgoingRows`.

    Raises:
        RefusedError: corrupt, or compressed by a codec that is not installed.
        MemoryError: it needs more than there is.
    """
    import fastavro

    from s3_catalog.formats._avro_types import AvroTypes
    from s3_catalog.formats._row_wire import OutgoingRows

    try:
        reader = fastavro.reader(io.BytesIO(file.read()), handle_unicode_errors="replace")
        schema: Any = reader.writer_schema
        columns = AvroTypes(options["max_depth"]).columns(schema)
    except MemoryError:
        raise
    except Exception as error:  # a hostile header makes fastavro raise anything
        raise RefusedError("the header is corrupt") from error
    shapes = _Shapes(schema, options["max_length"])
    is_record = isinstance(schema, dict) and schema.get("type") in ("record", "error")
    fields = {field["name"]: field["type"] for field in schema["fields"]} if is_record else {"value": schema}
    rows = list(_rows(reader, options["rows"], is_record=is_record))
    outgoing = OutgoingRows(options["rows"])
    for column in columns:
        values = (shapes.value(row.get(column.name), fields[column.name], column.type) for row in rows)
        outgoing.add(column.name, values)
    return outgoing.answer()


def _rows(reader: Any, count: int, *, is_record: bool) -> Iterator[dict[str, Any]]:
    """The first rows; those before a damage, where there are any."""
    for number in range(count):
        try:
            row = next(reader)
        except StopIteration:
            return
        except MemoryError:
            raise
        except Exception as error:  # hostile blocks make fastavro raise anything
            if number:
                return
            raise RefusedError("the first block is corrupt, or compressed by a codec that is not read") from error
        yield row if is_record else {"value": row}


class _Shapes:
    """Brings values into the shape of their columns' types."""

    def __init__(self, schema: Any, max_length: int) -> None:
        self._named: dict[str, Any] = {}
        self._max_length = max_length
        self._remember(schema)

    def _remember(self, schema: Any) -> None:
        waiting = [schema]
        while waiting:
            found = waiting.pop()
            if isinstance(found, list):
                waiting.extend(found)
            elif isinstance(found, dict):
                if "name" in found and "type" in found:
                    self._named[str(found["name"])] = found
                waiting.extend(field["type"] for field in found.get("fields", ()))
                waiting.extend(found[part] for part in ("items", "values", "type") if isinstance(found.get(part), dict | list))

    def value(self, value: Any, schema: Any, kind: Any) -> object:
        """One value, cut where it is long."""
        import pyarrow.types as pt

        schema = self._named.get(schema, schema) if isinstance(schema, str) else schema
        if value is None:
            return None
        if isinstance(schema, list):
            return self._branch(value, [branch for branch in schema if branch != "null"], kind)
        if isinstance(value, str | bytes):
            return value[: self._max_length]
        if not isinstance(value, dict | list):
            return value
        if not pt.is_nested(kind):  # nested too deep, or in itself
            return json.dumps(value, default=str)[: self._max_length]
        if isinstance(value, list):
            return [self.value(item, schema["items"], kind.value_type) for item in value[: self._max_length]]
        if pt.is_map(kind):
            return {key: self.value(item, schema["values"], kind.item_type) for key, item in value.items()}
        fields = {field["name"]: field["type"] for field in schema["fields"]}
        return {field.name: self.value(value.get(field.name), fields[field.name], field.type) for field in kind}

    def _branch(self, value: Any, branches: list[Any], kind: Any) -> object:
        import pyarrow.types as pt

        if len(branches) == 1:
            return self.value(value, branches[0], kind)
        found = next((i for i, branch in enumerate(branches) if self._is_of(value, branch)), 0)
        names = [f"member{i}" for i in range(len(branches))]
        if not pt.is_struct(kind) or [field.name for field in kind] != names:
            return self.value(value, branches[found], kind)
        shaped = self.value(value, branches[found], kind.field(found).type)
        return {name: shaped if i == found else None for i, name in enumerate(names)}

    def _is_of(self, value: Any, schema: Any) -> bool:
        """Whether a value is of a branch, as far as Python's types tell."""
        schema = self._named.get(schema, schema) if isinstance(schema, str) else schema
        name = schema if isinstance(schema, str) else schema["type"]
        if not isinstance(name, str):
            return self._is_of(value, name)
        if isinstance(value, bool) or name == "boolean":
            return isinstance(value, bool) and name == "boolean"
        if name in ("record", "error"):
            return isinstance(value, dict) and value.keys() == {field["name"] for field in schema["fields"]}
        if name == "enum":
            return value in schema["symbols"]
        if isinstance(schema, dict) and schema.get("logicalType") == "uuid":
            return not isinstance(value, dict | list | int | float)
        return isinstance(value, _PYTHON.get(name, ()))
