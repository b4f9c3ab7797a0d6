"""Counts: how many of one's photos of each class came on each day."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import Caller


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


def counts(person: Caller, **query: Any) -> list[tuple[str, str, int]]:
    answered = person.get("/api/counts", **query)
    assert answered.status == 200, answered
    return [(count["day"], count["class"], count["count"]) for count in answered.json()["counts"]]


def test_nobody_has_counts_at_first(ann: Caller) -> None:
    assert ann.get("/api/counts").json() == {"counts": []}


def test_photos_are_counted_by_class_and_day(ann: Caller) -> None:
    for moment, labels in (
        ("2026-11-03T00:00:00.000Z", {"Dog": 99.0, "Cat": 70.0}),
        ("2026-11-03T23:59:59.999Z", {"Dog": 88.0}),
        ("2026-11-03", {"Cat": 99.0}),
        ("2026-11-04", {"Dog": 99.0}),
    ):
        develop(ann, labels, moment=moment)
    assert counts(ann) == [("2026-11-04", "Dog", 1), ("2026-11-03", "Dog", 2), ("2026-11-03", "Cat", 1)]


def test_a_photo_that_is_processed_twice_is_counted_once(ann: Caller) -> None:
    envelope = darkroom.upload(announce(ann).json())
    for _ in range(2):
        darkroom.process(envelope, {"Dog": 99.0})
    assert [count for *_, count in counts(ann)] == [1]


def test_a_photo_that_waits_is_not_counted(ann: Caller) -> None:
    announce(ann)
    assert counts(ann) == []


def test_a_photo_without_labels_is_not_counted(ann: Caller) -> None:
    develop(ann, {})
    assert counts(ann) == []


def test_a_photo_is_counted_although_it_is_deleted_later(ann: Caller) -> None:
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
def test_both_ends_belong_to_the_days(ann: Caller, query: dict[str, str], found: list[int]) -> None:
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
def test_days_are_taken_up_to_their_limit(ann: Caller, query: dict[str, str], status: int) -> None:
    assert ann.get("/api/counts", **query).status == status
