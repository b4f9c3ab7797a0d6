"""What follows when a photo's record is written: it is found by its labels, and counted once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.functions.conftest import Handler
from tests.functions.photo_app import STARTED_AT, PhotoApp, found, left_of, objects, rows
from vision.adapters.aws_sdk import client
from vision.domain import keys, records, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.errors import Throttled, VisionError
from vision.services import label_index

Event = Callable[[str], dict[str, Any]]


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def _counts(owner: str = "ann") -> list[tuple[str, str, int]]:
    return sorted(
        (row["day"]["S"], row["class"]["S"], int(row["count"]["N"]))
        for row in rows("count")
        if row["owner"]["S"] == owner
    )


def _labels() -> set[str]:
    return {row["listing_pk"]["S"] for row in rows("label_entry")}


# Counting


def test_a_photo_is_counted_on_its_day_under_its_surest_label(app: PhotoApp) -> None:
    app.processed({"Plant": 80, "Rose": 98.7})
    assert _counts() == [("2026-11-21", "Rose", 1)]


def test_a_photo_is_counted_once_however_often_its_record_is_written(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    for _ in range(3):
        app.finish(envelope)
    assert _counts() == [("2026-11-21", "Rose", 1)]


def test_each_version_of_a_photo_is_counted(app: PhotoApp) -> None:
    photo, first = app.uploaded()
    app.finish(first)
    app.finish(app.upload(photo))
    assert _counts() == [("2026-11-21", "Rose", 2)]


def test_a_version_that_finishes_after_a_newer_one_came_is_not_counted(app: PhotoApp) -> None:
    photo, first = app.uploaded()
    app.finish(app.upload(photo), Tulip=97)
    app.finish(first, Rose=98)
    assert (_counts(), _labels()) == ([("2026-11-21", "Tulip", 1)], {"OWNER#ann#LABEL#tulip"})


def test_the_day_is_that_of_the_execution_whatever_the_clock_says_when_it_ends(app: PhotoApp) -> None:
    # A container that was warm before midnight counts what began before it and what began after it apart.
    for started_at in ("2026-11-20T23:59:59.999Z", "2026-11-21T00:00:00.000Z"):
        app.finish(app.uploaded()[1], started_at)
    assert _counts() == [("2026-11-20", "Rose", 1), ("2026-11-21", "Rose", 1)]


def test_an_execution_that_is_repeated_on_the_next_day_is_not_counted_again(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    app.finish(envelope, "2026-11-20T23:59:59.999Z")
    app.finish(envelope, "2026-11-21T00:00:00.000Z")
    assert _counts() == [("2026-11-20", "Rose", 1)]


def test_two_owners_are_counted_apart(app: PhotoApp) -> None:
    for owner in ("ann", "bob"):
        app.processed(owner=owner)
    assert (_counts("ann"), _counts("bob")) == ([("2026-11-21", "Rose", 1)],) * 2


def test_a_photo_without_labels_is_neither_counted_nor_filed(app: PhotoApp) -> None:
    _, envelope = app.uploaded()
    _file(app, envelope, status="FAILED")
    assert (_counts(), _labels()) == ([], set())


def test_an_image_that_is_nobodys_is_neither_counted_nor_filed(app: PhotoApp) -> None:
    envelope = app.put("images/part-0001.png")
    app.table.register(envelope, records.now())
    _file(app, envelope, labels=found(Rose=98))
    assert (rows("count"), _labels()) == ([], set())


def test_an_image_that_was_never_registered_is_not_counted(app: PhotoApp) -> None:
    _file(app, app.put("private/ann/uploads/rose.jpg"), labels=found(Rose=98))
    assert rows() == []


def _file(app: PhotoApp, envelope: Envelope, **outcome: Any) -> None:
    label_index.add(app.photos, envelope, app.run(envelope), outcome)


@pytest.mark.parametrize("operation", ["GetItem", "BatchWriteItem", "BatchGetItem", "TransactWriteItems"])
def test_what_dynamodb_throttles_is_done_by_the_next_attempt_and_counted_once(
    app: PhotoApp, refuse: Callable[..., None], operation: str
) -> None:
    photo, envelope = app.uploaded()
    refuse("dynamodb", operation, "ThrottlingException", 400, (1,))
    with pytest.raises(Throttled):
        app.finish(envelope)
    app.finish(envelope)
    assert (_counts(), app.listed(label="rose")) == ([("2026-11-21", "Rose", 1)], [photo.photo_id])


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_a_count_that_meets_another_is_worth_another_try(app: PhotoApp, code: str) -> None:
    _, envelope = app.uploaded()
    with Stubber(client("dynamodb")) as dynamodb:
        dynamodb.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": "None"}, {"Code": code}]},
        )
        with pytest.raises(Throttled, match="another image is counted at the same moment"):
            app.photos.count(envelope, "Rose", "2026-11-21", records.now())


# Labels


def test_a_photo_is_found_by_each_of_its_labels_in_any_case(app: PhotoApp) -> None:
    photo = app.processed({"Rose": 98, "Flower": 97})
    assert [app.listed(label=label) for label in ("ROSE", "flower")] == [[photo.photo_id]] * 2


def test_a_label_that_comes_in_two_spellings_is_filed_once(app: PhotoApp) -> None:
    app.processed({"Rose": 98, "ROSE": 97})
    assert _labels() == {"OWNER#ann#LABEL#rose"}


def test_a_photo_with_more_labels_than_a_batch_takes_is_found_by_each(app: PhotoApp) -> None:
    app.processed({f"Label {number}": 60 + number for number in range(30)})
    assert len(_labels()) == len(rows("label_name")) == 30


def test_a_label_that_is_known_is_not_written_again(app: PhotoApp) -> None:
    app.processed({"Rose": 98})
    app.processed({"rose": 98})
    assert [row["name"]["S"] for row in rows("label_name")] == ["Rose"]


def test_a_photo_keeps_its_place_under_a_label_when_it_is_processed_again(app: PhotoApp) -> None:
    photo, envelope = app.uploaded()
    for _ in range(2):
        app.finish(envelope)
    [entry] = rows("label_entry")
    assert entry["listing_sk"]["S"] == photo.item["listing_sk"]


# The functions that write records


@pytest.fixture
def stored(app: PhotoApp, function: Callable[[str], Handler], event: Event) -> Callable[[Envelope], Any]:
    """Let store_metadata write what the execution of a photo found."""
    handler, sample = function("store_metadata"), event("store_metadata")

    def store(envelope: Envelope) -> Any:
        execution = {"Id": app.run(envelope).execution_arn, "StartTime": STARTED_AT}
        return handler({**sample, "envelope": envelope.as_dict(), "execution": execution})

    return store


def test_store_metadata_files_and_counts_a_photo_once(app: PhotoApp, stored: Callable[[Envelope], Any]) -> None:
    photo, envelope = app.uploaded()
    for _ in range(2):
        stored(envelope)
    assert (app.listed(label="rose"), _counts()) == ([photo.photo_id], [("2026-11-21", "Rose", 1)])


def test_store_metadata_erases_a_photo_that_was_deleted_meanwhile(
    app: PhotoApp, stored: Callable[[Envelope], Any]
) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    answers = [stored(envelope) for _ in range(2)]
    assert (left_of(photo), objects(), _counts()) == ([table_keys.PHOTO_SORT_KEY], [], [])
    assert answers == [{"status": "SUCCEEDED"}] * 2


def test_store_metadata_that_cannot_erase_is_tried_again(
    app: PhotoApp, stored: Callable[[Envelope], Any], refuse: Callable[..., None]
) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    refuse("s3", "ListObjectVersions", "SlowDown", 503, (1,))
    with pytest.raises(VisionError):
        stored(envelope)
    stored(envelope)
    assert left_of(photo) == [table_keys.PHOTO_SORT_KEY]


@pytest.fixture
def ended(function: Callable[[str], Handler], event: Event) -> Callable[[str, Envelope], Any]:
    """Let track_execution hear of the execution of a photo."""
    handler = function("track_execution")

    def tell(name: str, envelope: Envelope) -> Any:
        sample = event(f"track_execution_{name}")
        sample["detail"]["input"] = json.dumps(envelope.as_dict())
        return handler(sample)

    return tell


@pytest.mark.parametrize("name", ["failed", "timed_out", "aborted"])
def test_what_an_execution_that_ended_without_a_word_left_of_a_deleted_photo_is_erased(
    app: PhotoApp, ended: Callable[[str, Envelope], Any], name: str
) -> None:
    photo, envelope = app.uploaded()
    app.gallery.delete("ann", photo.photo_id)
    thumbnail = keys.thumbnail_key(envelope.object, "ann")
    client("s3").put_object(Bucket=app.gallery.bucket, Key=thumbnail, Body=b"small")
    ended(name, envelope)
    assert (left_of(photo), objects()) == ([table_keys.PHOTO_SORT_KEY], [])


def test_thumbnail_of_a_stopped_execution_stays_for_a_redrive_and_goes_with_its_photo(
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
def test_a_photo_that_is_there_is_spared_by_the_end_of_its_execution(
    app: PhotoApp, ended: Callable[[str, Envelope], Any], name: str
) -> None:
    photo, envelope = app.uploaded()
    ended(name, envelope)
    assert (app.listed(), len(objects()), _counts()) == ([photo.photo_id], 1, [])
