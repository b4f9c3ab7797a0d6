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


def _count(items: Items, day: date) -> None:
    key = table_keys.daily_count_key("ann", str(day), "Rose")
    items.put_once(key | daily_counts.count("ann", str(day), "Rose") | {daily_counts.COUNT: 1})


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
        _count(items, DAY - timedelta(days=ago))
    span = Span(DAY - timedelta(days=first), None if last is None else DAY - timedelta(days=last))
    days = [date.fromisoformat(count["day"]) for count in people.counts("ann", span)]
    assert days == [DAY - timedelta(days=ago) for ago in range(last or 0, first + 1)]
