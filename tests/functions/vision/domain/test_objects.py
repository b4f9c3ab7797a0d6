import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import json_values, sequencers, versions
from vision.domain.errors import InvalidEvent
from vision.domain.objects import SEQUENCER_LENGTH, ObjectVersion, comparable_sequencer

OBJECT = {"bucket": "amzn-s3-demo-bucket", "key": "private/ann/uploads/rose.jpg", "version_id": "v1", "size_bytes": 7}


@given(versions)
def test_an_object_version_survives_json(version: ObjectVersion) -> None:
    assert ObjectVersion.from_dict(json.loads(json.dumps(version.as_dict()))) == version


@given(json_values)
def test_whatever_is_no_object_is_refused_as_an_invalid_event(data: object) -> None:
    with pytest.raises(InvalidEvent, match="object"):
        ObjectVersion.from_dict(data)  # type: ignore[arg-type]


@given(st.sampled_from((*OBJECT, "etag", "sequencer")), json_values)
@example("size_bytes", float("inf"))
@example("size_bytes", float("nan"))
@example("size_bytes", True)
@example("key", "\ud800")
@example("sequencer", "\ufb00")
def test_one_wrong_field_is_an_invalid_event_or_no_harm(name: str, value: object) -> None:
    try:
        version = ObjectVersion.from_dict({**OBJECT, name: value})
    except InvalidEvent:
        return
    assert json.dumps(version.as_dict(), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["bucket", "key", "size_bytes"])
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(InvalidEvent, match=name):
        ObjectVersion.from_dict({**OBJECT, name: None})


def test_an_object_that_tells_no_version_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="version_id"):
        ObjectVersion.from_dict({**OBJECT, "version_id": ""})


def test_a_refusal_does_not_repeat_the_key() -> None:
    with pytest.raises(InvalidEvent) as refusal:
        ObjectVersion.from_dict({**OBJECT, "version_id": 7})
    assert "rose" not in str(refusal.value)


def test_the_version_id_identifies_where_there_is_one() -> None:
    assert ObjectVersion.from_dict({**OBJECT, "etag": "e1"}).identity == "v1"


def test_the_etag_identifies_where_versioning_is_off() -> None:
    assert ObjectVersion.from_dict({**OBJECT, "version_id": None, "etag": '"e1"'}).identity == "e1"


def _in_order(one: str, other: str) -> int:
    """Compare as S3's documentation says: right pad the shorter with zeros, then compare."""
    length = max(len(one), len(other))
    padded = one.upper().ljust(length, "0"), other.upper().ljust(length, "0")
    return (padded[0] > padded[1]) - (padded[0] < padded[1])


@given(sequencers.filter(bool), sequencers.filter(bool))
@example("617f08299329d189", "617F08299329D18")
@example("0055AED6DCD90281E5", "0055AED6DCD90281E6")
def test_padded_sequencers_compare_as_s3_compares_them(one: str, other: str) -> None:
    padded = comparable_sequencer(one), comparable_sequencer(other)
    assert (padded[0] > padded[1]) - (padded[0] < padded[1]) == _in_order(one, other)


@given(sequencers)
def test_padding_twice_is_padding_once(sequencer: str) -> None:
    assert comparable_sequencer(comparable_sequencer(sequencer)) == comparable_sequencer(sequencer)


def test_an_unknown_sequencer_is_older_than_any_other() -> None:
    assert comparable_sequencer("") < comparable_sequencer("0")


@pytest.mark.parametrize("sequencer", ["xyz", "61 7F", "0" * (SEQUENCER_LENGTH + 1), "-1"])
def test_a_sequencer_that_s3_cannot_send_is_refused(sequencer: str) -> None:
    with pytest.raises(InvalidEvent, match="sequencer"):
        comparable_sequencer(sequencer)
