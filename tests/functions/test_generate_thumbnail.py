import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.functions.conftest import Handler
from vision.adapters.aws_sdk import client
from vision.domain import keys
from vision.domain.errors import (
    AccessDenied,
    CorruptImage,
    InvalidEvent,
    NotSupportedImageType,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
)

Stored = Callable[[dict[str, Any], bytes], None]


@pytest.fixture
def handler(function: Callable[[str], Handler]) -> Handler:
    return function("generate_thumbnail")


@pytest.fixture
def envelope(event: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return event("generate_thumbnail")


def _written(thumbnail: dict[str, Any]) -> dict[str, Any]:
    return client("s3").get_object(Bucket=thumbnail["bucket"], Key=thumbnail["key"])


def test_the_thumbnail_is_where_the_answer_says_in_the_size_that_it_says(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    thumbnail = handler(envelope)
    image = Image.open(_written(thumbnail)["Body"])
    assert (image.format, *image.size) == ("JPEG", thumbnail["width"], thumbnail["height"])


def test_the_thumbnail_fits_into_the_square_of_the_settings(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    thumbnail = handler(envelope)
    assert (thumbnail["width"], thumbnail["height"]) == (250, 188)


def test_the_thumbnail_goes_beside_its_owners_uploads(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    thumbnail = handler(envelope)
    assert (thumbnail["bucket"], thumbnail["key"].split("/")[:3]) == (
        "amzn-s3-demo-bucket",
        ["private", "ann", "resized"],
    )


def test_the_thumbnail_does_not_start_the_workflow_again(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    assert keys.upload_key(handler(envelope)["key"]) is None


def test_the_thumbnail_is_served_as_a_jpeg(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    assert _written(handler(envelope))["ContentType"] == "image/jpeg"


def test_the_thumbnail_does_not_tell_where_the_photo_was_taken(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    image = Image.open(_written(handler(envelope))["Body"])
    assert (dict(image.getexif()), image.info.get("exif")) == ({}, None)


def test_running_twice_leaves_the_same_thumbnail(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    first = handler(envelope)
    content = _written(first)["Body"].read()
    second = handler(envelope)
    assert (second, _written(second)["Body"].read()) == (first, content)


def test_an_older_version_that_finishes_late_leaves_the_newer_thumbnail_alone(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    older = {"object": envelope["object"] | {"version_id": "older"}}
    encoded = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(encoded, "PNG")
    stored(older, encoded.getvalue())
    stored(envelope, photo)
    newer = handler(envelope)
    content = _written(newer)["Body"].read()
    handler(older)
    assert _written(newer)["Body"].read() == content


@pytest.mark.parametrize(
    ("content", "kind"), [(b"a letter named .jpg", NotSupportedImageType), (b"\xff\xd8\xff\xe0\x00\x10", CorruptImage)]
)
def test_what_cannot_be_decoded_is_refused_by_its_name(
    handler: Handler, envelope: dict[str, Any], stored: Stored, content: bytes, kind: type[Exception]
) -> None:
    stored(envelope, content)
    with pytest.raises(kind):
        handler(envelope)


def test_a_truncated_photo_leaves_no_thumbnail(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes, bucket: str
) -> None:
    stored(envelope, photo[: len(photo) // 2])
    with pytest.raises(CorruptImage):
        handler(envelope)
    assert client("s3").list_objects_v2(Bucket=bucket, Prefix="private/ann/resized/")["KeyCount"] == 0


def test_a_version_that_is_gone_is_refused(handler: Handler, envelope: dict[str, Any], bucket: str) -> None:
    with pytest.raises(ObjectNotFound):
        handler(envelope)


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
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
    stored: Stored,
    photo: bytes,
    refuse: Callable[..., None],
    operation: str,
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    stored(envelope, photo)
    refuse("s3", operation, code, http_status)
    with pytest.raises(kind):
        handler(envelope)


def test_another_owner_than_the_keys_is_refused(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    with pytest.raises(InvalidEvent, match="owner"):
        handler(envelope | {"owner": "bob"})
