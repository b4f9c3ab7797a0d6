"""How many photos of each class came on each day: items that only ever grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vision.domain.records import Record

COUNT = "count"


def count(owner: str, day: str, name: str) -> Record:
    """Return what a count says of itself, beside its number."""
    return {"record_type": "count", "owner": owner, "day": day, "class": name}


def day_of(timestamp: str) -> str:
    """Return the day of a timestamp, in UTC."""
    return timestamp[: len("2026-11-21")]


def class_of(record: Mapping[str, Any]) -> str:
    """Return the class of an image: its label of highest confidence, ``""`` when it has none."""
    labels = record.get("labels") or [{"name": "", "confidence": 0}]
    return str(max(labels, key=lambda label: label["confidence"])["name"])
