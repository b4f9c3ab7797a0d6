"""The structure of a JPEG: its header, its scans, and the few bytes of the scans that a small thumbnail needs.

Standard library only. Markers follow ITU-T T.81, table B.1. A file that demands more work than a photo needs is
refused here, before it reaches a decoder.
"""

import re
from dataclasses import dataclass

from vision.domain.errors import CorruptImage, NotSupportedImageType, TooManyPixels
from vision.domain.image_file.sparse import ByteSource

SIGNATURE = b"\xff\xd8\xff"
MAX_SEGMENTS = 4_096
MAX_SCANS = 100
"""Encoders write about ten. A decoder walks the whole picture for each scan: a 345 KB file can burn 44 s of CPU."""

_SOS, _EOI = 0xDA, 0xD9
_APP1 = 0xE1
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_DECODABLE_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))
_PROGRESSIVE_FRAMES = frozenset((0xC2, 0xCA))
_ARITHMETIC_FRAMES = frozenset((0xC9, 0xCA))
_TABLES = frozenset((0xC4, 0xCC, 0xDB, 0xDD))
_EXIF_SIGNATURE = b"Exif\0\0"
_KEPT_APPLICATIONS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
"""JFIF and Adobe specify how the components combine into a colour."""
_AFTER_ENTROPY = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_BLOCK_BYTES = 64 * 2
_AGAIN = "upload it again"


@dataclass(frozen=True, slots=True)
class Component:
    """One channel of the picture with its sampling factors; 2 × 2, 1 × 1 and 1 × 1 together are 4:2:0."""

    identifier: int
    horizontal: int
    vertical: int


@dataclass(frozen=True, slots=True)
class JpegHead:
    """A JPEG up to its first scan.

    Attributes
    ----------
    width, height
        Stored pixels, before orientation.
    progressive
        Whether the picture is stored in passes of increasing detail.
    arithmetic
        Whether it uses the rare entropy coding without Huffman tables.
    components
        Brightness and colours, each with its own resolution.
    interleaved
        Whether the first scan contains every component.
    exif
        Contents of the EXIF segment without its signature; empty if there is none.
    first_scan
        Offset in bytes of the first start-of-scan marker.
    """

    width: int
    height: int
    progressive: bool
    arithmetic: bool
    components: tuple[Component, ...]
    interleaved: bool
    exif: bytes
    first_scan: int

    @property
    def buffered(self) -> bool:
        """Whether the picture has several scans, so that a decoder buffers all of it until the last one."""
        return self.progressive or not self.interleaved

    @property
    def coefficient_bytes(self) -> int:
        """Memory in bytes that the decoder needs for coefficients, independent of the decoding scale.

        The decoder buffers a picture of several scans as 16-bit coefficients, and decodes any other one row of blocks
        at a time.
        """
        if not self.buffered:
            return 0
        return sum(self.blocks(component) for component in self.components) * _BLOCK_BYTES

    def blocks(self, component: Component) -> int:
        """Return the number of 8 × 8 blocks in a component, including the padding of an interleaved scan."""
        widest = max(each.horizontal for each in self.components)
        tallest = max(each.vertical for each in self.components)
        columns = -(-self.width // (8 * widest)) * component.horizontal
        rows = -(-self.height // (8 * tallest)) * component.vertical
        return columns * rows


def read_head(source: ByteSource) -> JpegHead:
    """Read the frame and the EXIF segment before the first scan, and skip the contents of all other segments.

    Raises
    ------
    CorruptImage
        The file ends before the picture starts, or does not have the structure of a JPEG.
    NotSupportedImageType
        The file is a 12-bit, lossless or hierarchical JPEG.
    """
    frame: tuple[int, bytes] | None = None
    exif = b""
    position = 2
    for _ in range(MAX_SEGMENTS):
        source.seek(position)
        start = source.read(4)
        if len(start) < 4:
            raise CorruptImage(f"the JPEG ends in its header, after {position + len(start):,} bytes; {_AGAIN}")
        marker = start[1]
        if start[0] != 0xFF or marker in (0x00, 0xFF):
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        length = int.from_bytes(start[2:])
        if marker == _EOI or length < 2:
            raise CorruptImage(f"the JPEG has no picture: marker FF{marker:02X} at byte {position:,}; {_AGAIN}")
        if marker == _SOS:
            return _head(frame, exif, position, source.read(1))
        if marker in _FRAMES:
            if frame is not None:
                raise CorruptImage(f"the JPEG has a second frame at byte {position:,}; {_AGAIN}")
            frame = marker, source.read(length - 2)
        elif marker == _APP1 and not exif and source.read(len(_EXIF_SIGNATURE)) == _EXIF_SIGNATURE:
            exif = source.read(max(0, length - 2 - len(_EXIF_SIGNATURE)))
        position += 2 + length
    raise CorruptImage(f"the JPEG has more than {MAX_SEGMENTS:,} segments before its picture; save it again")


def _head(frame: tuple[int, bytes] | None, exif: bytes, first_scan: int, count: bytes) -> JpegHead:
    if frame is None or len(frame[1]) < 6 or not count:
        raise CorruptImage(f"the JPEG does not say its size before its picture starts; {_AGAIN}")
    marker, body = frame
    precision = body[0]
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    if marker not in _DECODABLE_FRAMES or precision != 8:
        raise NotSupportedImageType(
            f"a JPEG of frame type FF{marker:02X} with {precision} bits; save it as baseline JPEG with 8 bits"
        )
    triples = [body[at : at + 3] for at in range(6, len(body) - 2, 3)]
    components = tuple(Component(triple[0], triple[1] >> 4, triple[1] & 15) for triple in triples)
    if not width or not height or len(components) != body[5] or body[5] not in (1, 3, 4):
        raise CorruptImage(f"a JPEG of {width} × {height} px with {body[5]} components; {_AGAIN}")
    if not all(1 <= each.horizontal <= 4 and 1 <= each.vertical <= 4 for each in components):
        raise CorruptImage(f"a JPEG with sampling factors beyond 4; {_AGAIN}")
    return JpegHead(
        width=width,
        height=height,
        progressive=marker in _PROGRESSIVE_FRAMES,
        arithmetic=marker in _ARITHMETIC_FRAMES,
        components=components,
        interleaved=count[0] >= len(components),
        exif=exif,
        first_scan=first_scan,
    )


def count_scans(data: bytes, head: JpegHead) -> int:
    """Count the scans to decode. The count is never too low: the marker cannot occur in pixels, only inside a table.

    Raises
    ------
    TooManyPixels
        There are more than 100 scans.
    """
    if not head.buffered:
        return 1
    scans = data.count(bytes((0xFF, _SOS)), head.first_scan)
    if scans > MAX_SCANS:
        raise TooManyPixels(
            f"a JPEG of {scans:,} scans, each decodes the whole picture again and {MAX_SCANS} are allowed; "
            "save it as baseline JPEG"
        )
    return scans


def picture(data: bytes, head: JpegHead) -> list[memoryview]:
    """Return the pieces of a JPEG that determine its pixels: tables, frame, colour profile and scans."""
    return [*_header_pieces(data, head), memoryview(data)[head.first_scan :]]


def dc_picture(data: bytes, head: JpegHead) -> list[memoryview]:
    """Return the pieces of a progressive Huffman JPEG that determine its DC coefficients.

    The DC coefficient of a block is its mean. Decoding at one eighth uses only these coefficients, about 6 % of the
    bytes. The pieces declare all other coefficients as zero. If these were only missing, libjpeg would estimate them
    from the neighbours, which blurs the picture and takes as long again.

    Raises
    ------
    CorruptImage
        The file ends before its last scan does. Only this function can detect that, since the means alone would decode.
    """
    pieces = _header_pieces(data, head)
    view = memoryview(data)
    position = head.first_scan
    for _ in range(MAX_SEGMENTS):
        marker = data[position + 1] if position + 1 < len(data) else None
        if marker == _EOI:
            return [*pieces, memoryview(_zero_scans(head))]
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        if marker is None or end > len(data):
            break
        if marker == _SOS:
            spectral_start = data[end - 3]
            after = _AFTER_ENTROPY.search(data, end)
            if after is None:
                break
            end = after.start()
            if spectral_start == 0:
                pieces.append(view[position:end])
        elif marker in _TABLES:
            pieces.append(view[position:end])
        following = _AFTER_ENTROPY.search(data, end)
        if following is None:
            break
        position = following.start()
    raise CorruptImage(f"the progressive JPEG of {len(data):,} bytes ends before its last scan; {_AGAIN}")


def _zero_scans(head: JpegHead) -> bytes:
    """Return one scan for each component in which every AC coefficient is zero, and the end of the image.

    The table has a single code, the bit 0, which means "the next 16,384 blocks end here"; 14 more bits add to the
    count. A scan therefore consists of zero bytes only, two for each 16,384 blocks.
    """
    scans = bytes.fromhex("ffdd 0004 0000ffc4 0014 10 01000000000000000000000000000000 e0")
    for component in head.components:
        run_bytes = 2 * (head.blocks(component) // 16_384 + 1)
        scans += bytes((0xFF, _SOS, 0, 8, 1, component.identifier, 0, 1, 63, 0)) + bytes(run_bytes)
    return scans + bytes((0xFF, _EOI))


def _header_pieces(data: bytes, head: JpegHead) -> list[memoryview]:
    """Return the segments before the first scan that a decoder needs."""
    view = memoryview(data)
    pieces = [view[:2]]
    position = 2
    while position < head.first_scan:
        marker = data[position + 1]
        if data[position] != 0xFF or marker in (0x00, 0xFF):
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4])
        signature = _KEPT_APPLICATIONS.get(marker)
        known = signature is not None and data.startswith(signature, position + 4)
        if marker in _TABLES or marker in _FRAMES or known:
            pieces.append(view[position:end])
        position = end
    return pieces
