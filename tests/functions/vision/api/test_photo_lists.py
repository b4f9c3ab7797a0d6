"""Lists of photos: newest first, in pages that lose and repeat nothing, from cursors that lead nowhere else."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, clock, develop
from tests.functions.http_api import Caller


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


def ids(person: Caller, **query: Any) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", **query).json()["photos"]]


def pages(person: Caller, **query: Any) -> list[list[str]]:
    """The ids of each page, from the newest to the end."""
    found, following = [], ""
    while following is not None:
        answered = person.get("/api/photos", cursor=following, **query).json()
        found.append([photo["photo_id"] for photo in answered["photos"]])
        following = answered["cursor"]
    return found


def cursor(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode()


@pytest.fixture
def many(ann: Caller) -> list[str]:
    """Five photos, the newest first."""
    made = [develop(ann, {"Cat": 99.0}, moment=f"2026-11-0{day}") for day in (1, 2, 3, 4, 5)]
    return made[::-1]


def test_photos_are_listed_newest_first(ann: Caller, many: list[str]) -> None:
    assert ids(ann) == many


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("query", [{}, {"label": "cat"}, {"from": "2026-11-01"}])
def test_pages_lose_and_repeat_nothing(ann: Caller, many: list[str], limit: int, query: dict[str, Any]) -> None:
    found = pages(ann, limit=limit, **query)
    assert [photo for page in found for photo in page] == many
    assert all(len(page) == limit for page in found[:-1])


def test_pages_of_one_moment_lose_and_repeat_nothing(ann: Caller) -> None:
    made = {develop(ann, moment="2026-11-03") for _ in range(4)}
    found = [photo for page in pages(ann, limit=1) for photo in page]
    assert (len(found), set(found)) == (4, made)


def test_pages_of_an_album_lose_and_repeat_nothing(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    made = [develop(ann, moment=f"2026-11-0{day}", album_id=album) for day in (1, 2, 3)]
    assert pages(ann, limit=2, album_id=album) == [[made[2], made[1]], [made[0]]]


def test_what_comes_while_one_turns_pages_moves_nothing(ann: Caller, many: list[str]) -> None:
    first = ann.get("/api/photos", limit=2).json()
    develop(ann, moment="2026-11-20")
    assert ids(ann, limit=2, cursor=first["cursor"]) == many[2:4]


def test_a_photo_deleted_at_the_end_of_a_page_leaves_the_next_page_as_it_is(ann: Caller, many: list[str]) -> None:
    first = ann.get("/api/photos", limit=2).json()
    ann("DELETE", f"/api/photos/{many[1]}")
    assert ids(ann, limit=2, cursor=first["cursor"]) == many[2:4]


def test_a_page_of_a_search_that_few_match_is_short_and_says_where_to_go_on(ann: Caller) -> None:
    with clock("2026-11-01"):
        last = announce(ann, name="last.jpg").json()["photo"]["photo_id"]
    darkroom.shelve("ann", 450, "2026-11-02")
    with clock("2026-11-03"):
        found = pages(ann, to="2026-11-30", min_confidence=0, limit=100)
        assert [photo for page in found for photo in page][-1] == last
        assert [len(page) for page in pages(ann, min_confidence=50, limit=100)] == [0, 0]


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1e9", "ten", "", "1.5", "9" * 5000])
def test_a_limit_that_is_none_is_refused(ann: Caller, limit: str) -> None:
    answered = ann.get("/api/photos", limit=limit)
    assert (answered.status, answered.problem()["errors"][0]["field"]) == (422, "limit")


@pytest.mark.parametrize("text", ["x", "AAAA", "a" * 2049, "%", "bm9uZQ==", "Cg==", "Cgo=A", "/+/+", "w4PDgw=="])
def test_a_cursor_that_is_not_ours_is_refused(ann: Caller, text: str) -> None:
    answered = ann.get("/api/photos", cursor=text)
    assert (answered.status, answered.problem()["errors"][0]["field"]) == (422, "cursor")


@pytest.mark.parametrize("place", ["x\ny\nz", "~\n~\n~", "2026\n\0\n\0", "2026" + "x" * 1020 + "\np\ns"])
def test_a_cursor_that_somebody_made_up_leads_nowhere_else(ann: Caller, many: list[str], place: str) -> None:
    assert set(ids(ann, cursor=cursor(place))) <= set(many)


# What the table could not be asked for: keys are not empty, and at most 1,024 bytes.
@pytest.mark.parametrize(
    "place", ["\n\n", "2026\n\ns", "2026\np\n", "2026" + "x" * 1021 + "\np\ns", "2026\np\n" + "x" * 1025]
)
def test_a_cursor_that_is_no_place_in_the_table_is_refused(ann: Caller, place: str) -> None:
    answered = ann.get("/api/photos", cursor=cursor(place))
    assert (answered.status, answered.problem()["errors"][0]["field"]) == (422, "cursor")
