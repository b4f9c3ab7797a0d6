from contextlib import nullcontext
from typing import Any

import pytest

from tests.functions.conftest import Event, Handler, Metrics, Refuse, Start
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.errors import ImageFailed, InvalidEvent, Throttled
from vision.domain.executions import Attempt


@pytest.fixture
def handler(function: Start, table: Table) -> Handler:
    return function("store_metadata")


def _image(table: Table, sample: dict[str, Any]) -> dict[str, Any]:
    image = table.image(Envelope.from_dict(sample["envelope"]))
    assert image is not None
    return image


def test_execution_of_the_last_release_succeeds_and_its_record_has_every_part(
    handler: Handler, event: Event, table: Table
) -> None:
    sample = event("store_metadata_last_release")
    assert handler(sample) == {"status": "SUCCEEDED"}
    parts = sample["parts"]
    found = {**parts["metadata"], **{name: parts[name] for name in ("labels", "detector", "thumbnail")}}
    image = _image(table, sample)
    assert {name: image.get(name) for name in found} == found
    assert image["execution_arn"] == sample["execution"]["Id"]


def test_record_keeps_what_the_other_steps_wrote_into_it(handler: Handler, event: Event, table: Table) -> None:
    sample, written = event("store_metadata"), event("store_metadata_last_release")["parts"]
    envelope, attempt = Envelope.from_dict(sample["envelope"]), Attempt.from_context(sample["execution"])
    table.begin(envelope, attempt, written["metadata"], records.now())
    table.add_labels(envelope, attempt, {"labels": written["labels"]}, records.now())
    found = {**written["metadata"], "labels": written["labels"]}
    assert handler(sample) == {"status": "SUCCEEDED"}
    image = _image(table, sample)
    found |= {name: sample["parts"][name] for name in ("detector", "thumbnail")}
    assert {name: image.get(name) for name in found} == found
    assert "label_count" not in image


def test_result_without_labels_is_partial_with_its_error_and_thumbnail(
    handler: Handler, event: Event, table: Table
) -> None:
    sample = event("store_metadata_partial")
    error = {"name": "Throttled", "cause": "DetectLabels: Provisioned rate exceeded"}
    assert handler(sample) == {"status": "PARTIAL", "error": error}
    image = _image(table, sample)
    assert image["status"] == "PARTIAL"
    assert image["thumbnail"] == sample["parts"]["thumbnail"]


def test_failure_is_recorded_and_raised_with_its_cause(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata_failed")
    # A retry fails in the same way.
    for _ in range(2):
        with pytest.raises(ImageFailed, match="only JPEG and PNG") as failed:
            handler(sample)
    image = _image(table, sample)
    assert image["status"] == "FAILED"
    assert image["error"] == {"name": "NotSupportedImageType", "cause": str(failed.value)}


def test_failure_of_labels_and_thumbnail_has_both_causes(handler: Handler, event: Event) -> None:
    sample = event("store_metadata_partial")
    del sample["parts"]["thumbnail"]
    sample["errors"].append({"Error": "CorruptImage", "Cause": "cannot be decoded"})
    with pytest.raises(ImageFailed, match=r"Provisioned rate exceeded.*CorruptImage: cannot be decoded"):
        handler(sample)


def test_late_older_attempt_does_not_replace_a_newer_one(handler: Handler, event: Event, table: Table) -> None:
    newer, older = event("store_metadata"), event("store_metadata_failed")
    newer["execution"] = {"Id": newer["execution"]["Id"] + "-2", "StartTime": "2026-11-12T11:30:02.345Z"}
    handler(newer)
    with pytest.raises(ImageFailed):
        handler(older)
    assert _image(table, newer)["status"] == "SUCCEEDED"


def test_redrive_that_succeeds_removes_the_error(handler: Handler, event: Event, table: Table) -> None:
    with pytest.raises(ImageFailed):
        handler(event("store_metadata_failed"))
    redriven = event("store_metadata")
    redriven["execution"]["RedriveTime"] = "2026-11-12T10:30:02.345Z"
    handler(redriven)
    image = _image(table, redriven)
    assert image["status"] == "SUCCEEDED"
    assert "error" not in image


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("store_metadata", "ImagesSucceeded"),
        ("store_metadata_partial", "ImagesPartial"),
        ("store_metadata_failed", "ImagesFailed"),
    ],
)
def test_repeated_outcome_is_counted_once(
    handler: Handler, event: Event, metrics: Metrics, name: str, metric: str
) -> None:
    for _ in range(2):
        with pytest.raises(ImageFailed) if name.endswith("failed") else nullcontext():
            handler(event(name))
    assert metrics()[metric] == 1


def test_error_of_dynamodb_is_raised_by_its_name(handler: Handler, event: Event, refuse: Refuse) -> None:
    refuse("dynamodb", "UpdateItem", "ProvisionedThroughputExceededException")
    with pytest.raises(Throttled):
        handler(event("store_metadata"))


@pytest.mark.parametrize(("missing", "named"), [("envelope", "object"), ("execution", "execution")])
def test_incomplete_event_is_refused(handler: Handler, event: Event, missing: str, named: str) -> None:
    sample = event("store_metadata")
    del sample[missing]
    with pytest.raises(InvalidEvent, match=named):
        handler(sample)


def test_unknown_fields_of_an_envelope_are_not_recorded(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata_failed")
    sample["envelope"]["labels"] = [{"name": "Made Up", "confidence": 99.0, "parents": [], "instances": []}]
    with pytest.raises(ImageFailed):
        handler(sample)
    image = _image(table, sample)
    assert image["status"] == "FAILED"
    assert "labels" not in image
