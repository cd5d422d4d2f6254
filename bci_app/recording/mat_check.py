"""A check of MATLAB files before SciPy reads them.

SciPy's reader of MATLAB 5 files (EEGLAB's .set) is compiled code that trusts the sizes and types in the file:
a flipped bit can end the process. So the structure of the elements is walked through first.

MAT-File Format, The MathWorks, chapter 1 (level 5).
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass

_MATRIX, _COMPRESSED = 14, 15
_INT8, _INT32, _UINT32 = 1, 5, 6
# Bytes of an item of each numeric data type.
_NUMERIC = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_TEXT = {1: 1, 2: 1, 3: 2, 4: 2, 16: 1, 17: 2, 18: 4}
_CELL, _STRUCT, _OBJECT, _CHAR, _SPARSE = 1, 2, 3, 4, 5
_NUMERIC_CLASSES = range(6, 16)
_FUNCTION, _OPAQUE = 16, 17
_MAX_DEPTH = 32
_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class _Element:
    """A data element: its type, and where its data begin and end; the next begins at `following`."""

    type: int
    start: int
    stop: int
    following: int


class MatFileError(ValueError):
    """A MATLAB file that contradicts itself."""


def check_mat(content: bytes) -> None:
    """Check that the elements of a MATLAB 5 file are whole and consistent.

    Parameters
    ----------
    content : bytes
        The file.

    Raises
    ------
    MatFileError
        With the place and what is wrong there.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise MatFileError(f"byte order mark {content[126:128]!r}")
    checker = _Checker(content, order)
    position = 128
    while position < len(content):
        element = checker.element(position, len(content), padded=False)
        if element.type == _COMPRESSED:
            _check_compressed(memoryview(content)[element.start : element.stop])
        elif element.type == _MATRIX:
            checker.matrix(element, 0)
        else:
            raise MatFileError(f"an element of type {element.type} at byte {position}")
        position = element.following


def _check_compressed(data: memoryview) -> None:
    """Let the checksum of a compressed element speak, in little memory."""
    inflate = zlib.decompressobj()
    try:
        # Piece by piece on the way in too: what is left over is copied in every round.
        for start in range(0, len(data), _PIECE):
            waiting: bytes | memoryview = data[start : start + _PIECE]
            while waiting and not inflate.eof:
                inflate.decompress(waiting, _PIECE)
                waiting = inflate.unconsumed_tail
    except zlib.error as error:
        raise MatFileError(f"compressed data: {error}") from None
    if not inflate.eof:
        raise MatFileError("compressed data that end too early")


class _Checker:
    """Walks through the elements of one file."""

    def __init__(self, content: bytes, order: str) -> None:
        self._content = content
        self._word = struct.Struct(order + "I")
        self._order = order

    def element(self, position: int, limit: int, *, padded: bool = True) -> _Element:
        """Read a tag, and check that the element ends before `limit`."""
        if position + 8 > limit:
            raise MatFileError(f"half a tag at byte {position}")
        first, size = self._number(position), self._number(position + 4)
        if first >> 16:  # up to four bytes, in the tag itself
            kind, size, start, following = first & 0xFFFF, first >> 16, position + 4, position + 8
            if size > 4:
                raise MatFileError(f"{size} bytes in a small element at byte {position}")
        else:
            kind, start = first, position + 8
            following = start + (-(-size // 8) * 8 if padded and kind != _MATRIX else size)
        if start + size > limit or min(following, start + size) > limit:
            raise MatFileError(f"{size} bytes at byte {position}, {limit - start} are left")
        return _Element(kind, start, start + size, min(following, limit))

    def matrix(self, element: _Element, depth: int) -> None:
        """Check an array and all that is in it."""
        if element.start == element.stop:
            return
        if depth > _MAX_DEPTH:
            raise MatFileError(f"arrays nested deeper than {_MAX_DEPTH}")
        flags = self._part(element.start, element, (_UINT32,), "array flags")
        if flags.stop - flags.start != 8:
            raise MatFileError(f"array flags of {flags.stop - flags.start} bytes at byte {flags.start}")
        word = self._number(flags.start)
        kind, is_complex = word & 0xFF, bool(word & 0x800)
        if kind == _OPAQUE:
            return
        dims = self._part(flags.following, element, (_INT32,), "dimensions")
        shape = struct.unpack(f"{self._order}{(dims.stop - dims.start) // 4}i", self._bytes(dims, whole=4))
        if len(shape) < 2 or min(shape) < 0:
            raise MatFileError(f"dimensions {shape} at byte {dims.start}")
        name = self._part(dims.following, element, (_INT8,), "name")
        count = math.prod(shape)
        position = name.following
        if kind in _NUMERIC_CLASSES:
            self._numbers(position, element, count, 2 if is_complex else 1)
        elif kind == _CHAR:
            self._text(position, element, count)
        elif kind == _CELL:
            self._nested(position, element, count, depth)
        elif kind in (_STRUCT, _OBJECT):
            self._struct(position, element, count, depth, is_object=kind == _OBJECT)
        elif kind == _FUNCTION:
            self._nested(position, element, 1, depth)
        elif kind != _SPARSE:
            raise MatFileError(f"an array of class {kind} at byte {flags.start}")

    def _numbers(self, position: int, parent: _Element, count: int, parts: int) -> None:
        for _ in range(parts):
            part = self._part(position, parent, tuple(_NUMERIC), "numbers")
            if part.stop - part.start != count * _NUMERIC[part.type]:
                raise MatFileError(f"{part.stop - part.start} bytes for {count} numbers at byte {part.start}")
            position = part.following

    def _text(self, position: int, parent: _Element, count: int) -> None:
        part = self._part(position, parent, tuple(_TEXT), "text")
        size = part.stop - part.start
        utf8 = part.type == 16
        if (not utf8 and size != count * _TEXT[part.type]) or (utf8 and not count <= size <= 4 * count):
            raise MatFileError(f"{size} bytes for {count} characters at byte {part.start}")

    def _struct(self, position: int, parent: _Element, count: int, depth: int, *, is_object: bool) -> None:
        if is_object:
            position = self._part(position, parent, (_INT8,), "class name").following
        width = self._part(position, parent, (_INT32,), "length of field names")
        (length,) = struct.unpack(f"{self._order}i", self._bytes(width)[:4].ljust(4, b"\xff"))
        names = self._part(width.following, parent, (_INT8,), "field names")
        size = names.stop - names.start
        if not 0 < length <= 1024 or size % length:
            raise MatFileError(f"{size} bytes of field names of {length} bytes at byte {names.start}")
        self._nested(names.following, parent, count * (size // length), depth)

    def _nested(self, position: int, parent: _Element, count: int, depth: int) -> None:
        for _ in range(count):
            part = self._part(position, parent, (_MATRIX,), "array")
            self.matrix(part, depth + 1)
            position = part.following

    def _part(self, position: int, parent: _Element, kinds: tuple[int, ...], what: str) -> _Element:
        part = self.element(position, parent.stop)
        if part.type not in kinds:
            raise MatFileError(f"{what} of type {part.type} at byte {position}")
        return part

    def _bytes(self, element: _Element, *, whole: int = 1) -> bytes:
        size = (element.stop - element.start) // whole * whole
        return self._content[element.start : element.start + size]

    def _number(self, position: int) -> int:
        value: int = self._word.unpack_from(self._content, position)[0]
        return value
