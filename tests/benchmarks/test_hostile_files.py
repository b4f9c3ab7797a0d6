"""The hostile files are what their names say; otherwise their refusal proves nothing."""

import io
import zlib

from PIL import Image

from benchmarks.hostile_files import chunk, png, repeat_last_scan, thousand_scans


def test_jpeg_of_a_thousand_scans_is_smaller_than_a_photo():
    data = thousand_scans()
    assert data.count(b"\xff\xda") >= 1_000
    assert len(data) < 345_000


def test_repeating_the_last_scan_adds_nothing_else():
    encoded = io.BytesIO()
    Image.new("RGB", (64, 64), "gray").save(encoded, "JPEG", progressive=True)
    data = encoded.getvalue()
    assert repeat_last_scan(data, 1) == data
    assert repeat_last_scan(data, 4).count(b"\xff\xda") == data.count(b"\xff\xda") + 3


def test_png_is_built_as_pillow_reads_it():
    compressed = zlib.compress(b"\0" + bytes(3))  # a filter byte and one black pixel
    with Image.open(io.BytesIO(png(1, 1, compressed, extra=chunk(b"teXt", b"")))) as image:
        assert image.size == (1, 1)
        assert image.getpixel((0, 0)) == (0, 0, 0)
