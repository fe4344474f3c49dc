"""Readers in a process of their own, for libraries that parse hostile bytes in native code or in whole.

`read_sandboxed` lends one file, range by range, to a process that may use so much memory and time, opens no file and starts no process.
What comes back is JSON; a crash, an endless loop or a memory bomb there is an `UnreadableFileError` here.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.storage.files import ObjectFile

_SCRIPT = Path(__file__).with_name("_sandbox_process.py")
_MAX_ANSWER_BYTES = 32 * 1024 * 1024
_TIME_SIGNALS = (signal.SIGXCPU, signal.SIGKILL)


class OutOfMemoryError(UnreadableFileError):
    """The reader needed more memory than its process may take, as far as can be told from outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """How a reader runs. `reader` is a module of this package with `prepare()` (its imports) and `read(file, options)`; sizes in bytes.

    `block_bytes` is how much of the file is fetched at a time, `memory_bytes` what the process may take on top of its imports.
    """

    reader: str
    block_bytes: int
    memory_bytes: int


def read_sandboxed(sandbox: Sandbox, file: ObjectFile, file_format: str, options: Mapping[str, Any], limits: ReadLimits) -> Any:
    """Read a file in a process of its own; gives the JSON that the reader made of it.

    Raises:
        UnreadableFileError: the reader refused or failed, or needed more than the limits allow (`OutOfMemoryError` where that was memory).
        StoreError: the object could not be read or has changed.
    """
    file.head(sandbox.block_bytes)  # fetched before a place is taken: most files need no more
    launcher = _launcher(sandbox.reader)
    with launcher.place, contextlib.closing(launcher.connect()) as channel:
        return _Conversation(sandbox, file, file_format, limits).hold(channel, options)


class _Conversation:
    """One file's reads and its one answer."""

    def __init__(self, sandbox: Sandbox, file: ObjectFile, file_format: str, limits: ReadLimits) -> None:
        self._sandbox, self._file, self._format, self._limits = sandbox, file, file_format, limits
        self._seconds_left = limits.max_seconds
        self._bytes_left = limits.max_whole_file_bytes

    def hold(self, channel: socket.socket, options: Mapping[str, Any]) -> Any:
        job = {
            "size": self._file.size,
            "block_bytes": self._sandbox.block_bytes,
            "memory_bytes": self._sandbox.memory_bytes,
            "seconds": max(1, round(self._limits.max_seconds)),
            "options": options,
        }
        try:
            with channel.makefile("rwb") as stream:
                stream.write(json.dumps(job).encode("ascii") + b"\n")
                stream.flush()
                while True:
                    answer = self._next(channel, stream)
                    if "read" not in answer:
                        return self._conclude(answer)
                    data = self._lend(*answer["read"])
                    stream.write(len(data).to_bytes(8, "big") + data)
                    stream.flush()
        except TimeoutError as error:
            raise self._refuse(self._too_long()) from error
        except OSError as error:
            raise self._refuse("the reader was ended from outside") from error

    def _next(self, channel: socket.socket, stream: io.BufferedRWPair) -> Mapping[str, Any]:
        """Wait for the reader; only its own time counts, not the store's."""
        channel.settimeout(max(0.001, self._seconds_left))
        started = time.monotonic()
        line = stream.readline(_MAX_ANSWER_BYTES)
        self._seconds_left -= time.monotonic() - started
        channel.settimeout(None)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = {"killed": 0}
        return answer if isinstance(answer, dict) else {"killed": 0}

    def _lend(self, start: int, length: int) -> bytes:
        self._bytes_left -= length
        if self._bytes_left < -self._sandbox.block_bytes:
            raise self._refuse(f"more than {self._limits.max_whole_file_bytes:,} bytes of it would have to be read")
        return self._file.read_at(start, length)

    def _conclude(self, answer: Mapping[str, Any]) -> Any:
        if "result" in answer:
            return answer["result"]
        if "refused" in answer:
            raise self._refuse(str(answer["refused"]))
        if "memory" in answer:
            raise OutOfMemoryError(self._file.key, self._format, self._too_large())
        if "failed" in answer:
            raise self._refuse(f"the bytes are corrupt ({answer['failed']})")
        if answer["killed"] in _TIME_SIGNALS:
            raise self._refuse(self._too_long())
        if answer["killed"] == signal.SIGABRT:
            raise OutOfMemoryError(self._file.key, self._format, f"the bytes are corrupt, or {self._too_large()}")
        raise self._refuse("the bytes made their reader crash")

    def _too_large(self) -> str:
        return f"reading it takes more than {self._sandbox.memory_bytes:,} bytes of memory"

    def _too_long(self) -> str:
        return f"reading it takes longer than {self._limits.max_seconds:g} seconds"

    def _refuse(self, reason: str) -> UnreadableFileError:
        return UnreadableFileError(self._file.key, self._format, reason)


class _Launcher:
    """The process that forks for one reader; started when first needed. One file at a time, so that memory is bounded in all threads."""

    def __init__(self, reader: str) -> None:
        self.place = threading.Lock()
        self._reader = reader
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def connect(self) -> socket.socket:
        """A socket whose other end a fresh process holds."""
        with self._starting:
            for _ in range(2):
                ours, theirs = socket.socketpair()
                control = self._control or self._start()
                try:
                    with theirs:
                        socket.send_fds(control, [b"+"], [theirs.fileno()])
                except OSError:  # somebody ended the process: start another
                    ours.close()
                    self.stop()
                else:
                    return ours
        raise RuntimeError(f"the process that reads for {self._reader} does not stay up")

    def stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _start(self) -> socket.socket:
        self._control, theirs = socket.socketpair()
        setup = {"sys_path": sys.path, "package": __package__, "folder": str(_SCRIPT.parent), "reader": self._reader}
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own script, no text of others
                [sys.executable, "-I", "-S", str(_SCRIPT), json.dumps(setup), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt from the terminal is for us, not for it
                env=_environment(),
            )
        return self._control


def _environment() -> dict[str, str]:
    """No credentials; one thread for linear algebra, which would take memory for each; no allocator that reserves more than it uses."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "PATH", "SYSTEMROOT") if name in os.environ}
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    allocators = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
    return kept | threads | allocators | {"HDF5_PLUGIN_PATH": "", "HDF5_USE_FILE_LOCKING": "FALSE"}


@cache
def _launcher(reader: str) -> _Launcher:
    launcher = _Launcher(reader)
    atexit.register(launcher.stop)
    return launcher


# A fork of this process starts its own: a lock that some thread held at that moment would never be free there.
os.register_at_fork(after_in_child=_launcher.cache_clear)
