import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import versions
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure
from vision.domain.objects import ObjectVersion

NOW = "2026-11-12T09:30:01.000Z"
VERSION = ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", "v1", "e1", "617F".ljust(64, "0"), 7)
METADATA = {"format": "JPEG", "width": 4032, "height": 3024, "capture_time": None}
PARTS = {
    "metadata": METADATA,
    "labels": [{"name": "Rose", "confidence": 98.7, "parents": [], "instances": []}],
    "detector": {"name": "rekognition", "version": "3.0"},
    "thumbnail": {"bucket": "amzn-s3-demo-bucket", "key": "private/ann/resized/t.jpg", "width": 250, "height": 188},
}
FAILURE = Failure("Throttled", "DetectLabels: slow down")


def _without(*names: str) -> dict[str, object]:
    return {name: value for name, value in PARTS.items() if name not in names}


def test_with_everything_found_the_image_succeeded() -> None:
    outcome = records.outcome(PARTS, [])
    assert outcome == {**_without("metadata"), "format": "JPEG", "width": 4032, "height": 3024, "status": "SUCCEEDED"}


def test_zero_labels_are_a_success() -> None:
    outcome = records.outcome({**PARTS, "labels": []}, [])
    assert (outcome["status"], outcome["labels"]) == ("SUCCEEDED", [])


@pytest.mark.parametrize("missing", [("labels", "detector"), ("thumbnail",)])
def test_with_one_half_missing_the_image_is_partial(missing: tuple[str, ...]) -> None:
    outcome = records.outcome(_without(*missing), [FAILURE])
    assert (outcome["status"], outcome["error"]) == ("PARTIAL", FAILURE.as_dict())


def test_what_was_found_is_kept_beside_the_error() -> None:
    outcome = records.outcome(_without("labels", "detector"), [FAILURE])
    assert outcome["thumbnail"] == PARTS["thumbnail"]


def test_with_neither_half_the_image_failed() -> None:
    assert records.outcome({"metadata": METADATA}, [FAILURE, FAILURE])["status"] == "FAILED"


def test_a_failed_image_keeps_the_metadata_that_could_be_read() -> None:
    assert records.outcome({"metadata": METADATA}, [FAILURE])["width"] == 4032


def test_an_image_that_could_not_be_read_at_all_failed() -> None:
    assert records.outcome({}, [FAILURE]) == {"status": "FAILED", "error": FAILURE.as_dict()}


def test_what_is_not_known_is_no_attribute() -> None:
    assert "capture_time" not in records.outcome(PARTS, [])


@given(
    st.sets(st.sampled_from(sorted(PARTS))),
    st.lists(st.builds(Failure, st.text(min_size=1), st.text(min_size=1)), max_size=3),
)
def test_there_is_an_error_exactly_where_the_status_is_no_success(missing: set[str], failures: list[Failure]) -> None:
    outcome = records.outcome(_without(*missing), failures)
    assert ("error" in outcome) == (outcome["status"] != "SUCCEEDED")


def test_a_pending_record_tells_what_is_known_at_once() -> None:
    envelope = Envelope.of(VERSION)
    assert records.pending(envelope, NOW) == {
        "pk": f"PHOTO#{envelope.photo_id}",
        "sk": "VERSION#v1",
        "record_type": "image",
        "photo_id": envelope.photo_id,
        "owner": "ann",
        "object": VERSION.as_dict(),
        "status": "PENDING",
        "created_at": NOW,
        "updated_at": NOW,
    }


def test_a_photo_is_listed_under_its_owner_by_the_time_of_its_upload() -> None:
    photo = records.photo(Envelope.of(VERSION), NOW)
    assert (photo["listing_pk"], photo["listing_sk"]) == ("OWNER#ann", f"{NOW}#{photo['photo_id']}")


def test_a_photo_of_nobody_is_listed_nowhere() -> None:
    nobody = ObjectVersion("amzn-s3-demo-bucket", "images/part.png", "v1", "e1", "", 7)
    assert records.photo(Envelope.of(nobody), NOW).keys().isdisjoint({"owner", "listing_pk", "listing_sk"})


def test_a_record_of_nobody_has_no_owner() -> None:
    nobody = ObjectVersion("amzn-s3-demo-bucket", "images/part.png", "v1", "e1", "", 7)
    assert "owner" not in records.pending(Envelope.of(nobody), NOW)


@given(versions)
def test_records_are_json(version: ObjectVersion) -> None:
    envelope = Envelope.of(version)
    assert json.dumps([records.pending(envelope, NOW), records.photo(envelope, NOW)])


moments = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))


@given(moments, moments)
def test_the_order_of_timestamps_is_the_order_of_time(one: datetime, other: datetime) -> None:
    assume(abs(one - other) >= timedelta(milliseconds=1))
    assert (records.timestamp(one) < records.timestamp(other)) == (one < other)


def test_a_timestamp_is_in_utc_with_milliseconds() -> None:
    noon = datetime(2026, 11, 12, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert records.timestamp(noon) == "2026-11-12T10:00:00.000Z"


def test_some_seconds_ago_is_before_now() -> None:
    assert records.seconds_ago(3600) < records.now()
