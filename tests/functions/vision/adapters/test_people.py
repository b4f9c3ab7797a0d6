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
from vision.domain.objects import ObjectVersion

DAY = date(2026, 11, 21)
NOW = f"{DAY}T10:00:00.000Z"
MANY = daily_counts.ADDED_UP_FROM


@pytest.fixture
def people(table_name: str) -> People:
    return People(table_name)


def _count(items: Items, day: date, name: str, number: int) -> None:
    """Count photos in the form of an earlier release."""
    count = {"record_type": "count", "owner": "ann", "day": str(day), "class": name, "count": number}
    items.put_many([table_keys.counts_bound("ann", f"{day}#{name}") | count])


def _entries(items: Items, day: date, name: str, numbers: range) -> None:
    versions = [ObjectVersion("b", f"private/ann/uploads/{number}", "v1", "e", "", 7) for number in numbers]
    items.put_many([daily_counts.count("ann", f"{day}#{name}", version) for version in versions])


def _counted(people: People, span: Span = Span(), now: str = NOW) -> list[tuple[str, str, int]]:  # noqa: B008 frozen
    return [(count["day"], count["class"], count["count"]) for count in people.counts("ann", span, now)]


@pytest.mark.parametrize("owner", ["an", "anne", "ANN", "bob"])
def test_owner_with_a_similar_name_has_no_labels_and_counts(people: People, items: Items, owner: str) -> None:
    items.put_once(label_name("ann", "Rose"))
    _count(items, DAY, "Rose", 1)
    assert people.labels(owner, "", 20) == []
    assert people.counts(owner, Span(), NOW) == []


# Labels


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["Car", "Cat", "Dog", "Straße"]),
        *((prefix, ["Car", "Cat"]) for prefix in ("ca", "CA")),
        ("cat", ["Cat"]),
        *((prefix, ["Straße"]) for prefix in ("strasse", "STRASS")),
        *((prefix, []) for prefix in ("cats", "%", "\x00")),
    ],
)
def test_labels_are_found_by_prefix_in_any_case(people: People, items: Items, prefix: str, found: list[str]) -> None:
    items.put_many([label_name("ann", label) for label in ("Dog", "Cat", "Car", "Straße")])
    assert people.labels("ann", prefix, 20) == found


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 4), st.none() | st.integers(0, 4))
def test_counts_of_a_span_are_those_of_its_days(people: People, items: Items, first: int, last: int | None) -> None:
    for ago in range(5):
        _count(items, DAY - timedelta(days=ago), "Rose", 1)
    span = Span(DAY - timedelta(days=first), None if last is None else DAY - timedelta(days=last))
    days = [date.fromisoformat(day) for day, _, _ in _counted(people, span)]
    assert days == [DAY - timedelta(days=ago) for ago in range(last or 0, first + 1)]


def test_counts_come_newest_day_first_and_largest_first(people: People, items: Items) -> None:
    _count(items, DAY - timedelta(days=1), "Rose", 9)
    _count(items, DAY, "Car", 2)
    _count(items, DAY, "Dog", 10)
    assert _counted(people) == [("2026-11-21", "Dog", 10), ("2026-11-21", "Car", 2), ("2026-11-20", "Rose", 9)]


def test_counts_of_both_forms_are_added(people: People, items: Items) -> None:
    _count(items, DAY, "Rose", 9)
    for _ in range(2):
        _entries(items, DAY, "Rose", range(3))
    _entries(items, DAY, "Car", range(3, 5))
    assert _counted(people) == [("2026-11-21", "Rose", 12), ("2026-11-21", "Car", 2)]


@pytest.mark.parametrize(
    ("days_ago", "number", "is_added_up"), [(3, MANY, True), (2, MANY, False), (3, MANY - 1, False)]
)
def test_day_with_many_counts_is_added_up_when_it_is_over(
    people: People, items: Items, days_ago: int, number: int, is_added_up: bool
) -> None:
    day = DAY - timedelta(days=days_ago)
    _entries(items, day, "Rose", range(number))
    _count(items, DAY, "Car", 2)
    expected = [("2026-11-21", "Car", 2), (str(day), "Rose", number)]
    assert _counted(people) == expected
    # Its counts are not read again.
    items.delete_many([{"pk": one["pk"], "sk": one["sk"]} for one in _of_day(items, day)])
    assert _counted(people) == (expected if is_added_up else expected[:1])


def _of_day(items: Items, day: date) -> list[dict[str, str]]:
    return list(items.beginning(table_keys.counts_bound("ann", str(day))))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(3, 8)), st.sets(st.integers(0, 8)), st.integers(0, 9), st.integers(0, 9))
def test_days_between_added_up_days_are_read_too(
    people: People, items: Items, added_up: set[int], open_days: set[int], first: int, last: int
) -> None:
    items.delete_many([{"pk": one["pk"], "sk": one["sk"]} for one in items.scan(None, 100)[0]])
    ago = [DAY - timedelta(days=days) for days in range(10)]
    items.put_many([daily_counts.day_counts("ann", str(ago[days]), {"Rose": 7}) for days in added_up])
    _ = [_count(items, ago[days], "Rose", 1) for days in open_days]
    first, last = max(first, last), min(first, last)
    numbers = {days: 7 if days in added_up else 1 for days in sorted(added_up | open_days) if last <= days <= first}
    assert _counted(people, Span(ago[first], ago[last])) == [
        (str(ago[days]), "Rose", number) for days, number in numbers.items()
    ]
