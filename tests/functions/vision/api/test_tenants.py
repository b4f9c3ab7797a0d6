"""Tenant safety: no route, id, cursor, key or search shows, changes or betrays what is another person's.

Driven by the OpenAPI document: a route that is added is asked for everything that somebody else has, too.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import GOOD_BODIES, OPERATIONS, Answer, Caller, filled, form_of, good_body, operation
from vision.adapters.aws_sdk import client

pytestmark = pytest.mark.thorough

NOBODYS = "a" * 26
HIS = re.compile(r"\bbob\b")
OPERATORS = "Operators"
# What an operator sees of everyone, and what asks for nothing by a name, are not among these.
OF_PEOPLE = [one for one in OPERATIONS if OPERATORS not in (operation(*one) or {}).get("tags", [])]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What Bob has, and every text by which it could be asked for."""

    bob: Caller
    album_id: str
    photo_id: str
    pending_id: str
    cursor: str
    key: str

    @property
    def secrets(self) -> list[str]:
        """What no answer to somebody else may have in it."""
        # Not bare letters: an id of somebody else is made of such, too.
        return [
            '"bob"',
            "/bob/",
            "#bob",
            "bob.jpg",
            "Bob's",
            self.album_id,
            self.photo_id,
            self.pending_id,
            "Zebra",
            "2026-11-07",
        ]

    @property
    def texts(self) -> list[str]:
        """What somebody else may try in every place where a text goes."""
        keys = [f"OWNER#bob#ALBUM#{self.album_id}", "OWNER#bob", "private/bob/uploads/", "bob", "%2A", "*", "../bob"]
        return [self.album_id, self.photo_id, self.pending_id, self.cursor, self.key, "Zebra", "Bob's Rome", *keys]


@pytest.fixture
def belongings(api: Callable[..., Caller]) -> Belongings:
    bob = api("bob")
    album = bob("POST", "/api/albums", {"name": "Bob's Rome"}, key="bobs-key").json()["album_id"]
    photo = develop(bob, {"Zebra": 99.0}, moment="2026-11-07", name="bob.jpg", album_id=album, key="bobs-photo")
    pending = announce(bob, name="bob2.jpg").json()["photo"]["photo_id"]
    cursor = bob.get("/api/photos", limit=1).json()["cursor"]
    return Belongings(bob, album, photo, pending, cursor, "bobs-key")


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


@pytest.fixture
def state(belongings: Belongings) -> Callable[[], Any]:
    """Everything that is stored of Bob, and all objects."""

    def look() -> Any:
        items = client("dynamodb").scan(TableName=TABLE)["Items"]
        # Not bare letters, nor Bob's in a longer word: an id of somebody else is made of such, too.
        kept = sorted(text for item in items if HIS.search(text := json.dumps(item, sort_keys=True)))
        return kept, sorted(darkroom.objects())

    return look


def bodies(method: str, path: str, wanted: Belongings) -> Iterator[dict[str, Any] | None]:
    """A good body of an operation, and one for each of its fields that has each of Bob's texts."""
    good = good_body(method, path)
    if good is None:
        yield None
        return
    yield good
    yield from (good | {field: text} for field, text in product(FIELDS[form_of(method, path)], wanted.texts))


FIELDS = {
    "AlbumForm": ["owner", "album_id"],
    "PhotoForm": ["album_id", "owner", "key", "photo_id"],
    "RunForm": ["owner", "bucket", "prefix"],
    "Confirmation": ["cursor"],
}


def requests(method: str, path: str, wanted: Belongings) -> Iterator[dict[str, Any]]:
    """Every request of an operation that has something of Bob's in one of its places."""
    described = operation(method, path) or {}
    places = [(one["in"], one["name"]) for one in described.get("parameters", [])]
    ids = [name for kind, name in places if kind == "path"]
    first, *_ = bodies(method, path, wanted)
    for text in wanted.texts if ids else [""]:
        target = filled(path, **dict.fromkeys(ids, text))
        yield {"target": target, "body": first}
        if text != wanted.photo_id and ids:
            continue
        for (kind, name), value in product(places, wanted.texts):
            if kind == "query":
                yield {"target": target, "body": first, "query": {name: value}}
            elif kind == "header":
                yield {"target": target, "body": first, "headers": {name: value}}
        # What the document has not, somebody may try all the same.
        for name in ("owner", "sub", "user", "username"):
            yield {"target": target, "body": first, "query": {name: "bob"}}
            yield {"target": target, "body": first, "headers": {f"x-{name}": "bob"}}
        for body in bodies(method, path, wanted):
            yield {"target": target, "body": body}


def ask(person: Caller, method: str, request: dict[str, Any]) -> Answer:
    query = {f"{name}_": value for name, value in request.get("query", {}).items()}
    return person(method, request["target"], request["body"], headers=request.get("headers"), **query)


def told(answer: Answer, request: dict[str, Any]) -> str:
    """What an answer tells beyond what was asked."""
    body = answer.body
    for echo in (request["body"] or {}).values():
        body = body.replace(json.dumps(echo, ensure_ascii=False), "")
    return body


@pytest.mark.parametrize(("method", "path"), OF_PEOPLE)
def test_no_answer_tells_of_another_persons_things(ann: Caller, belongings: Belongings, method: str, path: str) -> None:
    betrayed = {
        json.dumps(request): found
        for request in requests(method, path, belongings)
        if (answer := told(ask(ann, method, request), request))
        and (found := [secret for secret in belongings.secrets if secret in answer])
    }
    assert betrayed == {}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_changes_another_persons_things(
    ann: Caller, belongings: Belongings, state: Callable[[], Any], method: str, path: str
) -> None:
    before = state()
    for request in requests(method, path, belongings):
        ask(ann, method, request)
    items, objects = state()
    assert (items, [key for key in objects if "/bob/" in key]) == before


WITH_AN_ID = [(method, path) for method, path in OF_PEOPLE if "{" in path]


@pytest.mark.parametrize(("method", "path"), WITH_AN_ID)
def test_an_id_of_somebody_else_is_answered_like_one_that_never_was(
    ann: Caller, belongings: Belongings, method: str, path: str
) -> None:
    body = next(bodies(method, path, belongings))
    ids = (NOBODYS, belongings.album_id, belongings.photo_id, belongings.pending_id)
    unknown, *others = (ann(method, filled(path, album_id=one, photo_id=one), body) for one in ids)
    assert unknown.status == 404
    assert others == [unknown] * 3


def test_the_id_of_a_deleted_photo_of_somebody_else_is_answered_so_too(ann: Caller, belongings: Belongings) -> None:
    belongings.bob("DELETE", f"/api/photos/{belongings.photo_id}")
    for method in ("GET", "DELETE"):
        unknown, gone = (ann(method, f"/api/photos/{one}") for one in (NOBODYS, belongings.photo_id))
        assert gone == unknown


def test_an_album_of_somebody_else_takes_no_photo(ann: Caller, belongings: Belongings) -> None:
    unknown, foreign = (announce(ann, album_id=one) for one in (NOBODYS, belongings.album_id))
    assert (foreign.status, foreign) == (404, unknown)


def test_an_album_of_somebody_else_lists_like_one_that_never_was(ann: Caller, belongings: Belongings) -> None:
    mine = announce(ann).json()["photo"]["photo_id"]
    unknown, foreign = (ann.get("/api/photos", album_id=one) for one in (NOBODYS, belongings.album_id))
    assert (foreign.json(), foreign) == ({"photos": [], "cursor": None}, unknown)
    assert ann.get(f"/api/photos/{mine}").status == 200


def test_a_cursor_of_somebody_else_goes_on_in_the_own_list(ann: Caller, belongings: Belongings) -> None:
    older = develop(ann, moment="2026-11-01")
    listed = ann.get("/api/photos", cursor=belongings.cursor).json()
    assert [photo["photo_id"] for photo in listed["photos"]] == [older]


def test_a_cursor_made_of_somebodys_keys_shows_nothing_of_them(ann: Caller, belongings: Belongings) -> None:
    moment, _, _ = urlsafe_b64decode(belongings.cursor).decode().split("\n")
    places = [(f"PHOTO#{belongings.photo_id}", "CURRENT"), ("OWNER#bob", f"ALBUM#{belongings.album_id}"), ("~", "~")]
    for pk, sk in places:
        cursor = urlsafe_b64encode(f"{moment}~\n{pk}\n{sk}".encode()).decode()
        assert ann.get("/api/photos", cursor=cursor).json() == {"photos": [], "cursor": None}


def test_the_same_key_of_two_people_makes_two_albums(ann: Caller, belongings: Belongings) -> None:
    mine = ann("POST", "/api/albums", {"name": "mine"}, key=belongings.key)
    assert (mine.status, mine.json()["name"]) == (201, "mine")
    assert [album["name"] for album in belongings.bob.get("/api/albums").json()["albums"]] == ["Bob's Rome"]


def test_the_same_key_of_two_people_announces_two_photos(ann: Caller, belongings: Belongings) -> None:
    mine = announce(ann, name="bob.jpg", key="bobs-photo").json()
    assert mine["photo"]["photo_id"] != belongings.photo_id
    assert mine["upload"]["fields"]["key"].startswith("private/ann/uploads/")


def test_the_same_key_of_two_operators_starts_two_runs(api: Callable[..., Caller]) -> None:
    runs = [api(name, "operators")("POST", "/api/bulk-runs", {"prefix": name}, key="k1") for name in ("olga", "otto")]
    assert [run.status for run in runs] == [202, 202]


def test_no_two_people_and_keys_are_the_same_together(api: Callable[..., Caller]) -> None:
    # An owner whose name continues another's, in front of a key that makes up for it.
    pairs = [("bob", "by-bob"), ("bobby", "-bob"), ("bob-", "y-bob"), ("b", "ob-by-bob")]
    answers = [api(owner)("POST", "/api/albums", {"name": "mine"}, key=key) for owner, key in pairs]
    assert len({answer.json()["album_id"] for answer in answers}) == len(pairs)


def test_labels_of_somebody_else_are_not_offered(ann: Caller, belongings: Belongings) -> None:
    develop(ann, {"Zoo": 99.0})
    assert ann.get("/api/labels", prefix="z").json() == {"labels": ["Zoo"]}


def test_counts_of_somebody_else_are_not_told(ann: Caller, belongings: Belongings) -> None:
    assert ann.get("/api/counts").json() == {"counts": []}


@pytest.mark.parametrize("query", [{"label": "zebra"}, {"class": "zebra"}, {"min_confidence": 50}, {"limit": 100}])
def test_a_search_finds_nothing_of_somebody_else(ann: Caller, belongings: Belongings, query: dict[str, Any]) -> None:
    assert ann.get("/api/photos", **query).json() == {"photos": [], "cursor": None}


@pytest.mark.parametrize(("owner", "label"), [("bo", "b#LABEL#zebra"), ("bobby", "#LABEL#zebra"), ("ann", "../bob")])
def test_no_name_and_label_lead_together_to_somebody_else(
    api: Callable[..., Caller], belongings: Belongings, owner: str, label: str
) -> None:
    assert api(owner).get("/api/photos", label=label).json() == {"photos": [], "cursor": None}


def test_somebody_whose_name_begins_like_anothers_sees_nothing_of_them(
    api: Callable[..., Caller], belongings: Belongings
) -> None:
    for owner in ("bo", "bobb", "bob-2", "BOB"):
        person = api(owner)
        seen = [person.get(path).json() for path in ("/api/photos", "/api/albums", "/api/labels", "/api/counts")]
        assert seen == [{"photos": [], "cursor": None}, {"albums": []}, {"labels": []}, {"counts": []}]


@pytest.mark.parametrize("claim", ["owner", "username", "cognito:username", "custom:sub", "email", "client_id", "Sub"])
def test_no_claim_but_the_subject_says_whose_things_are_meant(ann: Caller, belongings: Belongings, claim: str) -> None:
    asks = Caller(ann.handler, {**(ann.told or {}), claim: "bob"})
    assert asks.get("/api/photos").json() == {"photos": [], "cursor": None}


def test_an_operator_is_nobody_to_the_things_of_others(api: Callable[..., Caller], belongings: Belongings) -> None:
    olga = api("olga", "operators")
    answers = [
        olga(
            method,
            filled(path, album_id=belongings.album_id, photo_id=belongings.photo_id),
            next(bodies(method, path, belongings)),
        )
        for method, path in WITH_AN_ID
    ]
    assert {answer.status for answer in answers} == {404}


def test_every_form_is_known_here() -> None:
    named = {form_of(*one) for one in OPERATIONS} - {""}
    assert named == GOOD_BODIES.keys() == FIELDS.keys()
