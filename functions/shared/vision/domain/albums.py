"""Albums: items of their owner, found by the owner alone."""

from __future__ import annotations

from vision.domain.records import Record

PREFIX = "ALBUM#"
CLOSED = "closed_at"
"""The attribute of an album that is being deleted: it takes no more photos."""

ALBUMS_LIMIT = 500
"""How many albums a person may have: they are shown on one page."""


def album_key(owner: str, album_id: str) -> Record:
    """Return the primary key of an album."""
    return {"pk": f"OWNER#{owner}", "sk": f"{PREFIX}{album_id}"}


def album(owner: str, album_id: str, name: str, now: str) -> Record:
    """Return a new album."""
    return {
        **album_key(owner, album_id),
        "record_type": "album",
        "album_id": album_id,
        "owner": owner,
        "name": name,
        # What it was called first, by which a repeated request is told from another one.
        "made_as": name,
        "created_at": now,
    }
