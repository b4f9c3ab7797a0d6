"""Tenant isolation: no route, id, cursor, key or search shows, changes or reveals the data of another person.

Driven by the OpenAPI document: a new route is attacked with everything that another person has, too.
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
from tests.functions.http_api import GOOD_BODIES, OPERATIONS, Answer, Api, Caller, filled, form_of, good_body, operation
from vision.adapters.aws_sdk import client

pytestmark = pytest.mark.thorough

UNKNOWN = "a" * 26
BOBS = re.compile(r"\bbob\b")
NO_PHOTOS: dict[str, Any] = {"photos": [], "cursor": None}
# Without the operations of operators, who see the data of everyone.
OF_PEOPLE = [one for one in OPERATIONS if "Operators" not in (operation(*one) or {}).get("tags", [])]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What Bob has, and every text that could lead to it."""

    bob: Caller
    album_id: str
    photo_id: str
    pending_id: str
    cursor: str
    key: str

    @property
    def secrets(self) -> list[str]:
        """Return the texts that no answer to another person may contain."""
        # No bare letters: the ids of other people contain them, too.
        words = ['"bob"', "/bob/", "#bob", "bob.jpg", "Bob's", "Zebra", "2026-11-07"]
        return [*words, self.album_id, self.photo_id, self.pending_id]

    @property
    def texts(self) -> list[str]:
        """Return what an attacker may try in every place that takes a text."""
        keys = [f"OWNER#bob#ALBUM#{self.album_id}", "OWNER#bob", "private/bob/uploads/", "bob", "%2A", "*", "../bob"]
        return [self.album_id, self.photo_id, self.pending_id, self.cursor, self.key, "Zebra", "Bob's Rome", *keys]


@pytest.fixture
def belongings(api: Api) -> Belongings:
    bob = api("bob")
    album = bob("POST", "/api/albums", {"name": "Bob's Rome"}, key="bobs-key").json()["album_id"]
    photo = develop(bob, {"Zebra": 99.0}, moment="2026-11-07", name="bob.jpg", album_id=album, key="bobs-photo")
    pending = announce(bob, name="bob2.jpg").json()["photo"]["photo_id"]
    cursor = bob.get("/api/photos", limit=1).json()["cursor"]
    return Belongings(bob, album, photo, pending, cursor, "bobs-key")


@pytest.fixture
def state(belongings: Belongings) -> Callable[[], Any]:
    """Return all items of Bob, and all objects."""

    def read() -> Any:
        items = client("dynamodb").scan(TableName=TABLE)["Items"]
        # No bare letters, and no longer word with "bob" in it: the ids of other people contain them, too.
        kept = sorted(text for item in items if BOBS.search(text := json.dumps(item, sort_keys=True)))
        return kept, sorted(darkroom.objects())

    return read


def bodies(method: str, path: str, wanted: Belongings) -> Iterator[dict[str, Any] | None]:
    """Yield a valid body of an operation, and one for each of its fields with each of Bob's texts."""
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
    """Yield every request of an operation with one of Bob's texts in one of its parameters."""
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
        # An attacker may also try parameters that the document does not have.
        for name in ("owner", "sub", "user", "username"):
            yield {"target": target, "body": first, "query": {name: "bob"}}
            yield {"target": target, "body": first, "headers": {f"x-{name}": "bob"}}
        for body in bodies(method, path, wanted):
            yield {"target": target, "body": body}


def send(person: Caller, method: str, request: dict[str, Any]) -> Answer:
    query = {f"{name}_": value for name, value in request.get("query", {}).items()}
    return person(method, request["target"], request["body"], headers=request.get("headers"), **query)


def revealed(answer: Answer, request: dict[str, Any]) -> str:
    """Return an answer without the texts of its request."""
    body = answer.body
    for echo in (request["body"] or {}).values():
        body = body.replace(json.dumps(echo, ensure_ascii=False), "")
    return body


@pytest.mark.parametrize(("method", "path"), OF_PEOPLE)
def test_no_answer_reveals_data_of_another_person(ann: Caller, belongings: Belongings, method: str, path: str) -> None:
    leaks = {
        json.dumps(request): found
        for request in requests(method, path, belongings)
        if (answer := revealed(send(ann, method, request), request))
        and (found := [secret for secret in belongings.secrets if secret in answer])
    }
    assert leaks == {}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_changes_the_data_of_another_person(
    ann: Caller, belongings: Belongings, state: Callable[[], Any], method: str, path: str
) -> None:
    before = state()
    for request in requests(method, path, belongings):
        send(ann, method, request)
    items, objects = state()
    assert (items, [key for key in objects if "/bob/" in key]) == before


WITH_AN_ID = [(method, path) for method, path in OF_PEOPLE if "{" in path]


@pytest.mark.parametrize(("method", "path"), WITH_AN_ID)
def test_id_of_another_person_is_like_an_unknown_id(
    ann: Caller, belongings: Belongings, method: str, path: str
) -> None:
    body = next(bodies(method, path, belongings))
    ids = (UNKNOWN, belongings.album_id, belongings.photo_id, belongings.pending_id)
    unknown, *others = (ann(method, filled(path, album_id=one, photo_id=one), body) for one in ids)
    assert unknown.status == 404
    assert others == [unknown] * 3


def test_deleted_photo_of_another_person_is_answered_like_an_unknown_id(ann: Caller, belongings: Belongings) -> None:
    belongings.bob("DELETE", f"/api/photos/{belongings.photo_id}")
    for method in ("GET", "DELETE"):
        unknown, gone = (ann(method, f"/api/photos/{one}") for one in (UNKNOWN, belongings.photo_id))
        assert gone == unknown


def test_album_of_another_person_takes_and_lists_no_photo(ann: Caller, belongings: Belongings) -> None:
    own = announce(ann).json()["photo"]["photo_id"]
    unknown, foreign = (announce(ann, album_id=one) for one in (UNKNOWN, belongings.album_id))
    assert foreign.status == 404
    assert foreign == unknown
    unknown, foreign = (ann.get("/api/photos", album_id=one) for one in (UNKNOWN, belongings.album_id))
    assert foreign.json() == NO_PHOTOS
    assert foreign == unknown
    assert ann.get(f"/api/photos/{own}").status == 200


def test_cursor_of_another_person_continues_in_the_callers_own_list(ann: Caller, belongings: Belongings) -> None:
    older = develop(ann, moment="2026-11-01")
    listed = ann.get("/api/photos", cursor=belongings.cursor).json()
    assert [photo["photo_id"] for photo in listed["photos"]] == [older]


def test_cursor_forged_from_the_keys_of_another_person_shows_nothing(ann: Caller, belongings: Belongings) -> None:
    moment, _, _ = urlsafe_b64decode(belongings.cursor).decode().split("\n")
    keys = [(f"PHOTO#{belongings.photo_id}", "CURRENT"), ("OWNER#bob", f"ALBUM#{belongings.album_id}"), ("~", "~")]
    for pk, sk in keys:
        cursor = urlsafe_b64encode(f"{moment}~\n{pk}\n{sk}".encode()).decode()
        assert ann.get("/api/photos", cursor=cursor).json() == NO_PHOTOS


def test_same_idempotency_key_of_two_people_creates_two_albums_and_photos(ann: Caller, belongings: Belongings) -> None:
    album = ann("POST", "/api/albums", {"name": "mine"}, key=belongings.key)
    assert (album.status, album.json()["name"]) == (201, "mine")
    assert [one["name"] for one in belongings.bob.get("/api/albums").json()["albums"]] == ["Bob's Rome"]
    photo = announce(ann, name="bob.jpg", key="bobs-photo").json()
    assert photo["photo"]["photo_id"] != belongings.photo_id
    assert photo["upload"]["fields"]["key"].startswith("private/ann/uploads/")


def test_owner_and_idempotency_key_are_not_concatenated(api: Api) -> None:
    # Each owner continues with its key to the same text.
    pairs = [("bob", "by-bob"), ("bobby", "-bob"), ("bob-", "y-bob"), ("b", "ob-by-bob")]
    answers = [api(owner)("POST", "/api/albums", {"name": "mine"}, key=key) for owner, key in pairs]
    assert len({answer.json()["album_id"] for answer in answers}) == len(pairs)
    # The same key of two operators starts two runs.
    runs = [api(name, "operators")("POST", "/api/bulk-runs", {"prefix": name}, key="k1") for name in ("olga", "otto")]
    assert [run.status for run in runs] == [202, 202]


def test_labels_counts_and_photos_of_another_person_are_not_found(ann: Caller, belongings: Belongings) -> None:
    for query in ({"label": "zebra"}, {"class": "zebra"}, {"min_confidence": 50}, {"limit": 100}):
        assert ann.get("/api/photos", **query).json() == NO_PHOTOS, query
    assert ann.get("/api/counts").json() == {"counts": []}
    develop(ann, {"Zoo": 99.0})
    assert ann.get("/api/labels", prefix="z").json() == {"labels": ["Zoo"]}


def test_owner_with_a_similar_name_sees_nothing(api: Api, belongings: Belongings) -> None:
    for owner in ("bo", "bobb", "bob-2", "BOB"):
        person = api(owner)
        seen = [person.get(path).json() for path in ("/api/photos", "/api/albums", "/api/labels", "/api/counts")]
        assert seen == [NO_PHOTOS, {"albums": []}, {"labels": []}, {"counts": []}], owner
    # Owner and label together lead to no other list.
    for owner, label in (("bo", "b#LABEL#zebra"), ("bobby", "#LABEL#zebra"), ("ann", "../bob")):
        assert api(owner).get("/api/photos", label=label).json() == NO_PHOTOS, (owner, label)


def test_only_the_subject_claim_identifies_the_owner(ann: Caller, belongings: Belongings) -> None:
    for claim in ("owner", "username", "cognito:username", "custom:sub", "email", "client_id", "Sub"):
        other = Caller(ann.handler, {**(ann.claims or {}), claim: "bob"})
        assert other.get("/api/photos").json() == NO_PHOTOS, claim


def test_operator_finds_no_photos_and_albums_of_another_person(operator: Caller, belongings: Belongings) -> None:
    for method, path in WITH_AN_ID:
        target = filled(path, album_id=belongings.album_id, photo_id=belongings.photo_id)
        assert operator(method, target, next(bodies(method, path, belongings))).status == 404


def test_every_form_is_attacked() -> None:
    forms = {form_of(*one) for one in OPERATIONS} - {""}
    assert forms == GOOD_BODIES.keys() == FIELDS.keys()
