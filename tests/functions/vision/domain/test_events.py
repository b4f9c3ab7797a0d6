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
    detail = {"bucket": {"name": BUCKET}, "object": source}
    return json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})


def _notification(key: str, event_name: str = "ObjectCreated:Put", **fields: Any) -> dict[str, Any]:
    source = {"key": key, "size": 5, "eTag": "e1", "versionId": "v1", "sequencer": "617F08299329D189"} | fields
    return {"eventName": event_name, "s3": {"bucket": {"name": "amzn-s3-demo-bucket"}, "object": source}}


def _body(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


@given(keys | st.sampled_from([*KEY_TRAPS, "a%20b+c.jpg"]))
def test_key_of_an_eventbridge_event_is_raw_and_of_a_notification_decoded_once(key: str) -> None:
    [version] = created_objects(_event_bridge(key))
    assert version.key == key
    assert created_objects(_body(_notification(quote_plus(key)))) == [version]


@pytest.mark.parametrize("size_bytes", [5, 0])
def test_every_field_of_the_version_is_read(size_bytes: int) -> None:
    # An empty object is work: the workflow reports to its owner that the file is empty.
    [version] = created_objects(_event_bridge("rose.jpg", size=size_bytes))
    assert version == ObjectVersion(BUCKET, "rose.jpg", "v1", "e1", "617F08299329D189".ljust(64, "0"), size_bytes)


@pytest.mark.parametrize("version_id", [None, "null"])
def test_version_of_a_bucket_without_versioning_is_identified_by_its_etag(version_id: str | None) -> None:
    # The next upload overwrites the version "null" of suspended versioning, so that its id pins nothing.
    [version] = created_objects(_event_bridge("rose.jpg", **{"version-id": version_id}))
    assert (version.version_id, version.identity) == ("", "e1")


def test_each_record_of_a_notification_of_any_creation_is_an_object() -> None:
    creations = {"a.jpg": "ObjectCreated:Put", "b.jpg": "s3:ObjectCreated:Copy", "c.jpg": "ObjectCreated:Post"}
    found = created_objects(_body(*(_notification(key, name) for key, name in creations.items())))
    assert [version.key for version in found] == [*creations]


@pytest.mark.parametrize(
    "body",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "amzn-s3-demo-bucket"},
        {"detail-type": "Object Deleted", "source": "aws.s3", "detail": {}},
        {"detail-type": "Object Tags Added", "source": "aws.s3", "detail": {}},
        {"detail-type": "Object Created", "source": "custom.app", "detail": {}},
        {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}},
        {"Records": []},
        {"Records": [_notification("a.jpg", "ObjectRemoved:DeleteMarkerCreated")]},
        {"Records": [_notification("a.jpg", "ObjectRestore:Completed")]},
        {"Records": [{"eventName": "ObjectRemoved:Delete"}]},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_other_event_is_no_work(body: dict[str, Any]) -> None:
    assert created_objects(json.dumps(body)) == []


_CREATED = '{"detail-type": "Object Created", "source": "aws.s3"'


@pytest.mark.parametrize(
    "body",
    [
        *("", "hello", "[]", "null", "{}", "[" * 10_000, '{"Records": "none"}'),
        *(
            f"{_CREATED}}}",
            f'{_CREATED}, "detail": "text"}}',
            f'{_CREATED}, "detail": {{"bucket": "b", "object": {{}}}}}}',
        ),
        *(_event_bridge("rose.jpg", size=size) for size in (-1, 1.5, float("inf"), float("nan"))),
        _event_bridge("rose.jpg", sequencer="tomorrow"),
        _event_bridge("rose.jpg", etag=None, **{"version-id": None}),
        *(_event_bridge(key) for key in ("", "\ud800.jpg")),
        *(_body({"eventName": "ObjectCreated:Put", **s3}) for s3 in ({}, {"s3": None})),
        _body(_notification(7)),  # type: ignore[arg-type]
    ],
    ids=lambda body: body[:70],
)
def test_malformed_message_is_an_invalid_event(body: str) -> None:
    with pytest.raises(InvalidEvent):
        created_objects(body)


@pytest.mark.parametrize("foreign", ["another-bucket", f"{BUCKET}-2", BUCKET.upper()])
@pytest.mark.parametrize(
    "body", [_event_bridge("private/ann/uploads/planted.jpg"), _body(_notification("a.jpg"), _notification("b.jpg"))]
)
def test_message_of_another_bucket_is_an_invalid_event_that_names_both(body: str, foreign: str) -> None:
    # The bucket of its last object, so that no earlier object is taken before the message is refused.
    foreign_body = f'"name": "{foreign}"'.join(body.rsplit(f'"name": "{BUCKET}"', 1))
    with pytest.raises(InvalidEvent, match=f"bucket '{foreign}', .* {BUCKET};"):
        created_objects(foreign_body)


def _objects(*optional: str) -> st.SearchStrategy[Any]:
    """A bucket and an object with any values in their fields, or anything else in their places."""
    bucket = st.fixed_dictionaries({"name": json_values})
    described = st.fixed_dictionaries({"key": json_values}, optional=dict.fromkeys(optional, json_values))
    return json_values | st.fixed_dictionaries({"bucket": json_values | bucket, "object": json_values | described})


_MALFORMED = st.one_of(
    st.text(max_size=200),
    json_values.map(json.dumps),
    _objects("size", "etag", "version-id", "sequencer").map(
        lambda detail: json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": detail})
    ),
    _objects("size", "eTag", "versionId", "sequencer").map(
        lambda s3: _body({"eventName": "ObjectCreated:Put", "s3": s3})
    ),
)


@given(_MALFORMED)
@example('{"a": 1e999999}')
def test_any_message_is_objects_or_an_invalid_event(body: str) -> None:
    try:
        versions = created_objects(body)
    except InvalidEvent:
        return
    assert all(version.bucket and version.key and version.identity for version in versions)
