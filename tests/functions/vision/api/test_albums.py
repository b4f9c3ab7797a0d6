"""Albums: made once, listed oldest first, renamed, and deleted with all their photos."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions import darkroom
from tests.functions.darkroom import announce, clock, develop
from tests.functions.http_api import Caller
from vision.adapters.items import Items
from vision.domain.gallery import albums

UNKNOWN = "a" * 26
LIMIT_OF_A_REQUEST = 20


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


def make(person: Caller, name: str = "Rome", **options: Any) -> Any:
    answered = person("POST", "/api/albums", {"name": name}, **options)
    assert answered.status == 201, answered
    return answered.json()


def names(person: Caller) -> list[str]:
    return [album["name"] for album in person.get("/api/albums").json()["albums"]]


def test_nobody_has_albums_at_first(ann: Caller) -> None:
    assert ann.get("/api/albums").json() == {"albums": []}


def test_an_album_is_made_and_listed(ann: Caller) -> None:
    with clock("2026-11-03T10:00:00.123Z"):
        made = make(ann)
    assert (made["name"], made["created_at"]) == ("Rome", "2026-11-03T10:00:00.123Z")
    assert ann.get("/api/albums").json() == {"albums": [made]}


def test_albums_are_listed_oldest_first(ann: Caller) -> None:
    for day, name in (("2026-11-02", "second"), ("2026-11-01", "first"), ("2026-11-03", "third")):
        with clock(day):
            make(ann, name)
    assert names(ann) == ["first", "second", "third"]


def test_two_albums_may_have_the_same_name(ann: Caller) -> None:
    assert make(ann)["album_id"] != make(ann)["album_id"]


@pytest.mark.parametrize("name", ["x", "x" * 100, "é" * 100, "😀" * 100, " Rome ", "a/b#c?d%e", "'; --", "<b>", "null"])
def test_a_name_is_kept_as_it_is(ann: Caller, name: str) -> None:
    assert make(ann, name)["name"] == name
    assert names(ann) == [name]


BAD_NAMES = pytest.mark.parametrize(
    "name", ["", " ", "\t", "x" * 101, "😀" * 101, "a\nb", "a\0b", "a\x7fb", None, 5, True, ["Rome"], {"name": "Rome"}]
)


@BAD_NAMES
def test_a_name_that_is_none_makes_no_album(ann: Caller, name: Any) -> None:
    answered = ann("POST", "/api/albums", {"name": name})
    assert (answered.status, [error["field"] for error in answered.problem()["errors"]]) == (422, ["name"])
    assert names(ann) == []


@BAD_NAMES
def test_a_name_that_is_none_renames_no_album(ann: Caller, name: Any) -> None:
    album = make(ann)
    assert ann("PATCH", f"/api/albums/{album['album_id']}", {"name": name}).status == 422
    assert names(ann) == ["Rome"]


def test_half_of_a_surrogate_pair_is_no_name(ann: Caller) -> None:
    assert ann("POST", "/api/albums", b'{"name":"\\ud83d"}').status == 422


def test_the_same_key_makes_one_album(ann: Caller) -> None:
    assert make(ann, key="k1") == make(ann, key="k1")
    assert names(ann) == ["Rome"]


def test_without_a_key_each_request_makes_an_album(ann: Caller) -> None:
    make(ann)
    make(ann)
    assert names(ann) == ["Rome", "Rome"]


def test_another_key_makes_another_album(ann: Caller) -> None:
    assert make(ann, key="k1")["album_id"] != make(ann, key="k2")["album_id"]


def test_a_key_that_made_an_album_makes_none_of_another_name(ann: Caller) -> None:
    make(ann, key="k1")
    refused = ann("POST", "/api/albums", {"name": "Paris"}, key="k1")
    assert (refused.status, "take a new key" in refused.problem()["detail"]) == (409, True)
    assert names(ann) == ["Rome"]


@pytest.mark.parametrize("key", ["x" * 64, "!", "~", "0e37df36-f698-11e6-8dd4-cb9ced3df976"])
def test_a_key_of_printable_letters_is_taken(ann: Caller, key: str) -> None:
    assert make(ann, key=key) == make(ann, key=key)


@pytest.mark.parametrize("key", ["x" * 65, "a b", "é", "a\tb"])
def test_a_key_that_is_none_is_refused(ann: Caller, key: str) -> None:
    answered = ann("POST", "/api/albums", {"name": "Rome"}, key=key)
    assert answered.status == 422
    assert [error["field"].lower() for error in answered.problem()["errors"]] == ["idempotency-key"]


def test_an_album_is_renamed_and_stays_the_same(ann: Caller) -> None:
    album = make(ann)
    renamed = ann("PATCH", f"/api/albums/{album['album_id']}", {"name": "Paris"})
    assert (renamed.status, renamed.json()) == (200, album | {"name": "Paris"})
    assert ann.get("/api/albums").json() == {"albums": [renamed.json()]}


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Paris"}), ("DELETE", None)])
def test_there_is_no_album_that_was_never_made(ann: Caller, method: str, body: Any) -> None:
    assert ann(method, f"/api/albums/{UNKNOWN}", body).status == 404


def test_to_rename_an_album_that_is_not_there_makes_none(ann: Caller) -> None:
    ann("PATCH", f"/api/albums/{UNKNOWN}", {"name": "Paris"})
    assert names(ann) == []


@pytest.mark.parametrize("album_id", ["a" * 25, "a" * 27, "A" * 26, "1" * 26, "a" * 25 + "%0A", "%2E%2E", "a b", "%00"])
@pytest.mark.parametrize(("method", "body"), [("PATCH", {"name": "Paris"}), ("DELETE", None)])
def test_an_id_of_another_form_is_refused(ann: Caller, method: str, body: Any, album_id: str) -> None:
    assert ann(method, f"/api/albums/{album_id}", body).status in (404, 422)


def test_an_album_without_photos_is_gone_at_once(ann: Caller) -> None:
    album = make(ann)
    answered = ann("DELETE", f"/api/albums/{album['album_id']}")
    assert (answered.status, names(ann)) == (204, [])


def test_an_album_that_is_gone_cannot_be_deleted_again(ann: Caller) -> None:
    album = make(ann)
    ann("DELETE", f"/api/albums/{album['album_id']}")
    assert ann("DELETE", f"/api/albums/{album['album_id']}").status == 404


def test_a_deleted_album_takes_its_photos_and_their_objects_with_it(ann: Caller) -> None:
    album = make(ann)["album_id"]
    kept = develop(ann, {"Cat": 99.0})
    left = darkroom.objects()
    for _ in range(3):
        develop(ann, {"Cat": 99.0}, album_id=album)
    first, second = ann("DELETE", f"/api/albums/{album}"), ann("DELETE", f"/api/albums/{album}")
    assert (first.status, first.json()["deleted"], second.status) == (202, 3, 204)
    assert sorted(darkroom.objects()) == sorted(left)
    assert [photo["photo_id"] for photo in ann.get("/api/photos").json()["photos"]] == [kept]


def test_a_large_album_is_deleted_in_steps(ann: Caller) -> None:
    album = make(ann)["album_id"]
    for _ in range(LIMIT_OF_A_REQUEST + 1):
        announce(ann, album_id=album)
    answers = [ann("DELETE", f"/api/albums/{album}") for _ in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 204]
    assert [answer.json()["deleted"] for answer in answers[:2]] == [LIMIT_OF_A_REQUEST, 1]
    assert ann.get("/api/photos").json()["photos"] == []


def test_an_album_that_is_being_deleted_is_still_listed(ann: Caller) -> None:
    album = make(ann)
    announce(ann, album_id=album["album_id"])
    ann("DELETE", f"/api/albums/{album['album_id']}")
    assert names(ann) == ["Rome"]


def test_a_photo_that_a_refused_request_named_an_album_for_stays_out_of_it(ann: Caller) -> None:
    album = make(ann)["album_id"]
    photo = announce(ann, key="k1").json()["photo"]["photo_id"]
    assert announce(ann, key="k1", album_id=album).status == 409
    assert ann("DELETE", f"/api/albums/{album}").status == 204
    assert ann.get(f"/api/photos/{photo}").status == 200


def fill(owner: str, number: int) -> None:
    """Let somebody have so many albums."""
    Items(TABLE).put_many([albums.album(owner, f"{at:026}", "Rome", "2026-11-01") for at in range(number)])


def test_the_five_hundredth_album_is_the_last(ann: Caller) -> None:
    fill("ann", 499)
    last = make(ann, "last", key="k1")
    refused = ann("POST", "/api/albums", {"name": "one more"}, key="k2")
    assert (refused.status, "500" in refused.problem()["detail"]) == (409, True)
    assert make(ann, "last", key="k1") == last


def test_all_albums_are_listed(ann: Caller) -> None:
    fill("ann", 500)
    assert len(names(ann)) == 500


def test_a_name_with_a_tab_is_refused_in_words(ann: Caller) -> None:
    refused = ann("POST", "/api/albums", {"name": "Rome\t2026"}).problem()
    sentence = (
        "Write something visible, without tabs, line ends, other control characters and marks that reverse the text."
    )
    assert refused["errors"] == [{"field": "name", "message": sentence}]
