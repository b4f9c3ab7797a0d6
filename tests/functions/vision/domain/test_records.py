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


# Outcomes


@pytest.mark.parametrize("labels", [PARTS["labels"], []], ids=["labels", "no labels"])
def test_image_with_labels_and_thumbnail_succeeded(labels: list[dict[str, object]]) -> None:
    outcome = records.outcome({**PARTS, "labels": labels}, [])
    # Unknown metadata, here the capture time, is no attribute.
    known = {"format": "JPEG", "width": 4032, "height": 3024, "labels": labels, "status": "SUCCEEDED"}
    assert outcome == {**_without("metadata", "labels"), **known}


@pytest.mark.parametrize(("missing", "kept"), [(("labels", "detector"), "thumbnail"), (("thumbnail",), "labels")])
def test_image_with_one_half_missing_is_partial(missing: tuple[str, ...], kept: str) -> None:
    outcome = records.outcome(_without(*missing), [FAILURE])
    assert (outcome["status"], outcome["error"]) == ("PARTIAL", FAILURE.as_dict())
    assert outcome[kept] == PARTS[kept]


def test_image_without_labels_and_thumbnail_failed_and_keeps_its_metadata() -> None:
    outcome = records.outcome({"metadata": METADATA}, [FAILURE, FAILURE])
    assert (outcome["status"], outcome["width"]) == ("FAILED", 4032)
    assert records.outcome({}, [FAILURE]) == {"status": "FAILED", "error": FAILURE.as_dict()}


@given(
    st.sets(st.sampled_from(sorted(PARTS))),
    st.lists(st.builds(Failure, st.text(min_size=1), st.text(min_size=1)), max_size=3),
)
def test_outcome_has_an_error_unless_it_succeeded(missing: set[str], failures: list[Failure]) -> None:
    outcome = records.outcome(_without(*missing), failures)
    assert ("error" in outcome) == (outcome["status"] != "SUCCEEDED")


# Items


def test_pending_image_has_its_object_and_owner() -> None:
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


def test_photo_is_listed_under_its_owner_by_upload_time() -> None:
    photo = records.photo(Envelope.of(VERSION), NOW)
    assert (photo["listing_pk"], photo["listing_sk"]) == ("OWNER#ann", f"{NOW}#{photo['photo_id']}")


def test_image_without_an_owner_is_not_listed() -> None:
    envelope = Envelope.of(ObjectVersion("amzn-s3-demo-bucket", "images/part.png", "v1", "e1", "", 7))
    assert records.photo(envelope, NOW).keys().isdisjoint({"owner", "listing_pk", "listing_sk"})
    assert "owner" not in records.pending(envelope, NOW)


@given(versions)
def test_items_are_json(version: ObjectVersion) -> None:
    envelope = Envelope.of(version)
    assert json.dumps([records.pending(envelope, NOW), records.photo(envelope, NOW)])


# Timestamps

moments = st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=st.just(UTC))


@given(moments, moments)
def test_timestamps_sort_by_time(one: datetime, other: datetime) -> None:
    assume(abs(one - other) >= timedelta(milliseconds=1))
    assert (records.timestamp(one) < records.timestamp(other)) == (one < other)


def test_timestamp_is_in_utc_with_milliseconds() -> None:
    noon = datetime(2026, 11, 12, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    assert records.timestamp(noon) == "2026-11-12T10:00:00.000Z"


def test_seconds_ago_is_before_now() -> None:
    assert records.seconds_ago(3600) < records.now()
