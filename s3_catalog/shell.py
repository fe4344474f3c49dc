"""What a command needs of the process it runs in: standard output, one-line errors, logs, Ctrl-C, exit codes."""

from __future__ import annotations

import functools
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, ParamSpec

import typer

from s3_catalog.errors import ConfigError, S3CatalogError

if TYPE_CHECKING:
    from types import FrameType

logger = logging.getLogger(__name__)

DONE, FAILURES, ERROR, INTERRUPTED = 0, 1, 2, 130
"""Exit codes: done; done, with failures in the ledger; wrong use or unreachable; Ctrl-C."""

P = ParamSpec("P")


def ending_in_one_line(function: Callable[P, None]) -> Callable[P, None]:
    """Make a command of a function: every error it raises becomes one line on standard error and an exit code."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        with _ending_at_once_on_interrupt():
            try:
                function(*args, **kwargs)
            except S3CatalogError as error:
                logger.debug("command failed", exc_info=True)
                raise _exit_with(*(str(error).splitlines() if isinstance(error, ConfigError) else [str(error)])) from error
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except Exception as error:  # the text of an unknown error may hold anything, so only its kind is shown
                logger.debug("command failed", exc_info=True)
                raise _exit_with(f"unexpected {type(error).__name__}; `s3-catalog --debug ...` shows where it arose") from error

    return guarded


def write_output(chunks: Iterable[str]) -> None:
    """Write a text to standard output, and a line end.

    Raises:
        S3CatalogError: it takes no more (a full disk).
    """
    with _naming_output():
        for chunk in chunks:
            sys.stdout.write(chunk)
        sys.stdout.write("\n")
        sys.stdout.flush()


@contextmanager
def open_binary_output() -> Iterator[BinaryIO]:
    """Standard output for bytes.

    Raises:
        S3CatalogError: it takes no more (a full disk).
    """
    with _naming_output():
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()


@contextmanager
def _naming_output() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer would fail again at exit
        raise S3CatalogError(f"standard output: {error.strerror}") from error


def say(level: str, line: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{level}: {line}\n")


def _exit_with(*lines: str) -> typer.Exit:
    from s3_catalog.storage import printable

    for line in lines:
        say("error", printable(line))
    return typer.Exit(ERROR)


class _StderrHandler(logging.Handler):
    """One line per record, and its traceback when asked for."""

    def __init__(self, *, tracebacks: bool) -> None:
        super().__init__()
        self._tracebacks = tracebacks

    def emit(self, record: logging.LogRecord) -> None:
        from s3_catalog.storage import printable

        say(record.levelname.lower(), printable(record.getMessage()))
        if self._tracebacks and record.exc_info:
            sys.stderr.write(logging.Formatter().formatException(record.exc_info) + "\n")


@contextmanager
def prepare_process(*, debug: bool) -> Iterator[None]:
    """Send the package's warnings to standard error (with `debug` all records, with tracebacks); escape what an output cannot encode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    package, handler = logging.getLogger("s3_catalog"), _StderrHandler(tracebacks=debug)
    before = package.level
    package.setLevel(logging.DEBUG if debug else logging.WARNING)
    package.addHandler(handler)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(before)


@contextmanager
def _ending_at_once_on_interrupt() -> Iterator[None]:
    """Ctrl-C ends the process without waiting for requests under way: every write is one transaction, so nothing is left half done."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        show_cursor = b"\x1b[?25h\r\x1b[J" if os.isatty(2) else b""
        os.write(2, show_cursor + b"interrupted\n")
        os._exit(INTERRUPTED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
