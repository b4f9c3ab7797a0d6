"""The label index: a processed photo is found by its labels, and counted once."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.conftest import Event, Refuse, Start
from tests.functions.photo_app import STARTED_AT, PhotoApp, found, left_of, objects, rows
from vision.adapters.aws_sdk import client
from vision.adapters.items import Items
from vision.adapters.people import People
from vision.domain import keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import Throttled, VisionError
from vision.domain.gallery import daily_counts
from vision.domain.gallery.listing import Span
from vision.services import label_index

TODAY = ("2026-11-21", "Rose", 1)


def _counts(owner: str = "ann") -> list[tuple[str, str, int]]:
    return sorted(
        (count["day"], count["class"], count["count"]) for count in People(TABLE).counts(owner, Span(), records.now())
    )


def _labels() -> set[str]:
    return {row["pk"]["S"] for row in rows("label_entry")}


# Counting


def test_photo_is_counted_once_on_its_day_under_its_most_confident_label(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    for _ in range(3):
        app.finish(envelope, Plant=80, Rose=98.7)
    assert _counts() == [TODAY]


def test_each_version_of_a_photo_is_counted(app: PhotoApp) -> None:
    photo, first = app.uploaded()
    app.finish(first)
    app.finish(app.upload(photo))
    assert _counts() == [("2026-11-21", "Rose", 2)]


def test_older_version_that_finishes_late_is_neither_counted_nor_indexed(app: PhotoApp) -> None:
    photo, first = app.uploaded()
    app.finish(app.upload(photo), Tulip=97)
    app.finish(first, Rose=98)
    assert _counts() == [("2026-11-21", "Tulip", 1)]
    assert _labels() == {"OWNER#ann#LABEL#tulip"}


def test_photo_is_counted_on_the_day_of_its_first_execution(app: PhotoApp) -> None:
    envelopes = [app.uploaded()[1] for _ in range(2)]
    starts = ("2026-11-20T23:59:59.999Z", "2026-11-21T00:00:00.000Z")
    for envelope, started_at in zip(envelopes, starts, strict=True):
        app.finish(envelope, started_at)
    # A repeated execution on the next day does not count again.
    app.finish(envelopes[0], "2026-11-21T00:00:00.000Z")
    assert _counts() == [("2026-11-20", "Rose", 1), TODAY]


def test_owners_are_counted_separately(app: PhotoApp) -> None:
    for owner in ("ann", "bob"):
        app.processed(owner=owner)
    assert _counts("ann") == _counts("bob") == [TODAY]


def test_photo_without_labels_owner_or_record_is_not_counted_or_indexed(app: PhotoApp) -> None:
    _, failed = app.uploaded()
    _index(app, failed, status="FAILED")
    without_owner = app.put("images/part-0001.png")
    app.table.register(without_owner, records.now())
    _index(app, without_owner, labels=found(Rose=98))
    _index(app, app.put("private/ann/uploads/unregistered.jpg"), labels=found(Rose=98))
    assert rows("count") == rows("label_entry") == rows("label_name") == []


def _index(app: PhotoApp, envelope: Envelope, **outcome: Any) -> None:
    label_index.add(app.photos, envelope, app.run(envelope), outcome)


# The calls of store_metadata for a photo: read it, its record and its labels; write entries, label names and count.
@pytest.mark.parametrize(
    ("operation", "call"),
    [
        *(("GetItem", call) for call in range(1, 5)),
        *(("BatchWriteItem", call) for call in range(1, 4)),
        ("BatchGetItem", 1),
        ("UpdateItem", 1),
    ],
)
def test_next_attempt_completes_a_throttled_one_and_counts_once(
    app: PhotoApp, refuse: Refuse, operation: str, call: int
) -> None:
    photo, envelope = app.uploaded()
    refuse("dynamodb", operation, "ThrottlingException", 400, (call,))
    with pytest.raises(Throttled):
        app.finish(envelope)
    app.finish(envelope)
    assert _counts() == [TODAY]
    assert app.listed(label="rose") == [photo.photo_id]


def test_new_attempt_is_counted_as_the_first_one(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    app.finish(envelope)
    later = replace(app.run(envelope), execution_arn="arn:2", started_at="2026-11-22T10:00:00.000Z")
    outcome = {"status": "SUCCEEDED", "detector": {}, "labels": found(Tulip=97)}
    app.table.advance(envelope, later, outcome, records.now())
    label_index.add(app.photos, envelope, later, outcome)
    assert _counts() == [TODAY]
    assert _labels() == {"OWNER#ann#LABEL#tulip"}


def test_photo_is_listed_under_no_label_of_any_attempt_before(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    app.finish(envelope)
    for number, label in enumerate(("Tulip", "Daisy"), 2):
        run = replace(app.run(envelope), execution_arn=f"arn:{number}", started_at=f"2026-11-2{number}T10:00:00.000Z")
        app.table.begin(envelope, run, {}, records.now())
        labelled = {"detector": {}, "labels": found(**{label: 97})}
        app.table.add_labels(envelope, run, labelled, records.now())
    outcome = {"status": "SUCCEEDED", "detector": {}}
    app.table.advance(envelope, run, outcome, records.now())
    label_index.add(app.photos, envelope, run, outcome)
    # The second attempt was never indexed.
    assert _labels() == {"OWNER#ann#LABEL#daisy"}


def test_record_that_an_earlier_release_counted_is_not_counted_again(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    Items(TABLE).update(table_keys.image_key(envelope.object), {"counted_at": STARTED_AT}, {})
    app.finish(envelope)
    assert _counts() == []


def test_record_that_an_earlier_release_completed_and_did_not_count_is_counted(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    outcome = {"status": "SUCCEEDED", "detector": {}, "labels": found(Rose=98.7)}
    app.table.advance(envelope, app.run(envelope), outcome, records.now())
    for _ in range(2):
        app.finish(envelope)
    assert _counts() == [TODAY]


def test_late_count_is_added_to_a_day_that_was_added_up(app: PhotoApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_counts, "ADDED_UP_FROM", 1)
    app.processed()
    later = "2026-11-25T10:00:00.000Z"
    monkeypatch.setattr(label_index.records, "now", lambda: later)
    assert _counts() == [TODAY]
    assert len(rows("day_counts")) == 1
    # A redrive completes an execution of that day.
    app.processed()
    assert _counts() == [("2026-11-21", "Rose", 2)]


# Labels


def test_photo_is_found_by_each_label_in_any_case(app: PhotoApp) -> None:
    photo = app.processed({"Rose": 98, "Flower": 97})
    for label in ("ROSE", "flower"):
        assert app.listed(label=label) == [photo.photo_id]


def test_label_in_two_spellings_is_indexed_once_under_its_first_name(app: PhotoApp) -> None:
    app.processed({"Rose": 98})
    app.processed({"rose": 98, "ROSE": 97})
    assert len(rows("label_entry")) == 2
    assert _labels() == {"OWNER#ann#LABEL#rose"}
    assert [row["name"]["S"] for row in rows("label_name")] == ["Rose"]


def test_more_labels_than_a_batch_write_takes_are_all_indexed(app: PhotoApp) -> None:
    app.processed({f"Label {number}": 60 + number for number in range(30)})
    assert len(_labels()) == len(rows("label_name")) == 30


def test_photo_keeps_its_list_position_when_processed_again(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    for _ in range(2):
        app.finish(envelope)
    [entry] = rows("label_entry")
    assert entry["sk"]["S"] == photo.item["listing_sk"]


# Deletions meanwhile


@pytest.fixture
def stored(app: PhotoApp, function: Start, event: Event) -> Callable[[Envelope], Any]:
    """Run store_metadata for the execution of a photo."""
    handler, sample = function("store_metadata"), event("store_metadata")
    found = event("store_metadata_last_release")["parts"]

    def store(envelope: Envelope) -> Any:
        run = app.run(envelope)
        app.table.add_labels(envelope, run, {name: found[name] for name in ("labels", "detector")}, records.now())
        execution = {"Id": run.execution_arn, "StartTime": STARTED_AT}
        return handler({**sample, "envelope": envelope.as_dict(), "execution": execution})

    return store


def test_store_metadata_indexes_and_counts_a_photo_once(app: PhotoApp, stored: Callable[[Envelope], Any]) -> None:
    photo, envelope = app.uploaded()
    for _ in range(2):
        stored(envelope)
    assert app.listed(label="rose") == [photo.photo_id]
    assert _counts() == [TODAY]


def test_store_metadata_deletes_what_a_deleted_photo_left(app: PhotoApp, stored: Callable[[Envelope], Any]) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    answers = [stored(envelope) for _ in range(2)]
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]
    assert objects() == _counts() == []
    assert answers == [{"status": "SUCCEEDED"}] * 2


def test_store_metadata_that_cannot_delete_is_retried(
    app: PhotoApp, stored: Callable[[Envelope], Any], refuse: Refuse
) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    refuse("s3", "ListObjectVersions", "SlowDown", 503, (1,))
    with pytest.raises(VisionError):
        stored(envelope)
    stored(envelope)
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]


@pytest.fixture
def ended(function: Start, event: Event) -> Callable[[str, Envelope], Any]:
    """Run track_execution for an event of the execution of a photo."""
    handler = function("track_execution")

    def send(name: str, envelope: Envelope) -> Any:
        sample = event(f"track_execution_{name}")
        sample["detail"]["input"] = json.dumps(envelope.as_dict())
        return handler(sample)

    return send


@pytest.mark.parametrize("name", ["failed", "timed_out", "aborted"])
def test_track_execution_deletes_what_a_deleted_photo_left(
    app: PhotoApp, ended: Callable[[str, Envelope], Any], name: str
) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    thumbnail = keys.thumbnail_key(envelope.object, "ann")
    client("s3").put_object(Bucket=app.gallery.bucket, Key=thumbnail, Body=b"small")
    ended(name, envelope)
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]
    assert objects() == []


def test_thumbnail_of_a_stopped_execution_is_deleted_with_its_photo(
    app: PhotoApp, ended: Callable[[str, Envelope], Any]
) -> None:
    photo, envelope = app.uploaded()
    thumbnail = keys.thumbnail_key(envelope.object, "ann")
    client("s3").put_object(Bucket=app.gallery.bucket, Key=thumbnail, Body=b"small")
    ended("aborted", envelope)
    assert thumbnail in objects()
    app.gallery.delete("ann", photo.photo_id)
    assert objects() == []


@pytest.mark.parametrize("name", ["failed", "redriven"])
def test_track_execution_keeps_a_photo_that_was_not_deleted(
    app: PhotoApp, ended: Callable[[str, Envelope], Any], name: str
) -> None:
    photo, envelope = app.uploaded()
    ended(name, envelope)
    assert app.listed() == [photo.photo_id]
    assert len(objects()) == 1
    assert _counts() == []
