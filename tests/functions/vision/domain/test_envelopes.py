import json

import pytest
from hypothesis import given

from tests.strategies import json_values, upload_keys, versions
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion

ENVELOPE = Envelope.of(
    ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", "v1", "e1", "617F".ljust(64, "0"), 7)
)


@given(versions)
def test_an_envelope_survives_json(version: ObjectVersion) -> None:
    envelope = Envelope.of(version)
    assert Envelope.from_dict(json.loads(json.dumps(envelope.as_dict()))) == envelope


@given(upload_keys())
def test_the_owner_follows_from_the_key(upload: tuple[str, str, str]) -> None:
    key, owner, _ = upload
    assert Envelope.of(ObjectVersion("amzn-s3-demo-bucket", key, "v1", "", "", 7)).owner == owner


def test_an_image_outside_of_uploads_belongs_to_nobody() -> None:
    assert Envelope.of(ObjectVersion("amzn-s3-demo-bucket", "images/part.png", "v1", "", "", 7)).owner == ""


def test_id_and_owner_may_be_left_out() -> None:
    assert Envelope.from_dict({"object": ENVELOPE.object.as_dict()}) == ENVELOPE


def test_what_else_travels_along_is_no_business_of_the_envelope() -> None:
    assert Envelope.from_dict({**ENVELOPE.as_dict(), "labels": []}) == ENVELOPE


def test_another_photos_id_is_refused() -> None:
    stranger = keys.photo_id("amzn-s3-demo-bucket", "private/bob/uploads/rose.jpg")
    with pytest.raises(InvalidEvent, match="photo_id"):
        Envelope.from_dict({**ENVELOPE.as_dict(), "photo_id": stranger})


def test_another_owner_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="owner"):
        Envelope.from_dict({**ENVELOPE.as_dict(), "owner": "bob"})


@given(json_values)
def test_whatever_is_no_envelope_is_an_invalid_event(data: object) -> None:
    with pytest.raises(InvalidEvent, match="object"):
        Envelope.from_dict(data)  # type: ignore[arg-type]
