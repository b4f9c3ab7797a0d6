"""Hostile and unusual images: what is decoded, what is refused, and with which error. No model is needed."""

import io
import struct
import time
import zlib

import pytest
from PIL import Image

from benchmarks.hostile_files import flat_jpeg, png, repeat_last_scan, with_empty_scans, zeros
from local.rekognition.errors import RekognitionError
from local.rekognition.images import decode

SIDE = 448


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def gradient(width: int = 200, height: int = 120) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def oriented(orientation: int, file_format: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(gradient(200, 120), file_format, exif=exif)


def refusal(data: bytes) -> tuple[str, str]:
    with pytest.raises(RekognitionError) as refused:
        decode(data, SIDE)
    return refused.value.code, refused.value.message


# Each is small enough for S3 and within the sides that the service takes.
COSTLY = {
    "65,535 empty scans": lambda: with_empty_scans(65_535),
    "a hundred scans of 64 MP": lambda: repeat_last_scan(flat_jpeg(8_000, 8_000), 90),
    "progressive of 99 MP": lambda: flat_jpeg(10_000, 9_900),
    "PNG of 16 bits with alpha": lambda: png(10_000, 10_000, zeros(1_000_000), bit_depth=16, color_type=6),
}
JPEG, PNG = encoded(gradient(), "JPEG"), encoded(gradient())
END_OF_HEADER = 33
SIXTEEN_BITS = {0: 0, 32_768: 128, 65_535: 255}
INVALID = {
    "empty": b"",
    "three bytes": b"\xff\xd8\xff",
    "text": b"2 l milk\n6 eggs\n",
    "truncated JPEG": JPEG[: len(JPEG) // 2],
    "truncated PNG": PNG[: len(PNG) // 2],
    "PNG without pixels": png_header(200, 120),
    "fill bytes": b"\xff\xd8\xff" + b"\xff" * 5000,
    "segment of length 0": b"\xff\xd8\xff\xe0\x00\x00" + b"\x00" * 100,
    "polyglot": b"%PDF-1.7\n" + JPEG,
    **{name: encoded(gradient(), name) for name in ("GIF", "WEBP", "TIFF", "BMP")},
}


@pytest.mark.parametrize("data", INVALID.values(), ids=INVALID)
def test_anything_but_a_whole_jpeg_or_png_has_an_invalid_format(data):
    assert refusal(data) == ("InvalidImageFormatException", "Request has invalid image format")


def test_text_chunk_that_expands_to_80_mb_is_an_invalid_format():
    bomb = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(b"\x00" * 80_000_000))
    assert refusal(PNG[:END_OF_HEADER] + bomb + PNG[END_OF_HEADER:])[0] == "InvalidImageFormatException"


@pytest.mark.parametrize("size", [(1, 1), (79, 500), (500, 79)])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_side_below_80_pixels_is_an_invalid_parameter(size, file_format):
    assert refusal(encoded(gradient(*size), file_format))[0] == "InvalidParameterException"
    assert decode(encoded(gradient(80, 80), file_format), SIDE).size == (80, 80)


def test_side_above_10000_pixels_is_too_large():
    code, message = refusal(encoded(gradient(10_001, 80)))
    assert code == "ImageTooLargeException"
    assert "10001 x 80" in message
    assert "10000 pixels" in message


def test_header_of_50000_by_50000_pixels_costs_nothing():
    started = time.process_time()
    assert refusal(png_header(50_000, 50_000) + b"\x00" * 100)[0] == "ImageTooLargeException"
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_costly_image_is_refused_before_it_is_decoded(make):
    data = make()
    started = time.process_time()
    code, message = refusal(data)
    assert time.process_time() - started < 0.1
    assert code == "ImageTooLargeException"
    assert "resize it" in message


def test_large_jpeg_is_decoded_at_a_reduced_scale():
    assert decode(encoded(gradient(4000, 3000), "JPEG"), SIDE).size == (1000, 750)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_only_a_jpeg_is_turned_by_its_orientation(orientation):
    assert decode(oriented(orientation, "JPEG"), SIDE).size == ((200, 120) if orientation < 5 else (120, 200))
    assert decode(oriented(orientation, "PNG"), SIDE).size == (200, 120)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", b"Exif\x00\x00"])
def test_image_with_broken_exif_is_decoded(exif):
    assert decode(encoded(gradient(), "JPEG", exif=exif), SIDE).size == (200, 120)


def test_cmyk_jpeg_becomes_rgb_and_progressive_jpeg_is_decoded():
    assert decode(encoded(gradient().convert("CMYK"), "JPEG"), SIDE).mode == "RGB"
    assert decode(encoded(gradient(), "JPEG", progressive=True), SIDE).size == (200, 120)


def with_transparent_palette_entry() -> bytes:
    palette = Image.new("P", (100, 100), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    return encoded(palette, transparency=0)


def animated() -> bytes:
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("green", "red")]
    return encoded(frames[0], save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("data", "pixel"),
    [
        *((encoded(Image.new("I;16", (100, 100), level)), (grey,) * 3) for level, grey in SIXTEEN_BITS.items()),
        (encoded(Image.new("RGBA", (100, 100), (255, 0, 0, 0))), (255, 255, 255)),
        (with_transparent_palette_entry(), (0, 0, 255)),
        (animated(), (0, 128, 0)),
    ],
    ids=["black", "16 bits are scaled", "white", "transparent is white", "palette", "first frame"],
)
def test_png_becomes_eight_bits_of_rgb(data, pixel):
    assert decode(data, SIDE).getpixel((50, 50)) == pixel
