from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from vision.adapters.items import Items
from vision.adapters.photos import Photos, is_newest
from vision.adapters.table import Table
from vision.domain import table_keys
from vision.domain.envelopes import Envelope
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.gallery.pending_uploads import NEVER, PendingUpload
from vision.domain.gallery.photos import Photo
from vision.domain.objects import ObjectVersion, comparable_sequencer
from vision.domain.table_keys import ERASED, EXPIRES, GONE

NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.000Z"
TICKET = PendingUpload("amzn-s3-demo-bucket", "ann", "a" * 26, "rose.jpg", "image/jpeg", 7, "b" * 26)


@pytest.fixture
def photos(table_name: str) -> Photos:
    return Photos(table_name)


@pytest.fixture
def items(table_name: str) -> Items:
    return Items(table_name)


@pytest.fixture
def uploaded(photos: Photos, table_name: str) -> Callable[..., Envelope]:
    """Announce a ticket, and let the event of its upload come."""
    table = Table(table_name)

    def upload(ticket: PendingUpload = TICKET, version_id: str = "v1") -> Envelope:
        photos.announce(ticket, NOW)
        sequencer = comparable_sequencer(f"{version_id[1:]:0>16}")
        envelope = Envelope.of(ObjectVersion(ticket.bucket, ticket.key, version_id, "e1", sequencer, 7))
        table.register(envelope, LATER)
        return envelope

    return upload


def _read(photos: Photos, ticket: PendingUpload = TICKET) -> Photo:
    photo = photos.read(ticket.photo_id)
    assert photo is not None
    return photo


def _under(photos: Photos, partition: str, span: Span | None = None, after: ListPosition | None = None) -> list[str]:
    return [place.sk for place in photos.list_positions(partition, span or Span(), after, 10)]


# Tickets


def test_a_ticket_is_announced_once(photos: Photos) -> None:
    first = photos.announce(TICKET, NOW)
    again = photos.announce(replace(TICKET, name="tulip.jpg"), LATER)
    assert {**again, EXPIRES: first[EXPIRES]} == first


def test_a_ticket_is_found_in_its_album_and_under_its_owner(photos: Photos) -> None:
    photos.announce(TICKET, NOW)
    partitions = (table_keys.owner_listing("ann"), table_keys.album_listing("ann", "b" * 26))
    assert [_under(photos, partition) for partition in partitions] == [["CURRENT"], ["ALBUM"]]


def test_an_upload_keeps_what_was_announced(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    uploaded()
    item = _read(photos).item
    assert {name: item[name] for name in ("name", "content_type", "album_id", "created_at", "listing_sk")} == {
        "name": "rose.jpg",
        "content_type": "image/jpeg",
        "album_id": "b" * 26,
        "created_at": NOW,
        "listing_sk": f"{NOW}#{TICKET.photo_id}",
    }


def test_an_upload_takes_the_status_of_the_ticket_away(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    uploaded()
    photo = _read(photos)
    assert ("status" in photo.item, photo.record["status"]) == (False, "PENDING")


# Places


def test_a_list_has_its_places_newest_first_after_the_last_one(photos: Photos) -> None:
    for hour in range(10, 14):
        photos.announce(replace(TICKET, token=f"{'a' * 25}{hour - 8}"), f"2026-11-21T{hour}:00:00.000Z")
    places = list(photos.list_positions(table_keys.owner_listing("ann"), Span(), None, 10))
    assert [list(photos.list_positions(table_keys.owner_listing("ann"), Span(), place, 10)) for place in places] == [
        places[number:] for number in range(1, 5)
    ]


def test_a_list_that_can_have_nothing_is_not_asked_for(photos: Photos, monkeypatch: pytest.MonkeyPatch) -> None:
    # DynamoDB refuses BETWEEN when the first value is the greater one.
    def query(*_: Any, **__: Any) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(Items, "query", query)
    assert list(photos.list_positions("OWNER#ann", Span(), ListPosition("", "p", "s"), 10)) == []


def test_photos_are_at_their_places_in_the_order_of_those(photos: Photos) -> None:
    others = [replace(TICKET, token=f"{'a' * 25}{number}") for number in (2, 3, 4)]
    for ticket in others:
        photos.announce(ticket, NOW)
    places = [ListPosition("", table_keys.photo_key(ticket.photo_id)["pk"], "CURRENT") for ticket in reversed(others)]
    found = [
        photo.photo_id for photo in photos.get_many([*places, ListPosition("", "PHOTO#gone", "CURRENT"), places[0]])
    ]
    assert found == [ticket.photo_id for ticket in (*reversed(others), others[-1])]


def test_a_place_has_all_that_deletion_looks_at(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    uploaded()
    whole = _read(photos)
    [photo] = photos.get_many([whole.place()])
    looked_at = ("photo_id", "owner", "object", "content_type", "album_id")
    assert {name: photo.item.get(name) for name in looked_at} == {name: whole.item[name] for name in looked_at}


def test_a_place_shows_what_the_photo_alone_shows(
    photos: Photos, uploaded: Callable[..., Envelope], table_name: str
) -> None:
    envelope = uploaded()
    labels = [{"name": "Rose", "confidence": 98.7, "parents": [], "instances": []}]
    found = {"verdict": "SUCCESS", "labels": labels, "format": "JPEG", "width": 4, "height": 3}
    Table(table_name).judge(envelope, found, LATER)
    [photo] = photos.get_many([_read(photos).place()])
    assert photo.details(LATER) == _read(photos).details(LATER)


def test_the_newest_version_is_the_one_that_the_photo_shows(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    first, second = uploaded(version_id="v1"), uploaded(version_id="v2")
    photo = _read(photos)
    assert (is_newest(photo, first.object), is_newest(photo, second.object)) == (False, True)


def test_a_ticket_has_no_newest_version(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    envelope = uploaded()
    assert not is_newest(Photo(TICKET.photo(NOW), {}), envelope.object)


# Erased photos


def test_an_erased_photo_is_in_no_list_of_its_owner(photos: Photos) -> None:
    photos.announce(TICKET, NOW)
    photos.mark_deleting(_read(photos), LATER, LATER)
    assert _under(photos, table_keys.owner_listing("ann")) == []


def test_no_upload_is_newer_than_an_erased_ticket(photos: Photos, uploaded: Callable[..., Envelope]) -> None:
    photos.announce(TICKET, NOW)
    photos.mark_deleting(_read(photos), LATER, LATER)
    uploaded(version_id="v9")
    item = _read(photos).item
    assert (item["sequencer"], item[ERASED], "etag" in item["object"]) == (NEVER, LATER, False)


def test_a_photo_that_is_gone_is_not_made_by_erasing_it(photos: Photos) -> None:
    photos.mark_deleting(Photo(TICKET.photo(NOW), {}), LATER, LATER)
    assert photos.read(TICKET.photo_id) is None


def test_a_photo_that_is_not_erased_is_never_taken_for_gone(photos: Photos) -> None:
    # It came back by a newer upload while the deletion of the older one ended.
    photos.announce(TICKET, NOW)
    photos.delete_records(TICKET.photo_id, LATER)
    assert GONE not in _read(photos).item


def test_some_photos_are_neither_albums_nor_gone(photos: Photos, items: Items) -> None:
    items.put_once({"pk": "OWNER#ann", "sk": "ALBUM#b", "record_type": "album"})
    items.put_once({"pk": "SESSION#things", "sk": "LEASE"})
    broken_off, gone = replace(TICKET, token="c" * 26), replace(TICKET, token="d" * 26)
    for ticket in (TICKET, broken_off, gone):
        photos.announce(ticket, NOW)
    for ticket in (broken_off, gone):
        photos.mark_deleting(_read(photos, ticket), LATER, LATER)
    photos.delete_records(gone.photo_id, LATER)
    found, _ = photos.scan_page(None, 100)
    assert {photo.photo_id for photo in found} == {TICKET.photo_id, broken_off.photo_id}


def test_an_inspected_image_is_nobodys_photo(photos: Photos, table_name: str) -> None:
    image = ObjectVersion(TICKET.bucket, "images/part.jpg", "v1", "e1", comparable_sequencer("1".zfill(16)), 7)
    Table(table_name).register(Envelope.of(image), NOW)
    assert photos.scan_page(None, 100) == ([], None)
