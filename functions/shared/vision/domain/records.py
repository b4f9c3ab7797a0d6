"""The items of the table: what a photo, an image version and their states look like, as plain dictionaries.

Keys
----
``pk = PHOTO#{photo_id}``
    ``sk = CURRENT``: the photo (``record_type`` photo), which of its versions is the newest.
    ``sk = VERSION#{version}``: one image record (``record_type`` image) per object version.
``listing_pk``, ``listing_sk``
    The sparse index ``listing``: an item that wants to be found under a heading, newest first, carries both.
    Photos carry their owner. Albums, labels, verdicts and daily counts of later workflows take the same index.
``status``, ``updated_at``
    The index ``by_status`` of image records.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure, combined
from vision.domain.image_file.formats import displayed
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import Status

Record = dict[str, Any]

PHOTO_SORT_KEY = "CURRENT"


def timestamp(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC with milliseconds, so that text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """Return this moment as a timestamp; read anew at each call, since an environment lives for hours."""
    return timestamp(datetime.now(UTC))


def seconds_ago(seconds: int) -> str:
    """Return the timestamp of some seconds ago."""
    return timestamp(datetime.now(UTC) - timedelta(seconds=seconds))


def photo_key(photo_id: str) -> Record:
    """Return the primary key of a photo."""
    return {"pk": f"PHOTO#{photo_id}", "sk": PHOTO_SORT_KEY}


def image_key(version: ObjectVersion) -> Record:
    """Return the primary key of an image record; the version alone decides it, so twice is once."""
    photo_id = keys.photo_id(version.bucket, version.key)
    return {"pk": f"PHOTO#{photo_id}", "sk": f"VERSION#{version.identity}"}


def photo(envelope: Envelope, now: str) -> Record:
    """Return the item that says which version of a photo is the newest."""
    item = {
        **photo_key(envelope.photo_id),
        "record_type": "photo",
        "photo_id": envelope.photo_id,
        "object": envelope.object.as_dict(),
        "sequencer": envelope.object.sequencer,
        "updated_at": now,
    }
    if envelope.owner:
        item |= {
            "owner": envelope.owner,
            "listing_pk": f"OWNER#{envelope.owner}",
            "listing_sk": f"{now}#{envelope.photo_id}",
        }
    return item


def pending(envelope: Envelope, now: str) -> Record:
    """Return the image record of a version that waits for its execution."""
    record = {
        **image_key(envelope.object),
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
