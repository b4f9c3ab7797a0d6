"""Broken, unusual and hostile files: each has a result or a readable error, and no retry is wasted."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from tests import pictures
from tests.local.stack.pipeline import count, created, entered_states
from tests.local.stack.record_form import violations
from tests.pictures import exif_block, gradients, jpeg_of, png_of, rational, text, with_exif
from vision.domain.image_file.limits import MEGABYTE

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(640, 480))


def saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, image_format, **options)
    return target.getvalue()


# At least one file for each error and each function that finds it; tests of the domain have all other forms.
REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "CorruptImage", r"0 bytes.*upload"),
    "cut in the head": (lambda: PHOTO[:100], "CorruptImage", "upload"),
    "cut in the pixels": (lambda: PHOTO[: len(PHOTO) // 2], "CorruptImage", "upload"),
    "HTML": (lambda: b"<html><script>alert(1)</script>", "NotSupportedImageType", "HTML.*JPEG and PNG.*; convert"),
    "GIF": (lambda: saved(gradients(100, 100), "GIF"), "NotSupportedImageType", "GIF.*JPEG and PNG.*; convert"),
    "one pixel": (lambda: png_of(gradients(1, 1)), "ImageTooSmall", "1 × 1 px.*80 px.*larger"),
    "50,000 px a side in 100 bytes": (
        lambda: pictures.huge_png_header(50_000, 50_000),
        "ImageTooLarge",
        "50,000 × 50,000 px.*10,000 px.*resize",
    ),
    "more than 15 MB": (lambda: PHOTO + bytes(15 * MEGABYTE), "ImageTooLarge", r"15\.\d MB.*15 MB.*resize"),
}


@pytest.fixture(scope="module")
def refused(shared_pipeline):
    return {
        name: shared_pipeline.upload(f"private/refused/uploads/{name}.jpg", make())
        for name, (make, _, _) in REFUSED.items()
    }


@pytest.mark.parametrize("name", REFUSED)
def test_refused_file_fails_with_error_limit_and_remedy_and_no_retry(pipeline, refused, name):
    _, error, words = REFUSED[name]
    record = pipeline.finished(refused[name])
    assert record["status"] == "FAILED"
    assert record["error"]["name"] == error
    assert re.search(words, record["error"]["cause"]), record["error"]["cause"]
    assert violations(record) == []
    execution = pipeline.closed(pipeline.execution_arn(refused[name]))
    assert execution["status"] == "FAILED"
    assert {"name": execution["error"], "cause": execution["cause"]} == record["error"]
    history = pipeline.history(pipeline.execution_arn(refused[name]))
    assert count(history, "TaskScheduled") == count(history, "TaskStateEntered")
    # A fault in the head goes straight to the record; broken pixels leave neither labels nor a thumbnail.
    stored = "Store Metadata" if name == "cut in the pixels" else "Store Metadata After Failure"
    assert stored in entered_states(history)


def test_file_refused_by_its_header_costs_no_rekognition_call(pipeline, upload):
    before = pipeline.counters()["calls"]
    pipeline.finished(upload("tiny.png", png_of(gradients(10, 10))))
    assert pipeline.counters()["calls"] == before


def beyond_the_pole() -> bytes:
    latitude, longitude = rational((148, 1), (51, 1), (0, 1)), rational((2, 1), (17, 1), (402, 10))
    return with_exif(PHOTO, exif_block(gps=pictures.gps_of(latitude, longitude)))


def huge_exif() -> bytes:
    block = exif_block({pictures.MAKE: text(b"A\0B" * 100_000), pictures.MODEL: text("M" * 2_000_000)})
    return pictures.with_chunks(png_of(gradients(200, 200)), pictures.chunk(b"eXIf", block))


def with_comment() -> bytes:
    return pictures.with_segments(PHOTO, pictures.segment(0xFE, b"taken at home, 12 Private Road"))


def animated() -> bytes:
    frames = [gradients(200, 150), gradients(200, 150).rotate(180)]
    return saved(frames[0], "PNG", save_all=True, append_images=frames[1:])


def deep_png() -> bytes:
    """16 bits for each channel, which Pillow cannot write."""
    row = b"\0" + b"".join(struct.pack(">HHH", x * 300, 20_000, 65_535 - x * 300) for x in range(200))
    header = struct.pack(">IIBBBBB", 200, 150, 16, 2, 0, 0, 0)
    pixels = pictures.chunk(b"IDAT", zlib.compress(row * 150))
    return b"\x89PNG\r\n\x1a\n" + pictures.chunk(b"IHDR", header) + pixels + pictures.chunk(b"IEND", b"")


def transparent_palette() -> bytes:
    return saved(gradients(200, 150).quantize(32), "PNG", transparency=0)


DATE = {pictures.TAKEN: text("2026:13:45 99:99:99")}

# Unusual but valid: the bytes, and attributes of the record; None means that the record must lack it.
ACCEPTED: dict[str, tuple[Callable[[], bytes], dict[str, object]]] = {
    "100 × 80": (lambda: jpeg_of(gradients(100, 80)), {"width": 100, "height": 80}),
    "PNG named .jpg": (lambda: png_of(gradients(200, 150)), {"format": "PNG"}),
    "ZIP behind a JPEG": (lambda: PHOTO + b"PK\3\4" + b"<script>" * 1000, {"format": "JPEG", "width": 640}),
    "16-bit PNG": (deep_png, {"format": "PNG", "width": 200}),
    "palette with transparency": (transparent_palette, {"width": 200, "height": 150}),
    "CMYK": (lambda: jpeg_of(gradients(200, 150).convert("CMYK")), {"format": "JPEG", "width": 200}),
    "animated PNG": (animated, {"format": "PNG", "width": 200}),
    "JPEG comment": (with_comment, {"width": 640}),
    "GPS beyond the pole": (beyond_the_pole, {"location": None}),
    "impossible date": (lambda: with_exif(PHOTO, exif_block(exif=DATE)), {"capture_time": None}),
    "megabytes and NUL bytes in EXIF": (huge_exif, {"width": 200}),
    "EXIF of garbage": (lambda: with_exif(PHOTO, b"II*\0" + b"\xff" * 4000), {"width": 640, "camera_make": None}),
}


@pytest.fixture(scope="module")
def accepted(shared_pipeline):
    return {
        name: shared_pipeline.upload(f"private/accepted/uploads/{name}.jpg", make())
        for name, (make, _) in ACCEPTED.items()
    }


@pytest.mark.parametrize("name", ACCEPTED)
def test_unusual_image_succeeds_and_its_thumbnail_is_a_plain_small_jpeg(pipeline, accepted, name):
    record = pipeline.finished(accepted[name])
    assert record["status"] == "SUCCEEDED", record.get("error")
    expected = ACCEPTED[name][1]
    assert {attribute: record.get(attribute) for attribute in expected} == expected
    assert violations(record) == []
    assert len(str(record)) < 6000
    assert "\0" not in str(record)
    thumbnail = pipeline.read(record["thumbnail"]["key"])
    with Image.open(io.BytesIO(thumbnail)) as image:
        image.load()
        assert image.format == "JPEG"
        assert image.mode in ("RGB", "L")
        # Small images are not enlarged.
        assert max(image.size) == min(250, max(record["width"], record["height"]))
        assert not {"exif", "comment"} & image.info.keys()
    assert b"Private Road" not in thumbnail
    assert b"<script>" not in thumbnail


def test_missing_object_or_version_fails_as_not_found_with_a_remedy(pipeline, owner):
    there = pipeline.upload(f"private/{owner}/uploads/replaced.jpg", PHOTO)
    pipeline.finished(there)
    no_object = replace(there, key=f"private/{owner}/uploads/gone.jpg", sequencer="0A")
    no_version = replace(there, version_id="a-version-that-was-removed", sequencer="0A")
    pipeline.send(created(no_object), created(no_version))
    for record in pipeline.all_finished([no_object, no_version]):
        assert record["status"] == "FAILED"
        assert record["error"]["name"] == "ObjectNotFound"
        assert "upload it again" in record["error"]["cause"]
    assert pipeline.finished(there)["status"] == "SUCCEEDED"
