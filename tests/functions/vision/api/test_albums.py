"""Albums: created once, listed oldest first, renamed, and deleted with all their photos."""

from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.darkroom import announce, clock
from tests.functions.http_api import Caller
from vision.adapters.items import Items
from vision.domain.gallery import albums

UNKNOWN = "a" * 26
LIMIT_OF_A_REQUEST = 20


def make(person: Caller, name: str = "Rome", **options: Any) -> Any:
    answered = person("POST", "/api/albums", {"name": name}, **options)
    assert answered.status == 201, answered
    return answered.json()


def names(person: Caller) -> list[str]:
    return [album["name"] for album in person.get("/api/albums").json()["albums"]]


def test_created_album_is_listed(ann: Caller) -> None:
    assert ann.get("/api/albums").json() == {"albums": []}
    with clock("2026-11-03T10:00:00.123Z"):
        made = make(ann)
    assert (made["name"], made["created_at"]) == ("Rome", "2026-11-03T10:00:00.123Z")
    assert ann.get("/api/albums").json() == {"albums": [made]}


# Names


@pytest.mark.parametrize("name", ["x", "x" * 100, "é" * 100, "😀" * 100, " Rome ", "a/b#c?d%e", "'; --", "<b>", "null"])
def test_name_is_kept_unchanged(ann: Caller, name: str) -> None:
    assert make(ann, name)["name"] == name
    assert names(ann) == [name]


@pytest.mark.parametrize(
    "name", ["", " ", "\t", "x" * 101, "😀" * 101, "a\nb", "a\0b", "a\x7fb", None, 5, True, ["Rome"], {"name": "Rome"}]
)
def test_invalid_name_is_rejected_for_a_new_and_an_existing_album(ann: Caller, name: Any) -> None:
    album = make(ann)
    for method, path in (("POST", "/api/albums"), ("PATCH", f"/api/albums/{album['album_id']}")):
        answered = ann(method, path, {"name": name})
        assert answered.status == 422
        assert [error["field"] for error in answered.problem()["errors"]] == ["name"]
    # Half of a surrogate pair.
    assert ann("POST", "/api/albums", b'{"name":"\\ud83d"}').status == 422
    assert names(ann) == ["Rome"]


# Idempotency keys


@pytest.mark.parametrize("key", ["k1", "x" * 64, "!", "~", "0e37df36-f698-11e6-8dd4-cb9ced3df976"])
def test_same_idempotency_key_creates_one_album(ann: Caller, key: str) -> None:
    assert make(ann, key=key) == make(ann, key=key)
    assert names(ann) == ["Rome"]


def test_used_idempotency_key_creates_no_album_of_another_name(ann: Caller) -> None:
    make(ann, key="k1")
    refused = ann("POST", "/api/albums", {"name": "Paris"}, key="k1")
    assert refused.status == 409
    assert "take a new key" in refused.problem()["detail"]
    assert names(ann) == ["Rome"]


@pytest.mark.parametrize("key", ["x" * 65, "a b", "é", "a\tb"])
def test_invalid_idempotency_key_is_rejected(ann: Caller, key: str) -> None:
    answered = ann("POST", "/api/albums", {"name": "Rome"}, key=key)
    assert answered.status == 422
    assert [error["field"].lower() for error in answered.problem()["errors"]] == ["idempotency-key"]


# Renamed


def test_renamed_album_keeps_everything_else(ann: Caller) -> None:
    album = make(ann)
    renamed = ann("PATCH", f"/api/albums/{album['album_id']}", {"name": "Paris"})
    assert (renamed.status, renamed.json()) == (200, album | {"name": "Paris"})
    assert ann.get("/api/albums").json() == {"albums": [renamed.json()]}


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Paris"}), ("DELETE", None)])
def test_unknown_album_is_not_found_and_not_created(ann: Caller, method: str, body: Any) -> None:
    assert ann(method, f"/api/albums/{UNKNOWN}", body).status == 404
    assert names(ann) == []


@pytest.mark.parametrize("album_id", ["a" * 25, "a" * 27, "A" * 26, "1" * 26, "a" * 25 + "%0A", "%2E%2E", "a b", "%00"])
@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Paris"}), ("DELETE", None)])
def test_malformed_album_id_is_rejected(ann: Caller, method: str, body: Any, album_id: str) -> None:
    assert ann(method, f"/api/albums/{album_id}", body).status in (404, 422)


# Deleted


def test_empty_album_is_deleted_once(ann: Caller) -> None:
    path = f"/api/albums/{make(ann)['album_id']}"
    assert [ann("DELETE", path).status for _ in range(2)] == [204, 404]
    assert names(ann) == []


def test_large_album_is_deleted_in_steps_and_listed_until_the_last_one(ann: Caller) -> None:
    album = make(ann)["album_id"]
    for _ in range(LIMIT_OF_A_REQUEST + 1):
        announce(ann, album_id=album)
    for deleted in (LIMIT_OF_A_REQUEST, 1):
        answered = ann("DELETE", f"/api/albums/{album}")
        assert (answered.status, answered.json()["deleted"]) == (202, deleted)
        assert names(ann) == ["Rome"]
    assert ann("DELETE", f"/api/albums/{album}").status == 204
    assert names(ann) == []
    assert ann.get("/api/photos").json()["photos"] == []


def test_five_hundredth_album_is_the_last(ann: Caller) -> None:
    Items(TABLE).put_many([albums.album("ann", f"{at:026}", "Rome", "2026-11-01") for at in range(499)])
    last = make(ann, "last", key="k1")
    refused = ann("POST", "/api/albums", {"name": "one more"}, key="k2")
    assert refused.status == 409
    assert "500" in refused.problem()["detail"]
    assert make(ann, "last", key="k1") == last
    assert len(names(ann)) == 500
