"""Hostile and damaged files: a named error with a remedy, in bounded time and memory, or a thumbnail."""

import contextlib
import io
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.conftest import ROOT
from tests.pictures import (
    PARIS,
    chunk,
    exif_block,
    gradients,
    huge_png_header,
    jpeg_of,
    png_of,
    scene,
    segment,
    thumbnail,
    with_chunks,
    with_exif,
    with_segments,
)
from vision.domain.errors import CorruptImage, TooManyPixels, VisionError
from vision.domain.image_file import jpeg
from vision.domain.image_file.metadata import read_metadata

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
BASELINE = with_exif(jpeg_of(gradients(300, 200)), exif_block({}, None, PARIS))
PROGRESSIVE = jpeg_of(gradients(500, 500), progressive=True)
PALETTE = png_of(scene(300, 200).quantize(16), exif=exif_block({}, None, PARIS))
PROFILED = jpeg_of(gradients(300, 200), icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
INTACT = {
    "baseline": BASELINE,
    "with a profile": PROFILED,
    "progressive": PROGRESSIVE,
    "palette": PALETTE,
    "RGBA": png_of(scene(90, 90).convert("RGBA")),
}


def with_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    photo = jpeg_of(gradients(500, 500), progressive=True)
    last = photo.rindex(b"\xff\xda")
    return photo[:-2] + photo[last:-2] * count + photo[-2:]


@contextlib.contextmanager
def within_seconds(limit: float) -> Iterator[None]:
    started = time.process_time()
    yield
    assert time.process_time() - started < limit


def allow_named_errors_only(data: bytes) -> None:
    """Read metadata and thumbnail; any error but a named one fails the test."""
    with contextlib.suppress(VisionError):
        read_metadata(io.BytesIO(data), len(data))
    with contextlib.suppress(VisionError):
        thumbnail(data, 60)


@pytest.mark.parametrize("name", INTACT)
def test_truncated_image_is_corrupt(name: str) -> None:
    data = INTACT[name]
    assert thumbnail(data, 60).width <= 60
    for share in (0.02, 0.3, 0.6, 0.95):
        with pytest.raises(CorruptImage, match=r"ends.*; upload it again"):
            thumbnail(data[: int(len(data) * share)], 60)


def test_damaged_table_is_corrupt_and_the_reason_has_no_python_object() -> None:
    damaged = jpeg_of(scene()).replace(b"\xff\xdb\x00\x43", b"\xff\xdb\x00\x42", 1)
    with pytest.raises(CorruptImage) as refusal:
        thumbnail(damaged)
    assert "<" not in str(refusal.value)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_progressive_photo_truncated_after_its_first_scan_is_corrupt(share: float) -> None:
    photo = jpeg_of(gradients(3_200, 2_000), progressive=True)
    with pytest.raises(CorruptImage, match="before its last scan"):
        thumbnail(photo[: int(len(photo) * share)])


def test_thousand_scans_are_refused_within_20_ms() -> None:
    photo = with_scans(1_000)
    with within_seconds(0.02), pytest.raises(TooManyPixels, match=r"1,0\d\d scans.*100 are allowed; save it as base"):
        thumbnail(photo)


def test_up_to_a_hundred_scans_of_the_photo_itself_are_decoded() -> None:
    head = jpeg.read_head(io.BytesIO(PROGRESSIVE))
    assert jpeg.count_scans(PROGRESSIVE, head) == PROGRESSIVE.count(b"\xff\xda") == 10
    assert thumbnail(with_scans(90)).width == 250
    photo = with_segments(PROGRESSIVE, segment(0xE1, b"Exif\0\0" + b"\xff\xda" * 2_000))
    assert thumbnail(photo).width == 250
    assert thumbnail(jpeg_of(scene()) + jpeg_of(scene(40, 30)) * 200) == thumbnail(jpeg_of(scene()))


def test_png_header_of_50_000_pixels_a_side_is_refused_before_decoding() -> None:
    with within_seconds(0.02), pytest.raises(TooManyPixels, match=r"10,00\d MB, 400 MB are allowed; resize"):
        thumbnail(huge_png_header(50_000, 50_000))


def with_size(photo: bytes, side: int) -> bytes:
    """Write another size into the frame of a JPEG."""
    changed = bytearray(photo)
    frame = max(photo.find(b"\xff\xc0"), photo.find(b"\xff\xc2"))
    changed[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(changed)


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_jpeg_header_of_50_000_pixels_a_side_is_refused_before_decoding(progressive: bool) -> None:
    photo = with_size(jpeg_of(scene(), progressive=progressive), 50_000)
    with within_seconds(0.02), pytest.raises(TooManyPixels, match="allowed; resize before upload, or save as baseline"):
        thumbnail(photo)


def small_png(side: int, bit_depth: int, color_type: int) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, bit_depth, color_type, 0, 0, 0))
    return SIGNATURES[1] + header + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("data", [small_png(15_000, 1, 0), small_png(9_000, 16, 6), with_size(with_scans(80), 2_900)])
def test_small_file_that_is_expensive_to_decode_is_refused(data: bytes) -> None:
    with pytest.raises(TooManyPixels, match="million values, 600 million are allowed; resize"):
        thumbnail(data)


def test_memory_budget_is_a_parameter_that_a_large_baseline_photo_hardly_uses() -> None:
    with pytest.raises(TooManyPixels, match="1 MB are allowed"):
        thumbnail(png_of(scene()), budget_bytes=1_000_000)
    assert thumbnail(jpeg_of(scene(6_000, 4_000)), budget_bytes=8_000_000).width == 250


def test_png_of_too_many_chunks_is_refused_and_compressed_text_never_decompressed() -> None:
    data = with_chunks(png_of(scene()), chunk(b"teSt", b"") * 200_000, before=b"IEND")
    with pytest.raises(CorruptImage, match="more than 65,536 chunks"):
        thumbnail(data)
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000)))
    assert thumbnail(with_chunks(png_of(scene()), bomb)) == thumbnail(png_of(scene()))


def test_exif_whose_tags_all_span_the_whole_block_is_read_within_200_ms() -> None:
    entries = b"".join(struct.pack("<HHII", tag, 7, 60_000, 8) for tag in range(5_000))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 5_000) + entries
    photo = with_segments(jpeg_of(scene()), *[segment(0xE1, b"Exif\0\0" + block)] * 4)
    with within_seconds(0.2):
        assert thumbnail(photo) == thumbnail(jpeg_of(scene()))


def test_megabytes_of_fill_bytes_are_refused_within_200_ms() -> None:
    photo = with_segments(jpeg_of(scene()), b"\xff" * 3_000_000)
    with within_seconds(0.2), pytest.raises(CorruptImage):
        thumbnail(photo)


def test_megabytes_of_empty_segments_between_scans_are_refused_within_500_ms() -> None:
    photo = jpeg_of(gradients(3_200, 2_000), progressive=True)
    second = photo.index(b"\xff\xda", photo.index(b"\xff\xda") + 2)
    data = photo[:second] + segment(0xEF, b"") * 500_000 + photo[second:]
    with within_seconds(0.5), pytest.raises(CorruptImage):
        thumbnail(data)


@pytest.mark.parametrize("name", INTACT)
@settings(max_examples=150, deadline=2_000, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_changed_bytes_are_a_named_error_or_a_thumbnail(name: str, data: st.DataObject) -> None:
    damaged = bytearray(INTACT[name])
    places = st.one_of(st.integers(2, min(700, len(damaged) - 1)), st.integers(2, len(damaged) - 1))
    for at, byte in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=8)):
        damaged[at] = byte
    allow_named_errors_only(bytes(damaged))


@pytest.mark.parametrize("name", INTACT)
@settings(max_examples=60, deadline=2_000)
@given(data=st.data())
def test_removed_and_repeated_parts_are_a_named_error_or_a_thumbnail(name: str, data: st.DataObject) -> None:
    whole = INTACT[name]
    start, end, to = (data.draw(st.integers(0, len(whole))) for _ in range(3))
    allow_named_errors_only(whole[:to] + whole[start:end] + whole[to if data.draw(st.booleans()) else end :])


@settings(max_examples=150, deadline=2_000)
@given(signature=st.sampled_from(SIGNATURES), rest=st.binary(max_size=400))
def test_random_bytes_after_a_signature_are_a_named_error(signature: bytes, rest: bytes) -> None:
    allow_named_errors_only(signature + rest)


@settings(max_examples=150, deadline=2_000)
@given(
    header=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), *[st.integers(0, 255)] * 5),
    small=st.booleans(),
    pixels=st.binary(max_size=200),
)
def test_any_png_header_is_a_named_error_or_a_thumbnail(header: tuple[int, ...], small: bool, pixels: bytes) -> None:
    width, height = (side % 300 if small else side for side in header[:2])
    ihdr = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, *header[2:]))
    allow_named_errors_only(SIGNATURES[1] + ihdr + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))


MEASURE = """
import resource, sys
from tests.pictures import thumbnail
data = open(sys.argv[1], "rb").read()
thumbnail(open(sys.argv[2], "rb").read())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
thumbnail(data)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_baseline_photo_of_48_megapixels_takes_at_most_15_megabytes(tmp_path: Path) -> None:
    (tmp_path / "large.jpg").write_bytes(jpeg_of(Image.effect_noise((8_000, 6_000), 30).convert("RGB"), quality=50))
    (tmp_path / "small.jpg").write_bytes(jpeg_of(scene()))
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path / "large.jpg", tmp_path / "small.jpg"],
        env={"PYTHONPATH": str(ROOT / "functions" / "shared")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    kilobytes = int(run.stdout) / (1 if sys.platform == "linux" else 1024)
    assert kilobytes <= 15_000


def test_most_expensive_accepted_picture_takes_less_than_two_seconds() -> None:
    picture = jpeg_of(Image.new("RGB", (9_000, 9_000), (90, 120, 40)), progressive=True)
    with within_seconds(2):
        assert thumbnail(picture).width == 250
