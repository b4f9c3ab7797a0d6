"""Counts: the photos of a person by class and day."""

from typing import Any

from tests.functions.darkroom import develop
from tests.functions.http_api import Caller


def counts(person: Caller, **query: Any) -> list[tuple[str, str, int]]:
    answered = person.get("/api/counts", **query)
    assert answered.status == 200, answered
    return [(count["day"], count["class"], count["count"]) for count in answered.json()["counts"]]


def test_photos_are_counted_by_class_and_day_even_when_they_are_deleted(ann: Caller) -> None:
    assert counts(ann) == []
    for moment, labels in (
        ("2026-11-03T00:00:00.000Z", {"Dog": 99.0, "Cat": 70.0}),
        ("2026-11-03T23:59:59.999Z", {"Dog": 88.0}),
        ("2026-11-03", {"Cat": 99.0}),
        ("2026-11-04", {"Dog": 99.0}),
    ):
        photo = develop(ann, labels, moment=moment)
    ann("DELETE", f"/api/photos/{photo}")
    assert counts(ann) == [("2026-11-04", "Dog", 1), ("2026-11-03", "Dog", 2), ("2026-11-03", "Cat", 1)]
    assert counts(ann, **{"from": "2026-11-04", "to": "2026-11-04"}) == [("2026-11-04", "Dog", 1)]
    assert counts(ann, **{"from": "2026-11-05"}) == counts(ann, to="2026-11-02") == []


YEAR = {"from": "2025-11-21", "to": "2026-11-21"}
VALID = [YEAR, {"from": "2000-01-01", "to": "2000-01-01"}, {"to": "2999-12-31"}]
TOO_LONG = [YEAR | {"from": "2025-11-20"}, YEAR | {"to": "2025-11-20"}]
NO_DAYS = [{"from": "1999-12-31"}, {"to": "3000-01-01"}, {"from": "1795219200"}, {"from": "tomorrow"}]


def test_days_of_up_to_a_year_are_accepted(ann: Caller) -> None:
    for query in [*VALID, *TOO_LONG, *NO_DAYS]:
        assert ann.get("/api/counts", **query).status == (200 if query in VALID else 422), query
