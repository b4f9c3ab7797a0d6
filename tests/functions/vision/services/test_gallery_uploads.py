"""Photos that are announced: the same key once, and a form that takes this file and no other."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functions.photo_app import PhotoApp, left_of, rows
from vision.adapters.photos import Photos
from vision.domain import records, table_keys
from vision.domain.errors import Throttled
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.records import Record
from vision.domain.refusals import Conflict, NotFound

FILE = {"name": "rose.jpg", "content_type": "image/jpeg", "size_bytes": 7}


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def _album(app: PhotoApp, owner: str = "ann", name: str = "Rome", key: str = "") -> str:
    return str(app.gallery.make_album(owner, name, key)["album_id"])


def test_a_photo_that_is_announced_waits_for_its_upload(app: PhotoApp) -> None:
    photo = app.announce()
    assert (photo.is_uploaded, photo.as_dict(records.now())["status"]) == (False, "PENDING")


def test_the_key_of_an_upload_is_chosen_here_and_has_nothing_of_its_name(app: PhotoApp) -> None:
    key = app.announce(name="../../bob/uploads/x.jpg").item["object"]["key"]
    owner, folder, token = key.removeprefix("private/").split("/")
    assert (owner, folder, len(token), token.isalnum()) == ("ann", "uploads", 26, True)


def test_the_same_key_announces_the_same_photo_with_a_form_for_the_same_object(app: PhotoApp) -> None:
    (first, form), (second, again) = (
        app.gallery.announce("ann", **FILE, album_id="", idempotency_key="k") for _ in "ab"
    )
    assert (first.photo_id, form.fields["key"]) == (second.photo_id, again.fields["key"])
    assert len(rows("photo")) == 1


def test_a_photo_is_announced_again_after_its_upload_came(app: PhotoApp) -> None:
    photo, _ = app.uploaded(key="k")
    assert app.announce(key="k").is_uploaded
    assert app.listed() == [photo.photo_id]


def test_without_a_key_every_request_announces_a_photo(app: PhotoApp) -> None:
    assert app.announce().photo_id != app.announce().photo_id


def test_the_same_key_of_two_owners_announces_two_photos(app: PhotoApp) -> None:
    assert app.announce("ann", key="k").photo_id != app.announce("bob", key="k").photo_id


@pytest.mark.parametrize("other", [{"name": "tulip.jpg"}, {"content_type": "image/png"}, {"size_bytes": 8}])
def test_the_same_key_for_another_file_is_refused(app: PhotoApp, other: dict[str, Any]) -> None:
    app.announce(key="k")
    with pytest.raises(Conflict, match="it has announced another file; take a new key"):
        app.announce(key="k", **other)
    assert len(rows("photo")) == 1


def test_the_same_key_for_another_album_is_refused(app: PhotoApp) -> None:
    rome, oslo = _album(app), _album(app, name="Oslo")
    app.announce(key="k", album_id=rome)
    for album_id in (oslo, ""):
        with pytest.raises(Conflict):
            app.announce(key="k", album_id=album_id)
    assert [row["listing_pk"]["S"] for row in rows("album_entry")] == [f"OWNER#ann#ALBUM#{rome}"]


def test_a_photo_does_not_go_with_an_album_that_it_was_refused_for(app: PhotoApp) -> None:
    photo = app.announce(key="k")
    oslo = _album(app, name="Oslo")
    with pytest.raises(Conflict):
        app.announce(key="k", album_id=oslo)
    app.gallery.delete_album("ann", oslo)
    assert app.listed() == [photo.photo_id]


def test_a_photo_does_not_go_with_an_album_that_closes_while_it_is_refused_for_it(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = app.announce(key="k")
    oslo = _album(app, name="Oslo")
    announce = Photos.announce

    def slowly(self: Photos, ticket: PendingUpload, now: str) -> Record:
        found = announce(self, ticket, now)
        app.gallery.people.close_album("ann", oslo, now)
        return found

    monkeypatch.setattr(Photos, "announce", slowly)
    with pytest.raises(Conflict):
        app.announce(key="k", album_id=oslo)
    assert app.listed() == [photo.photo_id]


def test_the_key_of_a_deleted_photo_is_refused(app: PhotoApp) -> None:
    photo = app.announce(key="k")
    app.gallery.delete("ann", photo.photo_id)
    with pytest.raises(Conflict, match="the photo that it made is deleted; take a new key"):
        app.announce(key="k")


def test_the_key_of_a_deleted_photo_leaves_nothing_in_its_album(app: PhotoApp) -> None:
    album_id = _album(app)
    photo = app.announce(key="k", album_id=album_id)
    app.gallery.delete("ann", photo.photo_id)
    with pytest.raises(Conflict):
        app.announce(key="k", album_id=album_id)
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]


@pytest.mark.parametrize("owner", ["bob", "ann"])
def test_a_photo_is_not_announced_for_an_album_that_is_not_there(app: PhotoApp, owner: str) -> None:
    album_id = _album(app, "bob") if owner == "bob" else "a" * 26
    with pytest.raises(NotFound):
        app.announce(album_id=album_id)
    assert rows("photo") == []


def test_an_announcement_that_breaks_off_is_finished_by_the_next_request(
    app: PhotoApp, refuse: Callable[..., None]
) -> None:
    album_id = _album(app)
    # Whether photo and album are written one after the other or together.
    for operation, call in (("PutItem", 2), ("TransactWriteItems", 1)):
        refuse("dynamodb", operation, "ThrottlingException", 400, (call,))
    with pytest.raises(Throttled):
        app.announce(key="k", album_id=album_id)
    photo = app.announce(key="k", album_id=album_id)
    assert app.listed(album_id=album_id) == [photo.photo_id]


# The form


def _policy(app: PhotoApp, **announced: Any) -> dict[str, Any]:
    _, upload = app.gallery.announce("ann", **{**FILE, **announced}, album_id="", idempotency_key="k")
    return dict(json.loads(base64.b64decode(upload.fields["policy"])))


def test_a_form_takes_one_key_in_one_bucket(app: PhotoApp) -> None:
    photo = app.announce(key="k")
    conditions = _policy(app)["conditions"]
    assert {"bucket": app.gallery.bucket} in conditions
    assert {"key": photo.item["object"]["key"]} in conditions


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png"])
def test_a_form_takes_exactly_the_type_that_was_announced(app: PhotoApp, content_type: str) -> None:
    assert {"Content-Type": content_type} in _policy(app, content_type=content_type)["conditions"]


@pytest.mark.parametrize("size_bytes", [1, 15 * 1024 * 1024])
def test_a_form_takes_exactly_the_size_that_was_announced(app: PhotoApp, size_bytes: int) -> None:
    assert ["content-length-range", size_bytes, size_bytes] in _policy(app, size_bytes=size_bytes)["conditions"]


def test_no_condition_of_a_form_is_a_beginning(app: PhotoApp) -> None:
    assert not [one for one in _policy(app)["conditions"] if isinstance(one, list) and one[0] == "starts-with"]


def test_a_form_ends_after_a_quarter_of_an_hour(app: PhotoApp) -> None:
    before = datetime.now(UTC)
    expires_at = datetime.fromisoformat(_policy(app)["expiration"])
    assert timedelta(seconds=890) < expires_at - before < timedelta(seconds=910)


def test_the_end_of_a_form_is_said_as_it_is_signed(app: PhotoApp) -> None:
    _, upload = app.gallery.announce("ann", **FILE, album_id="", idempotency_key="k")
    signed = json.loads(base64.b64decode(upload.fields["policy"]))["expiration"]
    said = datetime.fromisoformat(upload.expires_at)
    assert abs(said - datetime.fromisoformat(signed)) < timedelta(seconds=2)
