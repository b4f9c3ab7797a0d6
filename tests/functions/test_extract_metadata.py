import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.conftest import BUCKET
from tests.functions.conftest import Answer, Event, Handler, Refuse, Start
from vision.adapters.aws_sdk import client
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import (
    CorruptImage,
    ImageTooLarge,
    ImageTooSmall,
    InvalidEvent,
    NotSupportedImageType,
    ObjectNotFound,
    Throttled,
)
from vision.domain.executions import Attempt
from vision.domain.image_file.sparse import FIRST_BYTES

Stored = Callable[[dict[str, Any], bytes], None]


@pytest.fixture
def handler(function: Start) -> Handler:
    return function("extract_metadata")


@pytest.fixture
def envelope(event: Event) -> dict[str, Any]:
    return event("extract_metadata")


def _image(width: int, height: int) -> bytes:
    encoded = io.BytesIO()
    Image.new("L", (width, height)).save(encoded, "PNG")
    return encoded.getvalue()


def test_metadata_is_of_the_version_of_the_envelope(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    client("s3").put_object(Bucket=BUCKET, Key=envelope["object"]["key"], Body=b"not an image")
    metadata = handler(envelope)
    assert metadata == {
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "capture_time": "2026-11-11T16:04:05+01:00",
        "camera_make": "Apple",
        "camera_model": "iPhone 15",
        "location": {
            "latitude": 48.8582222,
            "longitude": 2.2945,
            "latitude_dms": "48° 51′ 29.6″ N",
            "longitude_dms": "2° 17′ 40.2″ E",
        },
    }
    assert json.loads(json.dumps(metadata)) == metadata


def test_execution_records_place_time_and_camera_and_does_not_carry_them(
    handler: Handler, event: Event, envelope: dict[str, Any], stored: Stored, photo: bytes, table: Table
) -> None:
    stored(envelope, photo)
    metadata, execution = handler(envelope), event("store_metadata")["execution"]
    assert handler(envelope | {"execution": execution}) == {"format": "JPEG", "width": 640, "height": 480}
    image = table.image(Envelope.from_dict(envelope)) or {}
    assert {name: image.get(name) for name in metadata} == metadata
    assert (image["status"], image["execution_arn"]) == ("RUNNING", execution["Id"])


def test_execution_that_a_newer_attempt_has_overtaken_records_nothing(
    handler: Handler, event: Event, envelope: dict[str, Any], stored: Stored, photo: bytes, table: Table
) -> None:
    stored(envelope, photo)
    older, newer = event("store_metadata")["execution"], "2026-11-12T11:30:02.345Z"
    known = Envelope.from_dict(envelope)
    table.advance(known, Attempt("a newer one", newer), {"status": "SUCCEEDED"}, newer)
    assert handler(envelope | {"execution": older})["width"] == 640
    image = table.image(known) or {}
    assert "width" not in image
    assert image["status"] == "SUCCEEDED"


def test_missing_or_deleted_object_is_not_found(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    with pytest.raises(ObjectNotFound):
        handler(envelope)
    stored(envelope, photo)
    client("s3").delete_object(Bucket=BUCKET, Key=envelope["object"]["key"])
    with pytest.raises(ObjectNotFound, match="deleted from the bucket"):
        handler(envelope)


def test_only_the_head_of_a_long_file_is_read(
    handler: Handler, envelope: dict[str, Any], answer: Answer, photo: bytes
) -> None:
    version_id = envelope["object"]["version_id"]
    asked = answer("s3", "GetObject", {"Body": io.BytesIO(photo + b"\0" * FIRST_BYTES), "VersionId": version_id})
    handler(envelope)
    assert [request["Range"] for request in asked] == [f"bytes=0-{FIRST_BYTES - 1}"]


@pytest.mark.parametrize(
    ("content", "size_bytes", "kind", "words"),
    [
        (b"a letter named .jpg", 100, NotSupportedImageType, None),
        (b"GIF89a" + b"\0" * 20, 100, NotSupportedImageType, None),
        (b"\xff\xd8\xff\xe0", 100, CorruptImage, None),
        (b"", 0, CorruptImage, "empty"),
        (_image(79, 200), 100, ImageTooSmall, None),
        (_image(10_001, 100), 100, ImageTooLarge, None),
        (_image(100, 100), 31_400_000, ImageTooLarge, "Rekognition takes 15 MB"),
    ],
    ids=["text", "GIF", "truncated", "empty", "too small", "too wide", "too many bytes"],
)
def test_image_that_cannot_be_processed_is_refused_by_its_name(
    handler: Handler,
    envelope: dict[str, Any],
    stored: Stored,
    content: bytes,
    size_bytes: int,
    kind: type[Exception],
    words: str | None,
) -> None:
    stored(envelope, content)
    envelope["object"]["size_bytes"] = size_bytes
    with pytest.raises(kind, match=words):
        handler(envelope)


def test_error_of_s3_is_raised_by_its_name(handler: Handler, envelope: dict[str, Any], refuse: Refuse) -> None:
    refuse("s3", "GetObject", "SlowDown", 503)
    with pytest.raises(Throttled):
        handler(envelope)


@pytest.mark.parametrize("envelope", [{}, {"object": {}}, [], None, {"object": {"bucket": "b", "key": "k"}}])
def test_invalid_envelope_is_refused(handler: Handler, envelope: Any) -> None:
    with pytest.raises(InvalidEvent):
        handler(envelope)
