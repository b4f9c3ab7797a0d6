"""What arrives from outside: S3's events on their way through EventBridge and SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vision.domain import keys
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion


def created_objects(message_body: str) -> list[ObjectVersion]:
    """Return the object versions whose creation a queue message announces.

    Parameters
    ----------
    message_body
        JSON of an EventBridge ``Object Created`` event, or of a notification that the bucket sent itself.

    Returns
    -------
    list of ObjectVersion
        Empty when the message is not work: a test event, a deletion, an event about something else.

    Raises
    ------
    InvalidEvent
        When it is not an event at all, or announces an object without naming it.
    """
    try:
        event = json.loads(message_body)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"message: not JSON ({error}); the queue takes S3 events only") from error
    if not isinstance(event, Mapping):
        raise InvalidEvent("message: not a JSON object; the queue takes S3 events only")
    if "detail-type" in event:
        return _from_event_bridge(event)
    if event.get("Event") == "s3:TestEvent":
        return []
    if isinstance(event.get("Records"), list):
        return [_from_notification(r) for r in event["Records"] if _is_creation(r)]
    raise InvalidEvent("message: neither an EventBridge event nor an S3 notification")


def _from_event_bridge(event: Mapping[str, Any]) -> list[ObjectVersion]:
    if event.get("source") != "aws.s3" or event["detail-type"] != "Object Created":
        return []
    detail = event.get("detail")
    try:
        bucket, source = detail["bucket"]["name"], detail["object"]  # type: ignore[index]
        return [_version(bucket, source["key"], source.get("version-id"), source)]
    except (KeyError, TypeError) as error:
        raise InvalidEvent(f"detail: an Object Created event names bucket and object ({error})") from error


def _is_creation(record: Any) -> bool:
    return isinstance(record, Mapping) and str(record.get("eventName", "")).removeprefix("s3:").startswith(
        "ObjectCreated"
    )


def _from_notification(record: Mapping[str, Any]) -> ObjectVersion:
    try:
        bucket, source = record["s3"]["bucket"]["name"], record["s3"]["object"]
        key = keys.decode_notification_key(source["key"])
        return _version(bucket, key, source.get("versionId"), {**source, "etag": source.get("eTag")})
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidEvent(f"Records: an ObjectCreated record names bucket and object ({error})") from error


def _version(bucket: str, key: str, version_id: str | None, source: Mapping[str, Any]) -> ObjectVersion:
    # A bucket whose versioning is off reports no version id, one whose versioning is suspended reports "null",
    # which the next upload overwrites: the ETag identifies both better.
    return ObjectVersion.from_dict(
        {
            "bucket": bucket,
            "key": key,
            "version_id": "" if version_id == "null" else version_id,
            "etag": source.get("etag"),
            "sequencer": source.get("sequencer"),
            "size_bytes": source.get("size", 0),
        }
    )
