"""Announcements of photos: one for each key, and a form that accepts this file only."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functions.conftest import Refuse
from tests.functions.photo_app import PhotoApp, left_of, rows
from vision.adapters.photos import Photos
from vision.domain import records, table_keys
from vision.domain.errors import Throttled
from vision.domain.gallery.pending_uploads import PendingUpload
from vision.domain.records import Record
from vision.domain.request_errors import Conflict, NotFound

FILE = {"name": "rose.jpg", "content_type": "image/jpeg", "size_bytes": 7}


def test_announced_photo_is_pending_under_a_key_without_its_name(app: PhotoApp) -> None:
    photo = app.announce(name="../../bob/uploads/x.jpg")
    assert not photo.is_uploaded
    assert photo.as_dict(records.now())["status"] == "PENDING"
    assert re.fullmatch(r"private/ann/uploads/[a-zA-Z0-9]{26}", photo.item["object"]["key"])


def test_same_idempotency_key_announces_one_photo_of_one_owner(app: PhotoApp) -> None:
    (first, form), (second, again) = (
        app.gallery.announce("ann", **FILE, album_id="", idempotency_key="k") for _ in "ab"
    )
    assert first.photo_id == second.photo_id
    assert form.fields["key"] == again.fields["key"]
    assert len(rows("photo")) == 1
    assert app.announce("bob", key="k").photo_id != first.photo_id
    assert app.announce().photo_id != app.announce().photo_id
    app.upload(first)
    assert app.announce(key="k").is_uploaded


def test_same_key_for_another_file_or_album_is_refused(app: PhotoApp) -> None:
    rome, oslo = app.album(), app.album(name="Oslo")
    app.announce(key="k", album_id=rome)
    for other in ({"name": "tulip.jpg"}, {"content_type": "image/png"}, {"size_bytes": 8}):
        with pytest.raises(Conflict, match="it has announced another file; take a new key"):
            app.announce(key="k", album_id=rome, **other)
    for album_id in (oslo, ""):
        with pytest.raises(Conflict):
            app.announce(key="k", album_id=album_id)
    assert len(rows("photo")) == 1
    assert [row["listing_pk"]["S"] for row in rows("album_entry")] == [f"OWNER#ann#ALBUM#{rome}"]


@pytest.mark.parametrize("closes_meanwhile", [False, True])
def test_photo_is_not_deleted_with_an_album_that_it_was_refused_for(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, closes_meanwhile: bool
) -> None:
    photo = app.announce(key="k")
    oslo = app.album(name="Oslo")
    announce = Photos.announce

    def slowly(self: Photos, ticket: PendingUpload, now: str) -> Record:
        found = announce(self, ticket, now)
        app.gallery.albums.close("ann", oslo, now)
        return found

    if closes_meanwhile:
        monkeypatch.setattr(Photos, "announce", slowly)
    with pytest.raises(Conflict):
        app.announce(key="k", album_id=oslo)
    if not closes_meanwhile:
        app.gallery.delete_album("ann", oslo)
    assert app.listed() == [photo.photo_id]


def test_idempotency_key_of_a_deleted_photo_is_refused(app: PhotoApp) -> None:
    album_id = app.album()
    photo = app.announce(key="k", album_id=album_id)
    app.gallery.delete("ann", photo.photo_id)
    with pytest.raises(Conflict, match="the photo that it made is deleted; take a new key"):
        app.announce(key="k", album_id=album_id)
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]


@pytest.mark.parametrize("owner", ["bob", "ann"])
def test_photo_is_not_announced_for_an_unknown_or_foreign_album(app: PhotoApp, owner: str) -> None:
    album_id = app.album("bob") if owner == "bob" else "a" * 26
    with pytest.raises(NotFound):
        app.announce(album_id=album_id)
    assert rows("photo") == []


def test_next_request_completes_an_interrupted_announcement(app: PhotoApp, refuse: Refuse) -> None:
    album_id = app.album()
    # Whether photo and album entry are written one after the other or together.
    for operation, call in (("PutItem", 2), ("TransactWriteItems", 1)):
        refuse("dynamodb", operation, "ThrottlingException", 400, (call,))
    with pytest.raises(Throttled):
        app.announce(key="k", album_id=album_id)
    photo = app.announce(key="k", album_id=album_id)
    assert app.listed(album_id=album_id) == [photo.photo_id]


def _policy(app: PhotoApp, **announced: Any) -> dict[str, Any]:
    _, upload = app.gallery.announce("ann", **{**FILE, **announced}, album_id="", idempotency_key="k")
    return dict(json.loads(base64.b64decode(upload.fields["policy"])))


@pytest.mark.parametrize(("content_type", "size_bytes"), [("image/jpeg", 1), ("image/png", 15 * 1024 * 1024)])
def test_form_accepts_exactly_the_announced_file(app: PhotoApp, content_type: str, size_bytes: int) -> None:
    conditions = _policy(app, content_type=content_type, size_bytes=size_bytes)["conditions"]
    photo = app.announce(key="k", content_type=content_type, size_bytes=size_bytes)
    assert {"bucket": app.gallery.bucket} in conditions
    assert {"key": photo.item["object"]["key"]} in conditions
    assert {"Content-Type": content_type} in conditions
    assert ["content-length-range", size_bytes, size_bytes] in conditions
    assert not [one for one in conditions if isinstance(one, list) and one[0] == "starts-with"]


def test_form_expires_after_15_minutes_and_says_so(app: PhotoApp) -> None:
    before = datetime.now(UTC)
    _, upload = app.gallery.announce("ann", **FILE, album_id="", idempotency_key="k")
    signed = datetime.fromisoformat(json.loads(base64.b64decode(upload.fields["policy"]))["expiration"])
    assert timedelta(seconds=890) < signed - before < timedelta(seconds=910)
    assert abs(datetime.fromisoformat(upload.expires_at) - signed) < timedelta(seconds=2)
