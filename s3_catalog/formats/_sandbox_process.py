"""The process behind `_sandbox`: started once for each reader, it forks a confined process for every file.

Runs as a script (`python -I -S _sandbox_process.py SETUP CONTROL_FD`), and imports nothing of this package but the reader's own module,
so that a fork is small and quick. A fork may use so much memory and processor time, can open no file, start no process and write no file.
"""

from __future__ import annotations

import codecs
import importlib
import io
import json
import os
import resource
import signal
import socket
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

if TYPE_CHECKING:
    from typing_extensions import Buffer

_KEPT_BYTES = 64 * 1024 * 1024
_CODECS = ("ascii", "cp437", "latin-1", "raw-unicode-escape", "unicode-escape", "utf-8", "utf-16-le")
"""Loaded before files can be opened no more: Python looks for a codec's module when it is first used."""

_PAGES_IN_USE = Path("/proc/self/statm")


class RefusedError(Exception):
    """A reader's reason not to read a file. The text is shown to people: it holds no value of the file."""


class AllowanceError(OSError):
    """A reader asked for more of the file than it was allowed to fetch."""


class LentFile(io.RawIOBase):
    """A file of the parent process, read through a socket in aligned blocks; blocks are kept, so that going back costs nothing.

    With blocks of 0 bytes it is read in the very ranges asked for, and nothing is kept but what `keep` fetched. `allowance` is how many
    bytes may still be fetched, `requests` how often; a read beyond is an `AllowanceError`.
    """

    def __init__(self, channel: BinaryIO, size: int, block_bytes: int) -> None:
        self._channel, self.size, self._block_bytes = channel, size, block_bytes
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._ranges: list[tuple[int, bytes]] = []
        self.allowance = self.requests = sys.maxsize

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("a position before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self.size - self._position))
        done = 0
        while done < length:
            piece = self._piece(length - done)
            if not piece:
                break
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._position += len(piece)
        return done

    def keep(self, start: int, length: int) -> None:
        """Fetch one range at once; what is read within it later costs nothing."""
        self._ranges.append((start, self._fetch(start, length)))

    def _piece(self, wanted: int) -> memoryview:
        """Some of the bytes at the position, at most as many as wanted."""
        following = self.size
        for start, data in self._ranges:
            if start <= self._position < start + len(data):
                offset = self._position - start
                return memoryview(data)[offset : offset + wanted]
            following = min(following, start) if start > self._position else following
        if not self._block_bytes:
            return memoryview(self._fetch(self._position, min(wanted, following - self._position)))
        number, offset = divmod(self._position, self._block_bytes)
        return memoryview(self._block(number))[offset : offset + wanted]

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        data = self._fetch(number * self._block_bytes, self._block_bytes)
        while self._blocks and (len(self._blocks) + 1) * self._block_bytes > _KEPT_BYTES:
            self._blocks.popitem(last=False)
        self._blocks[number] = data
        return data

    def _fetch(self, start: int, length: int) -> bytes:
        if length > self.allowance or self.requests < 1:
            raise AllowanceError
        self.allowance -= length
        self.requests -= 1
        _send(self._channel, {"read": [start, length]})
        prefix = self._channel.read(8)
        data = self._channel.read(int.from_bytes(prefix, "big"))
        if len(prefix) < 8:
            os._exit(0)  # the parent has given up
        return data


def main() -> None:
    """Import the reader, then fork for every socket that comes in, until the parent is gone."""
    setup, control = json.loads(sys.argv[1]), socket.socket(fileno=int(sys.argv[2]))
    sys.path[:] = setup["sys_path"]
    reader = _import_reader(setup["package"], setup["folder"], setup["reader"])
    reader.prepare()
    for codec in _CODECS:
        codecs.lookup(codec)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        for descriptor in descriptors:
            if os.fork() == 0:
                control.close()
                _supervise(descriptor, reader.read)
            os.close(descriptor)


def _import_reader(package: str, folder: str, reader: str) -> ModuleType:
    """Import one module of the package without running the package's `__init__`s, which would load much more."""
    parts = package.split(".")
    for depth in range(len(parts), 0, -1):
        stub = ModuleType(".".join(parts[:depth]))
        stub.__path__ = [str(Path(folder).parents[len(parts) - depth - 1]) if depth < len(parts) else folder]
        sys.modules[stub.__name__] = stub
    sys.modules[f"{package}._sandbox_process"] = sys.modules["__main__"]
    return importlib.import_module(f"{package}.{reader}")


def _supervise(descriptor: int, read: Callable[..., Any]) -> NoReturn:
    """Run the reader in one more process, and tell the parent if that process was ended by a signal."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    worker = os.fork()
    if worker == 0:
        _work(descriptor, read)
    _, status = os.waitpid(worker, 0)
    if os.WIFSIGNALED(status):
        with socket.socket(fileno=descriptor) as channel, channel.makefile("wb") as stream:
            _send(stream, {"killed": os.WTERMSIG(status)})
    os._exit(0)


def _work(descriptor: int, read: Callable[..., Any]) -> NoReturn:
    channel = cast("BinaryIO", socket.socket(fileno=descriptor).makefile("rwb"))
    try:
        job = json.loads(channel.readline())
        confine(memory_bytes=job["memory_bytes"], seconds=job["seconds"])
        answer = _answer(lambda: read(LentFile(channel, job["size"], job["block_bytes"]), job["options"]))
        _send(channel, answer)
    except BrokenPipeError:
        os._exit(0)
    except MemoryError:
        os.abort()  # not even the refusal found room
    os._exit(0)


def _answer(read: Callable[[], Any]) -> Mapping[str, Any]:
    try:
        return {"result": read()}
    except RefusedError as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {"memory": True}
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - hostile bytes make a library raise anything; its text may hold values, its class does not
        return {"failed": type(error).__name__}


def confine(*, memory_bytes: int, seconds: int) -> None:
    """Take from this process all that a reader does not need: `memory_bytes` more than now, `seconds` of the processor, no files."""
    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 0,
        "RLIMIT_NPROC": 0,
        "RLIMIT_CPU": seconds,
        "RLIMIT_AS": _address_space() + memory_bytes,
    }
    for name, limit in limits.items():
        number = getattr(resource, name, None)
        if number is not None and (name != "RLIMIT_AS" or limit > memory_bytes):
            resource.setrlimit(number, (limit, limit + (name == "RLIMIT_CPU")))  # one second later it is killed without a reason


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not tell (and does not enforce a limit either)."""
    if not _PAGES_IN_USE.exists():
        return 0
    return int(_PAGES_IN_USE.read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _send(channel: BinaryIO, message: Mapping[str, Any]) -> None:
    channel.write(json.dumps(message).encode("ascii") + b"\n")
    channel.flush()


if __name__ == "__main__":
    main()
