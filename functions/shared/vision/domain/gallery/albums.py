"""Albums: items of an owner, found by the owner's partition key alone."""

from __future__ import annotations

from vision.domain import table_keys
from vision.domain.records import Record

ALBUMS_LIMIT = 500
"""The maximum number of albums of an owner: one page shows them all."""

COUNT = "count"
"""The attribute that counts an owner's albums; a table from an earlier release lacks this item."""


def counted(owner: str, albums: int) -> Record:
    """Return the item that counts an owner's albums."""
    return {**table_keys.album_count_key(owner), "record_type": "album_count", "owner": owner, COUNT: albums}


def album(owner: str, album_id: str, name: str, now: str) -> Record:
    """Return a new album."""
    return {
        **table_keys.album_key(owner, album_id),
        "record_type": "album",
        "album_id": album_id,
        "owner": owner,
        "name": name,
        # The first name, which distinguishes a repeated request from a different one.
        "made_as": name,
        "created_at": now,
    }
