"""The items of a person in the table: albums, label names, daily counts and daily allowances."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from vision.adapters.items import Items
from vision.domain import records, table_keys
from vision.domain.errors import AllowanceExceeded
from vision.domain.gallery import albums, daily_allowance, daily_counts, listing
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.records import Record


class People:
    """The people in one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def albums(self, owner: str) -> list[Record]:
        """Return the albums of an owner, oldest first."""
        found = self._beginning(table_keys.album_key(owner, ""))
        return sorted(found, key=lambda album: (album["created_at"], album["album_id"]))

    def album(self, owner: str, album_id: str) -> Record | None:
        """Return an album of an owner, or None."""
        return self._items.get(table_keys.album_key(owner, album_id))

    def make_album(self, album: Record, limit: int) -> Record | None:
        """Create an album unless its id exists; return the existing or the new one.

        Return None if its owner has reached the limit of albums, which also holds for concurrent calls.
        """
        owner = album["owner"]
        if not self._items.put_counted(album, table_keys.album_count_key(owner), albums.COUNT, limit):
            # The limit is reached, or the count is missing, or another release wrote albums without counting them.
            self._count_albums(owner)
            self._items.put_counted(album, table_keys.album_count_key(owner), albums.COUNT, limit)
        return self.album(owner, album["album_id"])

    def rename_album(self, owner: str, album_id: str, name: str, now: str) -> bool:
        """Rename an album; return False if it does not exist."""
        return self._items.update(
            table_keys.album_key(owner, album_id),
            {"name": name, "updated_at": now},
            {},
            condition="attribute_exists(pk)",
        )

    def close_album(self, owner: str, album_id: str, now: str) -> bool:
        """Close an album for new photos before its deletion; return False if it does not exist."""
        return self._items.update(
            table_keys.album_key(owner, album_id), {table_keys.CLOSED: now}, {}, condition="attribute_exists(pk)"
        )

    def remove_album(self, owner: str, album_id: str) -> None:
        """Delete an album, which should be empty."""
        key, counter, now = table_keys.album_key(owner, album_id), table_keys.album_count_key(owner), records.now()
        if self._items.get(counter) is None:
            self._count_albums(owner)
        self._items.add_once(key, table_keys.UNCOUNTED, now, counter, {"updated_at": now}, albums.COUNT, -1)
        self._items.delete_many([key])

    def _count_albums(self, owner: str) -> None:
        """Count the existing albums, unless the recorded number changes meanwhile."""
        known = self._items.get(table_keys.album_count_key(owner))
        number = sum(table_keys.UNCOUNTED not in album for album in self.albums(owner))
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

    def labels(self, owner: str, prefix: str, limit: int) -> list[str]:
        """Return the label names of an owner's photos that begin with a prefix, in any case."""
        start = table_keys.label_name_key(owner, prefix)
        if len(start["sk"].encode()) > listing.SORT_KEY_LIMIT_BYTES:
            return []
        return [item["name"] for item in islice(self._beginning(start, page_size=limit), limit)]

    def counts(self, owner: str, span: listing.Span) -> list[Record]:
        """Return the daily counts of each class, newest day first."""
        low, high = (table_keys.daily_counts_bound(owner, day) for day in (span.low, span.high(None)))
        found = self._items.query(
            "",
            "pk = :pk AND sk BETWEEN :low AND :high",
            {},
            {":pk": low["pk"], ":low": low["sk"], ":high": high["sk"]},
        )
        return sorted(found, key=lambda count: (count["day"], count["count"]), reverse=True)

    def charge(self, owner: str, size_bytes: int, allowance: Allowance, now: str) -> None:
        """Charge an upload to the daily allowance; concurrent calls cannot exceed it either.

        Raises
        ------
        AllowanceExceeded
            The day has no room for the upload; nothing is counted.
        """
        if not allowance.is_limited:
            return
        conditions: list[str] = []
        values: dict[str, int] = {}
        if allowance.uploads:
            conditions.append("(attribute_not_exists(#uploads) OR #uploads < :most_uploads)")
            values[":most_uploads"] = allowance.uploads
        if allowance.megabytes:
            conditions.append("(attribute_not_exists(#bytes) OR #bytes <= :most_bytes)")
            values[":most_bytes"] = allowance.limit_bytes - size_bytes
        is_counted = allowance.takes(size_bytes) and self._items.add(
            table_keys.allowance_key(owner, daily_counts.day_of(now)),
            {"uploads": 1, "bytes": size_bytes},
            fields=daily_allowance.day(owner, now),
            condition=" AND ".join(conditions),
            values=values,
        )
        if not is_counted:
            raise AllowanceExceeded(allowance.refusal(now))

    def _beginning(self, start: table_keys.Key, page_size: int | None = None) -> Iterator[Record]:
        """Yield the items of a partition whose sort keys begin with this one."""
        return self._items.query(
            "",
            "pk = :pk AND begins_with(sk, :start)",
            {},
            {":pk": start["pk"], ":start": start["sk"]},
            page_size=page_size,
        )
