"""The items of a person in the table besides photos and albums: label names, daily counts and daily allowances."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby, islice

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

    def counts(self, owner: str, span: listing.Span, now: str) -> list[Record]:
        """Return the daily counts of each class, newest day first.

        A day that is over is read from the item with its sums. If it has none yet and has many counts, it gets one.
        """
        found = {day: _sums(counts) for day, counts in self._day_counts(owner, span)}
        for start, end in _gaps(span, sorted(found)):
            for day, counts in groupby(self._counts(owner, start, end), key=lambda count: str(count["day"])):
                known = list(counts)
                found[day] = _sums(known)
                is_large = len(known) >= daily_counts.ADDED_UP_FROM
                if is_large and len(found[day]) <= daily_counts.CLASSES_LIMIT and daily_counts.is_over(day, now):
                    self._items.put_once(daily_counts.day_counts(owner, day, found[day]))
        each = [{"day": day, "class": name, "count": sums[name]} for day, sums in found.items() for name in sums]
        return sorted(each, key=lambda count: (count["day"], count["count"]), reverse=True)

    def _day_counts(self, owner: str, span: listing.Span) -> Iterator[tuple[str, list[Record]]]:
        low, high = (table_keys.day_counts_key(owner, day) for day in (span.low, span.high(None)))
        # The upper bound is the key of the day that follows the span.
        return (
            (item["day"], item["counts"])
            for item in self._between(low, high)
            if item["sk"] < high["sk"] and "counts" in item
        )

    def _counts(self, owner: str, start: str, end: str) -> Iterator[Record]:
        low, high = (table_keys.counts_bound(owner, day) for day in (start, end))
        return self._between(low, high, ("day", "class", "count"))

    def _between(self, low: Record, high: Record, attributes: tuple[str, ...] = ()) -> Iterator[Record]:
        return self._items.query(
            "",
            "pk = :pk AND sk BETWEEN :low AND :high",
            {},
            {":pk": low["pk"], ":low": low["sk"], ":high": high["sk"]},
            attributes=attributes,
        )

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


def _sums(counts: list[Record]) -> Counter[str]:
    """Return the sum of the counts of each class."""
    sums: Counter[str] = Counter()
    for count in counts:
        sums[count["class"]] += count[daily_counts.COUNT]
    return sums


def _gaps(span: listing.Span, days: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the beginning and the end, which is excluded, of each part of a span between some of its days, sorted."""
    start = span.low
    for day in days:
        if start < day:
            yield start, day
        start = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    if start < span.high(None):
        yield start, span.high(None)
