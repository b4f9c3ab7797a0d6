"""Daily counts: how many photos of each class were uploaded on each day. The counts never decrease.

Each version is one item, so that a repeated count is the same item, and no counter is written by many at a time. The
first reader of a day with many of them, some days later, adds them up in one item of that day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from vision.domain import table_keys
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record, timestamp

COUNT = "count"

ADDED_UP_FROM = 200
"""A day with at least this many counts is added up: they take about ten times the read units of their sum."""

CLASSES_LIMIT = 1_000
"""A day with more classes is not added up: an item has at most 400 KB, and a class 256 characters.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

# Executions run for an hour at most. Only a redrive can still complete the count of an earlier day.
_OPEN_DAYS = 2


def mark(started_at: str, outcome: Mapping[str, Any]) -> str:
    """Return the day and the class of a count, as the image record keeps them."""
    return f"{day_of(started_at)}#{class_of(outcome)}"


def count(owner: str, counted_as: str, version: ObjectVersion) -> Record:
    """Return the count of a version under the day and the class of a :func:`mark`."""
    day, _, name = counted_as.partition("#")
    key = table_keys.count_key(owner, day, name, version)
    return {**key, "record_type": "count", "owner": owner, "day": day, "class": name, COUNT: 1}


def day_counts(owner: str, day: str, counts: Mapping[str, int] | None) -> Record:
    """Return the item with the counts of all classes of a day; without them, an item that keeps it from being made."""
    item = {**table_keys.day_counts_key(owner, day), "record_type": "day_counts", "owner": owner, "day": day}
    return item | ({"counts": [{"class": name, COUNT: counts[name]} for name in sorted(counts)]} if counts else {})


def is_late(day: str, now: str) -> bool:
    """Return whether the counts of a day may already be added up, or will be within the next day."""
    return day <= _days_before(now, _OPEN_DAYS)


def is_over(day: str, now: str) -> bool:
    """Return whether the counts of a day can be added up: it is over for two days."""
    return day <= _days_before(now, _OPEN_DAYS + 1)


def _days_before(now: str, days: int) -> str:
    return day_of(timestamp(datetime.fromisoformat(now) - timedelta(days=days)))


def day_of(timestamp: str) -> str:
    """Return the UTC day of a timestamp."""
    return timestamp[: len("2026-11-21")]


def class_of(record: Mapping[str, Any]) -> str:
    """Return the class of an image: its label with the highest confidence, or ``""`` if it has no labels."""
    labels = record.get("labels") or [{"name": "", "confidence": 0}]
    return str(max(labels, key=lambda label: label["confidence"])["name"])
