"""The contract of the image record, checked on what DynamoDB returns: numbers are Decimal."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?")
STATUSES = {"PENDING", "RUNNING", "SUCCEEDED", "PARTIAL", "FAILED", "TIMED_OUT", "ABORTED"}

# Attribute: its type, and whether it is optional.
ATTRIBUTES: dict[str, tuple[type, bool]] = {
    "photo_id": (str, False),
    "owner": (str, True),
    "object": (dict, False),
    "status": (str, False),
    "format": (str, True),
    "width": (Decimal, True),
    "height": (Decimal, True),
    "capture_time": (str, True),
    "camera_make": (str, True),
    "camera_model": (str, True),
    "location": (dict, True),
    "labels": (list, True),
    "detector": (dict, True),
    "thumbnail": (dict, True),
    "error": (dict, True),
    "execution_arn": (str, True),
    "created_at": (str, False),
    "updated_at": (str, False),
}


def violations(record: dict[str, Any]) -> list[str]:
    """Return a sentence for each violation of the contract."""
    return [*_attributes(record), *_texts(record), *_numbers(record), *_parts(record)]


def _attributes(record: dict[str, Any]) -> Iterator[str]:
    for name, (kind, optional) in ATTRIBUTES.items():
        if name not in record:
            if not optional:
                yield f"{name} is missing"
        elif type(record[name]) is not kind:
            yield f"{name} is {type(record[name]).__name__}, not {kind.__name__}"


def _texts(record: dict[str, Any]) -> Iterator[str]:
    if record["record_type"] != "image":
        yield f"record_type is {record['record_type']}"
    if record["status"] not in STATUSES:
        yield f"status is {record['status']}"
    for name in ("created_at", "updated_at"):
        if not TIMESTAMP.fullmatch(record[name]):
            yield f"{name} is {record[name]}"
    if not ISO_8601.fullmatch(record.get("capture_time", "2026-11-20T12:00:00")):
        yield f"capture_time is {record['capture_time']}"


def _numbers(record: dict[str, Any]) -> Iterator[str]:
    for label in record.get("labels", []):
        if not 0 <= label["confidence"] <= 100:
            yield f"{label['name']} has confidence {label['confidence']}"
        for instance in label["instances"]:
            box = instance["box"]
            if not 0 <= instance["confidence"] <= 100:
                yield f"a box of {label['name']} has confidence {instance['confidence']}"
            if not all(0 <= box[side] <= 1 for side in ("left", "top", "width", "height")):
                yield f"a box of {label['name']} is no fraction: {box}"
            if box["left"] + box["width"] > Decimal("1.0001") or box["top"] + box["height"] > Decimal("1.0001"):
                yield f"a box of {label['name']} leaves the image: {box}"
    location = record.get("location", {"latitude": Decimal(0), "longitude": Decimal(0)})
    if not (abs(location["latitude"]) <= 90 and abs(location["longitude"]) <= 180):
        yield f"location is {location}"


def _parts(record: dict[str, Any]) -> Iterator[str]:
    expected = {"object": {"bucket", "key", "version_id", "etag", "size_bytes"}}
    if record["status"] in ("SUCCEEDED", "PARTIAL") and "thumbnail" in record:
        expected["thumbnail"] = {"bucket", "key", "width", "height"}
    if "detector" in record:
        expected["detector"] = {"name", "version"}
    if "location" in record:
        expected["location"] = {"latitude", "longitude", "latitude_dms", "longitude_dms"}
    if record["status"] not in ("SUCCEEDED", "PENDING", "RUNNING"):
        expected["error"] = {"name", "cause"}
    for part, names in expected.items():
        if missing := names - record.get(part, {}).keys():
            yield f"{part} lacks {sorted(missing)}"
    if record["status"] == "SUCCEEDED" and (lacking := {"labels", "detector", "thumbnail"} - record.keys()):
        yield f"a success lacks {sorted(lacking)}"
    if record["status"] == "SUCCEEDED" and "error" in record:
        yield "a success has an error"
