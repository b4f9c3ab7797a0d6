"""Operators: who is one, what only they may do, and how they delete the photos of everyone."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import OPERATIONS, Caller, filled, operation
from vision.domain.tokens import NO_SECOND_FACTOR, NOT_CHECKED, WITHHELD

CONFIRMED = {"confirm": "delete all photos of everyone"}
BODIES = {("POST", "/api/bulk-runs"): {"prefix": ""}, ("DELETE", "/api/photos"): CONFIRMED}
OF_OPERATORS = [
    (method, path) for method, path in OPERATIONS if "Operators" in (operation(method, path) or {}).get("tags", [])
]


@pytest.fixture
def operator(api: Callable[..., Caller]) -> Caller:
    return api("olga", "operators")


def photos(person: Caller) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", limit=100).json()["photos"]]


def place(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


# Who asks


def test_a_person_is_told_who_it_is(api: Callable[..., Caller]) -> None:
    assert api("ann").get("/api/me").json() == {"owner": "ann", "is_operator": False, "operators_withheld": None}


def without_the_group(api: Callable[..., Caller], reason: str) -> Caller:
    """Somebody of the group operators whose token does not say so, for a reason."""
    olga = api("olga")
    return Caller(olga.handler, {**(olga.told or {}), WITHHELD: reason})


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (NO_SECOND_FACTOR, "set one up on the page, under Second factor, and sign in again with its code"),
        (NOT_CHECKED, "could not be checked; wait a minute, sign out, and sign in again"),
        ("another reason", "ask to be put into the group operators"),
    ],
)
@pytest.mark.parametrize(("method", "path"), OF_OPERATORS)
def test_operator_whose_group_is_withheld_is_told_what_to_do(
    api: Callable[..., Caller], method: str, path: str, reason: str, sentence: str
) -> None:
    asks = without_the_group(api, reason)
    answered = asks(method, filled(path, run_id="run"), BODIES.get((method, path)))
    assert (answered.status, sentence in answered.problem()["detail"]) == (403, True)


@pytest.mark.parametrize(("reason", "told"), [(NO_SECOND_FACTOR,) * 2, (NOT_CHECKED,) * 2, ("another reason", None)])
def test_person_is_told_why_the_group_is_withheld(api: Callable[..., Caller], reason: str, told: str | None) -> None:
    assert without_the_group(api, reason).get("/api/me").json() == {
        "owner": "olga",
        "is_operator": False,
        "operators_withheld": told,
    }


def test_withheld_group_gives_no_right_even_where_it_is_in_the_token(api: Callable[..., Caller]) -> None:
    ann = api("ann", "operators")
    asks = Caller(ann.handler, {**(ann.told or {}), WITHHELD: NO_SECOND_FACTOR})
    assert asks.get("/api/me").json()["is_operator"] is False
    assert asks.get("/api/inspections").status == 403


@pytest.mark.parametrize("use", ["id", "refresh", "", None])
def test_only_an_access_token_is_taken(api: Callable[..., Caller], use: str | None) -> None:
    ann = api("ann")
    asks = Caller(ann.handler, {**(ann.told or {}), "token_use": use})
    assert asks.get("/api/me").status == 401


@pytest.mark.parametrize(
    ("groups", "is_operator"),
    [
        ((), False),
        (("operators",), True),
        (("guests", "operators"), True),
        (("operators", "guests"), True),
        (("guests",), False),
        (("operator",), False),
        (("staff,operators",), False),
        (("operators2",), False),
        (("Operators",), False),
        (("not-operators",), False),
        # API Gateway puts brackets around the list; a name may begin or end with some of its own.
        (("[operators]",), False),
        (("[operators",), False),
        (("operators]",), False),
        (("[[operators]]",), False),
        (("[operators", "operators]"), False),
        (("[guests]", "operators"), True),
        # Cognito's names have no spaces of any kind, and none of these separates two groups.
        (("guests\u00a0operators",), False),
        (("guests\toperators",), False),
    ],
)
def test_an_operator_is_who_is_in_the_group(
    api: Callable[..., Caller], groups: tuple[str, ...], is_operator: bool
) -> None:
    assert api("olga", *groups).get("/api/me").json()["is_operator"] is is_operator


@pytest.mark.parametrize("groups", ["operators", "[operators", "operators]", "", "[]"])
def test_groups_that_are_no_list_make_no_operator(api: Callable[..., Caller], groups: str) -> None:
    olga = api("olga")
    asks = Caller(olga.handler, {**(olga.told or {}), "cognito:groups": groups})
    assert asks.get("/api/bulk-runs").status == 403


@pytest.mark.parametrize("claim", ["scope", "username", "custom:groups", "groups", "cognito:roles", "email"])
def test_no_other_claim_makes_an_operator(api: Callable[..., Caller], claim: str) -> None:
    olga = api("olga")
    asks = Caller(olga.handler, {**(olga.told or {}), claim: "[operators]"})
    assert asks.get("/api/bulk-runs").status == 403


@pytest.mark.parametrize("told", [None, {}, {"sub": ""}, {"sub": "ann\nbob"}, {"sub": "a#b"}, {"username": "ann"}])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_request_that_names_nobody_is_refused_on_every_route(
    api: Callable[..., Caller], method: str, path: str, told: dict[str, str] | None
) -> None:
    asks = Caller(api("ann").handler, told)
    target = filled(path, album_id="a" * 26, photo_id="a" * 26, run_id="run")
    bodies = {"POST /api/albums": {"name": "Rome"}, "PATCH /api/albums/{album_id}": {"name": "Rome"}}
    form = {"name": "a.jpg", "content_type": "image/jpeg", "size_bytes": 1}
    body = BODIES.get((method, path)) or (bodies | {"POST /api/photos": form}).get(f"{method} {path}")
    assert asks(method, target, body).status == 401


@pytest.mark.parametrize(("method", "path"), OF_OPERATORS)
def test_what_operators_do_is_refused_to_others(api: Callable[..., Caller], method: str, path: str) -> None:
    answered = api("ann", "guests")(method, filled(path, run_id="run"), BODIES.get((method, path)))
    assert (answered.status, "operators" in answered.problem()["detail"]) == (403, True)


# Deleting everything


@pytest.fixture
def everyone(api: Callable[..., Caller]) -> list[Caller]:
    """Three people with two photos each, one of them only announced."""
    people = [api("ann"), api("bob"), api("eve")]
    for person in people:
        develop(person, {"Cat": 99.0})
        announce(person)
    return people


def test_an_operator_deletes_the_photos_of_everyone(operator: Caller, everyone: list[Caller]) -> None:
    assert operator("DELETE", "/api/photos", CONFIRMED).status == 204
    assert ([photos(person) for person in everyone], darkroom.objects()) == ([[], [], []], [])


def test_where_there_is_nothing_nothing_is_deleted(operator: Caller) -> None:
    assert operator("DELETE", "/api/photos", CONFIRMED).status == 204


def test_whoever_is_no_operator_deletes_nothing(api: Callable[..., Caller], everyone: list[Caller]) -> None:
    assert api("ann")("DELETE", "/api/photos", CONFIRMED).status == 403
    assert [len(photos(person)) for person in everyone] == [2, 2, 2]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"confirm": ""},
        {"confirm": None},
        {"confirm": True},
        {"confirm": "yes"},
        {"confirm": "Delete all photos of everyone"},
        {"confirm": "delete all photos of everyone "},
        {"confirm": ["delete all photos of everyone"]},
        {**CONFIRMED, "owner": "ann"},
        {**CONFIRMED, "cursor": "x"},
        {**CONFIRMED, "cursor": 5},
        {**CONFIRMED, "cursor": "a" * 2049},
        {**CONFIRMED, "cursor": place("\n\n")},
        {**CONFIRMED, "cursor": place("\nPHOTO#x\n")},
        {**CONFIRMED, "cursor": place("\n\nCURRENT")},
    ],
)
def test_without_the_very_words_nothing_is_deleted(operator: Caller, everyone: list[Caller], body: Any) -> None:
    assert operator("DELETE", "/api/photos", body).status == 422
    assert [len(photos(person)) for person in everyone] == [2, 2, 2]


def test_the_words_in_the_address_are_no_confirmation(operator: Caller, everyone: list[Caller]) -> None:
    assert operator("DELETE", "/api/photos", **CONFIRMED).status == 422
    assert [len(photos(person)) for person in everyone] == [2, 2, 2]


def test_many_photos_are_deleted_in_steps_that_go_on_where_the_last_stopped(operator: Caller) -> None:
    darkroom.shelve("ann", 45, "2026-11-03")
    body, deleted = dict(CONFIRMED), []
    while (answered := operator("DELETE", "/api/photos", body)).status == 202:
        deleted.append(answered.json()["deleted"])
        body["cursor"] = answered.json()["cursor"]
    assert (deleted, answered.status) == ([20, 20], 204)


def test_steps_without_their_cursor_come_to_the_end_too(operator: Caller) -> None:
    darkroom.shelve("ann", 25, "2026-11-03")
    assert [operator("DELETE", "/api/photos", CONFIRMED).status for _ in range(2)] == [202, 204]


def test_albums_and_counts_stay_when_all_photos_are_deleted(operator: Caller, api: Callable[..., Caller]) -> None:
    ann = api("ann")
    ann("POST", "/api/albums", {"name": "Rome"})
    develop(ann, {"Cat": 99.0})
    operator("DELETE", "/api/photos", CONFIRMED)
    assert len(ann.get("/api/albums").json()["albums"]) == 1
    assert len(ann.get("/api/counts").json()["counts"]) == 1


# An operator is a person too


def test_an_operator_sees_no_more_photos_than_its_own(operator: Caller, everyone: list[Caller]) -> None:
    assert photos(operator) == []


def test_an_operator_cannot_look_at_the_photo_of_somebody(operator: Caller, everyone: list[Caller]) -> None:
    [photo, _] = photos(everyone[0])
    assert operator.get(f"/api/photos/{photo}").status == 404
