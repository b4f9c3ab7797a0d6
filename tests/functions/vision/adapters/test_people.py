from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vision.adapters.items import Items
from vision.adapters.people import People
from vision.domain import table_keys
from vision.domain.gallery import albums, daily_counts
from vision.domain.gallery.listing import Span
from vision.domain.gallery.photos import label_name

DAY = date(2026, 11, 21)
NOW = "2026-11-21T10:00:00.000Z"


@pytest.fixture
def people(table_name: str) -> People:
    return People(table_name)


@pytest.fixture
def items(table_name: str) -> Items:
    return Items(table_name)


def _count(items: Items, day: date, name: str, number: int, owner: str = "ann") -> None:
    items.put_once(
        table_keys.daily_count_key(owner, str(day), name)
        | daily_counts.count(owner, str(day), name)
        | {daily_counts.COUNT: number}
    )


# Albums


def test_an_album_that_is_made_twice_is_the_first_one(people: People) -> None:
    first = people.make_album(albums.album("ann", "a" * 26, "Rome", NOW), 2)
    assert people.make_album(albums.album("ann", "a" * 26, "Oslo", NOW), 2) == first


def test_an_album_that_is_removed_twice_is_gone(people: People) -> None:
    people.make_album(albums.album("ann", "a" * 26, "Rome", NOW), 2)
    for _ in range(2):
        people.remove_album("ann", "a" * 26)
    assert people.album("ann", "a" * 26) is None


def test_renaming_keeps_what_an_album_was(people: People) -> None:
    album = people.make_album(albums.album("ann", "a" * 26, "Rome", NOW), 2)
    assert people.rename_album("ann", "a" * 26, "Roma", "2026-11-22T10:00:00.000Z")
    assert people.album("ann", "a" * 26) == album | {"name": "Roma", "updated_at": "2026-11-22T10:00:00.000Z"}


def test_what_is_no_album_is_not_renamed_into_one(people: People) -> None:
    assert not people.rename_album("ann", "a" * 26, "Roma", NOW)
    assert people.albums("ann") == []


def test_albums_are_not_mixed_up_with_labels_of_the_same_owner(people: People, items: Items) -> None:
    items.put_once(label_name("ann", "Album"))
    people.make_album(albums.album("ann", "a" * 26, "Rome", NOW), 2)
    assert (len(people.albums("ann")), people.labels("ann", "", 20)) == (1, ["Album"])


@pytest.mark.parametrize("owner", ["an", "anne", "ANN", "bob"])
def test_an_owner_with_a_similar_name_sees_nothing(people: People, items: Items, owner: str) -> None:
    people.make_album(albums.album("ann", "a" * 26, "Rome", NOW), 2)
    items.put_once(label_name("ann", "Rose"))
    _count(items, DAY, "Rose", 1)
    assert (people.albums(owner), people.labels(owner, "", 20), people.counts(owner, Span())) == ([], [], [])


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
def test_labels_are_found_by_the_letters_that_they_begin_with(
    people: People, items: Items, prefix: str, found: list[str]
) -> None:
    for label in ("Dog", "Cat", "Car", "Straße"):
        items.put_once(label_name("ann", label))
    assert people.labels("ann", prefix, 20) == found


def test_no_more_labels_are_offered_than_asked_for(people: People, items: Items) -> None:
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


def test_counts_are_newest_first_and_of_a_day_the_largest_first(people: People, items: Items) -> None:
    _count(items, DAY - timedelta(days=1), "Rose", 9)
    _count(items, DAY, "Car", 2)
    _count(items, DAY, "Dog", 10)
    found = [(count["day"], count["class"], count["count"]) for count in people.counts("ann", Span())]
    assert found == [("2026-11-21", "Dog", 10), ("2026-11-21", "Car", 2), ("2026-11-20", "Rose", 9)]
