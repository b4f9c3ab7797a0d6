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


def test_album_is_created_listed_renamed_and_deleted_once(ann: Caller) -> None:
    assert ann.get("/api/albums").json() == {"albums": []}
    with clock("2026-11-03T10:00:00.123Z"):
        made = make(ann)
    assert (made["name"], made["created_at"]) == ("Rome", "2026-11-03T10:00:00.123Z")
    assert ann.get("/api/albums").json() == {"albums": [made]}
    path = f"/api/albums/{made['album_id']}"
    renamed = ann("PATCH", path, {"name": "Paris"})
    assert (renamed.status, renamed.json()) == (200, made | {"name": "Paris"})
    assert ann.get("/api/albums").json() == {"albums": [renamed.json()]}
    assert [ann("DELETE", path).status for _ in range(2)] == [204, 404]
    assert names(ann) == []


def test_name_is_kept_unchanged(ann: Caller) -> None:
    given = ["x", "x" * 100, "é" * 100, "😀" * 100, " Rome ", "a/b#c?d%e", "'; --", "<b>", "null"]
    assert [make(ann, name)["name"] for name in given] == given
    assert sorted(names(ann)) == sorted(given)


INVALID: list[Any] = [
    "",
    " ",
    "\t",
    "x" * 101,
    "😀" * 101,
    "a\nb",
    "a\0b",
    "a\x7fb",
    None,
    5,
    True,
    ["Rome"],
    {"name": "Rome"},
]


def test_invalid_name_is_rejected_for_a_new_and_an_existing_album(ann: Caller) -> None:
    album = make(ann)
    for method, path in (("POST", "/api/albums"), ("PATCH", f"/api/albums/{album['album_id']}")):
        for name in INVALID:
            answered = ann(method, path, {"name": name})
            assert answered.status == 422, name
            assert [error["field"] for error in answered.problem()["errors"]] == ["name"]
    # Half of a surrogate pair.
    assert ann("POST", "/api/albums", b'{"name":"\\ud83d"}').status == 422
    assert names(ann) == ["Rome"]


def test_same_idempotency_key_creates_one_album_of_that_name(ann: Caller) -> None:
    keys = ["k1", "x" * 64, "!", "~", "0e37df36-f698-11e6-8dd4-cb9ced3df976"]
    assert [make(ann, key=key) for key in keys] == [make(ann, key=key) for key in keys]
    assert len(names(ann)) == len(keys)
    refused = ann("POST", "/api/albums", {"name": "Paris"}, key="k1")
    assert refused.status == 409
    assert "take a new key" in refused.problem()["detail"]


def test_invalid_idempotency_key_is_rejected(ann: Caller) -> None:
    for key in ("x" * 65, "a b", "é", "a\tb"):
        answered = ann("POST", "/api/albums", {"name": "Rome"}, key=key)
        assert answered.status == 422, key
        assert [error["field"].lower() for error in answered.problem()["errors"]] == ["idempotency-key"]


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Paris"}), ("DELETE", None)])
def test_unknown_or_malformed_album_is_not_found_and_not_created(ann: Caller, method: str, body: Any) -> None:
    assert ann(method, f"/api/albums/{UNKNOWN}", body).status == 404
    for malformed in ("a" * 25, "a" * 27, "A" * 26, "1" * 26, "a" * 25 + "%0A", "%2E%2E", "a b", "%00"):
        assert ann(method, f"/api/albums/{malformed}", body).status in (404, 422), malformed
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
