"""What is deleted is gone, with all that was made of it, whatever happens at the same moment or breaks off."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from moto.s3.models import s3_backends

from tests.conftest import BUCKET, REGION, ROOT, TABLE
from tests.functions.photo_app import PhotoApp, left_of, objects, rows
from vision.adapters import storage
from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.domain import records, table_keys
from vision.domain.bulk import bulk_run
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled, VisionError
from vision.domain.gallery.listing import ListPosition
from vision.domain.gallery.photos import Photo
from vision.domain.refusals import NotFound
from vision.domain.table_keys import ERASED
from vision.services import gallery, photo_deletion

Refuse = Callable[..., None]
BY_HAND = "private/ann/uploads/by hand.jpg"
# What a deletion asks of AWS, in its order.
STEPS = [
    ("dynamodb", "UpdateItem"),
    ("s3", "ListObjectVersions"),
    ("s3", "DeleteObjects"),
    ("dynamodb", "BatchWriteItem"),
]
FAULTS = [("ThrottlingException", 400, Throttled), ("AccessDenied", 403, AccessDenied)]


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def _erased(app: PhotoApp, photo: Photo) -> Photo:
    found = app.photos.read(photo.photo_id)
    assert found is not None
    return found


def test_of_a_deleted_photo_the_table_keeps_only_that_it_was_erased(app: PhotoApp) -> None:
    photo = app.processed(album_id=_album(app))
    app.gallery.delete("ann", photo.photo_id)
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]


def test_what_is_kept_of_a_deleted_photo_has_no_name_and_is_in_no_list(app: PhotoApp) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    assert {"name", "listing_pk", "listing_sk", "status"}.isdisjoint(_erased(app, photo).item)


def test_what_is_kept_of_a_deleted_photo_expires_after_all_that_could_come_late(app: PhotoApp) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    item = _erased(app, photo).item
    [attribute] = re.findall(r"TimeToLiveSpecification: { AttributeName: (\w+)", (ROOT / "template.yaml").read_text())
    days = (item[attribute] - datetime.fromisoformat(item[ERASED]).timestamp()) / 86_400
    # Queues keep a message for 14 days at most, and no execution of this workflow runs as long.
    assert 14 < days < 16


def test_every_version_and_thumbnail_and_delete_marker_of_a_deleted_photo_goes(app: PhotoApp) -> None:
    photo = app.processed()
    app.finish(app.upload(photo))
    client("s3").delete_object(Bucket=app.gallery.bucket, Key=photo.item["object"]["key"])
    app.gallery.delete("ann", photo.photo_id)
    assert objects() == []


def test_deleting_a_photo_spares_another_whose_key_begins_with_its_key(app: PhotoApp) -> None:
    short, longer = app.put("private/ann/uploads/rose"), app.put("private/ann/uploads/rose.jpg")
    for envelope in (short, longer):
        app.table.register(envelope, records.now())
    app.gallery.delete("ann", short.photo_id)
    assert objects() == [longer.object.key]


def test_deleting_a_photo_spares_the_others_of_its_owner(app: PhotoApp) -> None:
    gone, kept = app.processed(), app.processed()
    before = left_of(kept)
    app.gallery.delete("ann", gone.photo_id)
    assert (left_of(kept), app.listed(), len(objects())) == (before, [kept.photo_id], 2)


def test_a_photo_is_deleted_twice(app: PhotoApp) -> None:
    photo = app.processed()
    for _ in range(2):
        app.gallery.delete("ann", photo.photo_id)
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_the_second_deletion_does_not_move_the_moment_of_the_first(app: PhotoApp) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    first = _erased(app, photo).item
    app.gallery.delete("ann", photo.photo_id)
    assert _erased(app, photo).item[ERASED] == first[ERASED]


@pytest.mark.parametrize("owner", ["bob", "", "ann/", "an"])
def test_nobody_deletes_the_photo_of_another(app: PhotoApp, owner: str) -> None:
    photo = app.processed()
    with pytest.raises(NotFound):
        app.gallery.delete(owner, photo.photo_id)
    assert app.listed() == [photo.photo_id]


def test_a_photo_that_is_nobodys_is_deleted_by_nobody(app: PhotoApp) -> None:
    envelope = app.put("images/part-0001.png")
    app.table.register(envelope, records.now())
    with pytest.raises(NotFound):
        app.gallery.delete("", envelope.photo_id)


def test_a_photo_that_never_was_is_not_deleted(app: PhotoApp) -> None:
    with pytest.raises(NotFound):
        app.gallery.delete("ann", "a" * 26)


# What breaks off


@pytest.mark.parametrize(("service", "operation"), STEPS)
@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
def test_a_deletion_that_breaks_off_says_so(
    app: PhotoApp, refuse: Refuse, service: str, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    photo = app.processed()
    refuse(service, operation, code, http_status)
    with pytest.raises(kind):
        app.gallery.delete("ann", photo.photo_id)


@pytest.mark.parametrize(("service", "operation"), STEPS[1:])
def test_a_deletion_that_breaks_off_shows_the_photo_to_nobody_any_more(
    app: PhotoApp, refuse: Refuse, service: str, operation: str
) -> None:
    photo = app.processed()
    refuse(service, operation, "SlowDown", 503)
    with pytest.raises(VisionError):
        app.gallery.delete("ann", photo.photo_id)
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
def test_a_deletion_that_broke_off_anywhere_is_finished_by_the_next(
    app: PhotoApp, refuse: Refuse, service: str, operation: str, call: int
) -> None:
    photo = app.processed(album_id=_album(app))
    refuse(service, operation, "SlowDown", 503, (call,))
    with pytest.raises(Throttled):
        app.gallery.delete("ann", photo.photo_id)
    app.gallery.delete("ann", photo.photo_id)
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_a_deletion_that_broke_off_does_not_expire(app: PhotoApp, refuse: Refuse) -> None:
    photo = app.processed()
    refuse("s3", "ListObjectVersions", "SlowDown", 503, (1,))
    with pytest.raises(Throttled):
        app.gallery.delete("ann", photo.photo_id)
    assert "forget_after" not in _erased(app, photo).item


def test_what_comes_late_and_is_not_erased_at_once_makes_the_deletion_one_that_broke_off(
    app: PhotoApp, refuse: Refuse
) -> None:
    photo = app.processed()
    app.gallery.delete("ann", photo.photo_id)
    refuse("s3", "ListObjectVersions", "SlowDown", 503, (1,))
    with pytest.raises(Throttled):
        app.gallery.delete("ann", photo.photo_id)
    assert list(app.photos.unfinished_deletions(records.seconds_ago(-1))) == [photo.photo_id]


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", AccessDenied), ("InternalError", ServiceUnavailable)])
def test_an_object_that_s3_does_not_delete_keeps_the_deletion_from_ending(
    app: PhotoApp, answer: Callable[..., list], code: str, kind: type[Exception]
) -> None:
    photo = app.processed()
    answer("s3", "DeleteObjects", {"Errors": [{"Key": photo.item["object"]["key"], "Code": code}]})
    with pytest.raises(kind, match="1 of its objects could not be deleted"):
        app.gallery.delete("ann", photo.photo_id)
    assert len(left_of(photo)) > 1


def test_a_refusal_to_delete_does_not_name_the_key(app: PhotoApp, answer: Callable[..., list]) -> None:
    photo = app.processed()
    answer("s3", "DeleteObjects", {"Errors": [{"Key": photo.item["object"]["key"], "Code": "AccessDenied"}]})
    with pytest.raises(AccessDenied) as refusal:
        app.gallery.delete("ann", photo.photo_id)
    assert "private/ann" not in str(refusal.value)


# What comes late


def test_a_photo_that_is_deleted_while_it_is_processed_leaves_nothing(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    app.finish(envelope)
    assert (left_of(photo), objects(), app.listed()) == ([table_keys.PHOTO_SORT_KEY], [], [])


def test_a_photo_that_is_deleted_while_it_is_processed_is_not_counted(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    app.finish(envelope)
    assert (rows("count"), rows("label_name"), rows("label_entry")) == ([], [], [])


@pytest.mark.parametrize("moment", ["file", "count"])
def test_a_photo_that_is_deleted_while_it_is_filed_leaves_nothing(
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
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_an_upload_that_comes_after_its_ticket_was_deleted_shows_nothing(app: PhotoApp) -> None:
    photo = app.announce()
    app.gallery.delete("ann", photo.photo_id)
    app.upload(photo)
    assert app.listed() == []


def test_an_upload_that_comes_after_its_ticket_was_deleted_leaves_nothing_when_it_is_processed(app: PhotoApp) -> None:
    photo = app.announce()
    app.gallery.delete("ann", photo.photo_id)
    app.finish(app.upload(photo))
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_an_upload_that_comes_after_its_album_was_deleted_shows_nothing(app: PhotoApp) -> None:
    album_id = _album(app)
    photo = app.announce(album_id=album_id)
    app.gallery.delete_album("ann", album_id)
    app.finish(app.upload(photo))
    assert (app.listed(), left_of(photo), objects()) == ([], [table_keys.PHOTO_SORT_KEY], [])


def test_an_event_that_comes_again_does_not_bring_a_deleted_photo_back(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    app.finish(envelope)
    app.gallery.delete("ann", photo.photo_id)
    app.table.register(envelope, records.now())
    assert app.listed() == []


# Keys that their owner chose


def test_a_key_that_its_owner_chose_may_be_used_again(app: PhotoApp) -> None:
    first = app.put(BY_HAND)
    app.table.register(first, records.now())
    app.gallery.delete("ann", first.photo_id)
    app.table.register(app.put(BY_HAND), records.now())
    assert app.listed() == [first.photo_id]


def test_a_photo_of_a_key_that_is_used_again_does_not_expire(app: PhotoApp) -> None:
    first = app.put(BY_HAND)
    app.table.register(first, records.now())
    app.gallery.delete("ann", first.photo_id)
    app.table.register(app.put(BY_HAND), records.now())
    found = app.photos.read(first.photo_id)
    assert found is not None
    assert {ERASED, "forget_after"}.isdisjoint(found.item)


def test_a_deletion_that_is_finished_late_spares_an_upload_that_came_after_it(app: PhotoApp) -> None:
    first = app.put(BY_HAND)
    app.table.register(first, records.now())
    _date(first, 2019)
    found = app.photos.read(first.photo_id)
    assert found is not None
    app.photos.mark_deleting(found, "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.000Z")
    marked = app.photos.read(first.photo_id)
    assert marked is not None
    second = app.put(BY_HAND)
    photo_deletion.delete_photo(app.photos, marked)
    assert storage.read(second.object) == b"content"
    assert objects() == [BY_HAND]


def _date(envelope: Envelope, year: int) -> None:
    """Let an object be uploaded in another year."""
    version = s3_backends["123456789012"]["aws"].get_bucket(BUCKET).keys.getlist(envelope.object.key)[-1]
    version.last_modified = datetime(year, 1, 1)


# Everything


def test_everything_goes_in_steps_that_fit_into_a_request(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "ERASED_AT_ONCE", 2)
    for owner in ("ann", "bob", "ann", "cy", "ann"):
        app.uploaded(owner=owner)
    assert (_delete_all(app), objects()) == (5, [])


def test_everything_spares_albums_and_runs(app: PhotoApp) -> None:
    album_id = _album(app)
    _delete_all(app)
    assert app.gallery.people.album("ann", album_id)


def test_what_was_deleted_before_is_not_deleted_with_everything(app: PhotoApp) -> None:
    app.gallery.delete("ann", app.announce().photo_id)
    assert _delete_all(app) == 0


@pytest.mark.parametrize(
    ("service", "operation"), [("s3", "DeleteObjects"), ("s3", "ListObjectVersions"), ("dynamodb", "BatchWriteItem")]
)
def test_everything_is_deleted_although_a_deletion_broke_off(
    app: PhotoApp, refuse: Callable[..., None], service: str, operation: str
) -> None:
    photo = app.processed()
    refuse(service, operation, "SlowDown", 503, (1,))
    with pytest.raises(VisionError):
        _delete_all(app)
    _delete_all(app)
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_everything_is_found_page_by_page(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "_LOOKS_AT_ONCE", 1)
    monkeypatch.setattr(gallery, "_SCANS_LIMIT", 2)
    for _ in range(3):
        app.uploaded()
    assert (_delete_all(app), objects()) == (3, [])


def test_the_copies_that_a_bulk_run_made_are_deleted_too(app: PhotoApp) -> None:
    photo, results = app.processed(), "amzn-s3-demo-results"
    client("s3").create_bucket(Bucket=results, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert photo.version is not None
    copy = bulk_run.thumbnail_key(photo.version)
    client("s3").put_object(Bucket=results, Key=copy, Body=b"small")
    Items(TABLE).update(table_keys.image_key(photo.version), {"thumbnail": {"bucket": results, "key": copy}}, {})
    app.gallery.delete("ann", photo.photo_id)
    assert client("s3").list_objects_v2(Bucket=results)["KeyCount"] == 0


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


def _album(app: PhotoApp) -> str:
    return str(app.gallery.make_album("ann", "Rome", "")["album_id"])
