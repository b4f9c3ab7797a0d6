"""Operators: who is one, what only they may do, and how they delete all photos of all owners."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import OPERATIONS, Api, Caller, filled, good_body, operation
from vision.domain.tokens import NO_SECOND_FACTOR, NOT_CHECKED, WITHHELD

CONFIRMED: dict[str, Any] = {"confirm": "delete all photos of everyone"}
BODIES = {("POST", "/api/bulk-runs"): {"prefix": ""}, ("DELETE", "/api/photos"): CONFIRMED}
OF_OPERATORS = [
    (method, path) for method, path in OPERATIONS if "Operators" in (operation(method, path) or {}).get("tags", [])
]


def photos(person: Caller) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", limit=100).json()["photos"]]


def cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


def with_claims(person: Caller, **claims: str | None) -> Caller:
    """Return the same person with other claims in the token."""
    return Caller(person.handler, {**(person.claims or {}), **claims})


def test_me_shows_the_caller(ann: Caller) -> None:
    assert ann.get("/api/me").json() == {"owner": "ann", "is_operator": False, "operators_withheld": None}


@pytest.mark.parametrize(
    ("reason", "shown", "remedy"),
    [
        (NO_SECOND_FACTOR, NO_SECOND_FACTOR, "under Second factor, and sign in again with its code"),
        (NOT_CHECKED, NOT_CHECKED, "could not be checked for your account; wait a minute, sign out, and sign in again"),
        ("another reason", None, "add you to the group operators"),
    ],
)
def test_operator_whose_group_is_withheld_is_refused_with_the_remedy(
    api: Api, reason: str, shown: str | None, remedy: str
) -> None:
    olga = with_claims(api("olga"), **{WITHHELD: reason})
    assert olga.get("/api/me").json() == {"owner": "olga", "is_operator": False, "operators_withheld": shown}
    for method, path in OF_OPERATORS:
        answered = olga(method, filled(path, run_id="run"), BODIES.get((method, path)))
        assert answered.status == 403
        assert remedy in answered.problem()["detail"]


def test_withheld_group_in_the_token_gives_no_right(operator: Caller) -> None:
    olga = with_claims(operator, **{WITHHELD: NO_SECOND_FACTOR})
    assert olga.get("/api/me").json()["is_operator"] is False
    assert olga.get("/api/inspections").status == 403


def test_only_an_access_token_is_accepted(ann: Caller) -> None:
    for use in ("id", "refresh", "", None):
        assert with_claims(ann, token_use=use).get("/api/me").status == 401, use


MEMBERS = [("operators",), ("guests", "operators"), ("operators", "guests"), ("[guests]", "operators")]
OTHER_NAMES = [(), *((name,) for name in ("guests", "operator", "operators2", "Operators", "not-operators"))]
OTHER_NAMES += [("staff,operators",)]
# API Gateway puts brackets around the list; a name may begin or end with brackets of its own.
BRACKETS = [("[operators]",), ("[operators",), ("operators]",), ("[[operators]]",), ("[operators", "operators]")]
# Group names have no whitespace in Cognito, and none of these separates two groups.
WHITESPACE = [("guests\u00a0operators",), ("guests\toperators",)]


def test_operator_is_a_member_of_the_group(api: Api) -> None:
    for groups in [*MEMBERS, *OTHER_NAMES, *BRACKETS, *WHITESPACE]:
        assert api("olga", *groups).get("/api/me").json()["is_operator"] is (groups in MEMBERS), groups


CLAIMS = [("cognito:groups", groups) for groups in ("operators", "[operators", "operators]", "", "[]")]
CLAIMS += [(name, "[operators]") for name in ("scope", "username", "custom:groups", "groups", "cognito:roles", "email")]


def test_malformed_groups_and_other_claims_make_no_operator(api: Api) -> None:
    for claim, value in CLAIMS:
        assert with_claims(api("olga"), **{claim: value}).get("/api/bulk-runs").status == 403, (claim, value)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_request_without_a_subject_is_refused_on_every_route(ann: Caller, method: str, path: str) -> None:
    target = filled(path, album_id="a" * 26, photo_id="a" * 26, run_id="run")
    for claims in (None, {}, {"sub": ""}, {"sub": "ann\nbob"}, {"sub": "a#b"}, {"username": "ann"}):
        assert Caller(ann.handler, claims)(method, target, good_body(method, path)).status == 401, claims


@pytest.mark.parametrize(("method", "path"), OF_OPERATORS)
def test_operations_of_operators_are_refused_to_others(api: Api, method: str, path: str) -> None:
    answered = api("ann", "guests")(method, filled(path, run_id="run"), BODIES.get((method, path)))
    assert answered.status == 403
    assert "operators" in answered.problem()["detail"]


@pytest.fixture
def everyone(api: Api) -> list[Caller]:
    """Three people with two photos each, one of them pending."""
    people = [api("ann"), api("bob"), api("eve")]
    for person in people:
        develop(person, {"Cat": 99.0})
        announce(person)
    return people


def test_operator_with_the_exact_confirmation_deletes_all_photos_of_all_owners(
    operator: Caller, everyone: list[Caller]
) -> None:
    for body in [*UNCONFIRMED, *(CONFIRMED | {"cursor": text} for text in CURSORS)]:
        assert operator("DELETE", "/api/photos", body).status == 422, body
    assert operator("DELETE", "/api/photos", **CONFIRMED).status == 422
    assert everyone[0]("DELETE", "/api/photos", CONFIRMED).status == 403
    assert [len(photos(person)) for person in everyone] == [2, 2, 2]
    for _ in range(2):
        assert operator("DELETE", "/api/photos", CONFIRMED).status == 204
        assert [photos(person) for person in everyone] == [[], [], []]
        assert darkroom.objects() == []


SENTENCE = CONFIRMED["confirm"]
OTHER_WORDS = ["", None, True, "yes", SENTENCE.capitalize(), f"{SENTENCE} ", [SENTENCE]]
CURSORS = ["x", 5, "a" * 2049, cursor("\n\n"), cursor("\nPHOTO#x\n"), cursor("\n\nCURRENT")]
UNCONFIRMED = [None, {}, *({"confirm": words} for words in OTHER_WORDS), CONFIRMED | {"owner": "ann"}]


def test_many_photos_are_deleted_in_steps_that_continue_from_a_cursor(operator: Caller) -> None:
    darkroom.shelve("ann", 45, "2026-11-03")
    body, deleted = dict(CONFIRMED), []
    while (answered := operator("DELETE", "/api/photos", body)).status == 202:
        deleted.append(answered.json()["deleted"])
        body["cursor"] = answered.json()["cursor"]
    assert deleted == [20, 20]
    assert answered.status == 204


def test_steps_without_a_cursor_end_too(operator: Caller) -> None:
    darkroom.shelve("ann", 25, "2026-11-03")
    assert [operator("DELETE", "/api/photos", CONFIRMED).status for _ in range(2)] == [202, 204]


def test_albums_and_counts_stay_when_all_photos_are_deleted(operator: Caller, ann: Caller) -> None:
    ann("POST", "/api/albums", {"name": "Rome"})
    develop(ann, {"Cat": 99.0})
    operator("DELETE", "/api/photos", CONFIRMED)
    assert len(ann.get("/api/albums").json()["albums"]) == 1
    assert len(ann.get("/api/counts").json()["counts"]) == 1
