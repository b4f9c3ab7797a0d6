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


COUNT = "count"
"""The attribute that counts an owner's albums; a table of an earlier version has no such item yet."""
UNCOUNTED = "uncounted_at"
"""The attribute of an album that is counted no more, right before it goes."""


def count_key(owner: str) -> Record:
    """Return the primary key of the item that counts an owner's albums."""
    return {"pk": f"OWNER#{owner}", "sk": "ALBUMS"}


def counted(owner: str, albums: int) -> Record:
    """Return the item that counts an owner's albums."""
    return {**count_key(owner), "record_type": "album_count", "owner": owner, COUNT: albums}


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
