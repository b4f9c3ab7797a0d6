"""Images for the tests, made when needed: scenes, EXIF blocks with any value, segments and chunks."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from vision.domain.image_file import pixels
from vision.domain.image_file.pixels import Thumbnail

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 40), (30, 50, 210), (230, 210, 40)
WHITE = (255, 255, 255)

MAKE, MODEL, ORIENTATION, EXIF_POINTER, GPS_POINTER = 0x10F, 0x110, 0x112, 0x8769, 0x8825
TAKEN, TAKEN_FRACTION, TAKEN_OFFSET, DIGITIZED = 0x9003, 0x9291, 0x9011, 0x9004
LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, ALTITUDE_REF, ALTITUDE = 1, 2, 3, 4, 5, 6

Value = tuple[int, int, bytes]
"""TIFF kind, count, and the bytes of the value."""

UPRIGHT_TO_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int = 320, height: int = 240) -> Image.Image:
    """Four quarters of different colours, so that any rotation or flip is visible."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(YELLOW, (width // 2, height // 2, width, height))
    return image


def gradients(width: int, height: int) -> Image.Image:
    """Soft detail everywhere, the same in each call."""
    rough = Image.radial_gradient("L").resize((width, height))
    slope = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (rough, slope, slope.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))


def jpeg_of(image: Image.Image, **options: Any) -> bytes:
    """Encode without the comment and profile of the image, unless the options have them."""
    target = io.BytesIO()
    image.save(target, "JPEG", **{"quality": 90, **options})
    return target.getvalue()


def png_of(image: Image.Image, **options: Any) -> bytes:
    """Encode quickly."""
    target = io.BytesIO()
    image.save(target, "PNG", **{"compress_level": 1, **options})
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    """Decode with Pillow, the independent reader."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def close_to(colour: Any, expected: Sequence[int], tolerance: int = 24) -> bool:
    """Compare colours within the losses of JPEG."""
    return all(abs(a - b) <= tolerance for a, b in zip(colour, expected, strict=True))


def text(value: str | bytes) -> Value:
    """An ASCII value with its NUL."""
    raw = value.encode() if isinstance(value, str) else value
    return 2, len(raw) + 1, raw + b"\0"


def short(*numbers: int) -> Value:
    """Unsigned 16-bit values."""
    return 3, len(numbers), struct.pack(f"<{len(numbers)}H", *numbers)


def long(*numbers: int) -> Value:
    """Unsigned 32-bit values."""
    return 4, len(numbers), struct.pack(f"<{len(numbers)}I", *numbers)


def rational(*pairs: tuple[int, int]) -> Value:
    """Fractions, which may have a denominator of zero."""
    return 5, len(pairs), b"".join(struct.pack("<II", *pair) for pair in pairs)


def exif_block(
    main: Mapping[int, Value] | None = None,
    exif: Mapping[int, Value] | None = None,
    gps: Mapping[int, Value] | None = None,
) -> bytes:
    """A little-endian TIFF block of up to three directories."""
    block = bytearray(b"II*\0\x08\0\0\0")
    directories: list[tuple[int | None, Mapping[int, Value]]] = [(None, main or {})]
    if exif is not None:
        directories.append((EXIF_POINTER, exif))
    if gps is not None:
        directories.append((GPS_POINTER, gps))
    pointers = {tag: long(0) for tag, _ in directories if tag}
    offsets: dict[int, int] = {}
    for tag, directory in directories:
        entries = {**directory, **pointers} if tag is None else dict(directory)
        start = len(block)
        if tag is not None:
            struct.pack_into("<I", block, offsets[tag], start)
        block += struct.pack("<H", len(entries)) + bytes(12 * len(entries) + 4)
        for index, (entry_tag, (kind, count, payload)) in enumerate(sorted(entries.items())):
            at = start + 2 + 12 * index
            struct.pack_into("<HHI", block, at, entry_tag, kind, count)
            if tag is None and entry_tag in pointers:
                offsets[entry_tag] = at + 8
            if len(payload) <= 4:
                block[at + 8 : at + 8 + len(payload)] = payload
            else:
                struct.pack_into("<I", block, at + 8, len(block))
                block += payload
    return bytes(block)


def gps_of(latitude: Value, longitude: Value, north: str = "N", east: str = "E", **others: Value) -> dict[int, Value]:
    """GPS tags of a location."""
    tags = {LATITUDE_REF: text(north), LATITUDE: latitude, LONGITUDE_REF: text(east), LONGITUDE: longitude}
    if "altitude" in others:
        tags[ALTITUDE] = others["altitude"]
    if "altitude_ref" in others:
        tags[ALTITUDE_REF] = others["altitude_ref"]
    return tags


PARIS = gps_of(rational((48, 1), (51, 1), (296, 10)), rational((2, 1), (17, 1), (402, 10)))


def segment(marker: int, payload: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + (len(payload) + 2).to_bytes(2) + payload


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Insert segments after the start of a JPEG, where cameras write them."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def with_exif(jpeg: bytes, block: bytes) -> bytes:
    """Insert an EXIF segment into a JPEG."""
    return with_segments(jpeg, segment(0xE1, b"Exif\0\0" + block))


def chunk(kind: bytes, payload: bytes) -> bytes:
    """A PNG chunk."""
    return len(payload).to_bytes(4) + kind + payload + zlib.crc32(kind + payload).to_bytes(4)


def with_chunks(png: bytes, *chunks: bytes, before: bytes = b"IDAT") -> bytes:
    """Insert chunks before the first chunk of a kind."""
    at = png.index(before) - 4
    return png[:at] + b"".join(chunks) + png[at:]


def huge_png_header(width: int, height: int) -> bytes:
    """A PNG with any size in its header, and a hundred bytes of pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000))[:100])


def thumbnail(data: bytes, box: int = 250, **limits: int) -> Thumbnail:
    """Make the thumbnail of an image; tests that do not say a side take the template's."""
    return pixels.thumbnail(data, box, **limits)
