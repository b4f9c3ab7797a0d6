import io
from typing import Any

import pytest
from PIL import Image

from tests.conftest import BUCKET
from tests.functions.conftest import Event, Handler, Refuse, Start
from tests.functions.sample_events import Stored
from tests.pictures import jpeg_of, scene
from vision.adapters.aws_sdk import client
from vision.domain import keys
from vision.domain.errors import CorruptImage, InvalidEvent, NotSupportedImageType, ObjectNotFound, Throttled


@pytest.fixture
def handler(function: Start) -> Handler:
    return function("generate_thumbnail")


@pytest.fixture
def envelope(event: Event) -> dict[str, Any]:
    return event("generate_thumbnail")


def _written(thumbnail: dict[str, Any]) -> dict[str, Any]:
    return client("s3").get_object(Bucket=thumbnail["bucket"], Key=thumbnail["key"])


def test_thumbnail_is_a_jpeg_of_the_configured_size_without_exif_beside_the_uploads(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    thumbnail = handler(envelope)
    assert (thumbnail["width"], thumbnail["height"], thumbnail["bucket"]) == (250, 188, BUCKET)
    assert thumbnail["key"].startswith("private/ann/resized/")
    assert keys.upload_key(thumbnail["key"]) is None
    written = _written(thumbnail)
    content = written["Body"].read()
    image = Image.open(io.BytesIO(content))
    assert (written["ContentType"], image.format, image.size) == ("image/jpeg", "JPEG", (250, 188))
    assert dict(image.getexif()) == {}
    assert image.info.get("exif") is None
    # A second run writes the same.
    assert handler(envelope) == thumbnail
    assert _written(thumbnail)["Body"].read() == content


def test_late_thumbnail_of_an_older_version_replaces_nothing(
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
    ("content", "kind"),
    [
        (b"a letter named .jpg", NotSupportedImageType),
        (b"\xff\xd8\xff\xe0\x00\x10", CorruptImage),
        (jpeg_of(scene())[:-500], CorruptImage),
    ],
)
def test_image_that_cannot_be_decoded_is_refused_and_leaves_no_thumbnail(
    handler: Handler, envelope: dict[str, Any], stored: Stored, bucket: str, content: bytes, kind: type[Exception]
) -> None:
    stored(envelope, content)
    with pytest.raises(kind):
        handler(envelope)
    assert client("s3").list_objects_v2(Bucket=bucket, Prefix="private/ann/resized/")["KeyCount"] == 0


def test_missing_version_is_not_found(handler: Handler, envelope: dict[str, Any], bucket: str) -> None:
    with pytest.raises(ObjectNotFound):
        handler(envelope)


@pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
def test_error_of_s3_is_raised_by_its_name(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes, refuse: Refuse, operation: str
) -> None:
    stored(envelope, photo)
    refuse("s3", operation, "SlowDown", 503)
    with pytest.raises(Throttled):
        handler(envelope)


def test_owner_that_is_not_the_owner_of_the_key_is_refused(
    handler: Handler, envelope: dict[str, Any], stored: Stored, photo: bytes
) -> None:
    stored(envelope, photo)
    with pytest.raises(InvalidEvent, match="owner"):
        handler(envelope | {"owner": "bob"})
