"""Hostile and unusual images: what is decoded, what is refused, and as what. No model is needed."""

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


def _encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _gradient(width: int = 200, height: int = 120) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def _png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def _refusal(data: bytes) -> tuple[str, str]:
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
JPEG = _encode(_gradient(), "JPEG")
PNG = _encode(_gradient(), "PNG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        b"2 l milk\n6 eggs\n",
        JPEG[: len(JPEG) // 2],
        PNG[: len(PNG) // 2],
        _png_header(200, 120),
        b"\xff\xd8\xff" + b"\xff" * 5000,
        b"\xff\xd8\xff\xe0\x00\x00" + b"\x00" * 100,
        _encode(_gradient(), "GIF"),
        _encode(_gradient(), "WEBP"),
        _encode(_gradient(), "TIFF"),
        _encode(_gradient(), "BMP"),
        b"%PDF-1.7\n" + JPEG,
    ],
    ids=[
        "empty",
        "three bytes",
        "text",
        "truncated JPEG",
        "truncated PNG",
        "PNG without pixels",
        "fill bytes",
        "segment of length 0",
        "GIF",
        "WebP",
        "TIFF",
        "BMP",
        "polyglot",
    ],
)
def test_what_is_not_a_whole_jpeg_or_png_has_an_invalid_format(data):
    assert _refusal(data) == ("InvalidImageFormatException", "Request has invalid image format")


@pytest.mark.parametrize("size", [(1, 1), (79, 500), (500, 79)])
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_a_side_below_80_pixels_is_an_invalid_parameter(size, file_format):
    assert _refusal(_encode(_gradient(*size), file_format))[0] == "InvalidParameterException"


def test_a_side_of_80_pixels_is_enough():
    assert decode(_encode(_gradient(80, 80), "JPEG"), SIDE).size == (80, 80)


def test_a_side_above_10000_pixels_is_too_large():
    assert _refusal(_encode(_gradient(10_001, 80), "PNG")) == (
        "ImageTooLargeException",
        "Input image dimensions 10001 x 80 exceed maximum dimension size of 10000 pixels",
    )


def test_a_header_of_50000_by_50000_pixels_costs_nothing():
    started = time.process_time()

    code, _ = _refusal(_png_header(50_000, 50_000) + b"\x00" * 100)

    assert code == "ImageTooLargeException"
    assert time.process_time() - started < 0.05


@pytest.mark.parametrize("make", COSTLY.values(), ids=COSTLY)
def test_an_image_that_takes_too_much_is_refused_before_it_is_decoded(make):
    data = make()
    started = time.process_time()

    code, message = _refusal(data)

    assert code == "ImageTooLargeException"
    assert "resize it" in message
    assert time.process_time() - started < 0.1


def test_a_large_jpeg_is_decoded_at_a_reduced_scale():
    assert decode(_encode(_gradient(4000, 3000), "JPEG"), SIDE).size == (1000, 750)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_turned_by_its_orientation(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation

    turned = decode(_encode(_gradient(200, 120), "JPEG", exif=exif), SIDE).size

    assert turned == ((200, 120) if orientation < 5 else (120, 200))


def test_a_png_is_never_turned():
    exif = Image.Exif()
    exif[0x0112] = 6

    assert decode(_encode(_gradient(200, 120), "PNG", exif=exif), SIDE).size == (200, 120)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", b"Exif\x00\x00"])
def test_broken_exif_does_not_cost_the_image(exif):
    assert decode(_encode(_gradient(), "JPEG", exif=exif), SIDE).size == (200, 120)


def test_a_cmyk_jpeg_becomes_rgb():
    assert decode(_encode(_gradient().convert("CMYK"), "JPEG"), SIDE).mode == "RGB"


def test_a_progressive_jpeg_is_decoded():
    assert decode(_encode(_gradient(), "JPEG", progressive=True), SIDE).size == (200, 120)


def test_sixteen_bits_are_scaled_and_not_clipped():
    grey = Image.new("I;16", (100, 100), 32_768)

    assert decode(_encode(grey, "PNG"), SIDE).getpixel((50, 50)) == (128, 128, 128)


def test_transparent_pixels_are_white():
    see_through = Image.new("RGBA", (100, 100), (255, 0, 0, 0))

    assert decode(_encode(see_through, "PNG"), SIDE).getpixel((50, 50)) == (255, 255, 255)


def test_a_palette_with_a_transparent_entry_is_decoded():
    palette = Image.new("P", (100, 100), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])

    assert decode(_encode(palette, "PNG", transparency=0), SIDE).getpixel((50, 50)) == (0, 0, 255)


def test_an_animated_png_is_seen_by_its_first_frame():
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("green", "red")]
    animated = _encode(frames[0], "PNG", save_all=True, append_images=frames[1:])

    assert decode(animated, SIDE).getpixel((50, 50)) == (0, 128, 0)


def test_a_text_chunk_that_explodes_is_an_invalid_format():
    bomb = zlib.compress(b"\x00" * 80_000_000)
    chunk = b"zTXtComment\x00\x00" + bomb
    end_of_header = 33
    data = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))

    assert _refusal(PNG[:end_of_header] + data + PNG[end_of_header:])[0] == "InvalidImageFormatException"
