"""Label names and daily counts of a person."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision.adapters.items import Items
from vision.adapters.people import People
from vision.domain import table_keys
from vision.domain.gallery import daily_counts
from vision.domain.gallery.listing import Span
from vision.domain.gallery.photos import label_name

DAY = date(2026, 11, 21)


@pytest.fixture
def people(table_name: str) -> People:
    return People(table_name)


def _count(items: Items, day: date, name: str, number: int, owner: str = "ann") -> None:
    items.put_once(
        table_keys.daily_count_key(owner, str(day), name)
        | daily_counts.count(owner, str(day), name)
        | {daily_counts.COUNT: number}
    )


@pytest.mark.parametrize("owner", ["an", "anne", "ANN", "bob"])
def test_owner_with_a_similar_name_has_no_labels_and_counts(people: People, items: Items, owner: str) -> None:
    items.put_once(label_name("ann", "Rose"))
    _count(items, DAY, "Rose", 1)
    assert people.labels(owner, "", 20) == []
    assert people.counts(owner, Span()) == []


# Labels


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["Car", "Cat", "Dog", "Straße"]),
        ("ca", ["Car", "Cat"]),
        ("CA", ["Car", "Cat"]),
        ("cat", ["Cat"]),
        ("cats", []),
        ("strasse", ["Straße"]),
        ("STRASS", ["Straße"]),
        ("%", []),
        ("\x00", []),
    ],
)
def test_labels_are_found_by_prefix_in_any_case(people: People, items: Items, prefix: str, found: list[str]) -> None:
    for label in ("Dog", "Cat", "Car", "Straße"):
        items.put_once(label_name("ann", label))
    assert people.labels("ann", prefix, 20) == found


def test_labels_are_limited(people: People, items: Items) -> None:
    items.put_many([label_name("ann", f"Cat {number:02}") for number in range(30)])
    assert people.labels("ann", "cat", 20) == [f"Cat {number:02}" for number in range(20)]


# Counts


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4), st.none() | st.integers(0, 4))
def test_counts_of_a_span_are_those_of_its_days(people: People, items: Items, first: int, last: int | None) -> None:
    for ago in range(5):
        _count(items, DAY - timedelta(days=ago), "Rose", 1)
    span = Span(DAY - timedelta(days=first), None if last is None else DAY - timedelta(days=last))
    days = [date.fromisoformat(count["day"]) for count in people.counts("ann", span)]
    assert days == [DAY - timedelta(days=ago) for ago in range(last or 0, first + 1)]


def test_counts_come_newest_day_first_and_largest_first(people: People, items: Items) -> None:
    _count(items, DAY - timedelta(days=1), "Rose", 9)
    _count(items, DAY, "Car", 2)
    _count(items, DAY, "Dog", 10)
    found = [(count["day"], count["class"], count["count"]) for count in people.counts("ann", Span())]
    assert found == [("2026-11-21", "Dog", 10), ("2026-11-21", "Car", 2), ("2026-11-20", "Rose", 9)]
