"""The structure of a JPEG: its header, its scans, and the few bytes of them that a small thumbnail needs.

Stdlib only. Markers are those of ITU-T T.81, table B.1. Anything that claims more work than a photo needs is
refused here, before a decoder sees it.
"""

import re
from dataclasses import dataclass

from vision.domain.errors import CorruptImage, NotSupportedImageType, TooManyPixels
from vision.domain.sparse import ByteSource

SIGNATURE = b"\xff\xd8\xff"
MAX_SEGMENTS = 4_096
MAX_SCANS = 100
"""Encoders write about ten. Each scan walks the whole picture again: a 345 KB file can burn 44 s of CPU."""

_SOS, _EOI, _DNL = 0xDA, 0xD9, 0xDC
_APP1, _APP2, _APP14 = 0xE1, 0xE2, 0xEE
_STANDALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAMES = frozenset((*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)))
_DECODABLE_FRAMES = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))
_PROGRESSIVE_FRAMES = frozenset((0xC2, 0xCA))
_TABLES = frozenset((0xC4, 0xCC, 0xDB, 0xDD))
_EXIF_SIGNATURE = b"Exif\0\0"
_ICC_SIGNATURE = b"ICC_PROFILE\0"
_AFTER_ENTROPY = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_BLOCK_BYTES = 64 * 2
_KEPT_HEADER_BYTES = 262_144
_AGAIN = "upload it again"


@dataclass(frozen=True, slots=True)
class JpegHead:
    """A JPEG up to its first scan.

    Attributes
    ----------
    width, height
        Stored pixels, before orientation.
    progressive
        True where the picture comes in passes of growing detail.
    sampling
        Horizontal and vertical sampling factor of each component: ``((2, 2), (1, 1), (1, 1))`` is 4:2:0.
    interleaved
        True where the first scan carries every component.
    exif
        Contents of the EXIF segment, without its signature; empty where there is none.
    first_scan
        Offset in bytes of the first start-of-scan marker.
    """

    width: int
    height: int
    progressive: bool
    sampling: tuple[tuple[int, int], ...]
    interleaved: bool
    exif: bytes
    first_scan: int

    @property
    def coefficient_bytes(self) -> int:
        """Memory that the decoder needs for coefficients, whatever the scale it decodes at.

        A picture in several scans is held whole as 16-bit coefficients until the last scan has come; a
        baseline picture in one scan is decoded a row of blocks at a time.
        """
        if self.interleaved and not self.progressive:
            return 0
        widest = max(horizontal for horizontal, _ in self.sampling)
        tallest = max(vertical for _, vertical in self.sampling)
        columns, rows = -(-self.width // (8 * widest)), -(-self.height // (8 * tallest))
        blocks = sum(columns * horizontal * rows * vertical for horizontal, vertical in self.sampling)
        return blocks * _BLOCK_BYTES


def read_head(source: ByteSource) -> JpegHead:
    """Read the segments up to the first scan and jump over the contents of all others.

    Raises
    ------
    CorruptImage
        The file ends before the picture starts, or its structure is not that of a JPEG.
    NotSupportedImageType
        12-bit, lossless and hierarchical JPEG.
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
    precision, components = body[0], body[5]
    height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
    if marker not in _DECODABLE_FRAMES or precision != 8:
        raise NotSupportedImageType(
            f"a JPEG of frame type FF{marker:02X} with {precision} bits; save it as baseline JPEG with 8 bits"
        )
    factors = tuple((byte >> 4, byte & 15) for byte in body[7 : 6 + 3 * components : 3])
    if not width or not height or components not in (1, 3, 4) or len(factors) != components:
        raise CorruptImage(f"a JPEG of {width} × {height} px with {components} components; {_AGAIN}")
    if not all(1 <= horizontal <= 4 and 1 <= vertical <= 4 for horizontal, vertical in factors):
        raise CorruptImage(f"a JPEG with the sampling factors {factors}; {_AGAIN}")
    return JpegHead(
        width=width,
        height=height,
        progressive=marker in _PROGRESSIVE_FRAMES,
        sampling=factors,
        interleaved=count[0] >= components,
        exif=exif,
        first_scan=first_scan,
    )


def count_scans(data: bytes, head: JpegHead) -> int:
    """Count the scans, at most too high: the marker cannot occur in a picture, only inside a table.

    Raises
    ------
    TooManyPixels
        More than 100 scans.
    """
    scans = data.count(bytes((0xFF, _SOS)), head.first_scan)
    if scans > MAX_SCANS:
        raise TooManyPixels(
            f"a JPEG of {scans:,} scans, each decodes the whole picture again and {MAX_SCANS} are allowed; "
            "save it as baseline JPEG"
        )
    return scans


def without_metadata(data: bytes, head: JpegHead) -> bytes:
    """Return the JPEG without a header of megabytes, or as it is where the header is small.

    Only what a decoder needs is kept: tables, frame, colour profile and Adobe's colour transform. The copy is
    made only for a header beyond 256 KB, because a photo of 15 MB would be held twice.
    """
    if head.first_scan <= _KEPT_HEADER_BYTES:
        return data
    return b"".join((*_header_parts(data, head), memoryview(data)[head.first_scan :]))


def dc_scans(data: bytes, head: JpegHead) -> bytes:
    """Return a progressive JPEG with the scans of its DC coefficients only.

    The DC coefficient of a block is its mean, all that a decode at one eighth uses: about 6 % of the bytes.

    Raises
    ------
    CorruptImage
        The file ends before its last scan does. The means alone would decode, so that nothing else sees it.
    """
    parts: list[bytes | memoryview] = _header_parts(data, head)
    view = memoryview(data)
    position = head.first_scan
    for _ in range(MAX_SEGMENTS):
        marker = data[position + 1] if position + 1 < len(data) else None
        if marker == _EOI:
            return b"".join((*parts, bytes((0xFF, _EOI))))
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
                parts.append(view[position:end])
        elif marker in _TABLES:
            parts.append(view[position:end])
        following = _AFTER_ENTROPY.search(data, end)
        if following is None:
            break
        position = following.start()
    raise CorruptImage(f"the progressive JPEG of {len(data):,} bytes ends before its last scan; {_AGAIN}")


def _header_parts(data: bytes, head: JpegHead) -> list[bytes | memoryview]:
    """Segments before the first scan that a decoder needs."""
    view = memoryview(data)
    parts: list[bytes | memoryview] = [view[:2]]
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
        profile = marker == _APP2 and data.startswith(_ICC_SIGNATURE, position + 4)
        if marker in _TABLES or marker in _FRAMES or marker == _APP14 or profile:
            parts.append(view[position:end])
        position = end
    return parts
