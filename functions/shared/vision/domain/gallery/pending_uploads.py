"""Tickets: photos that are announced and not uploaded yet. The upload's event turns a ticket into the photo."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vision.domain import keys, records, table_keys
from vision.domain.gallery import daily_counts
from vision.domain.image_file.formats import MEDIA_TYPES
from vision.domain.records import Record
from vision.domain.statuses import Status
from vision.domain.table_keys import EXPIRES

CONTENT_TYPES = MEDIA_TYPES
"""What can be uploaded."""

UPLOAD_LIMIT_BYTES = 15 * 1024 * 1024
"""The largest image that Rekognition reads from S3.
https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""

UPLOAD_SECONDS = 900
"""How long a presigned upload may begin; a phone on a slow line sends several photos one after the other."""

FORGOTTEN_SECONDS = 86_400
"""After so long a ticket says that its upload never came."""

# Longer than queues keep the event of an upload, so that it always finds its ticket.
_LIFE = timedelta(days=15)

# Sorts after every sequencer, so that an upload which comes after its ticket was deleted is not attached.
NEVER = "~"


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """What is announced.

    Attributes
    ----------
    token
        Names the key; the same token is the same photo.
    album_id
        ``""`` for a photo in no album.
    """

    bucket: str
    owner: str
    token: str
    name: str
    content_type: str
    size_bytes: int
    album_id: str

    @property
    def key(self) -> str:
        """Where the upload goes: chosen here, so that nobody writes over another photo.

        Of the token alone, without a suffix: the same token for a file of another type is then found out.
        """
        return f"private/{self.owner}/uploads/{self.token}"

    @property
    def photo_id(self) -> str:
        """The photo that the upload will be."""
        return keys.photo_id(self.bucket, self.key)

    def photo(self, now: str, created_at: str = "") -> Record:
        """Return the photo's item, without a version until there is one.

        Parameters
        ----------
        created_at
            When a photo of another system was made, under which it is listed; the ticket expires as any.
        """
        created_at = created_at or now
        return {
            **table_keys.photo_key(self.photo_id),
            "record_type": "photo",
            "photo_id": self.photo_id,
            "owner": self.owner,
            "name": self.name,
            "content_type": self.content_type,
            "size_bytes": self.size_bytes,
            "object": {"bucket": self.bucket, "key": self.key},
            "status": Status.PENDING,
            "created_at": created_at,
            "updated_at": now,
            "listing_pk": table_keys.owner_listing(self.owner),
            "listing_sk": table_keys.listing_sort_key(created_at, self.photo_id),
            EXPIRES: expiry(now),
            **({"album_id": self.album_id} if self.album_id else {}),
        }

    def album_entry(self, created_at: str) -> Record | None:
        """Return the item under which the photo is found in its album."""
        if not self.album_id:
            return None
        return {
            **table_keys.album_entry_key(self.photo_id),
            "record_type": "album_entry",
            "listing_pk": table_keys.album_listing(self.owner, self.album_id),
            "listing_sk": table_keys.listing_sort_key(created_at, self.photo_id),
        }


def expiry(now: str) -> int:
    """Return when a ticket expires for which a form is given now, in seconds since the epoch."""
    return int((datetime.fromisoformat(now) + _LIFE).timestamp())


def is_waiting(item: Mapping[str, Any]) -> bool:
    """Tell whether a photo's item is a ticket whose upload has not come."""
    return "content_type" in item and "sequencer" not in item


def has_expired(item: Mapping[str, Any], now: str) -> bool:
    """Tell whether an item is a ticket that is only there because DynamoDB has not deleted it yet."""
    return is_waiting(item) and item.get(EXPIRES, expiry(now)) <= datetime.fromisoformat(now).timestamp()


def last_announced(item: Mapping[str, Any]) -> str:
    """Return the day on which a ticket was given a form for the first time that day, and so was counted."""
    if EXPIRES not in item:
        # Made before tickets expired.
        return daily_counts.day_of(item["created_at"])
    return daily_counts.day_of(records.timestamp(datetime.fromtimestamp(item[EXPIRES], UTC) - _LIFE))


def idempotent_id(owner: str, idempotency_key: str) -> str:
    """Return the name of what a person asks to be made: the same for the same key, and otherwise never twice."""
    return keys.digest(f"{owner}\n{idempotency_key}" if idempotency_key else secrets.token_hex(32))
