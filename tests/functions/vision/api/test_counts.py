"""Counts: the photos of a person by class and day."""

from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import Caller


def counts(person: Caller, **query: Any) -> list[tuple[str, str, int]]:
    answered = person.get("/api/counts", **query)
    assert answered.status == 200, answered
    return [(count["day"], count["class"], count["count"]) for count in answered.json()["counts"]]


def test_photos_are_counted_by_class_and_day(ann: Caller) -> None:
    assert counts(ann) == []
    for moment, labels in (
        ("2026-11-03T00:00:00.000Z", {"Dog": 99.0, "Cat": 70.0}),
        ("2026-11-03T23:59:59.999Z", {"Dog": 88.0}),
        ("2026-11-03", {"Cat": 99.0}),
        ("2026-11-04", {"Dog": 99.0}),
    ):
        develop(ann, labels, moment=moment)
    assert counts(ann) == [("2026-11-04", "Dog", 1), ("2026-11-03", "Dog", 2), ("2026-11-03", "Cat", 1)]


def test_photo_processed_again_is_counted_once(ann: Caller) -> None:
    envelope = darkroom.upload(announce(ann).json())
    for _ in range(2):
        darkroom.process(envelope, {"Dog": 99.0})
    assert [count for *_, count in counts(ann)] == [1]


def test_pending_photo_and_photo_without_labels_are_not_counted(ann: Caller) -> None:
    announce(ann)
    develop(ann, {})
    assert counts(ann) == []


def test_deleted_photo_stays_counted(ann: Caller) -> None:
    photo = develop(ann, {"Dog": 99.0}, moment="2026-11-03")
    ann("DELETE", f"/api/photos/{photo}")
    assert counts(ann) == [("2026-11-03", "Dog", 1)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"from": "2026-11-03"}, [4, 3]),
        ({"to": "2026-11-03"}, [3, 2]),
        ({"from": "2026-11-03", "to": "2026-11-03"}, [3]),
        ({"from": "2026-11-05"}, []),
        ({"to": "2026-11-01"}, []),
    ],
)
def test_first_and_last_day_are_included(ann: Caller, query: dict[str, str], found: list[int]) -> None:
    for day in (2, 3, 4):
        develop(ann, {"Dog": 99.0}, moment=f"2026-11-0{day}")
    assert [day for day, *_ in counts(ann, **query)] == [f"2026-11-0{day}" for day in found]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "2025-11-21", "to": "2026-11-21"}, 200),
        ({"from": "2025-11-20", "to": "2026-11-21"}, 422),
        ({"from": "2026-11-21", "to": "2026-11-20"}, 422),
        ({"from": "2000-01-01", "to": "2000-01-01"}, 200),
        ({"from": "1999-12-31"}, 422),
        ({"to": "2999-12-31"}, 200),
        ({"to": "3000-01-01"}, 422),
        ({"from": "1795219200"}, 422),
        ({"from": "tomorrow"}, 422),
    ],
)
def test_days_are_accepted_up_to_their_limit(ann: Caller, query: dict[str, str], status: int) -> None:
    assert ann.get("/api/counts", **query).status == status
