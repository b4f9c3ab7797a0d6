import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import json_values, sequencers, versions
from vision.domain.errors import InvalidEvent
from vision.domain.objects import SEQUENCER_LENGTH, ObjectVersion, comparable_sequencer

OBJECT = {"bucket": "amzn-s3-demo-bucket", "key": "private/ann/uploads/rose.jpg", "version_id": "v1", "size_bytes": 7}


@given(versions)
def test_object_version_survives_json(version: ObjectVersion) -> None:
    assert ObjectVersion.from_dict(json.loads(json.dumps(version.as_dict()))) == version


@given(json_values)
def test_any_other_value_is_an_invalid_event(data: object) -> None:
    with pytest.raises(InvalidEvent, match="object"):
        ObjectVersion.from_dict(data)  # type: ignore[arg-type]


@given(st.sampled_from((*OBJECT, "etag", "sequencer")), json_values)
@example("size_bytes", float("inf"))
@example("size_bytes", float("nan"))
@example("size_bytes", True)
@example("key", "\ud800")
@example("sequencer", "\ufb00")
def test_object_with_any_field_is_valid_or_an_invalid_event(name: str, value: object) -> None:
    try:
        version = ObjectVersion.from_dict({**OBJECT, name: value})
    except InvalidEvent:
        return
    assert json.dumps(version.as_dict(), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["bucket", "key", "size_bytes", "version_id"])
def test_missing_or_wrong_field_is_named_and_the_key_is_not_repeated(name: str) -> None:
    for value in (None, [7]):
        with pytest.raises(InvalidEvent, match=name) as refusal:
            ObjectVersion.from_dict({**OBJECT, name: value})
        assert "rose" not in str(refusal.value)


@pytest.mark.parametrize(
    ("version_id", "etag", "identity"), [("v1", "e1", "v1"), (None, '"e1"', "e1")], ids=["versioned", "unversioned"]
)
def test_version_id_or_else_the_etag_is_the_identity(version_id: str | None, etag: str, identity: str) -> None:
    assert ObjectVersion.from_dict({**OBJECT, "version_id": version_id, "etag": etag}).identity == identity


def _in_order(one: str, other: str) -> int:
    """Compare as the documentation of S3 says: right pad the shorter one with zeros, then compare."""
    length = max(len(one), len(other))
    padded = one.upper().ljust(length, "0"), other.upper().ljust(length, "0")
    return (padded[0] > padded[1]) - (padded[0] < padded[1])


@given(sequencers.filter(bool), sequencers.filter(bool))
@example("617f08299329d189", "617F08299329D18")
@example("0055AED6DCD90281E5", "0055AED6DCD90281E6")
def test_padded_sequencers_have_the_order_of_s3(one: str, other: str) -> None:
    padded = comparable_sequencer(one), comparable_sequencer(other)
    assert (padded[0] > padded[1]) - (padded[0] < padded[1]) == _in_order(one, other)


@given(sequencers)
def test_padded_sequencer_is_not_padded_again_and_an_unknown_one_is_the_oldest(sequencer: str) -> None:
    assert comparable_sequencer(comparable_sequencer(sequencer)) == comparable_sequencer(sequencer)
    assert comparable_sequencer("") < comparable_sequencer(sequencer or "0")


@pytest.mark.parametrize("sequencer", ["xyz", "61 7F", "0" * (SEQUENCER_LENGTH + 1), "-1"])
def test_malformed_sequencer_is_an_invalid_event(sequencer: str) -> None:
    with pytest.raises(InvalidEvent, match="sequencer"):
        comparable_sequencer(sequencer)
