"""Deletion of photos: nothing is left of them, after crashes and late events too."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from moto.s3.models import s3_backends

from tests.conftest import BUCKET, ROOT, TABLE
from tests.functions.conftest import RESULTS, Answer, Refuse
from tests.functions.photo_app import PhotoApp, left_of, objects, rows
from vision.adapters import storage
from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.domain import records, table_keys
from vision.domain.bulk import bulk_run
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled, VisionError
from vision.domain.gallery.listing import ListPosition
from vision.domain.gallery.photos import Photo
from vision.domain.request_errors import NotFound
from vision.domain.table_keys import ERASED
from vision.services import gallery, photo_deletion

BY_HAND = "private/ann/uploads/by hand.jpg"
# The calls of a deletion to AWS, in order.
STEPS = [
    ("dynamodb", "UpdateItem"),
    ("s3", "ListObjectVersions"),
    ("s3", "DeleteObjects"),
    ("dynamodb", "BatchWriteItem"),
]
FAULTS = [("ThrottlingException", 400, Throttled), ("AccessDenied", 403, AccessDenied)]


def _tombstone(app: PhotoApp, photo: Photo) -> dict[str, Any]:
    found = app.photos.read(photo.photo_id)
    assert found is not None
    return found.item


def _assert_deleted(photo: Photo) -> None:
    """Check that of all photos only the tombstone of this one is left, and that it is in no index."""
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]
    assert objects() == rows("label_entry") == []
    assert {"status", "listing_pk", "open_pk", "open_since"}.isdisjoint(rows("photo")[0])


def test_deleted_photo_leaves_a_tombstone_that_is_not_listed(app: PhotoApp) -> None:
    photo = app.processed(album_id=app.album())
    # A second version, its thumbnail and a delete marker.
    app.finish(app.upload(photo))
    client("s3").delete_object(Bucket=app.gallery.bucket, Key=photo.item["object"]["key"])
    app.gallery.delete("ann", photo.photo_id)
    _assert_deleted(photo)
    assert {"name", "listing_pk", "listing_sk", "status"}.isdisjoint(_tombstone(app, photo))


def test_tombstone_expires_after_all_late_events(app: PhotoApp) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    item = _tombstone(app, photo)
    [attribute] = re.findall(r"TimeToLiveSpecification: { AttributeName: (\w+)", (ROOT / "template.yaml").read_text())
    days = (item[attribute] - datetime.fromisoformat(item[ERASED]).timestamp()) / 86_400
    # Queues keep a message for 14 days at most, and no execution of this workflow runs as long.
    assert 14 < days < 16


def test_deletion_keeps_a_photo_whose_key_begins_with_the_deleted_key(app: PhotoApp) -> None:
    short, longer = app.put("private/ann/uploads/rose"), app.put("private/ann/uploads/rose.jpg")
    for envelope in (short, longer):
        app.table.register(envelope, records.now())
    app.gallery.delete("ann", short.photo_id)
    assert objects() == [longer.object.key]


def test_deletion_keeps_the_other_photos_of_the_owner(app: PhotoApp) -> None:
    deleted, kept = app.processed(), app.processed()
    before = left_of(kept)
    app.gallery.delete("ann", deleted.photo_id)
    assert left_of(kept) == before
    assert app.listed() == [kept.photo_id]
    assert len(objects()) == 2


def test_second_deletion_succeeds_and_keeps_the_time_of_the_first(app: PhotoApp) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    first = _tombstone(app, photo)[ERASED]
    app.gallery.delete("ann", photo.photo_id)
    _assert_deleted(photo)
    assert _tombstone(app, photo)[ERASED] == first


@pytest.mark.parametrize("owner", ["bob", "", "ann/", "an"])
def test_photo_of_another_owner_is_not_found(app: PhotoApp, owner: str) -> None:
    photo = app.processed()
    with pytest.raises(NotFound):
        app.gallery.delete(owner, photo.photo_id)
    assert app.listed() == [photo.photo_id]


def test_photo_without_an_owner_and_unknown_photo_are_not_found(app: PhotoApp) -> None:
    envelope = app.put("images/part-0001.png")
    app.table.register(envelope, records.now())
    for owner, photo_id in (("", envelope.photo_id), ("ann", "a" * 26)):
        with pytest.raises(NotFound):
            app.gallery.delete(owner, photo_id)


# Interrupted deletions


@pytest.mark.parametrize(("service", "operation"), STEPS)
@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
def test_failed_step_raises_its_error_and_hides_the_photo(
    app: PhotoApp, refuse: Refuse, service: str, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    photo = app.processed()
    refuse(service, operation, code, http_status)
    with pytest.raises(kind):
        app.gallery.delete("ann", photo.photo_id)
    if (service, operation) == STEPS[0]:
        return
    with pytest.raises(NotFound):
        app.gallery.photo("ann", photo.photo_id)
    assert app.listed() == []


@pytest.mark.parametrize(
    ("service", "operation", "call"),
    [
        *((service, operation, 1) for service, operation in STEPS),
        ("s3", "DeleteObjects", 2),
        ("s3", "ListObjectVersions", 3),
    ],
)
def test_next_deletion_completes_an_interrupted_one(
    app: PhotoApp, refuse: Refuse, service: str, operation: str, call: int
) -> None:
    photo = app.processed(album_id=app.album())
    refuse(service, operation, "SlowDown", 503, (call,))
    with pytest.raises(Throttled):
        app.gallery.delete("ann", photo.photo_id)
    assert "forget_after" not in _tombstone(app, photo)
    app.gallery.delete("ann", photo.photo_id)
    _assert_deleted(photo)


def test_repeated_deletion_that_fails_counts_as_unfinished(app: PhotoApp, refuse: Refuse) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    refuse("s3", "ListObjectVersions", "SlowDown", 503, (1,))
    with pytest.raises(Throttled):
        app.gallery.delete("ann", photo.photo_id)
    assert [one.photo_id for one in app.photos.unfinished_deletions(records.seconds_ago(-1))] == [photo.photo_id]


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", AccessDenied), ("InternalError", ServiceUnavailable)])
def test_object_that_s3_cannot_delete_fails_the_deletion(
    app: PhotoApp, answer: Answer, code: str, kind: type[Exception]
) -> None:
    photo = app.processed()
    answer("s3", "DeleteObjects", {"Errors": [{"Key": photo.item["object"]["key"], "Code": code}]})
    with pytest.raises(kind, match="1 of its objects could not be deleted") as refusal:
        app.gallery.delete("ann", photo.photo_id)
    assert "private/ann" not in str(refusal.value)
    assert len(left_of(photo)) > 1


# Late events


def test_photo_deleted_while_it_is_processed_leaves_nothing(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    app.finish(envelope)
    _assert_deleted(photo)
    assert app.listed() == rows("count") == rows("label_name") == rows("label_entry") == []


@pytest.mark.parametrize("moment", ["index_labels", "unindex_labels", "count"])
def test_photo_deleted_while_its_labels_are_indexed_leaves_nothing(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    photo, envelope = app.uploaded()
    original = getattr(Photos, moment)

    def late(self: Photos, *arguments: object) -> None:
        monkeypatch.setattr(Photos, moment, original)
        app.gallery.delete("ann", photo.photo_id)
        original(self, *arguments)

    monkeypatch.setattr(Photos, moment, late)
    app.finish(envelope)
    _assert_deleted(photo)


@pytest.mark.parametrize("call", [3, 4, 5])
def test_retry_deletes_what_a_failed_attempt_added_after_the_deletion(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, refuse: Refuse, call: int
) -> None:
    photo, envelope = app.uploaded()
    index = Photos.index_labels

    def late(self: Photos, *arguments: Any) -> None:
        monkeypatch.setattr(Photos, "index_labels", index)
        app.gallery.delete("ann", photo.photo_id)
        # The writes that follow the entries: label names, the count, the deletion of the entries.
        refuse("dynamodb", "BatchWriteItem", "ThrottlingException", 400, (call - 1,))
        index(self, *arguments)

    monkeypatch.setattr(Photos, "index_labels", late)
    with pytest.raises(Throttled):
        app.finish(envelope)
    app.finish(envelope)
    _assert_deleted(photo)


def test_photo_replaced_while_its_labels_are_indexed_keeps_only_its_new_entries(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, index = app.put(BY_HAND), Photos.index_labels
    app.table.register(first, records.now())

    def late(self: Photos, *arguments: Any) -> None:
        monkeypatch.setattr(Photos, "index_labels", index)
        app.gallery.delete("ann", first.photo_id)
        second = app.put(BY_HAND)
        app.table.register(second, records.seconds_ago(-1))
        app.finish(second, Tulip=97)
        index(self, *arguments)

    monkeypatch.setattr(Photos, "index_labels", late)
    app.finish(first, Rose=98)
    assert app.listed(label="tulip") == [first.photo_id]
    assert {row["pk"]["S"] for row in rows("label_entry")} == {"OWNER#ann#LABEL#tulip"}


def test_late_deletion_keeps_the_entries_of_a_newer_upload(app: PhotoApp) -> None:
    first = app.put(BY_HAND)
    app.table.register(first, "2020-01-01T00:00:00.000Z")
    app.finish(first, Rose=98)
    deleted = app.photos.read(first.photo_id)
    assert deleted is not None
    app.photos.mark_deleting(deleted, "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z")
    marked = app.photos.read(first.photo_id)
    assert marked is not None
    second = app.put(BY_HAND)
    app.table.register(second, records.now())
    app.finish(second, Rose=98)
    assert app.listed(label="rose") == [first.photo_id]
    app.photos.delete_records(marked, records.now(), until=records.seconds_ago(-1))
    assert [row["sk"]["S"] for row in rows("label_entry")] == [app.photos.read(first.photo_id).listed_as]  # type: ignore[union-attr]


def test_upload_for_a_deleted_announcement_is_hidden_and_then_deleted(app: PhotoApp) -> None:
    photo = app.announce()
    app.gallery.delete("ann", photo.photo_id)
    envelope = app.upload(photo)
    assert app.listed() == []
    app.finish(envelope)
    _assert_deleted(photo)


def test_upload_for_a_deleted_album_leaves_nothing(app: PhotoApp) -> None:
    album_id = app.album()
    photo = app.announce(album_id=album_id)
    app.gallery.delete_album("ann", album_id)
    app.finish(app.upload(photo))
    assert app.listed() == []
    _assert_deleted(photo)


def test_repeated_event_does_not_restore_a_deleted_photo(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    app.finish(envelope)
    app.gallery.delete("ann", photo.photo_id)
    app.table.register(envelope, records.now())
    assert app.listed() == []


# Keys that the owner chose


def test_key_that_the_owner_chose_can_be_used_again_after_a_deletion(app: PhotoApp) -> None:
    first = app.put(BY_HAND)
    app.table.register(first, records.now())
    app.gallery.delete("ann", first.photo_id)
    app.table.register(app.put(BY_HAND), records.now())
    assert app.listed() == [first.photo_id]
    found = app.photos.read(first.photo_id)
    assert found is not None
    assert {ERASED, "forget_after"}.isdisjoint(found.item)


def test_late_deletion_keeps_an_upload_that_came_after_it(app: PhotoApp) -> None:
    first = app.put(BY_HAND)
    app.table.register(first, records.now())
    version = s3_backends["123456789012"]["aws"].get_bucket(BUCKET).keys.getlist(BY_HAND)[-1]
    version.last_modified = datetime(2019, 1, 1)
    found = app.photos.read(first.photo_id)
    assert found is not None
    app.photos.mark_deleting(found, "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z")
    marked = app.photos.read(first.photo_id)
    assert marked is not None
    second = app.put(BY_HAND)
    photo_deletion.delete_photo(app.photos, marked)
    assert storage.read(second.object) == b"content"
    assert objects() == [BY_HAND]


# All photos


@pytest.mark.parametrize("limits", [{"ERASED_AT_ONCE": 2}, {"_EXAMINED_AT_ONCE": 1, "_SCANS_LIMIT": 2}])
def test_all_photos_are_deleted_in_requests_of_limited_size(
    app: PhotoApp, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    for name, limit in limits.items():
        monkeypatch.setattr(gallery, name, limit)
    album_id = app.album()
    app.gallery.delete("ann", app.announce().photo_id)
    for owner in ("ann", "bob", "ann", "cy", "ann"):
        app.uploaded(owner=owner)
    # The photo that was deleted before is not counted again, and albums stay.
    assert _delete_all(app) == 5
    assert objects() == []
    assert app.gallery.albums.get("ann", album_id)


@pytest.mark.parametrize(
    ("service", "operation"), [("s3", "DeleteObjects"), ("s3", "ListObjectVersions"), ("dynamodb", "BatchWriteItem")]
)
def test_interrupted_deletion_of_all_photos_is_completed(
    app: PhotoApp, refuse: Refuse, service: str, operation: str
) -> None:
    photo = app.processed()
    refuse(service, operation, "SlowDown", 503, (1,))
    with pytest.raises(VisionError):
        _delete_all(app)
    _delete_all(app)
    _assert_deleted(photo)


def test_thumbnail_of_a_bulk_run_is_deleted_with_its_photo(app: PhotoApp, results: Callable[[], list[str]]) -> None:
    photo = app.processed()
    assert photo.version is not None
    copy = bulk_run.thumbnail_key(photo.version)
    client("s3").put_object(Bucket=RESULTS, Key=copy, Body=b"small")
    Items(TABLE).update(table_keys.image_key(photo.version), {"thumbnail": {"bucket": RESULTS, "key": copy}}, {})
    app.gallery.delete("ann", photo.photo_id)
    assert results() == []


def _delete_all(app: PhotoApp) -> int:
    total: list[str] = []
    after = None
    for _ in range(50):
        deleted: list[str] = []
        following = app.gallery.delete_some_of_everyone(after, deleted)
        total += deleted
        if following is None:
            return len(total)
        after = ListPosition.from_cursor(following.cursor())
    raise AssertionError("no end")
