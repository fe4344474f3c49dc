"""Pickles taken apart without being run: every step of the pickle machine is done on symbols.

Where Python's machine would import a name, a `Global` is noted; where it would call it, a `Call`. Nothing is imported, called or looked
up, so nothing can run. A name that stands for more than data is refused all the same. `pickletools` has the opcodes.
"""

from __future__ import annotations

import io
import pickletools
import time
from collections.abc import Callable
from typing import Any, BinaryIO

from s3_catalog.formats._pickle_names import is_data
from s3_catalog.formats._pickle_symbols import (
    LOST_TEXT,
    Call,
    Global,
    Items,
    Opaque,
    Pairs,
    PickleCallError,
    PickleLimitError,
    PickleLimits,
    PickleRefusedError,
)

_KEPT_PAYLOAD = 256 * 1024
_SHORT_TEXT = 64
_MAX_LINE = 1024 * 1024
_MAX_OBJECTS = 500_000
_CLOCK_STEPS = 4096
_CERTAIN_STEPS = 8
_LENGTH_BYTES = {
    "BINBYTES": 4, "SHORT_BINBYTES": 1, "BINBYTES8": 8, "BYTEARRAY8": 8, "BINUNICODE": 4, "SHORT_BINUNICODE": 1, "BINUNICODE8": 8,
    "BINSTRING": 4, "SHORT_BINSTRING": 1, "LONG1": 1, "LONG4": 4,
}  # fmt: skip
"""Opcodes with a payload of a stated length -> how many bytes state it (little-endian)."""


class _Mark:
    """What MARK pushes."""


_MARK = _Mark()
_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_CORRUPT = (ValueError, IndexError, KeyError, TypeError, UnicodeError, OverflowError)


def take_apart(stream: BinaryIO, limits: PickleLimits) -> Any:
    """Take one pickle apart; gives its object as symbols: plain scalars, tuples, `Items`, `Pairs`, `Call`, `Global`, `Opaque`.

    Raises:
        PickleRefusedError: corrupt, cut short, or something that would call more than constructors of data.
        PickleLimitError: larger than the limits.
    """
    machine = _Machine(stream, limits)
    try:
        return machine.run()
    except _CORRUPT as error:
        raise PickleRefusedError("the pickle is corrupt or cut short") from error


def take_bytes_apart(data: bytes, limits: PickleLimits) -> Any:
    """Take a pickle in memory apart."""
    return take_apart(io.BytesIO(data), limits)


def is_pickle(head: bytes) -> bool:
    """Whether the first bytes of a file are a pickle beyond doubt: a whole one, or several steps of one."""
    machine = _Machine(io.BytesIO(head), PickleLimits(read_bytes=len(head), seconds=1.0, steps=_CERTAIN_STEPS))
    try:
        machine.run()
    except (PickleRefusedError, *_CORRUPT):
        return machine.steps + 1 >= _CERTAIN_STEPS
    return True


class _Machine:
    """One run. Steps are methods named after their opcodes; several opcodes that do the same share one (`_STEPS`)."""

    def __init__(self, stream: BinaryIO, limits: PickleLimits) -> None:
        self._stream, self._limits = _Lines(stream), limits
        self._stack: list[Any] = []
        self._memo: list[Any] = []
        self._far_memo: dict[int, Any] = {}  # of indices that do not follow one on the other, as after an optimizer
        self.steps = 0
        self._objects = 0
        self._bytes_read = 0
        self._text_kept = 0
        self._large_left = limits.large_payloads

    def run(self) -> Any:
        deadline = time.monotonic() + self._limits.seconds
        read, stack = self._stream.read, self._stack
        for step in range(self._limits.steps):
            self.steps = step
            code = read(1)
            if code == b".":
                return self._finish()
            opcode = _OPCODES[code]  # no byte is a KeyError, as an unknown one is
            name = opcode.name
            argument = self._argument(name, opcode)
            method, value = _STEPS[name]
            if method is None:
                stack.append(argument if value is _ARGUMENT else value)
            else:
                method(self, argument)
            if step % _CLOCK_STEPS == 0:
                self._check(deadline)
        raise self._limit(f"it takes more than {self._limits.steps:,} steps")

    def _finish(self) -> Any:
        if len(self._stack) != 1 or self._stack[0] is _MARK:
            raise ValueError("a pickle leaves one object")
        return self._stack[0]

    def _check(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise self._limit(f"reading it takes longer than {self._limits.seconds:g} seconds")
        if self._bytes_read + self._stream.bytes_of_lines > self._limits.read_bytes:
            raise self._limit(f"more than {self._limits.read_bytes:,} bytes of it would have to be read")
        if len(self._stack) > _MAX_OBJECTS or self._objects > _MAX_OBJECTS or len(self._far_memo) > _MAX_OBJECTS:
            raise self._limit(f"it holds more than {_MAX_OBJECTS:,} objects")

    def _limit(self, reason: str) -> PickleLimitError:
        return PickleLimitError(reason, self._stack[0] if self._stack else None)

    def _argument(self, name: str, opcode: Any) -> Any:
        size = _LENGTH_BYTES.get(name)
        if size is None:
            return opcode.arg.reader(self._stream) if opcode.arg is not None else None
        length = int.from_bytes(self._exactly(size), "little")
        if length > _KEPT_PAYLOAD and not self._takes_large(length):
            self._stream.skip(length)
            kind = "string" if "UNICODE" in name or "STRING" in name else "integer" if "LONG" in name else "bytes"
            return Opaque(kind, length)
        return self._payload(name, self._exactly(length))

    def _takes_large(self, length: int) -> bool:
        if length > self._large_left:
            return False
        self._large_left -= length
        return True

    def _exactly(self, length: int) -> bytes:
        data = self._stream.read(length)
        if len(data) < length:
            raise ValueError("cut short")
        self._bytes_read += length
        return data

    def _payload(self, name: str, data: bytes) -> Any:
        if name in ("LONG1", "LONG4"):
            return int.from_bytes(data, "little", signed=True) if len(data) <= 32 else Opaque("integer", len(data))
        if "BYTES" in name or "BYTEARRAY" in name:
            self._text_kept += len(data)
            return Opaque("bytes", len(data), data if self._text_kept <= self._limits.read_bytes // 2 else None)
        if len(data) > _SHORT_TEXT:
            self._text_kept += len(data)
            if self._text_kept > self._limits.read_bytes // 2:
                return Opaque("string", len(data))
        return str(data, "utf-8", "surrogatepass") if "UNICODE" in name else str(data, "latin-1")

    def _new(self, value: Any) -> None:
        self._objects += 1
        self._stack.append(value)

    def _since_mark(self) -> list[Any]:
        stack = self._stack
        for position in range(len(stack) - 1, -1, -1):
            if stack[position] is _MARK:
                values = stack[position + 1 :]
                del stack[position:]
                return values
        raise ValueError("no mark")

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise ValueError("a mark is no value")
        return value

    def _top(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise ValueError("no value")
        return self._stack[-1]

    # -- containers

    def _step_empty_list(self, _: Any) -> None:
        self._new(Items())

    def _step_empty_dict(self, _: Any) -> None:
        self._new(Pairs())

    def _step_list(self, _: Any) -> None:
        values, items = self._since_mark(), Items()
        items.extend(values)
        self._new(items)

    def _step_dict(self, _: Any) -> None:
        values, pairs = self._since_mark(), Pairs()
        pairs.extend(values)
        self._new(pairs)

    def _step_tuple(self, _: Any) -> None:
        self._new(tuple(self._since_mark()))

    def _step_tuple1(self, _: Any) -> None:
        self._new((self._pop(),))

    def _step_tuple2(self, _: Any) -> None:
        second, first = self._pop(), self._pop()
        self._new((first, second))

    def _step_tuple3(self, _: Any) -> None:
        third, second, first = self._pop(), self._pop(), self._pop()
        self._new((first, second, third))

    def _step_append(self, _: Any) -> None:
        self._add_items([self._pop()])

    def _step_appends(self, _: Any) -> None:
        self._add_items(self._since_mark())

    def _add_items(self, values: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Call):
            target.items = target.items or Items()
            target = target.items
        if not isinstance(target, Items):
            raise ValueError("no list")
        target.extend(values)

    def _step_setitem(self, _: Any) -> None:
        value, key = self._pop(), self._pop()
        self._add_pairs([key, value])

    def _step_setitems(self, _: Any) -> None:
        self._add_pairs(self._since_mark())

    def _add_pairs(self, values: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Call):
            target.pairs = target.pairs or Pairs()
            target = target.pairs
        if not isinstance(target, Pairs):
            raise ValueError("no dict")
        target.extend(values)

    # -- stack and memo

    def _step_pop(self, _: Any) -> None:
        self._stack.pop()

    def _step_pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _step_dup(self, _: Any) -> None:
        self._stack.append(self._top())

    def _step_put(self, index: int) -> None:
        value = self._top()
        if len(self._memo) > _MAX_OBJECTS and isinstance(value, str):
            value = LOST_TEXT
        if index == len(self._memo):
            self._memo.append(value)
        elif 0 <= index < len(self._memo):
            self._memo[index] = value
        else:
            self._far_memo[index] = value

    def _step_memoize(self, _: Any) -> None:
        self._step_put(len(self._memo) + len(self._far_memo))

    def _step_get(self, index: int) -> None:
        self._stack.append(self._memo[index] if 0 <= index < len(self._memo) else self._far_memo[index])

    # -- names and calls

    def _step_global(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self._stack.append(self._name(module, name))

    def _step_stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise PickleCallError("refused: it would compute the name of what it calls")
        self._stack.append(self._name(module, name))

    def _name(self, module: str, name: str) -> Global:
        if not _is_name(module) or not _is_name(name):
            raise PickleRefusedError("it would load something that is no name")
        if not is_data(module, name):
            raise PickleCallError(f"refused: it would call {module}.{name}, and only plain data is read")
        return Global(module, name)

    def _step_inst(self, names: str) -> None:
        module, _, name = names.partition(" ")
        self._call(self._name(module, name), tuple(self._since_mark()))

    def _step_obj(self, _: Any) -> None:
        function, *args = self._since_mark()
        self._call(function, tuple(args))

    def _step_reduce(self, _: Any) -> None:
        args, function = self._pop(), self._pop()
        self._call(function, args)

    def _step_newobj_ex(self, _: Any) -> None:
        self._pop()  # keyword arguments: no constructor of data that is understood here has any
        self._step_reduce(None)

    def _call(self, function: Any, args: Any) -> None:
        if not isinstance(function, Global):
            raise PickleCallError("refused: it would call what another call returns")
        if not isinstance(args, tuple):
            raise ValueError("no arguments")
        self._new(_simplify(function, args))

    def _step_build(self, _: Any) -> None:
        state, target = self._pop(), self._top()
        if isinstance(target, Global):
            raise PickleCallError(f"refused: it would change {target.module}.{target.name}")
        if not isinstance(target, Call):
            raise ValueError("no object")
        target.state = state

    # -- what is not in the file

    def _step_extension(self, _: Any) -> None:
        raise PickleCallError("refused: it would call a registered extension, which only its own program knows")

    def _step_persistent(self, _: Any) -> None:
        raise PickleCallError("refused: it would load objects that are not in the file (persistent ids)")

    def _step_buffer(self, _: Any) -> None:
        raise PickleCallError("its data is not in the file (out-of-band buffers)")

    def _step_nothing(self, _: Any) -> None:
        """PROTO and FRAME say how to read, not what."""


_ARGUMENT = object()
_Step = tuple[Callable[[_Machine, Any], None] | None, Any]


def _steps() -> dict[str, _Step]:
    steps: dict[str, _Step] = {"NONE": (None, None), "NEWTRUE": (None, True), "NEWFALSE": (None, False), "MARK": (None, _MARK)}
    literals = ("INT", "BININT", "BININT1", "BININT2", "LONG", "STRING", "UNICODE", "FLOAT", "BINFLOAT", *_LENGTH_BYTES)
    steps |= dict.fromkeys(literals, (None, _ARGUMENT))
    shared = {
        "GET": ("GET", "BINGET", "LONG_BINGET"),
        "PUT": ("PUT", "BINPUT", "LONG_BINPUT"),
        "REDUCE": ("REDUCE", "NEWOBJ"),
        "EMPTY_LIST": ("EMPTY_LIST", "EMPTY_SET"),
        "LIST": ("LIST", "FROZENSET"),
        "APPENDS": ("APPENDS", "ADDITEMS"),
        "EXTENSION": ("EXT1", "EXT2", "EXT4"),
        "PERSISTENT": ("PERSID", "BINPERSID"),
        "BUFFER": ("NEXT_BUFFER", "READONLY_BUFFER"),
        "NOTHING": ("PROTO", "FRAME"),
    }
    for method, names in shared.items():
        steps |= {name: (getattr(_Machine, f"_step_{method.lower()}"), None) for name in names}
    steps["EMPTY_TUPLE"] = (None, ())
    rest = {opcode.name for opcode in pickletools.opcodes} - steps.keys() - {"STOP"}
    return steps | {name: (getattr(_Machine, f"_step_{name.lower()}"), None) for name in rest}


_STEPS = _steps()


def _simplify(function: Global, args: tuple[Any, ...]) -> Any:
    """Undo the detours that older protocols take to the same object."""
    match (function.module, function.name), args:
        case ("_codecs", "encode"), (str() as text, "latin1" | "latin-1"):
            return Opaque("bytes", len(text), text.encode("latin-1", "replace"))
        case ("builtins" | "__builtin__", "bytes" | "bytearray"), ():
            return Opaque("bytes", 0, b"")
        case ("builtins" | "__builtin__", "bytes" | "bytearray"), (Opaque() as data, *_):
            return data
        case ("builtins" | "__builtin__", "getattr"), (Global("zoneinfo", "ZoneInfo"), "_unpickle"):
            return Global("zoneinfo", "ZoneInfo")
        case ("builtins" | "__builtin__", "getattr"), _:
            raise PickleCallError("refused: it would call builtins.getattr, and only plain data is read")
        case ("copyreg" | "copy_reg", "_reconstructor" | "__newobj__"), (Global() as made, *rest):
            return Call(made, tuple(rest))
        case ("copyreg" | "copy_reg", _), _:
            raise PickleCallError(f"refused: it would call copyreg.{function.name} on what it computes")
    return Call(function, args)


def _is_name(text: str) -> bool:
    return len(text) <= 200 and all(part.isidentifier() for part in text.split("."))


class _Lines:
    """The stream, with bounded lines and payloads that can be passed over."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.read = stream.read
        self.bytes_of_lines = 0

    def readline(self) -> bytes:
        line = self._stream.readline(_MAX_LINE)
        self.bytes_of_lines += len(line)
        return line

    def skip(self, length: int) -> None:
        """Pass over bytes that must be there."""
        self._stream.seek(length - 1, io.SEEK_CUR)
        if len(self.read(1)) < 1:
            raise ValueError("cut short")
