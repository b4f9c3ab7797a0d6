"""Metadata: by content, as displayed, from the head of the file, and equal to that of a full parse."""

import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from tests import pictures
from tests.pictures import (
    MAKE,
    MODEL,
    ORIENTATION,
    PARIS,
    TAKEN,
    chunk,
    exif_block,
    gradients,
    jpeg_of,
    png_of,
    scene,
    segment,
    short,
    text,
    with_chunks,
    with_exif,
    with_segments,
)
from vision.domain.errors import CorruptImage, NotSupportedImageType
from vision.domain.image_file.metadata import Metadata, read_metadata
from vision.domain.image_file.sparse import SparseFile

CAMERA = {MAKE: text("Canon"), MODEL: text("EOS R5"), ORIENTATION: short(6)}
CAMERA_BLOCK = exif_block(CAMERA, {TAKEN: text("2024:05:01 12:34:56")}, PARIS)


def metadata_of(data: bytes) -> Metadata:
    return read_metadata(io.BytesIO(data), len(data))


def sparsely(data: bytes) -> tuple[Metadata, SparseFile]:
    file = SparseFile(lambda start, end: data[start:end], len(data))
    return read_metadata(file, len(data)), file


# Values


def test_format_and_size_are_read_and_unknown_values_left_out() -> None:
    assert metadata_of(jpeg_of(scene(320, 200))) == Metadata("JPEG", 320, 200)
    assert metadata_of(jpeg_of(scene(), progressive=True)).progressive
    assert metadata_of(png_of(scene(100, 80))).as_dict() == {"format": "PNG", "width": 100, "height": 80}


def test_exif_of_a_png_is_read_before_the_pixels_only() -> None:
    exif, png = chunk(b"eXIf", CAMERA_BLOCK), png_of(scene(320, 200))
    metadata = metadata_of(with_chunks(png, exif))
    assert (metadata.width, metadata.height, metadata.orientation, metadata.camera_make) == (200, 320, 6, "Canon")
    assert metadata_of(with_chunks(png, exif, before=b"IEND")) == Metadata("PNG", 320, 200)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_of_the_displayed_image(orientation: int) -> None:
    metadata = metadata_of(with_exif(jpeg_of(scene(320, 200)), exif_block({ORIENTATION: short(orientation)})))
    assert (metadata.width, metadata.height) == ((320, 200) if orientation < 5 else (200, 320))


def test_record_has_every_known_value_as_json() -> None:
    gps = {**PARIS, pictures.ALTITUDE: pictures.rational((3515, 100))}
    block = exif_block(CAMERA, {TAKEN: text("2024:05:01 12:34:56")}, gps)
    record = metadata_of(with_exif(jpeg_of(scene(320, 200)), block)).as_dict()
    assert json.loads(json.dumps(record)) == {
        "format": "JPEG",
        "width": 200,
        "height": 320,
        "orientation": 6,
        "capture_time": "2024-05-01T12:34:56",
        "camera_make": "Canon",
        "camera_model": "EOS R5",
        "location": {
            "latitude": 48.8582222,
            "longitude": 2.2945,
            "latitude_dms": "48° 51′ 29.6″ N",
            "longitude_dms": "2° 17′ 40.2″ E",
            "altitude_m": 35.15,
        },
    }


def test_first_exif_segment_counts_whatever_follows_it() -> None:
    second = segment(0xE1, b"Exif\0\0" + exif_block({MAKE: text("Nikon")}))
    picture = with_exif(with_segments(jpeg_of(scene()), second), CAMERA_BLOCK)
    # Without the second half of its pixels.
    for data in (picture, picture[: len(picture) // 2]):
        assert metadata_of(data).camera_make == "Canon"


def test_fill_bytes_between_segments_are_skipped() -> None:
    picture = with_segments(jpeg_of(scene(320, 200)), segment(0xEF, b"x"), b"\xff\xff\xff")
    assert metadata_of(picture).width == 320


# Refused


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"just some words in a file named photo.jpg", "not an image"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(50), "WebP"),
        (b"\0\0\0\x18ftypheic" + bytes(50), "HEIC"),
        (b"%PDF-1.7" + bytes(50), "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "XML"),
        (b"PK\3\4" + bytes(50), "ZIP"),
        (b"\0", "not an image"),
    ],
)
def test_other_content_is_refused_by_name(data: bytes, found: str) -> None:
    with pytest.raises(NotSupportedImageType, match=f"{found}.*, only JPEG and PNG are looked at; convert"):
        metadata_of(data)


def test_format_is_that_of_the_first_bytes() -> None:
    polyglot = jpeg_of(scene(100, 80)) + b"PK\3\4<html><script>alert(1)</script>" + png_of(scene(300, 300))
    assert metadata_of(polyglot) == Metadata("JPEG", 100, 80)


@pytest.mark.parametrize(
    ("frame", "message"), [(b"\xff\xc3\x00\x11\x08", "frame type FFC3"), (b"\xff\xc0\x00\x11\x0c", "12 bits")]
)
def test_unusual_kind_of_jpeg_is_not_supported(frame: bytes, message: str) -> None:
    with pytest.raises(NotSupportedImageType, match=message):
        metadata_of(jpeg_of(scene()).replace(b"\xff\xc0\x00\x11\x08", frame))


@pytest.mark.parametrize("picture", [jpeg_of(scene()), png_of(scene())], ids=["JPEG", "PNG"])
def test_truncated_head_is_corrupt(picture: bytes) -> None:
    pixels = picture.find(b"\xff\xda") if picture[0] == 0xFF else picture.find(b"IDAT")
    for size in range(1, pixels):
        with pytest.raises(CorruptImage):
            metadata_of(picture[:size])
    with pytest.raises(CorruptImage, match=r"empty \(0 bytes\)"):
        sparsely(b"")


def jpeg_without_height() -> bytes:
    picture = bytearray(jpeg_of(scene()))
    frame = picture.index(b"\xff\xc0")
    picture[frame + 5 : frame + 7] = b"\0\0"
    return bytes(picture)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (jpeg_without_height(), "320 × 0 px"),
        (png_of(scene()).replace(b"IHDR", b"IHDX", 1), "IHDR"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", b"\0\0\0\x05\0\0\0\x05\x07\x02\0\0\0"), "color type 2 with 7 bits"),
        (pictures.huge_png_header(0, 5), "0 × 5 px"),
        (with_segments(jpeg_of(scene()), segment(0xEF, b"") * 10_000), "more than 4,096 segments"),
        (with_chunks(png_of(scene()), chunk(b"teSt", b"") * 10_000), "more than 4,096 chunks"),
    ],
    ids=["no height", "no IHDR", "impossible bits", "no width", "too many segments", "too many chunks"],
)
def test_invalid_head_is_corrupt_with_the_reason(data: bytes, named: str) -> None:
    with pytest.raises(CorruptImage, match=named):
        metadata_of(data)


# Sparse files


def heads() -> dict[str, tuple[bytes, int]]:
    """Pictures of more than 300 KB with heads of different sizes, and the requests that their metadata takes."""
    photo = jpeg_of(gradients(2_400, 1_800), quality=98, subsampling=0) + bytes(200_000)
    thumbnail = exif_block({MAKE: text("Canon")}) + bytes(50_000)
    depth_map = [segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(65_000))] * 40
    exif = chunk(b"eXIf", CAMERA_BLOCK)
    return {
        "bare": (photo, 1),
        "camera": (with_exif(photo, CAMERA_BLOCK), 1),
        "camera with a thumbnail of 50 KB": (with_exif(photo, thumbnail), 2),
        "progressive": (
            with_exif(jpeg_of(gradients(2_400, 1_800), progressive=True) + bytes(300_000), CAMERA_BLOCK),
            1,
        ),
        "profile of 500 KB": (with_segments(photo, *[segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(62_000))] * 8), 4),
        "depth map of 2.6 MB": (with_segments(photo, *depth_map), 7),
        "PNG with EXIF": (with_chunks(png_of(gradients(900, 900), compress_level=0), exif), 1),
    }


HEADS = heads()


@pytest.mark.parametrize("name", HEADS)
def test_metadata_of_a_sparse_file_equals_the_full_parse_in_few_requests(name: str) -> None:
    data, requests = HEADS[name]
    metadata, file = sparsely(data)
    assert metadata == metadata_of(data)
    assert file.requests == requests


def test_metadata_takes_a_tenth_of_the_bytes_and_1_6_requests_on_average() -> None:
    photos = [HEADS[name] for name in HEADS if "MB" not in name and "500 KB" not in name]
    files = [sparsely(data)[1] for data, _ in photos]
    assert all(len(data) > 300_000 for data, _ in photos)
    assert sum(file.fetched_bytes for file in files) <= 0.1 * sum(len(data) for data, _ in photos)
    assert sum(file.requests for file in files) <= 1.6 * len(files)


@pytest.mark.parametrize("name", [name for name in HEADS if name != "PNG with EXIF"])
def test_metadata_equals_what_pillow_reads_from_the_whole_file(name: str) -> None:
    data = HEADS[name][0]
    metadata = metadata_of(data)
    picture = Image.open(io.BytesIO(data))
    exif = picture.getexif()
    assert metadata.orientation == exif.get(ORIENTATION, 1)
    assert metadata.camera_make == exif.get(MAKE)
    assert (metadata.width, metadata.height) == (picture.size if metadata.orientation < 5 else picture.size[::-1])
    assert metadata.progressive == bool(picture.info.get("progressive"))


def test_metadata_and_limits_do_not_import_pillow() -> None:
    code = "import sys; sys.modules['PIL'] = None; from vision.domain.image_file import limits, metadata"
    path = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=True, timeout=30)
