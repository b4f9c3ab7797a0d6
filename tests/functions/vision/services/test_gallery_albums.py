"""Albums: the same key once, one owner apart from another, gone with their photos."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.conftest import TABLE
from tests.functions.photo_app import PhotoApp, left_of, objects
from vision.adapters.items import Items
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.domain import records, table_keys
from vision.domain.errors import Throttled
from vision.domain.gallery.listing import ListPosition
from vision.domain.refusals import Conflict, NotFound
from vision.services import gallery


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def _album(app: PhotoApp, owner: str = "ann", name: str = "Rome", key: str = "") -> str:
    return str(app.gallery.make_album(owner, name, key)["album_id"])


def test_the_same_key_makes_an_album_once(app: PhotoApp) -> None:
    assert _album(app, key="k") == _album(app, key="k")
    assert len(app.gallery.people.albums("ann")) == 1


def test_without_a_key_every_request_makes_an_album(app: PhotoApp) -> None:
    assert _album(app) != _album(app)


def test_the_same_key_with_another_name_is_refused(app: PhotoApp) -> None:
    _album(app, key="k")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        _album(app, name="Oslo", key="k")


def test_the_same_key_of_two_owners_makes_two_albums(app: PhotoApp) -> None:
    assert _album(app, "ann", key="k") != _album(app, "bob", key="k")


def test_an_album_and_a_photo_of_the_same_key_do_not_meet(app: PhotoApp) -> None:
    album_id = _album(app, key="k")
    photo = app.announce(key="k")
    assert album_id not in photo.item["object"]["key"]


def test_albums_are_listed_oldest_first_and_to_their_owner_alone(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour, name in ((12, "Oslo"), (10, "Rome"), (11, "Bern")):
        monkeypatch.setattr(records, "now", lambda hour=hour: f"2026-11-21T{hour}:00:00.000Z")
        _album(app, name=name)
    _album(app, "bob", "Nice")
    assert [album["name"] for album in app.gallery.people.albums("ann")] == ["Rome", "Bern", "Oslo"]


def test_one_album_more_than_the_limit_is_refused_with_the_remedy(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery.albums, "ALBUMS_LIMIT", 2)
    _album(app)
    _album(app)
    with pytest.raises(Conflict, match="2 are the most that a person may have; delete one first"):
        _album(app)


def test_at_the_limit_a_key_still_gives_the_album_that_it_made(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery.albums, "ALBUMS_LIMIT", 1)
    assert _album(app, key="k") == _album(app, key="k")


def test_the_limit_of_one_owner_is_not_that_of_another(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery.albums, "ALBUMS_LIMIT", 1)
    _album(app, "ann")
    assert _album(app, "bob")


def test_an_album_that_is_deleted_makes_room_for_another(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery.albums, "ALBUMS_LIMIT", 1)
    app.gallery.delete_album("ann", _album(app))
    assert _album(app)


@pytest.fixture
def two_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery.albums, "ALBUMS_LIMIT", 2)


@pytest.mark.usefixtures("two_at_most")
def test_albums_that_are_made_at_the_same_moment_do_not_exceed_the_limit(
    app: PhotoApp, hook: Callable[..., None]
) -> None:
    _album(app)
    others = ["Oslo"]

    def meanwhile(**_: Any) -> None:
        if others:
            _album(app, name=others.pop())

    for write in ("PutItem", "TransactWriteItems"):
        hook("dynamodb", f"before-call.SERVICE.{write}", meanwhile)
    with pytest.raises(Conflict, match="delete one first"):
        _album(app)
    assert [album["name"] for album in app.gallery.people.albums("ann")] == ["Rome", "Oslo"]


@pytest.mark.usefixtures("two_at_most")
@pytest.mark.parametrize("deleted", [0, 1])
def test_albums_of_an_earlier_version_count_and_make_room(app: PhotoApp, deleted: int) -> None:
    for name in "ab":
        Items(TABLE).put_once(gallery.albums.album("ann", name * 26, name, records.now()))
    for name in "ab"[:deleted]:
        app.gallery.delete_album("ann", name * 26)
    made = 0
    with suppress(Conflict):
        for _ in range(3):
            _album(app)
            made += 1
    assert made == deleted


@pytest.mark.usefixtures("two_at_most")
def test_albums_that_an_earlier_version_deleted_meanwhile_make_room(app: PhotoApp) -> None:
    made = [_album(app) for _ in range(2)]
    Items(TABLE).delete_many([table_keys.album_key("ann", made[0])])
    assert _album(app)


def test_an_album_is_made_although_another_is_at_the_same_moment(app: PhotoApp, conflict: Callable[[], None]) -> None:
    conflict()
    assert _album(app)


@pytest.fixture
def conflict(hook: Callable[..., None]) -> Callable[[], None]:
    """Let the next transaction meet another one."""
    code = "TransactionCanceledException"
    refusal = {
        "Error": {"Code": code, "Message": "Transaction cancelled"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    left = [refusal]

    def refuse(**_: Any) -> Any:
        return (AWSResponse("", 400, {}, None), left.pop()) if left else None

    return lambda: hook("dynamodb", "before-call.SERVICE.TransactWriteItems", refuse, first=True)


def test_an_album_is_renamed(app: PhotoApp) -> None:
    album_id = _album(app)
    assert app.gallery.rename_album("ann", album_id, "Roma")["name"] == "Roma"


@pytest.mark.parametrize(
    "act", [lambda app, one: app.rename_album("bob", one, "x"), lambda app, one: app.delete_album("bob", one)]
)
def test_an_album_of_another_is_not_there(app: PhotoApp, act: Callable[..., Any]) -> None:
    album_id = _album(app)
    with pytest.raises(NotFound):
        act(app.gallery, album_id)
    assert app.gallery.people.album("ann", album_id)["name"] == "Rome"


def test_renaming_an_album_that_is_gone_does_not_make_one(app: PhotoApp) -> None:
    with pytest.raises(NotFound):
        app.gallery.rename_album("ann", "a" * 26, "Roma")
    assert app.gallery.people.albums("ann") == []


def test_an_album_that_goes_while_it_is_renamed_is_not_there(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    album_id = _album(app)
    rename = People.rename_album

    def slowly(self: People, *arguments: str) -> bool:
        done = rename(self, *arguments)
        self.remove_album("ann", album_id)
        return done

    monkeypatch.setattr(People, "rename_album", slowly)
    with pytest.raises(NotFound):
        app.gallery.rename_album("ann", album_id, "Roma")


def test_an_album_goes_with_its_photos_in_steps_that_fit_into_a_request(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "ERASED_AT_ONCE", 2)
    album_id = _album(app)
    for _ in range(3):
        app.announce(album_id=album_id)
    assert [app.gallery.delete_album("ann", album_id) for _ in range(3)] == [2, 1, 0]
    assert (app.gallery.people.album("ann", album_id), app.listed()) == (None, [])


def test_an_album_spares_the_photos_outside_of_it(app: PhotoApp) -> None:
    album_id, other = _album(app), _album(app)
    kept = {app.announce(album_id=other).photo_id, app.announce().photo_id}
    app.announce(album_id=album_id)
    app.gallery.delete_album("ann", album_id)
    assert set(app.listed()) == kept


def test_an_album_whose_deletion_broke_off_is_deleted_by_the_next(app: PhotoApp, refuse: Callable[..., None]) -> None:
    album_id = _album(app)
    photo = app.processed(album_id=album_id)
    refuse("s3", "DeleteObjects", "SlowDown", 503, (1,))
    with pytest.raises(Throttled):
        app.gallery.delete_album("ann", album_id)
    assert [app.gallery.delete_album("ann", album_id) for _ in range(2)] == [1, 0]
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_a_photo_that_is_not_listed_yet_goes_with_its_album(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    album_id = _album(app)
    app.announce(album_id=album_id)
    listed, looks = Photos.list_positions, count()

    def late(self: Photos, *arguments: Any) -> Iterator[ListPosition]:
        return iter(()) if next(looks) == 0 else listed(self, *arguments)

    monkeypatch.setattr(Photos, "list_positions", late)
    assert app.gallery.delete_album("ann", album_id) == 1
    assert app.listed() == []
