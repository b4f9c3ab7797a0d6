"""The items of a photo and of an image version, as plain dictionaries with the keys of :mod:`vision.domain.table_keys`.

A photo says which of its versions is the newest; an image record, one for each version, says what is in it. The index
``by_status`` finds image records by ``status`` and ``updated_at``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from vision.domain import table_keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure, combined
from vision.domain.image_file.formats import displayed
from vision.domain.statuses import Status

Record = dict[str, Any]


def timestamp(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """Return this moment as a timestamp; read anew at each call, since an environment lives for hours."""
    return timestamp(datetime.now(UTC))


def seconds_ago(seconds: int) -> str:
    """Return the timestamp of some seconds ago."""
    return timestamp(datetime.now(UTC) - timedelta(seconds=seconds))


def photo(envelope: Envelope, now: str) -> Record:
    """Return the item that says which version of a photo is the newest."""
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
    """Return the image record of a version that waits for its execution."""
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


def outcome(parts: Mapping[str, Any], failures: list[Failure]) -> Record:
    """Return the attributes that an execution adds to the image record when it ends.

    Parameters
    ----------
    parts
        What the steps produced: ``metadata``, ``labels`` with ``detector``, ``thumbnail``; each may be missing.
    failures
        Why those that are missing are missing.

    Returns
    -------
    dict
        SUCCEEDED when nothing failed, PARTIAL when labels or thumbnail are there, FAILED otherwise; metadata
        that could be read is kept in each case.
    """
    kept = {name: parts[name] for name in ("labels", "detector", "thumbnail") if parts.get(name) is not None}
    metadata = {name: value for name, value in (parts.get("metadata") or {}).items() if value is not None}
    if "labels" in kept:
        kept["labels"] = displayed(kept["labels"], metadata.get("format"), metadata.get("orientation", 1))
    error = combined(failures)
    if error is None:
        status = Status.SUCCEEDED
    else:
        status = Status.PARTIAL if kept else Status.FAILED
    return {**metadata, **kept, "status": status} | ({"error": error.as_dict()} if error else {})
