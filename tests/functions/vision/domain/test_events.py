import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import KEY_TRAPS, json_values, keys
from vision.domain import events
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion

BUCKET = "amzn-s3-demo-bucket"


def created_objects(body: str) -> list[ObjectVersion]:
    return events.created_objects(body, BUCKET)


def _event_bridge(key: str, **fields: Any) -> str:
    source = {"key": key, "size": 5, "etag": "e1", "version-id": "v1", "sequencer": "617f08299329d189"} | fields
    return json.dumps(
        {
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {"bucket": {"name": "amzn-s3-demo-bucket"}, "object": source},
        }
    )


def _notification(key: str, event_name: str = "ObjectCreated:Put", **fields: Any) -> dict[str, Any]:
    source = {"key": key, "size": 5, "eTag": "e1", "versionId": "v1", "sequencer": "617F08299329D189"} | fields
    return {"eventName": event_name, "s3": {"bucket": {"name": "amzn-s3-demo-bucket"}, "object": source}}


def _body(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


@given(keys)
def test_an_event_bridge_key_is_taken_as_it_is(key: str) -> None:
    [version] = created_objects(_event_bridge(key))
    assert version.key == key


@given(keys)
def test_a_notification_key_is_decoded_once(key: str) -> None:
    [version] = created_objects(_body(_notification(quote_plus(key))))
    assert version.key == key


@pytest.mark.parametrize("name", KEY_TRAPS)
def test_both_ways_from_s3_name_the_same_object(name: str) -> None:
    assert created_objects(_event_bridge(name)) == created_objects(_body(_notification(quote_plus(name))))


def test_a_key_that_looks_encoded_keeps_its_percent_sign() -> None:
    [version] = created_objects(_event_bridge("a%20b+c.jpg"))
    assert version.key == "a%20b+c.jpg"


def test_an_encoded_percent_sign_in_a_notification_is_decoded_only_once() -> None:
    [version] = created_objects(_body(_notification("a%2520b%2Bc.jpg")))
    assert version.key == "a%20b+c.jpg"


def test_every_field_of_the_version_is_read() -> None:
    [version] = created_objects(_event_bridge("rose.jpg"))
    assert version.as_dict() == {
        "bucket": "amzn-s3-demo-bucket",
        "key": "rose.jpg",
        "version_id": "v1",
        "etag": "e1",
        "sequencer": "617F08299329D189".ljust(64, "0"),
        "size_bytes": 5,
    }


def test_without_versioning_the_etag_tells_the_version() -> None:
    [version] = created_objects(_event_bridge("rose.jpg", **{"version-id": None}))
    assert (version.version_id, version.identity) == ("", "e1")


def test_the_null_version_of_suspended_versioning_is_pinned_by_its_etag() -> None:
    # The next upload overwrites the version "null", so that its id pins nothing.
    [version] = created_objects(_event_bridge("rose.jpg", **{"version-id": "null"}))
    assert (version.version_id, version.identity) == ("", "e1")


def test_an_empty_object_is_work_too() -> None:
    # The workflow tells its owner that the file is empty; dropping it here would tell nobody.
    [version] = created_objects(_event_bridge("rose.jpg", size=0))
    assert version.size_bytes == 0


def test_several_records_of_one_notification_are_several_objects() -> None:
    found = created_objects(_body(_notification("a.jpg"), _notification("b.jpg")))
    assert [version.key for version in found] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("event_name", ["ObjectCreated:Put", "s3:ObjectCreated:Copy", "ObjectCreated:Post"])
def test_each_way_to_create_an_object_counts(event_name: str) -> None:
    assert len(created_objects(_body(_notification("a.jpg", event_name)))) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "amzn-s3-demo-bucket"},
        {"detail-type": "Object Deleted", "source": "aws.s3", "detail": {}},
        {"detail-type": "Object Tags Added", "source": "aws.s3", "detail": {}},
        {"detail-type": "Object Created", "source": "somebody.else", "detail": {}},
        {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}},
        {"Records": []},
        {"Records": [_notification("a.jpg", "ObjectRemoved:DeleteMarkerCreated")]},
        {"Records": [_notification("a.jpg", "ObjectRestore:Completed")]},
        {"Records": [{"eventName": "ObjectRemoved:Delete"}]},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_what_is_no_creation_is_no_work(body: dict[str, Any]) -> None:
    assert created_objects(json.dumps(body)) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        "[" * 10_000,
        '{"Records": "none"}',
        '{"detail-type": "Object Created", "source": "aws.s3"}',
        '{"detail-type": "Object Created", "source": "aws.s3", "detail": "text"}',
        '{"detail-type": "Object Created", "source": "aws.s3", "detail": {"bucket": "b", "object": {}}}',
        _event_bridge(""),
        _event_bridge("rose.jpg", size=-1),
        _event_bridge("rose.jpg", size=1.5),
        _event_bridge("rose.jpg", size=float("inf")),
        _event_bridge("rose.jpg", size=float("nan")),
        _event_bridge("rose.jpg", sequencer="tomorrow"),
        _event_bridge("rose.jpg", etag=None, **{"version-id": None}),
        _event_bridge("\ud800.jpg"),
        _body({"eventName": "ObjectCreated:Put"}),
        _body({"eventName": "ObjectCreated:Put", "s3": None}),
        _body(_notification(7)),  # type: ignore[arg-type]
    ],
    ids=lambda body: body[:70],
)
def test_a_poisoned_message_is_an_invalid_event(body: str) -> None:
    with pytest.raises(InvalidEvent):
        created_objects(body)


@pytest.mark.parametrize("foreign", ["somebody-elses", f"{BUCKET}-2", BUCKET.upper()])
@pytest.mark.parametrize(
    "body", [_event_bridge("private/ann/uploads/planted.jpg"), _body(_notification("a.jpg"), _notification("b.jpg"))]
)
def test_message_that_names_another_bucket_is_invalid_and_says_which_is_taken(body: str, foreign: str) -> None:
    # The last object that it announces, so that no earlier one is taken before the message is refused.
    foreign_body = f'"name": "{foreign}"'.join(body.rsplit(f'"name": "{BUCKET}"', 1))
    with pytest.raises(InvalidEvent, match=f"bucket '{foreign}', this queue takes those of {BUCKET};"):
        created_objects(foreign_body)


_POISONS = st.one_of(
    st.text(max_size=200),
    json_values.map(json.dumps),
    st.builds(
        lambda detail: json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail}),
        json_values
        | st.fixed_dictionaries({"bucket": json_values, "object": json_values})
        | st.fixed_dictionaries(
            {
                "bucket": st.fixed_dictionaries({"name": json_values}),
                "object": st.fixed_dictionaries(
                    {"key": json_values},
                    optional=dict.fromkeys(("size", "etag", "version-id", "sequencer"), json_values),
                ),
            }
        ),
    ),
    st.builds(
        lambda s3: _body({"eventName": "ObjectCreated:Put", "s3": s3}),
        json_values
        | st.fixed_dictionaries(
            {
                "bucket": json_values | st.fixed_dictionaries({"name": json_values}),
                "object": json_values
                | st.fixed_dictionaries(
                    {"key": json_values},
                    optional=dict.fromkeys(("size", "eTag", "versionId", "sequencer"), json_values),
                ),
            }
        ),
    ),
)


@given(_POISONS)
@example('{"a": 1e999999}')
def test_garbage_is_no_work_or_an_invalid_event_and_nothing_else(body: str) -> None:
    try:
        versions = created_objects(body)
    except InvalidEvent:
        return
    assert all(version.bucket and version.key and version.identity for version in versions)
