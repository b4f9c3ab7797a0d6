"""Hostile files, and files with random damage. The same in every run."""

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.photos import resized
from local.demo.sample_photos import PHOTOS_DIR

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SEED = 11
_SIDE = 640


@dataclass(frozen=True)
class HostileFile:
    """A file, and a short description of its defect."""

    name: str
    data: bytes


def made() -> Iterator[HostileFile]:
    """Yield files that each need excessive resources, or have false headers."""
    jpeg, progressive = _jpeg(), _jpeg(progressive=True)
    yield HostileFile("empty", b"")
    yield HostileFile("text", b"2 l milk\n6 eggs\n")
    yield HostileFile("signature of a JPEG alone", jpeg[:3])
    yield HostileFile("signature of a PNG alone", PNG_SIGNATURE)
    yield HostileFile("JPEG of a thousand scans", thousand_scans())
    yield HostileFile("JPEG of a hundred scans at 64 MP", repeat_last_scan(flat_jpeg(8000, 8000), 90))
    yield HostileFile("progressive JPEG of 99 MP", flat_jpeg(10_000, 9_900))
    yield HostileFile("JPEG head that claims 65,500 × 65,500", _with_sides(jpeg, 65_500, 65_500))
    yield HostileFile("progressive head that claims 65,500 × 65,500", _with_sides(progressive, 65_500, 65_500))
    yield HostileFile("JPEG of no height", _with_sides(jpeg, 640, 0))
    yield HostileFile("JPEG with 15 MB of fill bytes", jpeg[:2] + b"\xff" * 15_000_000 + jpeg[2:])
    yield HostileFile("JPEG with 200 EXIF blocks", _with_segments(jpeg, 200, b"Exif\0\0" + b"\0" * 65_000))
    yield HostileFile("JPEG with 50,000 comments", _with_segments(jpeg, 50_000, b"x", marker=0xFE))
    yield HostileFile("JPEG with EXIF that points to itself", _with_segments(jpeg, 1, _circular_exif()))
    yield HostileFile("JPEG with 60 KB of NUL as camera", _with_segments(jpeg, 1, _nul_exif()))
    yield HostileFile("PNG head of 50,000 × 50,000 and 100 bytes", png(50_000, 50_000, b"\0" * 100))
    yield HostileFile("PNG of 178 MP in 0.5 MB", png(13_340, 13_340, zeros(13_340 * (13_340 * 3 + 1))))
    yield HostileFile("PNG of 99 MP in 0.4 MB", png(10_000, 9_900, zeros(9_900 * (10_000 * 3 + 1))))
    yield HostileFile("PNG of 99 MP with alpha", png(10_000, 9_900, zeros(9_900 * (10_000 * 4 + 1)), color_type=6))
    yield HostileFile("PNG of 99 MP in 16 bits", png(10_000, 9_900, zeros(9_900 * (10_000 * 6 + 1)), bit_depth=16))
    yield HostileFile("grey PNG of 400 MP", png(20_000, 20_000, zeros(20_000 * 20_001), color_type=0))
    yield HostileFile("PNG with a profile of 1 GB", png(64, 64, zeros(64 * 193), extra=_profile(1_000_000_000)))
    yield HostileFile("PNG with 40 texts of 50 MB", png(64, 64, zeros(64 * 193), extra=_text(50_000_000) * 40))
    yield HostileFile(
        "PNG with 100,000 empty chunks", png(64, 64, zeros(64 * 193), extra=chunk(b"teXt", b"") * 100_000)
    )
    yield HostileFile("PNG of one byte per chunk", _png_of_tiny_chunks())
    yield HostileFile("PNG of 10,000 × 1", png(10_000, 1, zlib.compress(bytes(30_001))))
    yield HostileFile("PNG of 1 × 1", png(1, 1, zlib.compress(bytes(4))))
    yield HostileFile("PNG with an unknown color type", png(64, 64, zeros(64 * 193), color_type=5))
    for mode in ("1", "L", "P", "LA", "RGBA", "I;16"):
        yield HostileFile(f"PNG in mode {mode}", _encoded(_photo().convert("L" if mode == "I;16" else mode), "PNG"))
    yield HostileFile("JPEG in CMYK", _encoded(_photo().convert("CMYK"), "JPEG"))


def damaged(count: int) -> Iterator[HostileFile]:
    """Yield real photos that are truncated, or have bytes changed, doubled, dropped or moved."""
    originals = {
        "baseline": _jpeg(),
        "progressive": _jpeg(progressive=True),
        "CMYK": _encoded(_photo().convert("CMYK"), "JPEG"),
        "PNG": _encoded(_photo().resize((320, 213)), "PNG"),
        "palette PNG": _encoded(_photo().resize((320, 213)).convert("P"), "PNG"),
        "EXIF": (PHOTOS_DIR / "starfish.jpg" if (PHOTOS_DIR / "starfish.jpg").is_file() else _SOURCE).read_bytes(),
    }
    order = random.Random(_SEED)
    for number in range(count):
        name = order.choice(list(originals))
        yield HostileFile(f"damaged {name} {number}", _damage(bytearray(originals[name]), order))


def thousand_scans() -> bytes:
    """Return a progressive JPEG of a thousand scans, smaller than most photos: a grey picture needs few bytes."""
    return repeat_last_scan(_progressive(np.full((4000, 4000), 128, np.uint8)), 1_000)


def with_empty_scans(count: int) -> bytes:
    """Return a JPEG of 64 MP with a number of empty scans of ten bytes; a decoder walks all blocks for each."""
    scan = bytes.fromhex("ffda 0008 01 01 00 000001")
    data = flat_jpeg(8_000, 8_000)
    return data[:-2] + scan * count + data[-2:]


def repeat_last_scan(data: bytes, times: int) -> bytes:
    """Repeat the last scan of a progressive JPEG, which a decoder walks through each time."""
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * times + data[-2:]


def png(
    width: int, height: int, compressed: bytes, bit_depth: int = 8, color_type: int = 2, extra: bytes = b""
) -> bytes:
    """Build a PNG from a header, any chunks, and one chunk of compressed pixels."""
    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    return PNG_SIGNATURE + chunk(b"IHDR", header) + extra + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    """Frame the contents of a PNG chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


_SOURCE = PHOTOS_DIR / "pagoda.jpg"


def _photo() -> Image.Image:
    return resized(_SOURCE, _SIDE, _SIDE * 2 // 3)


def _encoded(image: Image.Image, image_format: str) -> bytes:
    output = io.BytesIO()
    image.save(output, image_format)
    return output.getvalue()


def _jpeg(*, progressive: bool = False) -> bytes:
    output = io.BytesIO()
    _photo().save(output, "JPEG", quality=88, progressive=progressive)
    return output.getvalue()


def flat_jpeg(width: int, height: int) -> bytes:
    """Return a progressive JPEG of a soft gradient: many pixels in few bytes."""
    rows = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    return _progressive(np.broadcast_to(rows, (height, width)).copy())


def _progressive(grey: NDArray[np.uint8]) -> bytes:
    output = io.BytesIO()
    Image.fromarray(grey).convert("RGB").save(output, "JPEG", quality=85, progressive=True)
    return output.getvalue()


def _with_sides(data: bytes, width: int, height: int) -> bytes:
    frame = max(data.find(b"\xff\xc0\x00\x11"), data.find(b"\xff\xc2\x00\x11"))
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def _with_segments(data: bytes, count: int, content: bytes, marker: int = 0xE1) -> bytes:
    return data[:2] + (bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content) * count + data[2:]


def _circular_exif() -> bytes:
    entries = struct.pack("<HHLL", 0x8769, 4, 1, 8) + struct.pack("<HHLL", 0x8825, 4, 1, 8)
    return b"Exif\0\0II*\0" + struct.pack("<L", 8) + struct.pack("<H", 2) + entries + struct.pack("<L", 8)


def _nul_exif() -> bytes:
    entry = struct.pack("<HHLL", 0x010F, 2, 60_000, 26)
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, 1) + entry + struct.pack("<L", 0) + b"\0" * 60_000


def zeros(count: int) -> bytes:
    """Compress a number of zeros: black pixels of a PNG."""
    compressor = zlib.compressobj(9)
    whole, rest = divmod(count, 1_000_000)
    return b"".join(
        (*(compressor.compress(bytes(1_000_000)) for _ in range(whole)), compressor.compress(bytes(rest)))
    ) + (compressor.flush())


def _profile(size_bytes: int) -> bytes:
    return chunk(b"iCCP", b"huge\0\0" + zeros(size_bytes))


def _text(size_bytes: int) -> bytes:
    return chunk(b"zTXt", b"Comment\0\0" + zeros(size_bytes))


def _png_of_tiny_chunks() -> bytes:
    pixels = zlib.compress(np.random.default_rng(_SEED).bytes(200 * 601), 0)
    header = struct.pack(">IIBBBBB", 200, 200, 8, 2, 0, 0, 0)
    body = b"".join(chunk(b"IDAT", pixels[i : i + 1]) for i in range(len(pixels)))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


def _damage(data: bytearray, order: random.Random) -> bytes:
    # Half of the changes are in the head, which has the structure; the rest of a photo is mostly pixels.
    end = min(len(data), 2_000) if order.random() < 0.5 else len(data)
    match order.randrange(5):
        case 0:
            return bytes(data[: order.randrange(end)])
        case 1:
            for _ in range(order.choice((1, 4, 16, 64))):
                data[order.randrange(end)] = order.randrange(256)
        case 2:
            for _ in range(order.choice((1, 2, 8))):
                at = order.randrange(end)
                data[at : at + 2] = order.choice((b"\xff\xff", b"\0\0", b"\x7f\xff", b"\xff\xda", b"\xff\xc2"))
        case 3:
            at = order.randrange(end)
            del data[at : at + order.randrange(1, 400)]
        case _:
            at, start = order.randrange(end), order.randrange(len(data))
            data[at:at] = data[start : start + order.randrange(1, 400)]
    return bytes(data)
