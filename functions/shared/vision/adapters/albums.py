"""The albums of a person in the table."""

from __future__ import annotations

from vision.adapters.items import Items
from vision.domain import records, table_keys
from vision.domain.gallery import albums
from vision.domain.records import Record


class Albums:
    """The albums of all people in one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def of_owner(self, owner: str) -> list[Record]:
        """Return the albums of an owner, oldest first."""
        found = self._items.beginning(table_keys.album_key(owner, ""))
        return sorted(found, key=lambda album: (album["created_at"], album["album_id"]))

    def get(self, owner: str, album_id: str) -> Record | None:
        """Return an album of an owner, or None."""
        return self._items.get(table_keys.album_key(owner, album_id))

    def make(self, album: Record, limit: int) -> Record | None:
        """Create an album unless its id exists; return the existing or the new one.

        Return None if its owner has reached the limit of albums, which also holds for concurrent calls.
        """
        owner = album["owner"]
        if not self._items.put_counted(album, table_keys.album_count_key(owner), albums.COUNT, limit):
            # The limit is reached, or the count is missing, or another release wrote albums without counting them.
            self._count(owner)
            self._items.put_counted(album, table_keys.album_count_key(owner), albums.COUNT, limit)
        return self.get(owner, album["album_id"])

    def rename(self, owner: str, album_id: str, name: str, now: str) -> bool:
        """Rename an album; return False if it does not exist."""
        return self._items.update(
            table_keys.album_key(owner, album_id),
            {"name": name, "updated_at": now},
            {},
            condition="attribute_exists(pk)",
        )

    def close(self, owner: str, album_id: str, now: str) -> bool:
        """Close an album for new photos before its deletion; return False if it does not exist."""
        return self._items.update(
            table_keys.album_key(owner, album_id), {table_keys.CLOSED: now}, {}, condition="attribute_exists(pk)"
        )

    def remove(self, owner: str, album_id: str) -> None:
        """Delete an album, which should be empty."""
        key, counter, now = table_keys.album_key(owner, album_id), table_keys.album_count_key(owner), records.now()
        if self._items.get(counter) is None:
            self._count(owner)
        self._items.add_once(key, table_keys.UNCOUNTED, now, counter, {"updated_at": now}, albums.COUNT, -1)
        self._items.delete_many([key])

    def _count(self, owner: str) -> None:
        """Count the existing albums, unless the recorded number changes meanwhile."""
        known = self._items.get(table_keys.album_count_key(owner))
        number = sum(table_keys.UNCOUNTED not in album for album in self.of_owner(owner))
        if known is None:
            self._items.put_once(albums.counted(owner, number))
        elif known[albums.COUNT] != number:
            self._items.update(
                table_keys.album_count_key(owner),
                {albums.COUNT: number},
                {},
                condition=f"#{albums.COUNT} = :known",
                condition_values={":known": known[albums.COUNT]},
            )
