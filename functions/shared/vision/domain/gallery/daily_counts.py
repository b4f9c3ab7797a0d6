"""Daily counts: how many photos of each class were uploaded on each day. The counts never decrease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vision.domain.records import Record

COUNT = "count"


def count(owner: str, day: str, name: str) -> Record:
    """Return the attributes of a count's item, without its number."""
    return {"record_type": "count", "owner": owner, "day": day, "class": name}


def day_of(timestamp: str) -> str:
    """Return the UTC day of a timestamp."""
    return timestamp[: len("2026-11-21")]


def class_of(record: Mapping[str, Any]) -> str:
    """Return the class of an image: its label with the highest confidence, or ``""`` if it has no labels."""
    labels = record.get("labels") or [{"name": "", "confidence": 0}]
    return str(max(labels, key=lambda label: label["confidence"])["name"])
