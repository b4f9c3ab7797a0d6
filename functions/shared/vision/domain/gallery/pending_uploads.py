"""Pending uploads: photos that the API announced and that are not uploaded yet.

The event of the upload turns the pending upload into the photo.
"""

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
"""The content types that the API accepts for upload."""

UPLOAD_LIMIT_BYTES = 15 * 1024 * 1024
"""The maximum size of an image that Rekognition reads from S3.
https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"""

UPLOAD_SECONDS = 900
"""How long a presigned upload may start: a phone on a slow connection sends several photos one after the other."""

FORGOTTEN_SECONDS = 86_400
"""After this time, the API reports a pending upload as missing."""

# Longer than the queues retain the event of an upload, so that the event always finds its pending upload.
_LIFE = timedelta(days=15)

# Sorts after every sequencer, so that an upload is not attached after its pending upload was deleted.
NEVER = "~"


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """An announced photo.

    Attributes
    ----------
    token
        Determines the key; the same token is the same photo.
    album_id
        ``""`` for a photo without an album.
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
        """The key of the upload, chosen here so that an upload cannot overwrite another photo.

        The key contains the token without a suffix, so that reuse of a token for a file of another type is detected.
        """
        return f"private/{self.owner}/uploads/{self.token}"

    @property
    def photo_id(self) -> str:
        """The id of the photo that the upload becomes."""
        return keys.photo_id(self.bucket, self.key)

    def photo(self, now: str, created_at: str = "") -> Record:
        """Return the photo's item, which has no version until the upload.

        Parameters
        ----------
        created_at
            Creation time of a photo from another system, under which it is listed. The expiry does not depend on it.
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
        """Return the item that lists the photo in its album."""
        if not self.album_id:
            return None
        return {
            **table_keys.album_entry_key(self.photo_id),
            "record_type": "album_entry",
            "listing_pk": table_keys.album_listing(self.owner, self.album_id),
            "listing_sk": table_keys.listing_sort_key(created_at, self.photo_id),
        }


def expiry(now: str) -> int:
    """Return when a pending upload expires that gets its form now, in seconds since the epoch."""
    return int((datetime.fromisoformat(now) + _LIFE).timestamp())


def is_waiting(item: Mapping[str, Any]) -> bool:
    """Return whether a photo's item is a pending upload."""
    return "content_type" in item and "sequencer" not in item


def has_expired(item: Mapping[str, Any], now: str) -> bool:
    """Return whether an item is an expired pending upload that DynamoDB has not deleted yet."""
    return is_waiting(item) and item.get(EXPIRES, expiry(now)) <= datetime.fromisoformat(now).timestamp()


def last_announced(item: Mapping[str, Any]) -> str:
    """Return the day on which a pending upload was last charged to the allowance."""
    if EXPIRES not in item:
        # From a release in which pending uploads did not expire.
        return daily_counts.day_of(item["created_at"])
    return daily_counts.day_of(records.timestamp(datetime.fromtimestamp(item[EXPIRES], UTC) - _LIFE))


def idempotent_id(owner: str, idempotency_key: str) -> str:
    """Return the id of a resource to create: the same for the same idempotency key, otherwise always unique."""
    return keys.digest(f"{owner}\n{idempotency_key}" if idempotency_key else secrets.token_hex(32))
