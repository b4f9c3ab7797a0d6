"""Files that are broken, odd or hostile, uploaded for real: a readable reason or a result, and no wasted retry."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from tests import pictures
from tests.local.stack.pipeline import Pipeline, count, created, entered_states
from tests.local.stack.record_form import violations
from tests.pictures import exif_block, gradients, jpeg_of, png_of, rational, text, with_exif
from vision.domain.image_file.limits import MEGABYTE

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(640, 480))


def saved(image: Image.Image, image_format: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, image_format, **options)
    return target.getvalue()


REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "empty": (lambda: b"", "CorruptImage", r"0 bytes.*upload"),
    "cut in the signature": (lambda: PHOTO[:2], "CorruptImage", r"2 bytes.*upload"),
    "cut in the head": (lambda: PHOTO[:100], "CorruptImage", "upload"),
    "cut in the pixels": (lambda: PHOTO[: len(PHOTO) // 2], "CorruptImage", "upload"),
    "PNG cut in the pixels": (lambda: png_of(gradients(300, 300))[:3000], "CorruptImage", "upload"),
    "text": (lambda: b"2 l milk\n6 eggs\n", "NotSupportedImageType", "JPEG and PNG.*; convert"),
    "HTML": (lambda: b"<html><script>alert(1)</script>", "NotSupportedImageType", "HTML.*JPEG and PNG.*; convert"),
    "GIF": (lambda: saved(gradients(100, 100), "GIF"), "NotSupportedImageType", "GIF.*JPEG and PNG.*; convert"),
    "WebP": (lambda: saved(gradients(100, 100), "WEBP"), "NotSupportedImageType", "WebP.*JPEG and PNG.*; convert"),
    "TIFF": (lambda: saved(gradients(100, 100), "TIFF"), "NotSupportedImageType", "TIFF.*JPEG and PNG.*; convert"),
    "one pixel": (lambda: png_of(gradients(1, 1)), "ImageTooSmall", "1 × 1 px.*80 px.*larger"),
    "a line": (lambda: png_of(Image.new("RGB", (10_000, 1))), "ImageTooSmall", "10,000 × 1 px.*80 px.*larger"),
    "79 px": (lambda: jpeg_of(gradients(200, 79)), "ImageTooSmall", "200 × 79 px.*80 px.*larger"),
    "too long": (lambda: png_of(Image.new("L", (10_001, 100))), "ImageTooLarge", "10,001 × 100 px.*10,000 px.*resize"),
    "50,000 px a side in 100 bytes": (
        lambda: pictures.huge_png_header(50_000, 50_000),
        "ImageTooLarge",
        "50,000 × 50,000 px.*10,000 px.*resize",
    ),
    "more than 15 MB": (lambda: PHOTO + bytes(15 * MEGABYTE), "ImageTooLarge", r"15\.\d MB.*15 MB.*resize"),
}


@pytest.fixture(scope="module")
def refused(shared_pipeline: Pipeline) -> dict:
    return {
        name: shared_pipeline.upload(f"private/refused/uploads/{name}.jpg", make())
        for name, (make, _, _) in REFUSED.items()
    }


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_file_has_a_record_with_error_limit_and_remedy(pipeline, refused, name):
    _, error, words = REFUSED[name]
    record = pipeline.finished(refused[name])
    assert (record["status"], record["error"]["name"]) == ("FAILED", error)
    assert re.search(words, record["error"]["cause"]), record["error"]["cause"]
    assert violations(record) == []


@pytest.mark.parametrize("name", REFUSED)
def test_its_execution_fails_with_the_same_words(pipeline, refused, name):
    record = pipeline.finished(refused[name])
    execution = pipeline.closed(pipeline.execution_arn(refused[name]))
    assert execution["status"] == "FAILED"
    assert {"name": execution["error"], "cause": execution["cause"]} == record["error"]


@pytest.mark.parametrize("name", REFUSED)
def test_no_retry_is_wasted_on_it(pipeline, refused, name):
    pipeline.finished(refused[name])
    history = pipeline.history(pipeline.execution_arn(refused[name]))
    entered = count(history, "TaskStateEntered")
    assert count(history, "TaskScheduled") == entered
    assert "Store Metadata After Failure" in entered_states(history)


def test_what_is_refused_by_its_head_costs_no_call_of_rekognition(pipeline, upload):
    before = pipeline.counters()["calls"]
    pipeline.finished(upload("tiny.png", png_of(gradients(10, 10))))
    assert pipeline.counters()["calls"] == before


def gps(latitude: tuple, reference: str = "N") -> bytes:
    degrees = rational((2, 1), (17, 1), (402, 10))
    return with_exif(PHOTO, exif_block(gps=pictures.gps_of(rational(*latitude), degrees, reference)))


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
NO_DATE = {pictures.TAKEN: text("0000:00:00 00:00:00")}

# Odd, but images: the bytes, and attributes that the record must have; None says that it must lack one.
ACCEPTED: dict[str, tuple[Callable[[], bytes], dict[str, object]]] = {
    "100 × 80": (lambda: jpeg_of(gradients(100, 80)), {"width": 100, "height": 80}),
    "PNG named .jpg": (lambda: png_of(gradients(200, 150)), {"format": "PNG"}),
    "ZIP behind a JPEG": (lambda: PHOTO + b"PK\3\4" + b"<script>" * 1000, {"format": "JPEG", "width": 640}),
    "16-bit PNG": (deep_png, {"format": "PNG", "width": 200}),
    "16-bit grey PNG": (lambda: png_of(Image.new("I;16", (200, 150), 40_000)), {"width": 200}),
    "palette with transparency": (transparent_palette, {"width": 200, "height": 150}),
    "grey with alpha": (lambda: png_of(gradients(200, 150).convert("LA")), {"width": 200}),
    "one bit": (lambda: png_of(gradients(200, 150).convert("1")), {"width": 200}),
    "CMYK": (lambda: jpeg_of(gradients(200, 150).convert("CMYK")), {"format": "JPEG", "width": 200}),
    "progressive": (lambda: jpeg_of(gradients(640, 480), progressive=True), {"width": 640}),
    "animated PNG": (animated, {"format": "PNG", "width": 200}),
    "JPEG comment": (with_comment, {"width": 640}),
    "GPS with zero denominators": (lambda: gps(((48, 0), (51, 0), (0, 0))), {"location": None}),
    "GPS with one component": (lambda: gps(((48, 1),)), {"width": 640}),
    "GPS with a wrong reference": (lambda: gps(((48, 1), (51, 1), (0, 1)), "Q"), {"width": 640}),
    "GPS beyond the pole": (lambda: gps(((148, 1), (51, 1), (0, 1))), {"location": None}),
    "impossible date": (lambda: with_exif(PHOTO, exif_block(exif=DATE)), {"capture_time": None}),
    "date of zeros": (lambda: with_exif(PHOTO, exif_block(exif=NO_DATE)), {"capture_time": None}),
    "megabytes and NUL bytes in EXIF": (huge_exif, {"width": 200}),
    "EXIF of garbage": (lambda: with_exif(PHOTO, b"II*\0" + b"\xff" * 4000), {"width": 640, "camera_make": None}),
}


@pytest.fixture(scope="module")
def accepted(shared_pipeline: Pipeline) -> dict:
    return {
        name: shared_pipeline.upload(f"private/accepted/uploads/{name}.jpg", make())
        for name, (make, _) in ACCEPTED.items()
    }


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_odd_image_succeeds_with_what_could_be_read(pipeline, accepted, name):
    record = pipeline.finished(accepted[name])
    assert record["status"] == "SUCCEEDED", record.get("error")
    expected = ACCEPTED[name][1]
    assert {attribute: record.get(attribute) for attribute in expected} == expected
    assert violations(record) == []


@pytest.mark.parametrize("name", ACCEPTED)
def test_its_thumbnail_is_a_plain_small_jpeg(pipeline, accepted, name):
    thumbnail = pipeline.read(pipeline.finished(accepted[name])["thumbnail"]["key"])
    with Image.open(io.BytesIO(thumbnail)) as image:
        image.load()
        assert (image.format, image.mode) in (("JPEG", "RGB"), ("JPEG", "L"))
        assert max(image.size) <= 250
        assert not {"exif", "comment"} & image.info.keys()
    assert b"Private Road" not in thumbnail
    assert b"<script>" not in thumbnail


def test_a_small_image_is_not_enlarged(pipeline, accepted):
    thumbnail = pipeline.finished(accepted["100 × 80"])["thumbnail"]
    assert (thumbnail["width"], thumbnail["height"]) == (100, 80)


def test_hostile_exif_cannot_swell_the_record(pipeline, accepted):
    record = pipeline.finished(accepted["megabytes and NUL bytes in EXIF"])
    assert len(str(record)) < 6000
    assert "\0" not in str(record)


def test_an_object_that_is_gone_fails_as_not_found(pipeline, owner):
    version = pipeline.upload(f"images/{owner}.jpg", PHOTO)
    gone = replace(version, key=f"private/{owner}/uploads/gone.jpg", sequencer="0A")
    pipeline.send(created(gone))
    record = pipeline.finished(gone)
    assert (record["status"], record["error"]["name"]) == ("FAILED", "ObjectNotFound")
    assert "upload it again" in record["error"]["cause"]


def test_a_version_that_is_gone_fails_although_the_key_has_another(pipeline, owner):
    version = pipeline.upload(f"private/{owner}/uploads/replaced.jpg", PHOTO)
    pipeline.finished(version)
    gone = replace(version, version_id="a-version-that-was-removed", sequencer="0A")
    pipeline.send(created(gone))
    assert pipeline.finished(gone)["error"]["name"] == "ObjectNotFound"
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
