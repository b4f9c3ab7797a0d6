"""TIFF directories, the container of EXIF: a bounded parser from tags to values.

It is written by hand for two reasons. The few tags of a record need no image library, and a hostile file must
cost nothing: no recursion, no loop over a claimed count, no copy of a megabyte string.
"""

import struct
from collections.abc import Collection
from dataclasses import dataclass

TiffValue = bytes | tuple[int, ...] | tuple[float | None, ...]
"""Text and opaque bytes unchanged; integers; rationals as floats, None if the denominator is zero."""

MAX_TEXT_BYTES = 1_024
MAX_NUMBERS = 16

_TEXT_KINDS = {2: "ASCII", 7: "UNDEFINED", 129: "UTF-8"}
_INTEGER_KINDS = {1: "B", 3: "H", 4: "I"}
_RATIONAL_KINDS = {5: "I", 10: "i"}
_HEADER_BYTES = 8
_ENTRY_BYTES = 12
_INLINE_BYTES = 4


@dataclass(frozen=True, slots=True)
class TiffBlock:
    """A TIFF block in memory.

    Attributes
    ----------
    data
        The block, starting at its byte-order mark.
    order
        ``<`` or ``>``, as in :mod:`struct`.
    """

    data: bytes
    order: str

    @classmethod
    def open(cls, data: bytes) -> "TiffBlock | None":
        """Return the block, or None if the data is not TIFF."""
        order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
        return cls(data, order) if order and len(data) >= _HEADER_BYTES else None

    def first_directory(self) -> int:
        """Return the offset of the first directory in bytes."""
        offset: int = struct.unpack_from(self.order + "I", self.data, 4)[0]
        return offset

    def directory(self, offset: int, tags: Collection[int]) -> dict[int, TiffValue]:
        """Read these tags of the directory at ``offset``; skip values that are out of bounds."""
        if offset + 2 > len(self.data):
            return {}
        claimed: int = struct.unpack_from(self.order + "H", self.data, offset)[0]
        present = (len(self.data) - offset - 2) // _ENTRY_BYTES
        found: dict[int, TiffValue] = {}
        for index in range(min(claimed, present)):
            entry = offset + 2 + index * _ENTRY_BYTES
            tag, kind, count = struct.unpack_from(self.order + "HHI", self.data, entry)
            if tag in tags:
                value = self._value(kind, count, entry + 8)
                if value:
                    found[tag] = value
        return found

    def _value(self, kind: int, count: int, entry: int) -> TiffValue:
        if kind in _TEXT_KINDS:
            start = self._start(count, entry)
            return self.data[start : start + min(count, MAX_TEXT_BYTES)]
        if kind in _INTEGER_KINDS:
            return self._numbers(_INTEGER_KINDS[kind], count, entry)
        if kind in _RATIONAL_KINDS:
            numbers = self._numbers(_RATIONAL_KINDS[kind], 2 * count, entry)
            pairs = zip(numbers[::2], numbers[1::2], strict=True)
            return tuple(above / below if below else None for above, below in pairs)
        return ()

    def _numbers(self, code: str, count: int, entry: int) -> tuple[int, ...]:
        if count > MAX_NUMBERS:
            return ()
        layout = f"{self.order}{count}{code}"
        size_bytes = struct.calcsize(layout)
        start = self._start(size_bytes, entry)
        if start + size_bytes > len(self.data):
            return ()
        return struct.unpack_from(layout, self.data, start)

    def _start(self, size_bytes: int, entry: int) -> int:
        """Return the offset of a value: in the entry itself up to four bytes, otherwise where the entry points."""
        if size_bytes <= _INLINE_BYTES:
            return entry
        start: int = struct.unpack_from(self.order + "I", self.data, entry)[0]
        return start
