from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import api_owners, labels, moments, tickets, tokens
from vision.domain import table_keys
from vision.domain.gallery import albums, daily_counts, photos
from vision.domain.gallery.pending_uploads import FORGOTTEN_SECONDS, PendingUpload
from vision.domain.gallery.photos import Photo, PhotoQuery
from vision.domain.table_keys import ERASED

NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-22T10:00:00.000Z"
TICKET = PendingUpload("amzn-s3-demo-bucket", "ann", "a" * 26, "rose.jpg", "image/jpeg", 7, "")
VERSION = {"version_id": "v1", "etag": "e1", "sequencer": "01", "size_bytes": 8}
confidences = st.floats(0, 100).map(lambda confidence: round(confidence, 2))
found = st.lists(
    st.fixed_dictionaries({"name": labels, "confidence": confidences}), max_size=12, unique_by=lambda one: one["name"]
)


def _photo(record: dict[str, Any] | None = None, *, is_uploaded: bool = True, **item: Any) -> Photo:
    ticket = TICKET.photo(NOW)
    if is_uploaded:
        ticket["object"] |= VERSION
    return Photo(ticket | item, record or {})


def _label(name: str = "Rose", confidence: float = 98.7) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "parents": ["Plant"], "instances": []}


# What is shown


def test_a_photo_that_is_announced_is_pending() -> None:
    shown = _photo(is_uploaded=False).as_dict(NOW)
    assert (shown["status"], shown["is_uploaded"], shown["error"]) == ("PENDING", False, None)


def test_a_photo_that_came_is_pending_until_it_has_a_record() -> None:
    shown = _photo().as_dict(LATER)
    assert (shown["status"], shown["is_uploaded"]) == ("PENDING", True)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "PENDING"), (FORGOTTEN_SECONDS, "PENDING"), (FORGOTTEN_SECONDS + 1, "FAILED")]
)
def test_an_upload_that_never_came_has_failed_a_day_later(seconds: int, status: str) -> None:
    photo = _photo(is_uploaded=False, created_at="2026-11-21T10:00:00.000Z")
    day, second = divmod(seconds, 86_400)
    now = f"2026-11-{21 + day}T10:00:{second:02}.000Z"
    assert photo.as_dict(now)["status"] == status


def test_an_upload_that_never_came_says_what_to_do() -> None:
    error = _photo(is_uploaded=False).as_dict("2026-11-23T10:00:00.000Z")["error"]
    assert (error["name"], error["remedy"]) == (
        "UploadMissing",
        "Add the file again; a lost connection may have stopped it.",
    )


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PARTIAL", "TIMED_OUT", "ABORTED"])
def test_the_status_is_that_of_the_record(status: str) -> None:
    assert _photo({"status": status}).as_dict(NOW)["status"] == status


@pytest.mark.parametrize(
    ("name", "remedy"), [("CorruptImage", "The file is damaged"), ("States.Timeout", "tell whoever runs this service")]
)
def test_every_failure_has_a_remedy(name: str, remedy: str) -> None:
    shown = _photo({"status": "FAILED", "error": {"name": name, "cause": "why"}}).as_dict(NOW)
    assert (shown["error"]["name"], shown["error"]["cause"], remedy in shown["error"]["remedy"]) == (name, "why", True)


@given(found)
def test_a_list_shows_the_ten_surest_labels_in_order(some: list[dict[str, Any]]) -> None:
    shown = [label["confidence"] for label in _photo({"status": "SUCCEEDED", "labels": some}).as_dict(NOW)["labels"]]
    assert shown == sorted((label["confidence"] for label in some), reverse=True)[:10]


def test_the_details_have_every_label_with_its_parents() -> None:
    many = [_label(f"Label {number}", number) for number in range(30)]
    shown = _photo({"status": "SUCCEEDED", "labels": many}).details(NOW)["labels"]
    assert (len(shown), shown[0]["name"], shown[0]["parents"]) == (30, "Label 29", ["Plant"])


def test_labels_of_a_compact_record_are_shown_without_parents() -> None:
    shown = _photo({"status": "SUCCEEDED", "labels": [{"name": "Rose", "confidence": 98}]}).details(NOW)["labels"]
    assert (shown[0]["parents"], shown[0]["instances"]) == ([], [])


@pytest.mark.parametrize(("is_uploaded", "size_bytes"), [(False, 7), (True, 8)])
def test_the_size_is_what_was_announced_until_it_is_known(is_uploaded: bool, size_bytes: int) -> None:
    assert _photo(is_uploaded=is_uploaded).details(NOW)["size_bytes"] == size_bytes


def test_a_photo_that_was_not_announced_is_called_like_its_file() -> None:
    photo = _photo()
    del photo.item["name"]
    assert photo.as_dict(NOW)["name"] == "a" * 26


def test_a_photo_shows_nothing_of_where_it_is() -> None:
    shown = _photo({"status": "SUCCEEDED", "thumbnail": {"bucket": "b", "key": "private/ann/resized/k"}}).details(NOW)
    assert "private/ann" not in str(shown)


# What is wanted


@pytest.mark.parametrize(
    ("wanted", "is_admitted"),
    [
        ({}, True),
        ({"label": "rose"}, True),
        ({"label": "ROSE", "min_confidence": 98.7}, True),
        ({"label": "rose", "min_confidence": 98.8}, False),
        ({"label": "plant", "min_confidence": 90}, False),
        ({"min_confidence": 98.7}, True),
        ({"min_confidence": 99}, False),
        ({"label": "ros"}, False),
        ({"class_name": "rose"}, True),
        ({"class_name": "Plant"}, False),
        ({"album_id": "b" * 26}, True),
        ({"album_id": "c" * 26}, False),
        ({"label": "plant", "class_name": "rose", "album_id": "b" * 26}, True),
    ],
)
def test_a_photo_is_wanted_if_all_holds(wanted: dict[str, Any], is_admitted: bool) -> None:
    record = {"status": "SUCCEEDED", "labels": [_label("Plant", 80), _label()]}
    assert PhotoQuery("ann", **wanted).admits(_photo(record, album_id="b" * 26)) is is_admitted


@given(api_owners, api_owners)
def test_a_photo_is_wanted_by_its_owner_alone(owner: str, other: str) -> None:
    assert PhotoQuery(owner).admits(_photo(owner=other)) == (owner == other)


@pytest.mark.parametrize("owner", ["ann#LABEL#rose", "ann#ALBUM#a", ""])
def test_an_owner_whose_name_looks_like_a_key_puts_nothing_into_the_lists_of_another(owner: str) -> None:
    # Whoever may write to the bucket can choose such a folder; a person who signs in cannot.
    assert not PhotoQuery("ann", label="rose").admits(_photo({"labels": [_label()]}, owner=owner))


@pytest.mark.parametrize("wanted", [{}, {"label": "rose"}, {"album_id": "b" * 26}])
def test_an_erased_photo_is_never_wanted(wanted: dict[str, Any]) -> None:
    photo = _photo({"labels": [_label()]}, album_id="b" * 26, **{ERASED: NOW})
    assert not PhotoQuery("ann", **wanted).admits(photo)


@given(api_owners, st.just("") | tokens, st.just("") | labels, st.just("") | labels)
def test_every_list_is_one_of_the_owner(owner: str, album_id: str, label: str, class_name: str) -> None:
    partition = PhotoQuery(owner, album_id, label, class_name).partition
    assert partition == f"OWNER#{owner}" or partition.startswith(f"OWNER#{owner}#")


# Items


@given(tickets, labels, moments)
def test_a_label_entry_has_the_place_of_its_photo(ticket: PendingUpload, label: str, now: str) -> None:
    item = ticket.photo(now)
    entry = photos.label_entry(Photo(item, {}), label)
    assert (entry["pk"], entry["listing_sk"], entry["listing_pk"]) == (
        item["pk"],
        item["listing_sk"],
        table_keys.label_listing(ticket.owner, label),
    )


@given(tickets, labels, moments)
def test_a_label_entry_never_replaces_the_photo(ticket: PendingUpload, label: str, now: str) -> None:
    assert photos.label_entry(Photo(ticket.photo(now), {}), label)["sk"] != ticket.photo(now)["sk"]


@given(api_owners, tokens, labels, moments)
def test_an_album_is_its_owners(owner: str, album_id: str, name: str, now: str) -> None:
    album = albums.album(owner, album_id, name, now)
    assert (album["pk"], album["sk"], album["name"]) == (f"OWNER#{owner}", f"ALBUM#{album_id}", name)


# Counts


@given(found)
def test_the_class_is_a_label_of_highest_confidence(some: list[dict[str, Any]]) -> None:
    surest = {label["name"] for label in some if label["confidence"] == max(one["confidence"] for one in some)}
    assert daily_counts.class_of({"labels": some}) in (surest or {""})


@pytest.mark.parametrize("record", [{}, {"labels": []}, {"labels": None}])
def test_a_photo_without_labels_is_of_no_class(record: dict[str, Any]) -> None:
    assert daily_counts.class_of(record) == ""


@given(moments)
def test_the_day_is_that_of_the_moment_in_utc(moment: str) -> None:
    assert daily_counts.day_of(moment) == moment.split("T")[0]


@given(st.tuples(api_owners, st.dates().map(str), labels), st.tuples(api_owners, st.dates().map(str), labels))
def test_two_counts_share_an_item_only_if_owner_day_and_class_are_the_same(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (table_keys.daily_count_key(*one) == table_keys.daily_count_key(*other)) == (one == other)
