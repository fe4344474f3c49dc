"""The record batches of an Arrow file or stream: all of their messages where few small requests reach them, else some of them.

The data of a batch is never read, whatever it decompresses to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from s3_catalog.formats._arrow_messages import (
    PREFIX_BYTES,
    Batch,
    Block,
    Blocks,
    DictionaryUse,
    Footer,
    message_length,
    read_message,
)
from s3_catalog.formats._block_rows import MOST_ROWS, estimate_rows, spread
from s3_catalog.formats._flatbuffers import CorruptMessageError
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.storage.files import ObjectFile

_MAX_REQUESTS = 12
_MAX_BYTES = 1024 * 1024
"""Of all messages that are read of one file."""
_MAX_JOINED = 5000
"""Blocks that can be reached by so few bytes."""
_GAP_BYTES = 32 * 1024
"""Messages closer than this are fetched together."""
_SAMPLED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """What was read of a file's batches: `found`, and the rows of the whole file, counted or estimated.

    `uses` are the columns that use each dictionary. `warnings` tell where the walk met damage.
    """

    found: Sequence[Batch]
    rows: int | None = None
    estimate: RowEstimate | None = None
    uses: Mapping[int, Sequence[DictionaryUse]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_file_batches(file: ObjectFile, footer: Footer, known_from: int) -> Batches:
    """Read the messages that a file's footer lists. Of a file that is all known, a damaged one is an error, else a warning.

    Args:
        known_from: what stands from here on was fetched already.

    Raises:
        CorruptMessageError: a message is corrupt or stands outside the file.
    """
    try:
        return _read_listed(file, footer, known_from)
    except CorruptMessageError as error:
        if known_from <= 0:
            raise
        return Batches(found=(), warnings=(f"rows are not counted: {error}",))


def _read_listed(file: ObjectFile, footer: Footer, known_from: int) -> Batches:
    blocks = [*footer.dictionaries, *footer.batches] if len(footer.dictionaries) + len(footer.batches) <= _MAX_JOINED else None
    ranges = _join(file, blocks, known_from) if blocks is not None else None
    if blocks is None or ranges is None:
        return _sample_batches(file, footer.batches)
    for start, end in ranges:
        file.read_at(start, end - start)
    found = [read_block(file, block) for block in blocks]
    return Batches(found=found, rows=_count(found), uses=footer.uses)


def _join(file: ObjectFile, blocks: Sequence[Block], known_from: int) -> list[tuple[int, int]] | None:
    """The ranges of the messages that are not known yet, neighbours as one; None where they are too many or too long."""
    ranges: list[tuple[int, int]] = []
    for block in blocks:
        check_block(file, block)
    for block in sorted(blocks, key=lambda block: block.offset):
        start, end = block.offset, block.offset + block.message_bytes
        if start >= known_from:
            break
        if ranges and start - ranges[-1][1] <= _GAP_BYTES:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    fetched, read = sum(end - start for start, end in ranges), sum(block.message_bytes for block in blocks)
    return ranges if len(ranges) <= _MAX_REQUESTS and max(fetched, read) <= _MAX_BYTES else None


def _sample_batches(file: ObjectFile, blocks: Blocks) -> Batches:
    """Read some batches from all over the file, the last among them: it is shorter than the others more often than not."""
    indexes = sorted({i * (len(blocks) - 1) // (_SAMPLED - 1) for i in range(_SAMPLED)}) if len(blocks) else []
    chosen = [blocks[i] for i in indexes]
    for block in chosen:
        check_block(file, block)
    if not chosen or sum(block.message_bytes for block in chosen) > _MAX_BYTES:
        return Batches(found=())
    found = [read_block(file, block) for block in chosen]
    seen, sizes = _count(found), [block.body_bytes for block in chosen]
    unseen_bytes = blocks.body_bytes - sum(sizes)
    typical = found[:-1] or found
    by_number = [(batch.rows, 1.0) for batch in typical]
    by_bytes = [(batch.rows, float(size)) for batch, size in zip(typical, sizes, strict=False)]
    if spread(by_number) <= spread(by_bytes):
        return Batches(found=found, estimate=estimate_rows(seen, by_number, len(blocks) - len(chosen), evenly=True))
    return Batches(found=found, estimate=estimate_rows(seen, by_bytes, max(0, unseen_bytes), evenly=True))


def check_block(file: ObjectFile, block: Block) -> None:
    """Check that a block lies within its file.

    Raises:
        CorruptMessageError: it does not.
    """
    if min(block.offset, block.body_bytes) < 0 or block.message_bytes < PREFIX_BYTES:
        raise CorruptMessageError("the footer lists an impossible message")
    if block.offset + block.message_bytes + block.body_bytes > file.size:
        raise CorruptMessageError("the footer lists a message outside the file")


def read_block(file: ObjectFile, block: Block) -> Batch:
    """Read the message of a block.

    Raises:
        CorruptMessageError: corrupt, or no batch.
    """
    message = read_message(file.read_at(block.offset, block.message_bytes))
    if not isinstance(message, Batch):
        raise CorruptMessageError("a message that the footer lists is no batch")
    return message


def _count(batches: Sequence[Batch]) -> int:
    rows = sum(batch.rows for batch in batches if batch.dictionary is None)
    if rows > MOST_ROWS:
        raise CorruptMessageError("the batches claim impossible row counts")
    return rows


def read_stream_batches(file: ObjectFile, head_bytes: int) -> Batches:
    """Go through a stream from message to message, over the data of each; beyond the head that costs a small request per message.

    When the messages so far let expect too many requests, the walk ends, and the rows are estimated.

    Args:
        head_bytes: what was fetched already.

    Raises:
        CorruptMessageError: a message within the head is corrupt, or a stream that is all in the head is cut.
    """
    walk = _StreamWalk(file, head_bytes)
    try:
        complete = walk.run()
    except CorruptMessageError:
        if walk.position < head_bytes or file.size <= head_bytes:
            raise
        complete, walk.warnings = False, (f"the message at byte {walk.position:,} is corrupt or cut",)
    rows = _count(walk.found)
    if complete:
        return Batches(found=walk.found, rows=rows, uses=walk.uses)
    estimate = estimate_rows(rows, walk.sizes, max(0, file.size - walk.position))
    return Batches(found=walk.found, estimate=estimate, uses=walk.uses, warnings=walk.warnings)


class _StreamWalk:
    """Where a walk through a stream stands, and what it has met."""

    def __init__(self, file: ObjectFile, head_bytes: int) -> None:
        self._file, self._head_bytes = file, head_bytes
        self._requests, self._expected_bytes = 0, 1024
        self.position = self._first = 0
        self.found: list[Batch] = []
        self.sizes: list[tuple[int, float]] = []
        self.uses: dict[int, list[DictionaryUse]] = {}
        self.warnings: tuple[str, ...] = ()

    def run(self) -> bool:
        """Go on to the end of the stream; whether it was reached."""
        while self.position < self._file.size:
            beyond = self.position + self._expected_bytes > self._head_bytes < self._file.size
            if beyond and self._requests + self._expected_requests() > _MAX_REQUESTS:
                return False
            data = self._fetch()
            if not data:
                return True
            self._take(data)
        return True

    def _expected_requests(self) -> float:
        return (self._file.size - self.position) * len(self.found) / max(1, self.position - self._first)

    def _fetch(self) -> bytes:
        """The next message with its prefix; empty at the end mark. A message is as long as the one before it more often than not."""
        known = self.position + PREFIX_BYTES <= self._head_bytes
        data = self._read(PREFIX_BYTES if known else self._expected_bytes)
        start, length = message_length(data)
        if length == 0:
            return b""
        if start + length > _MAX_BYTES or self.position + start + length > self._file.size:
            raise CorruptMessageError("a message is cut, or longer than the limit")
        if start + length > len(data):
            data = self._read(start + length)
        self._expected_bytes = start + length
        return data[: start + length]

    def _read(self, length: int) -> bytes:
        self._requests += self.position + length > self._head_bytes
        return self._file.read_at(self.position, length)

    def _take(self, data: bytes) -> None:
        message = read_message(data)
        body_bytes = message.body_bytes if isinstance(message, Batch) else 0
        end = self.position + len(data) + body_bytes
        if end > self._file.size:
            raise CorruptMessageError("the data of a message is cut")
        if isinstance(message, Batch):
            self.found.append(message)
            if message.dictionary is None:
                self.sizes.append((message.rows, end - self.position))
        else:
            self.uses, self._first = message, end
        self.position = end
