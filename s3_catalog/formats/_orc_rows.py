"""Which stripe and columns of an ORC file give the rows of a sample, and their bytes fetched in few ranges.

A stripe is taken whole where it fits; else those columns of it that do, by the list of streams in its footer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s3_catalog.formats import ReadLimits
from s3_catalog.formats._footer import cost_of_end
from s3_catalog.formats._orc_footer import OrcFooter, OrcFooterError, read_footer, read_stripe_footer
from s3_catalog.formats._ranges_to_fetch import Range, choose_columns, join_ranges
from s3_catalog.storage.files import ObjectFile

_STRUCT = 12
_FIXED = frozenset({0, 1, 2, 3, 4, 5, 6, 9, 14, 15, 18})
"""Kinds of types whose values are all of one length: numbers, booleans, dates and timestamps."""


def plan_rows(file: ObjectFile, limits: ReadLimits, rows: int) -> Mapping[str, Any] | None:
    """Fetch what a sample takes; None where nothing fits. In `columns`, None stands for all of them.

    Returns: the options `stripe`, `stripe_rows` and `columns` of `_columnar_rows.read`.

    Raises:
        OrcFooterError: corrupt.
        StoreError: the object could not be read or has changed.
    """
    tail = file.tail(limits.tail_bytes)
    footer = read_footer(file, tail, limits)
    left = limits.max_sample_bytes - cost_of_end(file, _footer_bytes(file, footer), limits)
    stripes = [_read_stripe(file, stripe) for stripe in footer.message.stripes]
    sizes = {index: end - start for index, (start, end) in enumerate(stripes) if footer.message.stripes[index].numberOfRows}
    if not sizes:
        return None
    names = _plain_names(footer.message.types)
    fitting = {index: size for index, size in sizes.items() if size <= left}
    index = min(
        fitting or sizes,
        key=lambda index: (-min(rows, footer.message.stripes[index].numberOfRows) if fitting else 0, sizes[index]),
    )
    options = {"kind": "orc", "stripe": index, "stripe_rows": footer.message.stripes[index].numberOfRows}
    if fitting:
        file.read_at(stripes[index][0], sizes[index])
        return options | {"columns": names}
    if names is None:
        return None
    chosen = _fetch_columns(file, footer, index, left)
    return options | {"columns": [names[column] for column in chosen]} if chosen else None


def without_long_values(file: ObjectFile, options: Mapping[str, Any], limits: ReadLimits) -> Mapping[str, Any] | None:
    """The options for those of the columns whose values are all of one length; None where there are no others, or none of these.

    Raises: as `plan_rows`.
    """
    if options["columns"] is None:
        return None
    types = read_footer(file, file.tail(limits.tail_bytes), limits).message.types
    fixed = {name for name, child in zip(types[0].fieldNames, types[0].subtypes, strict=True) if types[child].kind in _FIXED}
    columns = [name for name in options["columns"] if name in fixed]
    return {**options, "columns": columns} if 0 < len(columns) < len(options["columns"]) else None


def _footer_bytes(file: ObjectFile, footer: OrcFooter) -> int:
    """An upper bound of what the end of the file behind the stripes takes."""
    ends = [_read_stripe(file, stripe)[1] for stripe in footer.message.stripes]
    return file.size - max(ends, default=file.size)


def _read_stripe(file: ObjectFile, stripe: Any) -> Range:
    end = stripe.offset + stripe.indexLength + stripe.dataLength + stripe.footerLength
    if end > file.size:
        raise OrcFooterError("the footer lists a stripe outside the file")
    return stripe.offset, end


def _plain_names(types: Any) -> list[str] | None:
    """The names of the columns; None where columns cannot be asked for by name: a dot in it would mean a nested one."""
    if types[0].kind != _STRUCT:
        return None
    names = list(types[0].fieldNames)
    # A name that is not UTF-8 comes as bytes.
    plain = all(isinstance(name, str) and "." not in name for name in names)
    return names if plain and len(names) == len(set(names)) == len(types[0].subtypes) else None


def _fetch_columns(file: ObjectFile, footer: OrcFooter, index: int, left: int) -> list[int]:
    """Fetch those columns of a stripe that fit."""
    stripe = footer.message.stripes[index]
    _, end = _read_stripe(file, stripe)
    if stripe.footerLength > left:
        return []
    streams = read_stripe_footer(file.read_at(end - stripe.footerLength, stripe.footerLength), footer.compression).streams
    columns = _column_ranges(footer.message.types, streams, stripe)
    chosen = choose_columns(columns, left - stripe.footerLength)
    for start, stop in join_ranges(found for column in chosen for found in columns[column]):
        file.read_at(start, stop - start)
    return chosen


def _column_ranges(types: Any, streams: Any, stripe: Any) -> list[list[Range]]:
    """Where the streams of each column of the top level stand, with those of the columns inside it; indexes are not read."""
    owner: dict[int, int] = {}
    for column, child in enumerate(types[0].subtypes):
        waiting = [child]
        while waiting:
            found = waiting.pop()
            owner[found] = column
            waiting.extend(types[found].subtypes)
    ranges: list[list[Range]] = [[] for _ in types[0].subtypes]
    position, data_start = stripe.offset, stripe.offset + stripe.indexLength
    for stream in streams:
        if position >= data_start and stream.column in owner:
            ranges[owner[stream.column]].append((position, position + stream.length))
        position += stream.length
    if position > data_start + stripe.dataLength:
        raise OrcFooterError("the footer of a stripe lists data outside it")
    return ranges
