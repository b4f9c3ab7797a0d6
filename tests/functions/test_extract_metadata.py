import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.functions.conftest import Handler
from vision.adapters.aws_sdk import client
from vision.domain.errors import (
    AccessDenied,
    CorruptImage,
    ImageTooLarge,
    ImageTooSmall,
    InvalidEvent,
    NotSupportedImageType,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
)
from vision.domain.image_file.sparse import FIRST_BYTES

Stored = Callable[[dict[str, Any], bytes], None]


@pytest.fixture
def handler(function: Callable[[str], Handler]) -> Handler:
    return function("extract_metadata")


@pytest.fixture
def envelope(event: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return event("extract_metadata")


def _image(width: int, height: int, kind: str = "PNG") -> bytes:
    encoded = io.BytesIO()
    Image.new("L", (width, height)).save(encoded, kind)
    return encoded.getvalue()


def test_a_photo_tells_what_it_is(handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes) -> None:
    stored(envelope, photo)
    assert handler(envelope) == {
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


def test_the_version_of_the_envelope_is_read_although_a_newer_one_exists(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    client("s3").put_object(Bucket="amzn-s3-demo-bucket", Key=envelope["object"]["key"], Body=b"not an image")
    assert handler(envelope)["width"] == 640


def test_photo_that_was_deleted_before_is_not_processed(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    client("s3").delete_object(Bucket="amzn-s3-demo-bucket", Key=envelope["object"]["key"])
    with pytest.raises(ObjectNotFound, match="deleted from the bucket"):
        handler(envelope)


def test_of_a_long_file_only_the_head_is_fetched(
    handler: Handler, envelope: dict[str, Any], answer: Callable[..., list[dict[str, Any]]], photo: bytes
) -> None:
    version_id = envelope["object"]["version_id"]
    asked = answer("s3", "GetObject", {"Body": io.BytesIO(photo + b"\0" * FIRST_BYTES), "VersionId": version_id})
    handler(envelope)
    assert [request["Range"] for request in asked] == [f"bytes=0-{FIRST_BYTES - 1}"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a letter named .jpg", NotSupportedImageType),
        (b"GIF89a" + b"\0" * 20, NotSupportedImageType),
        (b"\xff\xd8\xff\xe0", CorruptImage),
        (_image(79, 200), ImageTooSmall),
        (_image(10_001, 100), ImageTooLarge),
    ],
)
def test_what_cannot_be_processed_is_refused_by_its_name(
    handler: Handler, envelope: dict[str, Any], stored: Stored, content: bytes, kind: type[Exception]
) -> None:
    stored(envelope, content)
    with pytest.raises(kind):
        handler(envelope)


def test_an_empty_file_is_refused(handler: Handler, envelope: dict[str, Any], stored: Stored) -> None:
    stored(envelope, b"")
    envelope["object"]["size_bytes"] = 0
    with pytest.raises(CorruptImage, match="empty"):
        handler(envelope)


def test_a_file_of_more_bytes_than_rekognition_takes_is_refused(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    envelope["object"]["size_bytes"] = 31_400_000
    with pytest.raises(ImageTooLarge, match="Rekognition takes 15 MB"):
        handler(envelope)


def test_a_version_that_is_gone_is_refused(handler: Handler, envelope: dict[str, Any], bucket: str) -> None:
    with pytest.raises(ObjectNotFound):
        handler(envelope)


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("SlowDown", 503, Throttled),
        ("AccessDenied", 403, AccessDenied),
        ("InternalError", 500, ServiceUnavailable),
        ("silence", 0, ServiceUnavailable),
    ],
)
def test_a_failing_s3_has_a_name(
    handler: Handler,
    envelope: dict[str, Any],
    refuse: Callable[..., None],
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    refuse("s3", "GetObject", code, http_status)
    with pytest.raises(kind):
        handler(envelope)


@pytest.mark.parametrize("envelope", [{}, {"object": {}}, [], None, {"object": {"bucket": "b", "key": "k"}}])
def test_what_is_no_envelope_is_refused(handler: Handler, envelope: Any) -> None:
    with pytest.raises(InvalidEvent):
        handler(envelope)


def test_the_answer_is_json(handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes) -> None:
    stored(envelope, photo)
    metadata = handler(envelope)
    assert json.loads(json.dumps(metadata)) == metadata
