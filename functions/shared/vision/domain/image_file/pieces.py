"""A file over pieces of a larger file, without copying them.

A decoder gets only the pieces of a photo that determine its pixels, and never EXIF, comments or text.
"""

import io
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class PiecesFile(io.RawIOBase):
    """A seekable, read-only file over consecutive pieces."""

    def __init__(self, pieces: Sequence[memoryview]) -> None:
        super().__init__()
        self._pieces = pieces
        self._ends = list(accumulate(len(piece) for piece in pieces))
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to an offset in bytes, at least 0."""
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._ends[-1]}
        self._position = max(0, bases[whence] + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer from one piece; return 0 at the end."""
        index = bisect_right(self._ends, self._position)
        if index == len(self._pieces):
            return 0
        piece = self._pieces[index]
        start = self._position - self._ends[index] + len(piece)
        with memoryview(buffer) as view, view.cast("B") as target:
            part = piece[start : start + len(target)]
            target[: len(part)] = part
            self._position += len(part)
            return len(part)


def open_pieces(pieces: Sequence[memoryview]) -> io.BufferedReader:
    """Return a buffered file over the pieces, so that the many small reads of a header cost nothing."""
    return io.BufferedReader(PiecesFile(pieces), buffer_size=65_536)
