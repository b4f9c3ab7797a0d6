"""Albums: one for each key, of one owner, deleted with their photos."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from tests.conftest import TABLE
from tests.functions.conftest import Hook, Refuse
from tests.functions.darkroom import clock
from tests.functions.photo_app import PhotoApp, left_of, objects
from vision.adapters.albums import Albums
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.domain import records, table_keys
from vision.domain.errors import Throttled
from vision.domain.gallery.listing import ListPosition
from vision.domain.request_errors import Conflict, NotFound
from vision.services import gallery


def test_same_idempotency_key_makes_one_album_of_one_owner(app: PhotoApp) -> None:
    album_id = app.album(key="k")
    assert app.album(key="k") == album_id
    assert len(app.gallery.albums.of_owner("ann")) == 1
    with pytest.raises(Conflict, match="Idempotency-Key"):
        app.album(name="Oslo", key="k")
    assert app.album("bob", key="k") != album_id
    assert app.album() != app.album()
    assert album_id not in app.announce(key="k").item["object"]["key"]


def test_albums_are_listed_oldest_first_to_their_owner_only(app: PhotoApp) -> None:
    for hour, name in ((12, "Oslo"), (10, "Rome"), (11, "Bern")):
        with clock(f"2026-11-21T{hour}:00:00.000Z"):
            app.album(name=name)
    app.album("bob", "Nice")
    assert [album["name"] for album in app.gallery.albums.of_owner("ann")] == ["Rome", "Bern", "Oslo"]


@pytest.fixture
def two_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery.albums, "ALBUMS_LIMIT", 2)


@pytest.mark.usefixtures("two_at_most")
def test_album_beyond_the_limit_is_refused_until_one_is_deleted(app: PhotoApp) -> None:
    first = app.album(key="k")
    app.album()
    with pytest.raises(Conflict, match="2 are the most that a person may have; delete one first"):
        app.album()
    # A known key and another owner are within the limit.
    assert app.album(key="k") == first
    assert app.album("bob")
    app.gallery.delete_album("ann", first)
    assert app.album()


@pytest.mark.usefixtures("two_at_most")
def test_concurrent_albums_do_not_exceed_the_limit(app: PhotoApp, hook: Hook) -> None:
    app.album()
    others = ["Oslo"]

    def meanwhile(**_: Any) -> None:
        if others:
            app.album(name=others.pop())

    for write in ("PutItem", "TransactWriteItems"):
        hook("dynamodb", f"before-call.SERVICE.{write}", meanwhile)
    with pytest.raises(Conflict, match="delete one first"):
        app.album()
    assert [album["name"] for album in app.gallery.albums.of_owner("ann")] == ["Rome", "Oslo"]


@pytest.mark.usefixtures("two_at_most")
@pytest.mark.parametrize("deleted", [0, 1])
def test_albums_of_an_earlier_version_count_towards_the_limit(app: PhotoApp, deleted: int) -> None:
    for name in "ab":
        Items(TABLE).put_once(gallery.albums.album("ann", name * 26, name, records.now()))
    for name in "ab"[:deleted]:
        app.gallery.delete_album("ann", name * 26)
    made = 0
    with suppress(Conflict):
        for _ in range(3):
            app.album()
            made += 1
    assert made == deleted


@pytest.mark.usefixtures("two_at_most")
def test_albums_that_an_earlier_version_deleted_do_not_count(app: PhotoApp) -> None:
    made = [app.album() for _ in range(2)]
    Items(TABLE).delete_many([table_keys.album_key("ann", made[0])])
    assert app.album()


def test_album_is_made_although_its_transaction_conflicts_once(app: PhotoApp, hook: Hook) -> None:
    conflict = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    left = [conflict]

    def refuse(**_: Any) -> Any:
        return (AWSResponse("", 400, {}, None), left.pop()) if left else None

    hook("dynamodb", "before-call.SERVICE.TransactWriteItems", refuse, first=True)
    assert app.album()


def test_album_is_renamed_and_deleted_by_its_owner_only(app: PhotoApp) -> None:
    album_id = app.album()
    with pytest.raises(NotFound):
        app.gallery.rename_album("bob", album_id, "x")
    with pytest.raises(NotFound):
        app.gallery.delete_album("bob", album_id)
    assert app.gallery.albums.get("ann", album_id)["name"] == "Rome"
    assert app.gallery.rename_album("ann", album_id, "Roma")["name"] == "Roma"


def test_album_that_is_deleted_while_it_is_renamed_is_not_found(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    album_id = app.album()
    rename = Albums.rename

    def slowly(self: Albums, *arguments: str) -> bool:
        done = rename(self, *arguments)
        self.remove("ann", album_id)
        return done

    monkeypatch.setattr(Albums, "rename", slowly)
    with pytest.raises(NotFound):
        app.gallery.rename_album("ann", album_id, "Roma")


def test_deletion_of_an_album_keeps_photos_outside_it(app: PhotoApp) -> None:
    album_id, other = app.album(), app.album()
    kept = {app.announce(album_id=other).photo_id, app.announce().photo_id}
    app.announce(album_id=album_id)
    app.gallery.delete_album("ann", album_id)
    assert set(app.listed()) == kept


def test_next_deletion_completes_an_interrupted_one(app: PhotoApp, refuse: Refuse) -> None:
    album_id = app.album()
    photo = app.processed(album_id=album_id)
    refuse("s3", "DeleteObjects", "SlowDown", 503, (1,))
    with pytest.raises(Throttled):
        app.gallery.delete_album("ann", album_id)
    assert [app.gallery.delete_album("ann", album_id) for _ in range(2)] == [1, 0]
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]
    assert objects() == []


def test_photo_missing_in_the_index_is_deleted_with_its_album(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    album_id = app.album()
    app.announce(album_id=album_id)
    listed, looks = Photos.list_positions, count()

    def late(self: Photos, *arguments: Any) -> Iterator[ListPosition]:
        return iter(()) if next(looks) == 0 else listed(self, *arguments)

    monkeypatch.setattr(Photos, "list_positions", late)
    assert app.gallery.delete_album("ann", album_id) == 1
    assert app.listed() == []
