"""Read a dictionary of numpy arrays from a pickle without unpickling it.

DEAP's ``.dat`` files are pickles, and a pickle may run any code when it is loaded. This reader
interprets the few opcodes that a dictionary of arrays is written with (protocols 1 to 5, Python 2 and 3)
and has no others. The names that such a file calls (`numpy`'s reconstruction, and `_codecs.encode`,
by which Python 3 writes bytes in protocol 2) are looked up in a closed table of plain functions that
only check and copy; no name is ever imported. Array data is not copied: it stays a view of the file.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from bci_app.errors import DatasetError

_MARK = object()
# Two arrays take about 70. Bounds time, stack and memo of a file made to exhaust them.
_MAX_OPCODES = 10_000
_DTYPES = {
    f"{kind}{size}" for kind, sizes in (("f", (4, 8)), ("i", (1, 2, 4, 8)), ("u", (1, 2, 4, 8))) for size in sizes
}


class _RefusedError(Exception):
    """The file asks for something that a dictionary of arrays does not need."""


class _Global(NamedTuple):
    """A name that the file may call or mention."""

    call: Callable[..., Any] | None
    title: str


def _text(value: object) -> str | None:
    """Return text, which Python 2 wrote as bytes, as text; None for anything else, which is never printed."""
    if isinstance(value, memoryview):
        return str(value, "latin-1")
    return value if isinstance(value, str) else None


@dataclass
class _DType:
    code: str
    order: str = "<"

    def restore(self, state: object) -> None:
        # (version, byte order, subdtype, names, fields, item size, alignment, flags)
        order = _text(state[1]) if isinstance(state, tuple) and len(state) >= 5 else None
        if not isinstance(state, tuple) or order not in ("<", ">", "|"):
            raise _RefusedError("a dtype with an unknown state")
        if any(part is not None for part in state[2:5]):
            raise _RefusedError("a structured dtype")
        self.order = order

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


@dataclass
class _Array:
    value: NDArray[Any] | None = None

    def restore(self, state: object) -> None:
        # (version, shape, dtype, Fortran order, data)
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _DType):
            raise _RefusedError("an array with an unknown state")
        self.value = _shaped(state[4], state[2], state[1], "F" if state[3] else "C")


def _shaped(data: object, dtype: object, shape: object, order: object) -> NDArray[Any]:
    if not isinstance(data, memoryview) or not isinstance(dtype, _DType):
        raise _RefusedError("an array whose data are not bytes")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape) or len(shape) > 8:
        raise _RefusedError("an array with an impossible shape")
    real = dtype.numpy()
    if prod(shape) * real.itemsize != len(data) or order not in ("C", "F"):
        raise _RefusedError(f"an array of shape {shape} with {len(data)} bytes")
    return np.frombuffer(data, dtype=real).reshape(shape, order=order)


def _reconstruct(kind: object, shape: object, _code: object) -> _Array:
    if kind is not _NDARRAY or shape != (0,):
        raise _RefusedError("an array subclass")
    return _Array()


def _dtype(code: object, *_flags: object) -> _DType:
    text = _text(code)
    if text is None or text not in _DTYPES:
        raise _RefusedError(f"dtype {(text or 'without a code')[:20]!r}")
    return _DType(text)


def _frombuffer(data: object, dtype: object, shape: object, order: object) -> _Array:
    return _Array(_shaped(data, dtype, shape, order))


def _encode(text: object, encoding: object) -> memoryview:
    # A Python 3 writer of protocol 2 spells bytes as text; Python 2 itself does not do this.
    if not isinstance(text, str) or encoding != "latin1":
        raise _RefusedError("an unknown encoding")
    try:
        return memoryview(text.encode("latin-1"))
    except UnicodeEncodeError:
        raise _RefusedError("text that is not bytes") from None


_NDARRAY = _Global(None, "numpy ndarray")
_GLOBALS = {
    "numpy ndarray": _NDARRAY,
    "numpy dtype": _Global(_dtype, "numpy dtype"),
    "_codecs encode": _Global(_encode, "_codecs encode"),
} | {
    f"{module} {name}": _Global(function, name)
    for package in ("numpy.core", "numpy._core")
    for module, name, function in (
        (f"{package}.multiarray", "_reconstruct", _reconstruct),
        (f"{package}.numeric", "_frombuffer", _frombuffer),
    )
}


class _Reader:
    """A stack machine for the opcodes of a dictionary of arrays.

    Parameters
    ----------
    data : memoryview
        The file.
    """

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._made = 0

    def read(self) -> Any:
        """Run to the end of the pickle and return what it holds."""
        for _ in range(_MAX_OPCODES):
            opcode = bytes(self._take(1))
            if opcode == b".":
                return self._pop()
            handler = _OPCODES.get(opcode)
            if handler is None:
                raise _RefusedError(f"opcode {opcode!r}")
            handler(self)
        raise _RefusedError(f"more than {_MAX_OPCODES} opcodes")

    def _take(self, n: int) -> memoryview:
        if self._at + n > len(self._data):
            raise EOFError
        self._at += n
        return self._data[self._at - n : self._at]

    def _number(self, n_bytes: int, *, signed: bool = False) -> int:
        return int.from_bytes(self._take(n_bytes), "little", signed=signed)

    def _line(self) -> str:
        # Names and numbers in lines are short: a long search is a sign of another kind of file.
        window = bytes(self._data[self._at : self._at + 200])
        end = window.find(b"\n")
        if end < 0:
            raise _RefusedError("a line without an end")
        self._at += end + 1
        return window[:end].decode("ascii", "replace")

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise _RefusedError("an empty stack")
        return self._stack.pop()

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack and self._stack[-1] is not _MARK:
            items.append(self._stack.pop())
        if not self._stack:
            raise _RefusedError("a missing mark")
        self._stack.pop()
        return items[::-1]

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def push_bytes(self, length_bytes: int) -> None:
        self.push(self._take(self._number(length_bytes)))

    def push_text(self, length_bytes: int) -> None:
        text = self._take(self._number(length_bytes))
        try:
            self.push(str(text, "utf-8", "surrogatepass"))
        except UnicodeDecodeError:
            raise _RefusedError("text that is not UTF-8") from None

    def push_int(self, n_bytes: int, *, signed: bool = False) -> None:
        self.push(self._number(n_bytes, signed=signed))

    def push_long(self) -> None:
        self.push_int(self._number(1), signed=True)

    def push_line(self) -> None:
        text = self._line()
        if text in ("00", "01"):  # how protocol 1 writes False and True
            self.push(text == "01")
            return
        try:
            self.push(int(text.rstrip("L")))
        except ValueError:
            raise _RefusedError(f"number {text[:20]!r}") from None

    def push_tuple(self, n: int | None) -> None:
        self.push(tuple(self._pop_to_mark() if n is None else [self._pop() for _ in range(n)][::-1]))

    def push_global(self, title: str) -> None:
        known = _GLOBALS.get(title)
        if known is None:
            raise _RefusedError(f"name {title.replace(' ', '.')[:80]!r}")
        self.push(known)

    def push_global_line(self) -> None:
        module = self._line()
        self.push_global(f"{module} {self._line()}")

    def push_global_stack(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise _RefusedError("a name that is no text")
        self.push_global(f"{module} {name}")

    def store(self, n_bytes: int | None) -> None:
        if not self._stack:
            raise _RefusedError("an empty stack")
        self._memo[len(self._memo) if n_bytes is None else self._number(n_bytes)] = self._stack[-1]

    def fetch(self, n_bytes: int) -> None:
        number = self._number(n_bytes)
        if number not in self._memo:
            raise _RefusedError("a reference to nothing")
        self.push(self._memo[number])

    def call(self) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, _Global) or function.call is None or not isinstance(arguments, tuple):
            raise _RefusedError("a call of something that is no function")
        try:
            result = function.call(*arguments)
        except TypeError:
            raise _RefusedError(f"{function.title} with {len(arguments)} arguments") from None
        if isinstance(result, memoryview):
            # The same text may be encoded again and again: no file needs more bytes than it has.
            self._made += len(result)
            if self._made > len(self._data):
                raise _RefusedError("bytes beyond the size of the file")
        self.push(result)

    def build(self) -> None:
        state = self._pop()
        if not self._stack or not isinstance(self._stack[-1], _Array | _DType):
            raise _RefusedError("a state for something that is no array")
        self._stack[-1].restore(state)

    def set_items(self, *, single: bool) -> None:
        items = [self._pop() for _ in range(2)][::-1] if single else self._pop_to_mark()
        if not self._stack or not isinstance(self._stack[-1], dict) or len(items) % 2:
            raise _RefusedError("items without a dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            name = _text(key)
            if name is None:
                raise _RefusedError("a key that is no text")
            self._stack[-1][name] = value

    def skip(self, n_bytes: int) -> None:
        self._take(n_bytes)


_OPCODES: dict[bytes, Callable[[_Reader], None]] = {
    b"\x80": lambda r: r.skip(1),  # PROTO
    b"\x95": lambda r: r.skip(8),  # FRAME
    b"(": lambda r: r.push(_MARK),
    b"}": lambda r: r.push({}),
    b"N": lambda r: r.push(None),
    b"\x88": lambda r: r.push(True),
    b"\x89": lambda r: r.push(False),
    b"I": lambda r: r.push_line(),
    b"L": lambda r: r.push_line(),
    b"J": lambda r: r.push_int(4, signed=True),
    b"K": lambda r: r.push_int(1),
    b"M": lambda r: r.push_int(2),
    b"\x8a": lambda r: r.push_long(),
    b"T": lambda r: r.push_bytes(4),  # BINSTRING: Python 2's str
    b"U": lambda r: r.push_bytes(1),
    b"B": lambda r: r.push_bytes(4),
    b"C": lambda r: r.push_bytes(1),
    b"\x8e": lambda r: r.push_bytes(8),
    b"\x96": lambda r: r.push_bytes(8),  # BYTEARRAY8
    b"X": lambda r: r.push_text(4),
    b"\x8c": lambda r: r.push_text(1),
    b"\x8d": lambda r: r.push_text(8),
    b")": lambda r: r.push(()),
    b"t": lambda r: r.push_tuple(None),
    b"\x85": lambda r: r.push_tuple(1),
    b"\x86": lambda r: r.push_tuple(2),
    b"\x87": lambda r: r.push_tuple(3),
    b"c": lambda r: r.push_global_line(),
    b"\x93": lambda r: r.push_global_stack(),
    b"q": lambda r: r.store(1),
    b"r": lambda r: r.store(4),
    b"\x94": lambda r: r.store(None),
    b"h": lambda r: r.fetch(1),
    b"j": lambda r: r.fetch(4),
    b"R": lambda r: r.call(),
    b"b": lambda r: r.build(),
    b"s": lambda r: r.set_items(single=True),
    b"u": lambda r: r.set_items(single=False),
}


def read_arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    """Read a pickled dictionary of numeric arrays.

    Parameters
    ----------
    path : Path
        The file; only its own arrays are ever made of it.

    Returns
    -------
    mapping of str to ndarray
        Read-only views of the memory-mapped file.

    Raises
    ------
    DatasetError
        If the file is truncated, or asks for anything but arrays. Nothing of it is executed.
    """
    value = _read(path)
    if not isinstance(value, dict):
        _refuse(path, "no dictionary")
    arrays = {}
    for key, item in value.items():
        if not isinstance(item, _Array) or item.value is None:
            _refuse(path, f"key {key[:20]!r} that is no array")
        arrays[key] = item.value
    return arrays


def read_array(path: Path) -> NDArray[Any]:
    """Read one pickled numeric array, as `read_arrays` reads several.

    Raises
    ------
    DatasetError
        If the file is truncated, or asks for anything but an array. Nothing of it is executed.
    """
    value = _read(path)
    if not isinstance(value, _Array) or value.value is None:
        _refuse(path, "no array")
    return value.value


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # mmap refuses an empty file with ValueError
        raise DatasetError(f"Cannot read {path.name}", found=str(error), expected="a pickle of arrays") from error
    try:
        value = _Reader(view).read()
    except EOFError:
        raise DatasetError(
            f"{path.name} is truncated",
            found=f"{len(view)} bytes and no end of its data",
            expected="a whole file",
            fix="Obtain the file again.",
        ) from None
    except _RefusedError as refusal:
        _refuse(path, str(refusal))
    return value


def _refuse(path: Path, found: str) -> NoReturn:
    raise DatasetError(
        f"{path.name} was not opened: it is a pickle that asks for more than arrays",
        found=found,
        expected="numeric numpy arrays",
        fix="Nothing of it was executed. Obtain the file from its publisher.",
    ) from None
