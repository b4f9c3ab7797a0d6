"""Lists of photos: newest first, in complete pages, from cursors that lead to no other list."""

import base64
from itertools import chain
from typing import Any

import pytest

from tests.functions.darkroom import develop
from tests.functions.http_api import Caller


def ids(person: Caller, **query: Any) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", **query).json()["photos"]]


def pages(person: Caller, **query: Any) -> list[list[str]]:
    """Return the ids of each page, newest first."""
    found, following = [], ""
    while following is not None:
        answered = person.get("/api/photos", cursor=following, **query).json()
        found.append([photo["photo_id"] for photo in answered["photos"]])
        following = answered["cursor"]
    return found


def cursor(position: str) -> str:
    return base64.urlsafe_b64encode(position.encode()).decode()


@pytest.fixture
def many(ann: Caller) -> list[str]:
    """Five photos, newest first."""
    made = [develop(ann, {"Cat": 99.0}, moment=f"2026-11-0{day}") for day in (1, 2, 3, 4, 5)]
    return made[::-1]


@pytest.mark.parametrize("query", [{}, {"label": "cat"}, {"from": "2026-11-01"}])
def test_pages_are_complete_and_newest_first(ann: Caller, many: list[str], query: dict[str, Any]) -> None:
    assert ids(ann) == many
    for limit in (1, 2, 5):
        found = pages(ann, limit=limit, **query)
        assert [*chain(*found)] == many
        assert all(len(page) == limit for page in found[:-1])


def test_pages_of_one_moment_are_complete(ann: Caller) -> None:
    made = {develop(ann, moment="2026-11-03") for _ in range(4)}
    assert sorted(chain(*pages(ann, limit=1))) == sorted(made)


# What DynamoDB does not accept: keys are not empty, and have at most 1,024 bytes.
NO_POSITIONS = ["\n\n", "2026\n\ns", "2026\np\n", "2026" + "x" * 1021 + "\np\ns", "2026\np\n" + "x" * 1025]
LIMITS = ["0", "-1", "101", "1e9", "ten", "", "1.5", "9" * 5000]
CURSORS = ["x", "AAAA", "a" * 2049, "%", "bm9uZQ==", "Cg==", "Cgo=A", "/+/+", "w4PDgw==", *map(cursor, NO_POSITIONS)]


def test_invalid_limit_or_cursor_is_rejected(ann: Caller) -> None:
    for name, value in [*(("limit", value) for value in LIMITS), *(("cursor", value) for value in CURSORS)]:
        answered = ann.get("/api/photos", **{name: value})
        assert answered.status == 422, (name, value)
        assert answered.problem()["errors"][0]["field"] == name


def test_forged_cursor_leads_to_no_other_list(ann: Caller, many: list[str]) -> None:
    for position in ("x\ny\nz", "~\n~\n~", "2026\n\0\n\0", "2026" + "x" * 1020 + "\np\ns"):
        assert set(ids(ann, cursor=cursor(position))) <= set(many), position
