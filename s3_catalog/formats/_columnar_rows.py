"""Rows of Parquet, ORC and Arrow files as pyarrow reads them; runs in the sandbox, for its decoders believe what a page claims.

Knows only the standard library and pyarrow. Of whatever fails, the class of the error is told and nothing of the values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from s3_catalog.formats._sandbox_process import AllowanceError, LentFile, RefusedError

_CORRUPT = "its data is corrupt, or compressed by a codec that is not read"
_CELLS_AT_ONCE = 250_000
"""Of an ORC stripe, which is decoded as a whole."""


def prepare() -> None:
    """Import what reading needs, before files are opened no more."""
    import pyarrow.feather
    import pyarrow.ipc  # noqa: F401

    from s3_catalog.formats import _parquet_rows  # noqa: F401
    from s3_catalog.formats._orc_zones import load_zones

    load_zones()


def read(file: LentFile, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read rows.

    Args:
        options: `kind` (`parquet`, `parquet plan`, `orc`, `file`, `stream`, `feather`), `rows`, `max_bytes` that may be fetched,
            `max_length`, `max_depth` and `max_columns`; and what the kind needs.

    Returns: see `_row_wire.OutgoingRows`; of a plan `ranges` to fetch.

    Raises:
        RefusedError: corrupt.
        MemoryError: it needs more than there is.
    """
    import pyarrow as pa

    from s3_catalog.formats._parquet_rows import plan_parquet, read_parquet
    from s3_catalog.formats._row_wire import OutgoingRows

    file.allowance = options["max_bytes"]
    outgoing = OutgoingRows(options["rows"])
    readers = {"parquet": read_parquet, "orc": _read_orc, "file": _read_file, "stream": _read_stream, "feather": _read_feather}
    try:
        if options["kind"] == "parquet plan":
            return {"ranges": plan_parquet(file, options)}
        readers[options["kind"]](file, options, outgoing)
    except (MemoryError, AllowanceError):
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, IndexError) as error:
        if "bad_alloc" in str(error):
            raise MemoryError from error
        raise RefusedError(_CORRUPT) from error
    return outgoing.answer()


def _read_orc(file: LentFile, options: Mapping[str, Any], outgoing: Any) -> None:
    """Read one stripe, some columns at a time: all of its rows are decoded."""
    import pyarrow as pa
    from pyarrow import orc

    opened = orc.ORCFile(pa.PythonFile(file, mode="r"))
    names = options["columns"]
    if names is None:
        _add_batches([opened.read_stripe(options["stripe"])], options, outgoing)
        return
    size = max(1, _CELLS_AT_ONCE // max(1, options["stripe_rows"]))
    waiting = [names[i : i + size] for i in range(0, len(names), size)]
    while waiting:
        some = waiting.pop(0)
        try:
            _add_batches([opened.read_stripe(options["stripe"], columns=some)], options, outgoing)
        except MemoryError:
            waiting[:0] = [[name] for name in some] if len(some) > 1 else []


def _read_file(file: LentFile, options: Mapping[str, Any], outgoing: Any) -> None:
    import pyarrow as pa
    import pyarrow.ipc

    reading = pa.ipc.IpcReadOptions(use_threads=False, included_fields=options["fields"])
    opened = pa.ipc.open_file(pa.PythonFile(file, mode="r"), options=reading)
    _add_batches((opened.get_batch(index) for index in options["batches"]), options, outgoing)


def _read_stream(file: LentFile, options: Mapping[str, Any], outgoing: Any) -> None:
    import pyarrow as pa
    import pyarrow.ipc

    opened = pa.ipc.open_stream(pa.PythonFile(file, mode="r"), options=pa.ipc.IpcReadOptions(use_threads=False))
    _add_batches(islice(opened, options["batches"]), options, outgoing)


def _read_feather(file: LentFile, options: Mapping[str, Any], outgoing: Any) -> None:
    import pyarrow as pa
    from pyarrow import feather

    table = feather.read_table(pa.PythonFile(file, mode="r"), use_threads=False)
    _add_batches(table.to_batches(), options, outgoing)


def _add_batches(batches: Iterable[Any], options: Mapping[str, Any], outgoing: Any) -> None:
    """Take the first rows of batches of the same columns."""
    from s3_catalog.formats._arrow_values import PlainValues, TooDeepError

    wanted, taken = options["rows"], list[Any]()
    for batch in batches:
        _check(batch)
        taken.append(batch.slice(0, wanted))
        wanted -= batch.num_rows
        if wanted <= 0:
            break
    for index, field in enumerate(taken[0].schema if taken else ()):
        try:
            values = PlainValues(field.type, max_length=options["max_length"], max_depth=options["max_depth"])
        except TooDeepError:
            continue
        outgoing.add(field.name, _values([batch.column(index) for batch in taken], values))


def _values(arrays: Sequence[Any], values: Any) -> Iterator[object]:
    for array in arrays:
        yield from values.read(array)


def _check(batch: Any) -> None:
    """Check that offsets lie within their buffers. Not asked for: that text is UTF-8, and that an index is one of its dictionary, which
    is checked where a value is read, and need not be so where a struct around it is null.
    """
    import pyarrow as pa

    try:
        batch.validate(full=True)
    except pa.ArrowInvalid as error:
        if not any(what in str(error) for what in ("UTF8", "Dictionary indices invalid")):
            raise
