"""Albums: items of their owner, found by the owner alone."""

from __future__ import annotations

from vision.domain import table_keys
from vision.domain.records import Record

ALBUMS_LIMIT = 500
"""How many albums a person may have: they are shown on one page."""

COUNT = "count"
"""The attribute that counts an owner's albums; a table of an earlier version has no such item yet."""


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
        # What it was called first, by which a repeated request is told from another one.
        "made_as": name,
        "created_at": now,
    }
