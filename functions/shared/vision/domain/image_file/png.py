"""The structure of a PNG: its header, the EXIF chunk before its pixels, and the number of its chunks.

Standard library only. Chunks follow the PNG specification, third edition (W3C, 2025).
"""

from dataclasses import dataclass

from vision.domain.errors import CorruptImage
from vision.domain.image_file.exif import MAX_EXIF_BYTES
from vision.domain.image_file.sparse import ByteSource

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 65_536
"""The maximum for a whole file, 512 MB at the usual 8 KB a chunk. A decoder spends time on each, however small."""

_MAX_HEADER_CHUNKS = 4_096
_MAX_SIDE_PX = 2**31 - 1
_BIT_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PICTURE_CHUNKS = frozenset((b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"))
_FIRST_CHUNK = len(SIGNATURE)
_FRAME_BYTES = 12
"""Length, type and checksum around the contents of a chunk."""
_AGAIN = "upload it again"


@dataclass(frozen=True, slots=True)
class PngHead:
    """A PNG up to its first pixels.

    Attributes
    ----------
    width, height
        Stored pixels, before orientation.
    bit_depth
        Bits per channel: 1, 2, 4, 8 or 16.
    color_type
        0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
    exif
        Contents of the ``eXIf`` chunk before the pixels; empty if there is none.
    """

    width: int
    height: int
    bit_depth: int
    color_type: int
    exif: bytes

    @property
    def pixel_bits(self) -> int:
        """Bits per pixel in the file before compression."""
        return self.bit_depth * _CHANNELS[self.color_type]


def read_head(source: ByteSource) -> PngHead:
    """Read the chunks before the first pixels and skip the contents of all but two.

    An ``eXIf`` chunk *after* the pixels is not read, neither here nor for the thumbnail. Finding it requires a
    walk through the whole file, which is the download that reading the head avoids. Such a photo keeps its
    stored orientation and has no capture time, camera or location in its record.

    Raises
    ------
    CorruptImage
        The file ends before its pixels start, or does not have the structure of a PNG.
    """
    source.seek(_FIRST_CHUNK)
    start = source.read(21)
    if len(start) < 21:
        raise CorruptImage(f"the PNG ends in its header, after {_FIRST_CHUNK + len(start)} bytes; {_AGAIN}")
    if start[:8] != b"\0\0\0\x0dIHDR":
        raise CorruptImage(f"the PNG does not start with its header chunk IHDR; {_AGAIN}")
    width, height = int.from_bytes(start[8:12]), int.from_bytes(start[12:16])
    bit_depth, color_type = start[16], start[17]
    if not 1 <= width <= _MAX_SIDE_PX or not 1 <= height <= _MAX_SIDE_PX:
        raise CorruptImage(f"a PNG of {width} × {height} px; {_AGAIN}")
    if bit_depth not in _BIT_DEPTHS.get(color_type, ()):
        raise CorruptImage(f"a PNG of color type {color_type} with {bit_depth} bits, which PNG does not know")
    return PngHead(width, height, bit_depth, color_type, _exif_before_pixels(source))


def _exif_before_pixels(source: ByteSource) -> bytes:
    exif = b""
    position = _FIRST_CHUNK
    for _ in range(_MAX_HEADER_CHUNKS):
        source.seek(position)
        start = source.read(8)
        if len(start) < 8 or start[4:] == b"IEND":
            raise CorruptImage(f"the PNG ends after {position + len(start):,} bytes, before its pixels; {_AGAIN}")
        if start[4:] == b"IDAT":
            return exif
        length = int.from_bytes(start[:4])
        if start[4:] == b"eXIf":
            exif = source.read(min(length, MAX_EXIF_BYTES))
        position += length + _FRAME_BYTES
    raise CorruptImage(f"the PNG has more than {_MAX_HEADER_CHUNKS:,} chunks before its pixels; save it again")


def picture(data: bytes) -> list[memoryview]:
    """Return the pieces of a PNG that determine its pixels: header, palette, transparency, profile and pixels.

    The chunks of an animation are left out. The default image remains, which software without support for
    animations shows.

    Raises
    ------
    CorruptImage
        The file ends before its last chunk does, or has more than 65,536 chunks.
    """
    view = memoryview(data)
    pieces = [view[:_FIRST_CHUNK]]
    position = _FIRST_CHUNK
    for _ in range(MAX_CHUNKS):
        kind = data[position + 4 : position + 8]
        end = position + int.from_bytes(data[position : position + 4]) + _FRAME_BYTES
        if end > len(data):
            raise CorruptImage(f"the PNG of {len(data):,} bytes ends before its last chunk does; {_AGAIN}")
        if kind in _PICTURE_CHUNKS:
            pieces.append(view[position:end])
        if kind == b"IEND":
            return pieces
        position = end
    raise CorruptImage(f"the PNG has more than {MAX_CHUNKS:,} chunks; save it again")
