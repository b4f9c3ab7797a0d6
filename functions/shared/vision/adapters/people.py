"""The items of a person in the table besides photos and albums: label names, daily counts and daily allowances."""

from __future__ import annotations

from itertools import islice

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.errors import AllowanceExceeded
from vision.domain.gallery import daily_allowance, daily_counts, listing
from vision.domain.gallery.daily_allowance import Allowance
from vision.domain.records import Record


class People:
    """The people in one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def labels(self, owner: str, prefix: str, limit: int) -> list[str]:
        """Return the label names of an owner's photos that begin with a prefix, in any case."""
        start = table_keys.label_name_key(owner, prefix)
        if len(start["sk"].encode()) > listing.SORT_KEY_LIMIT_BYTES:
            return []
        return [item["name"] for item in islice(self._items.beginning(start, page_size=limit), limit)]

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
