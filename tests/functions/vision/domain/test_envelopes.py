import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import json_values, upload_keys, versions
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion

ENVELOPE = Envelope.of(
    ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", "v1", "e1", "617F".ljust(64, "0"), 7)
)


@given(versions)
def test_envelope_survives_json(version: ObjectVersion) -> None:
    envelope = Envelope.of(version)
    assert Envelope.from_dict(json.loads(json.dumps(envelope.as_dict()))) == envelope


@given(upload_keys() | st.just(("images/part.png", "", "")))
def test_owner_comes_from_the_key(upload: tuple[str, str, str]) -> None:
    key, owner, _ = upload
    assert Envelope.of(ObjectVersion("amzn-s3-demo-bucket", key, "v1", "", "", 7)).owner == owner


def test_id_and_owner_are_optional_and_other_fields_are_ignored() -> None:
    assert Envelope.from_dict({"object": ENVELOPE.object.as_dict()}) == ENVELOPE
    assert Envelope.from_dict({**ENVELOPE.as_dict(), "labels": []}) == ENVELOPE


@pytest.mark.parametrize(
    ("field", "other"),
    [("photo_id", keys.photo_id("amzn-s3-demo-bucket", "private/bob/uploads/rose.jpg")), ("owner", "bob")],
)
def test_id_and_owner_of_another_photo_are_refused(field: str, other: str) -> None:
    with pytest.raises(InvalidEvent, match=field):
        Envelope.from_dict({**ENVELOPE.as_dict(), field: other})


@given(json_values)
def test_any_other_value_is_an_invalid_event(data: object) -> None:
    with pytest.raises(InvalidEvent, match="object"):
        Envelope.from_dict(data)  # type: ignore[arg-type]
