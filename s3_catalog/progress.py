"""How far a crawl is, on standard error: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from s3_catalog.console import open_console, size_text
from s3_catalog.storage import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from s3_catalog.describing.full import ByteProgress
    from s3_catalog.pipeline import Observer

_SECONDS_BETWEEN_LINES = 5.0
_NAME_WIDTH = 28


@contextmanager
def open_progress(*, last_step: tuple[str, str] = ("describing", "described")) -> Iterator[Observer]:
    """Show progress while the block runs.

    Args:
        last_step: what is done to tables last: the word for it while it lasts, and afterwards.
    """
    console = open_console(stderr=True)
    if not console.is_terminal:
        yield _Lines(last_step[1])
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[count]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[now]}", markup=False, style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars, last_step[0])


@contextmanager
def open_byte_progress() -> Iterator[ByteProgress]:
    """Show how many bytes of a table are read, while the block runs."""
    console = open_console(stderr=True)
    if not console.is_terminal:
        lines = _Lines("read")
        yield lines.read
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=16), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(_ending(table), total=total)
            bars.update(tasks[table], completed=done)

        yield show


class _Bars:
    """An `Observer` that moves a bar per hop."""

    def __init__(self, bars: Progress, last_step: str) -> None:
        self._bars, self._last_step = bars, last_step
        self._listing = bars.add_task("listing objects", total=None, count="", now="")
        self._listed = 0
        self._steps: dict[str, TaskID] = {}

    def listed(self, objects: int, prefix: str) -> None:
        self._listed = objects
        self._bars.update(self._listing, completed=objects, count=f"{objects:,}", now=_ending(prefix))

    def inferred(self, done: int, total: int, table: str) -> None:
        self._step("reading tables", done, total, table)

    def described(self, done: int, total: int, table: str) -> None:
        self._step(f"{self._last_step} tables", done, total, table)

    def _step(self, step: str, done: int, total: int, table: str) -> None:
        if step not in self._steps:
            self._bars.update(self._listing, completed=self._listed, total=self._listed, now="")
            self._steps[step] = self._bars.add_task(step, total=total, count="", now="")
        self._bars.update(self._steps[step], completed=done, count=f"{done:,}/{total:,}", now=_ending(table))


class _Lines:
    """An `Observer` that writes a line when some seconds have passed since the last one."""

    def __init__(self, last_step: str) -> None:
        self._last_step = last_step
        self._said = time.monotonic()

    def listed(self, objects: int, prefix: str) -> None:
        self._say(f"listed {objects:,} objects so far, the last below {printable(prefix)}")

    def inferred(self, done: int, total: int, table: str) -> None:
        self._say(f"read {done:,} of {total:,} tables so far, the last {printable(table)}")

    def described(self, done: int, total: int, table: str) -> None:
        self._say(f"{self._last_step} {done:,} of {total:,} tables so far, the last {printable(table)}")

    def read(self, table: str, done: int, total: int) -> None:
        self._say(f"read {size_text(done)} of {size_text(total)} so far, the last of {printable(table)}")

    def _say(self, line: str) -> None:
        now = time.monotonic()
        if now - self._said >= _SECONDS_BETWEEN_LINES:
            self._said = now
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def _ending(name: str) -> str:
    text = printable(name)
    return text if len(text) <= _NAME_WIDTH else "…" + text[-_NAME_WIDTH + 1 :]
