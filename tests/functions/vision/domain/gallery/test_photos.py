from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import api_owners, labels, moments, pending_uploads, tokens, versions
from vision.domain import table_keys
from vision.domain.gallery import albums, daily_counts, photos
from vision.domain.gallery.pending_uploads import FORGOTTEN_SECONDS, PendingUpload
from vision.domain.gallery.photos import Photo
from vision.domain.objects import ObjectVersion
from vision.domain.table_keys import LISTED_AS

NOW, LATER = "2026-11-21T10:00:00.000Z", "2026-11-22T10:00:00.000Z"
PENDING = PendingUpload("amzn-s3-demo-bucket", "ann", "a" * 26, "rose.jpg", "image/jpeg", 7, "")
VERSION = {"version_id": "v1", "etag": "e1", "sequencer": "01", "size_bytes": 8}
confidences = st.floats(0, 100).map(lambda confidence: round(confidence, 2))
found = st.lists(
    st.fixed_dictionaries({"name": labels, "confidence": confidences}), max_size=12, unique_by=lambda one: one["name"]
)


def make_photo(record: dict[str, Any] | None = None, *, is_uploaded: bool = True, **item: Any) -> Photo:
    pending = PENDING.photo(NOW)
    if is_uploaded:
        pending["object"] |= VERSION
    return Photo(pending | item, record or {})


def make_label(name: str = "Rose", confidence: float = 98.7) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "parents": ["Plant"], "instances": []}


@pytest.mark.parametrize("is_uploaded", [False, True])
def test_photo_without_a_record_is_pending(is_uploaded: bool) -> None:
    shown = make_photo(is_uploaded=is_uploaded).as_dict(NOW)
    assert (shown["status"], shown["is_uploaded"], shown["error"]) == ("PENDING", is_uploaded, None)
    # A pending upload shows the announced size.
    assert make_photo(is_uploaded=is_uploaded).details(NOW)["size_bytes"] == (8 if is_uploaded else 7)


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, "PENDING"), (FORGOTTEN_SECONDS, "PENDING"), (FORGOTTEN_SECONDS + 1, "FAILED")]
)
def test_missing_upload_fails_after_a_day(seconds: int, status: str) -> None:
    photo = make_photo(is_uploaded=False, created_at="2026-11-21T10:00:00.000Z")
    day, second = divmod(seconds, 86_400)
    shown = photo.as_dict(f"2026-11-{21 + day}T10:00:{second:02}.000Z")
    assert shown["status"] == status
    if status == "FAILED":
        assert shown["error"]["name"] == "UploadMissing"
        assert "Add the file again" in shown["error"]["remedy"]


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "PARTIAL", "TIMED_OUT", "ABORTED"])
def test_status_is_that_of_the_record(status: str) -> None:
    assert make_photo({"status": status}).as_dict(NOW)["status"] == status


@pytest.mark.parametrize(
    ("name", "remedy"), [("CorruptImage", "is damaged"), ("States.Timeout", "operator of this service")]
)
def test_failure_has_a_remedy(name: str, remedy: str) -> None:
    error = {"name": name, "cause": "why"}
    shown = make_photo({"status": "FAILED", "error": error}).as_dict(NOW)["error"]
    assert shown.items() > error.items()
    assert remedy in shown["remedy"]


@given(found)
def test_list_shows_the_ten_labels_of_highest_confidence(some: list[dict[str, Any]]) -> None:
    shown = [
        label["confidence"] for label in make_photo({"status": "SUCCEEDED", "labels": some}).as_dict(NOW)["labels"]
    ]
    assert shown == sorted((label["confidence"] for label in some), reverse=True)[:10]


def test_details_show_every_label_with_its_parents() -> None:
    many = [make_label(f"Label {number}", number) for number in range(30)]
    shown = make_photo({"status": "SUCCEEDED", "labels": many}).details(NOW)["labels"]
    assert (len(shown), shown[0]["name"], shown[0]["parents"]) == (30, "Label 29", ["Plant"])
    # Labels of a compact record have none.
    [shown] = make_photo({"status": "SUCCEEDED", "labels": [{"name": "Rose", "confidence": 98}]}).details(NOW)["labels"]
    assert (shown["parents"], shown["instances"]) == ([], [])


def test_photo_that_was_not_announced_has_the_name_of_its_file_and_shows_no_keys() -> None:
    photo = make_photo({"status": "SUCCEEDED", "thumbnail": {"bucket": "b", "key": "private/ann/resized/k"}})
    assert "private/ann" not in str(photo.details(NOW))
    del photo.item["name"]
    assert photo.as_dict(NOW)["name"] == "a" * 26


@given(pending_uploads, labels, moments)
def test_label_entry_has_the_list_position_of_its_photo(upload: PendingUpload, label: str, now: str) -> None:
    item = upload.photo(now)
    entry = photos.label_entry(Photo(item, {}), label)
    assert (entry["pk"], entry["sk"]) == (table_keys.label_listing(upload.owner, label), item["listing_sk"])
    assert entry["photo_id"] == upload.photo_id
    # The list positions of a tombstone, which is in no list, are those that the photo had.
    del item["listing_sk"]
    item[LISTED_AS] = entry["sk"]
    assert photos.label_entry(Photo(item, {}), label) == entry


@given(api_owners, tokens, labels, moments)
def test_album_is_an_item_of_its_owner(owner: str, album_id: str, name: str, now: str) -> None:
    album = albums.album(owner, album_id, name, now)
    assert (album["pk"], album["sk"], album["name"]) == (f"OWNER#{owner}", f"ALBUM#{album_id}", name)


@given(found)
def test_class_is_a_label_of_highest_confidence(some: list[dict[str, Any]]) -> None:
    surest = {label["name"] for label in some if label["confidence"] == max(one["confidence"] for one in some)}
    assert daily_counts.class_of({"labels": some}) in (surest or {""})


@pytest.mark.parametrize("record", [{}, {"labels": []}, {"labels": None}])
def test_photo_without_labels_has_no_class(record: dict[str, Any]) -> None:
    assert daily_counts.class_of(record) == ""


@given(moments)
def test_day_is_that_of_the_moment_in_utc(moment: str) -> None:
    assert daily_counts.day_of(moment) == moment.split("T")[0]


@given(api_owners, moments, labels, versions)
def test_count_has_the_day_and_the_class_of_its_mark(owner: str, now: str, name: str, version: ObjectVersion) -> None:
    mark = daily_counts.mark(now, {"labels": [{"name": name, "confidence": 50}]})
    count = daily_counts.count(owner, mark, version)
    assert (count["owner"], count["day"], count["class"], count["count"]) == (owner, now.split("T")[0], name, 1)


@pytest.mark.parametrize(
    ("days", "late", "over"), [(0, False, False), (1, False, False), (2, True, False), (3, True, True)]
)
def test_day_is_added_up_only_after_a_late_count_could_be_seen(days: int, late: bool, over: bool) -> None:
    day = str(date.fromisoformat(NOW[:10]) - timedelta(days=days))
    assert (daily_counts.is_late(day, NOW), daily_counts.is_over(day, NOW)) == (late, over)
