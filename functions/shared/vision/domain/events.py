"""Incoming S3 events, delivered through EventBridge and SQS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from vision.domain import keys
from vision.domain.errors import InvalidEvent
from vision.domain.objects import ObjectVersion


class Origin(Enum):
    """How an object was created, according to S3: the POST of a form, a copy with one request, or any other way.

    A multipart copy, which the AWS CLI makes above 8 MB, ends with the same event as a multipart upload.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
    """

    FORM = "form"
    COPY = "copy"
    OTHER = "other"


_ORIGINS = {
    "POST Object": Origin.FORM,
    "ObjectCreated:Post": Origin.FORM,
    "CopyObject": Origin.COPY,
    "ObjectCreated:Copy": Origin.COPY,
}


@dataclass(frozen=True, slots=True)
class Creation:
    """A created object version, and how it was created."""

    version: ObjectVersion
    origin: Origin


def created_objects(message_body: str, bucket: str) -> list[ObjectVersion]:
    """Return the object versions that a queue message announces, as :func:`creations` does."""
    return [creation.version for creation in creations(message_body, bucket)]


def creations(message_body: str, bucket: str) -> list[Creation]:
    """Return the creations of object versions that a queue message announces.

    Parameters
    ----------
    message_body
        JSON of an EventBridge ``Object Created`` event, or of a notification that the bucket sent itself.
    bucket
        The only bucket whose objects are accepted. A sender to the queue could name any bucket. An object there would
        then be recorded and listed like one in this bucket, and read with the roles of this stack.

    Returns
    -------
    list of Creation
        Empty if the message requires no work: a test event, a deletion, or another kind of event.

    Raises
    ------
    InvalidEvent
        The message is not an event, announces an object without naming it, or announces one of another bucket.
    """
    announced = _announced(message_body)
    for creation in announced:
        if creation.version.bucket != bucket:
            raise InvalidEvent(
                f"message: announces an object of the bucket {creation.version.bucket[:80]!r}, this queue takes those "
                f"of {bucket}; remove the rule or notification that sends it here"
            )
    return announced


def _announced(message_body: str) -> list[Creation]:
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


def _from_event_bridge(event: Mapping[str, Any]) -> list[Creation]:
    if event.get("source") != "aws.s3" or event["detail-type"] != "Object Created":
        return []
    detail: Any = event.get("detail")
    try:
        bucket, source = detail["bucket"]["name"], detail["object"]
        version = _version(bucket, source["key"], source.get("version-id"), source)
        reason = str(detail.get("reason"))
        return [Creation(version, _ORIGINS.get(reason, Origin.OTHER))]
    except (KeyError, TypeError) as error:
        raise InvalidEvent(f"detail: an Object Created event names bucket and object ({error})") from error


def _is_creation(record: Any) -> bool:
    return isinstance(record, Mapping) and _event_name(record).startswith("ObjectCreated")


def _event_name(record: Mapping[str, Any]) -> str:
    return str(record.get("eventName", "")).removeprefix("s3:")


def _from_notification(record: Mapping[str, Any]) -> Creation:
    try:
        bucket, source = record["s3"]["bucket"]["name"], record["s3"]["object"]
        key = keys.decode_notification_key(source["key"])
        version = _version(bucket, key, source.get("versionId"), {**source, "etag": source.get("eTag")})
        return Creation(version, _ORIGINS.get(_event_name(record), Origin.OTHER))
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidEvent(f"Records: an ObjectCreated record names bucket and object ({error})") from error


def _version(bucket: str, key: str, version_id: str | None, source: Mapping[str, Any]) -> ObjectVersion:
    # An unversioned bucket reports no version id. A bucket with suspended versioning reports "null", which the next
    # upload overwrites. The ETag is the better identity for both.
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
