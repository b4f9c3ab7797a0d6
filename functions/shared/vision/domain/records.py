"""The items of a photo and of an image version, as plain dictionaries with the keys of :mod:`vision.domain.table_keys`.

A photo names its newest version. Each version has an image record with the results of processing it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from vision.domain import detector_types, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure, combined
from vision.domain.statuses import Status

Record = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """Return the current time as a timestamp. Each call reads the clock, since an environment lives for hours."""
    return timestamp(datetime.now(UTC))


def seconds_ago(seconds: int) -> str:
    """Return the timestamp of this many seconds ago."""
    return timestamp(datetime.now(UTC) - timedelta(seconds=seconds))


def photo(envelope: Envelope, now: str) -> Record:
    """Return the item of a photo, with this version as its newest."""
    item = {
        **table_keys.photo_key(envelope.photo_id),
        "record_type": "photo",
        "photo_id": envelope.photo_id,
        "object": envelope.object.as_dict(),
        "sequencer": envelope.object.sequencer,
        "updated_at": now,
    }
    if envelope.owner:
        item |= {
            "owner": envelope.owner,
            "listing_pk": table_keys.owner_listing(envelope.owner),
            "listing_sk": table_keys.listing_sort_key(now, envelope.photo_id),
        }
    return item


def pending(envelope: Envelope, now: str) -> Record:
    """Return the image record of a version that waits for its execution to start."""
    record = {
        **table_keys.image_key(envelope.object),
        "record_type": "image",
        "photo_id": envelope.photo_id,
        "object": envelope.object.as_dict(),
        "status": Status.PENDING,
        "created_at": now,
        "updated_at": now,
    }
    return record | ({"owner": envelope.owner} if envelope.owner else {})


def opened(envelope: Envelope, since: str) -> Record:
    """Return the keys that list the record of a photo in the index ``open``; none for an image without an owner."""
    if not envelope.owner:
        return {}
    listing = table_keys.open_listing(table_keys.shard_of(envelope.photo_id))
    return {table_keys.OPEN_PK: listing, table_keys.OPEN_SINCE: since}


def without_personal_data(metadata: Mapping[str, Any]) -> Record:
    """Return what an execution may show of an image: nothing about place, time and camera of a photo."""
    return {name: metadata[name] for name in ("format", "width", "height", "orientation") if name in metadata}


def as_displayed(found: Record, metadata: Mapping[str, Any]) -> Record:
    """Return ``labels`` and ``detector`` with the boxes as the image is displayed, by its format and orientation."""
    detector = detector_types.by_name(found.get("detector", {}).get("name"))
    labels = detector.displayed(found["labels"], metadata.get("format"), metadata.get("orientation", 1))
    return {**found, "labels": labels}


def outcome(parts: Mapping[str, Any], failures: list[Failure]) -> Record:
    """Return the attributes that an execution adds to the image record when it ends.

    Parameters
    ----------
    parts
        The results of the steps: ``metadata``, ``detector``, ``thumbnail``; each may be missing. ``labels``, and all
        metadata, are among them only if no step has recorded them, as in executions of the last release.
    failures
        The causes of the missing results.

    Returns
    -------
    dict
        SUCCEEDED if nothing failed, PARTIAL if there are labels or a thumbnail, otherwise FAILED. Metadata that could
        be read is kept in each case.
    """
    kept = {name: parts[name] for name in ("labels", "detector", "thumbnail") if parts.get(name) is not None}
    metadata = {name: value for name, value in (parts.get("metadata") or {}).items() if value is not None}
    if "labels" in kept:
        kept = as_displayed(kept, metadata)
    error = combined(failures)
    if error is None:
        status = Status.SUCCEEDED
    else:
        status = Status.PARTIAL if kept else Status.FAILED
    return {**metadata, **kept, "status": status} | ({"error": error.as_dict()} if error else {})
