from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from vision.adapters.items import Items
from vision.adapters.photos import Photos, is_newest
from vision.adapters.table import Table
from vision.domain import table_keys
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.pending_uploads import NEVER, PendingUpload
from vision.domain.gallery.photos import Photo, label_name
from vision.domain.objects import ObjectVersion, comparable_sequencer
from vision.domain.table_keys import ERASED, EXPIRES, GONE

NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.000Z"
PENDING = PendingUpload("amzn-s3-demo-bucket", "ann", "a" * 26, "rose.jpg", "image/jpeg", 7, "b" * 26)


@pytest.fixture
def photos(table_name: str) -> Photos:
    return Photos(table_name)


@pytest.fixture
def uploaded(photos: Photos, table_name: str) -> Callable[..., Envelope]:
    """Announce a photo, and register the event of its upload."""
    table = Table(table_name)

    def upload(pending: PendingUpload = PENDING, version_id: str = "v1") -> Envelope:
        photos.announce(pending, NOW)
        sequencer = comparable_sequencer(f"{version_id[1:]:0>16}")
        envelope = Envelope.of(ObjectVersion(pending.bucket, pending.key, version_id, "e1", sequencer, 7))
        table.register(envelope, LATER)
        return envelope

    return upload


def _read(photos: Photos, pending: PendingUpload = PENDING) -> Photo:
    photo = photos.read(pending.photo_id)
    assert photo is not None
    return photo


def _listed(photos: Photos, partition: str) -> list[str]:
    return [position.sk for position in photos.list_positions(partition, Span(), None, 10)]


# Pending uploads


def test_repeated_announcement_returns_the_first_one(photos: Photos) -> None:
    first = photos.announce(PENDING, NOW)
    again = photos.announce(replace(PENDING, name="tulip.jpg"), LATER)
    assert {**again, EXPIRES: first[EXPIRES]} == first


def test_pending_upload_is_listed_in_its_album_and_under_its_owner(photos: Photos) -> None:
    photos.announce(PENDING, NOW)
    assert _listed(photos, table_keys.owner_listing("ann")) == ["CURRENT"]
    assert _listed(photos, table_keys.album_listing("ann", "b" * 26)) == ["ALBUM"]


def test_upload_keeps_what_was_announced_except_the_status(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    uploaded()
    photo = _read(photos)
    assert (
        photo.item.items()
        >= {
            "name": "rose.jpg",
            "content_type": "image/jpeg",
            "album_id": "b" * 26,
            "created_at": NOW,
            "listing_sk": f"{NOW}#{PENDING.photo_id}",
        }.items()
    )
    assert "status" not in photo.item
    assert photo.record["status"] == "PENDING"


# List positions


def test_list_continues_after_any_position_newest_first(photos: Photos) -> None:
    for hour in range(10, 14):
        photos.announce(replace(PENDING, token=f"{'a' * 25}{hour - 8}"), f"2026-11-21T{hour}:00:00.000Z")
    listing = table_keys.owner_listing("ann")
    positions = list(photos.list_positions(listing, Span(), None, 10))
    assert [position.listing_sk[11:13] for position in positions] == ["13", "12", "11", "10"]
    for number, position in enumerate(positions, 1):
        assert list(photos.list_positions(listing, Span(), position, 10)) == positions[number:]


def test_list_without_possible_positions_sends_no_query(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    # DynamoDB rejects BETWEEN when the first value is greater than the second.
    def query(*_: Any, **__: Any) -> None:
        raise AssertionError("query was sent")

    monkeypatch.setattr(Items, "query", query)
    assert list(photos.list_positions("OWNER#ann", Span(), ListPosition("", "p", "s"), 10)) == []


def test_existing_photos_are_read_in_the_order_of_their_positions(photos: Photos) -> None:
    pending = [replace(PENDING, token=f"{'a' * 25}{number}") for number in (4, 3, 2)]
    for one in pending:
        photos.announce(one, NOW)
    positions = [ListPosition("", table_keys.photo_key(one.photo_id)["pk"], "CURRENT") for one in pending]
    found = photos.get_many([*positions, ListPosition("", "PHOTO#gone", "CURRENT"), positions[0]])
    assert [photo.photo_id for photo in found] == [one.photo_id for one in (*pending, pending[0])]


def test_photo_of_a_list_has_the_details_and_all_that_deletion_needs(
    photos: Photos, uploaded: Callable[..., Envelope], table_name: str
) -> None:
    envelope = uploaded()
    labels = [{"name": "Rose", "confidence": 98.7, "parents": [], "instances": []}]
    found = {"verdict": "SUCCESS", "labels": labels, "format": "JPEG", "width": 4, "height": 3}
    Table(table_name).record_verdict(envelope, found, LATER)
    whole = _read(photos)
    [photo] = photos.get_many([whole.position()])
    assert photo.details(LATER) == whole.details(LATER)
    for name in ("photo_id", "owner", "object", "content_type", "album_id"):
        assert photo.item.get(name) == whole.item[name]


def test_photo_shows_its_newest_version(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    first, second = uploaded(version_id="v1"), uploaded(version_id="v2")
    photo = _read(photos)
    assert not is_newest(photo, first.object)
    assert is_newest(photo, second.object)
    assert not is_newest(Photo(PENDING.photo(NOW), {}), first.object)


# Label entries

ROSE = "rose"


def _older_entry(photo: Photo, label: str = ROSE) -> dict[str, str]:
    """The entry of a photo as earlier releases wrote it."""
    return {
        **table_keys.older_label_entry_key(photo.photo_id, label),
        "record_type": "label_entry",
        "listing_pk": table_keys.label_listing(photo.owner, label),
        "listing_sk": photo.item["listing_sk"],
    }


@pytest.fixture
def labelled(photos: Photos, items: Items) -> Callable[[int, str], Photo]:
    """Announce a photo at an hour, and list it under a label by this release, an earlier one, or both."""

    def make(hour: int, releases: str) -> Photo:
        pending = replace(PENDING, token=f"{hour:02}".translate({48 + digit: 97 + digit for digit in range(10)}) * 13)
        photos.announce(pending, f"2026-11-{hour:02}T10:00:00.000Z")
        photo = _read(photos, pending)
        if releases in ("new", "both"):
            photos.index_labels(photo, ["Rose"])
        if releases in ("older", "both"):
            items.put_many([_older_entry(photo)])
        return photo

    return make


@pytest.mark.parametrize(("first", "last"), [(None, None), (date(2026, 11, 12), date(2026, 11, 13))])
def test_entries_of_both_releases_are_one_list_with_the_same_cursors(
    photos: Photos, labelled: Callable[[int, str], Photo], first: date | None, last: date | None
) -> None:
    made = [labelled(day, releases) for day, releases in ((14, "new"), (13, "both"), (12, "older"), (11, "new"))]
    expected = [ListPosition(photo.listed_as, photo.item["pk"], "LABEL#rose") for photo in made]
    if first:
        expected = expected[1:3]
    for page_size in (1, 10):
        found = list(photos.list_labelled("ann", "Rose", Span(first, last), None, page_size))
        assert found == expected
    for number, position in enumerate(expected, 1):
        assert list(photos.list_labelled("ann", "rose", Span(first, last), position, 10)) == expected[number:]
        assert ListPosition.from_cursor(position.cursor()) == position


@pytest.mark.parametrize("owner", ["an", "anne", "bob", "ann#LABEL#rose"])
def test_entries_of_an_owner_are_in_no_list_of_another(
    photos: Photos, labelled: Callable[[int, str], Photo], owner: str
) -> None:
    labelled(11, "both")
    for label in ("Rose", "", "rose"):
        assert list(photos.list_labelled(owner, label, Span(), None, 10)) == []


def test_label_names_in_the_partition_of_a_label_are_not_listed(photos: Photos, items: Items) -> None:
    items.put_many([label_name("ann#LABEL#rose", "Tulip")])
    assert list(photos.list_labelled("ann", "rose", Span(), None, 10)) == []


def test_deletion_removes_entries_of_all_versions_attempts_and_releases(
    photos: Photos, items: Items, uploaded: Callable[..., Envelope], table_name: str
) -> None:
    for second, (version_id, names) in enumerate((("v1", ["Rose", "Oak"]), ("v2", ["Tulip"]), ("v2", ["Daisy"]))):
        envelope = uploaded(version_id=version_id)
        outcome = {"status": "SUCCEEDED", "labels": [{"name": name, "confidence": 90} for name in names]}
        Table(table_name).advance(
            envelope, Attempt(f"arn:{second}", f"2026-11-21T12:00:0{second}.000Z"), outcome, LATER
        )
        photos.index_labels(_read(photos), names)
    items.put_many([_older_entry(_read(photos))])
    photos.mark_deleting(_read(photos), LATER, LATER)
    photos.delete_records(_read(photos), LATER)
    left = items.scan(None, 100)[0]
    assert {item["record_type"] for item in left} == {"photo", "label_name"}


# Deleted photos


def test_deleted_pending_upload_is_unlisted_and_no_upload_is_newer(
    photos: Photos, uploaded: Callable[..., Envelope]
) -> None:
    photos.announce(PENDING, NOW)
    photos.mark_deleting(_read(photos), LATER, LATER)
    assert _listed(photos, table_keys.owner_listing("ann")) == []
    uploaded(version_id="v9")
    item = _read(photos).item
    assert (item["sequencer"], item[ERASED]) == (NEVER, LATER)
    assert "etag" not in item["object"]


def test_missing_photo_is_not_created_by_its_deletion(photos: Photos) -> None:
    photos.mark_deleting(Photo(PENDING.photo(NOW), {}), LATER, LATER)
    assert photos.read(PENDING.photo_id) is None


def test_photo_that_is_not_being_deleted_never_becomes_a_tombstone(photos: Photos) -> None:
    # A newer upload brought it back while the deletion of the older one ended.
    photos.announce(PENDING, NOW)
    photos.delete_records(_read(photos), LATER)
    assert GONE not in _read(photos).item


def test_scan_finds_photos_and_unfinished_deletions_only(photos: Photos, items: Items, table_name: str) -> None:
    items.put_once({"pk": "OWNER#ann", "sk": "ALBUM#b", "record_type": "album"})
    items.put_once({"pk": "SESSION#things", "sk": "LEASE"})
    inspected = ObjectVersion(PENDING.bucket, "images/part.jpg", "v1", "e1", comparable_sequencer("1".zfill(16)), 7)
    Table(table_name).register(Envelope.of(inspected), NOW)
    assert photos.scan_page(None, 100) == ([], None)
    unfinished, gone = replace(PENDING, token="c" * 26), replace(PENDING, token="d" * 26)
    for one in (PENDING, unfinished, gone):
        photos.announce(one, NOW)
    for one in (unfinished, gone):
        photos.mark_deleting(_read(photos, one), LATER, LATER)
    photos.delete_records(_read(photos, gone), LATER)
    found, _ = photos.scan_page(None, 100)
    assert {photo.photo_id for photo in found} == {PENDING.photo_id, unfinished.photo_id}
