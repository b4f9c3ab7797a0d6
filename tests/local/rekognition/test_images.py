"""Hostile and unusual images: what is decoded, what is refused, and with which error. No model is needed."""

import io
import struct
import time
import zlib

import pytest
from PIL import Image

from benchmarks.hostile_files import flat_jpeg, png, repeat_last_scan, with_empty_scans, zeros
from local.rekognition.custom_labels.pictures import decode as decode_for_custom_labels
from local.rekognition.errors import RekognitionError
from local.rekognition.images import decode
from tests.pictures import BLUE, GREEN, ORIENTATION, RED, WHITE, YELLOW, chunk, close_to, jpeg_of, png_of, scene

SIDE = 448


def encoded(image: Image.Image, file_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format)
    return buffer.getvalue()


def gradient(width: int = 200, height: int = 120) -> Image.Image:
    return Image.linear_gradient("L").resize((width, height)).convert("RGB")


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


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
JPEG, PNG = jpeg_of(gradient()), png_of(gradient())
END_OF_HEADER = 33
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


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_side_below_80_pixels_is_an_invalid_parameter(file_format):
    for size in ((1, 1), (79, 500), (500, 79)):
        assert refusal(encoded(gradient(*size), file_format))[0] == "InvalidParameterException"
    assert decode(encoded(gradient(80, 80), file_format), SIDE).size == (80, 80)


def test_side_above_10000_pixels_is_too_large_at_no_cost():
    code, message = refusal(png_of(gradient(10_001, 80)))
    assert code == "ImageTooLargeException"
    assert "10001 x 80" in message
    assert "10000 pixels" in message
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


@pytest.mark.parametrize("read", [decode, decode_for_custom_labels])
def test_only_a_jpeg_is_turned_by_its_orientation(read):
    # The colour that is displayed in the upper left corner, by orientation.
    for orientation, corner in enumerate([RED, GREEN, YELLOW, BLUE, RED, BLUE, YELLOW, GREEN], start=1):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        upright = read(jpeg_of(scene(200, 120), exif=exif), SIDE)
        assert upright.size == ((200, 120) if orientation < 5 else (120, 200))
        assert close_to(upright.getpixel((20, 20)), corner)
        png = read(png_of(scene(200, 120), exif=exif), SIDE)
        assert png.size == (200, 120)
        assert close_to(png.getpixel((20, 20)), RED)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", [b"Exif\x00\x00garbage", b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", b"Exif\x00\x00"])
def test_image_with_broken_exif_is_decoded(exif):
    assert decode(jpeg_of(gradient(), exif=exif), SIDE).size == (200, 120)


def test_large_cmyk_and_progressive_jpeg_are_decoded():
    large = jpeg_of(gradient(4000, 3000))
    assert decode(large, SIDE).size == (1000, 750)
    assert decode_for_custom_labels(large, 280).size == (500, 375)
    assert decode(jpeg_of(gradient().convert("CMYK")), SIDE).mode == "RGB"
    assert decode(jpeg_of(gradient(), progressive=True), SIDE).size == (200, 120)


@pytest.mark.parametrize("read", [decode, decode_for_custom_labels])
def test_png_becomes_eight_bits_of_rgb(read):
    palette = Image.new("P", (100, 100), 1)
    palette.putpalette([0, 0, 0, 0, 0, 255])
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("green", "red")]
    sixteen_bits = {0: 0, 32_768: 128, 65_535: 255}
    for data, pixel in [
        *((png_of(Image.new("I;16", (100, 100), level)), (grey,) * 3) for level, grey in sixteen_bits.items()),
        # What is transparent becomes white, and of an animation the first frame is seen.
        (png_of(Image.new("RGBA", (100, 100), (255, 0, 0, 0))), WHITE),
        (png_of(palette, transparency=0), (0, 0, 255)),
        (png_of(frames[0], save_all=True, append_images=frames[1:]), (0, 128, 0)),
    ]:
        assert read(data, SIDE).getpixel((50, 50)) == pixel
