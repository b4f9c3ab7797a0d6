import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Handler
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, InvalidEvent, ServiceUnavailable, Throttled

Event = Callable[[str], dict[str, Any]]


@pytest.fixture
def handler(function: Callable[[str], Handler], table: Table) -> Handler:
    return function("store_metadata")


def _image(table: Table, sample: dict[str, Any]) -> dict[str, Any]:
    image = table.image(Envelope.from_dict(sample["envelope"]))
    assert image is not None
    return image


def _metrics(output: str, name: str) -> int:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return sum(1 for line in lines if name in line and "_aws" in line)


def test_a_complete_result_succeeds(handler: Handler, event: Event) -> None:
    assert handler(event("store_metadata")) == {"status": "SUCCEEDED"}


def test_the_record_holds_all_that_was_found(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata")
    handler(sample)
    parts = sample["parts"]
    found = {**parts["metadata"], **{name: parts[name] for name in ("labels", "detector", "thumbnail")}}
    image = _image(table, sample)
    assert {name: image.get(name) for name in found} == found


def test_the_record_names_its_execution(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata")
    handler(sample)
    assert _image(table, sample)["execution_arn"] == sample["execution"]["Id"]


def test_a_result_without_labels_is_partial_and_says_why(handler: Handler, event: Event) -> None:
    assert handler(event("store_metadata_partial")) == {
        "status": "PARTIAL",
        "error": {"name": "Throttled", "cause": "DetectLabels: Provisioned rate exceeded"},
    }


def test_a_partial_record_keeps_its_thumbnail(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata_partial")
    handler(sample)
    image = _image(table, sample)
    assert (image["status"], image["thumbnail"]) == ("PARTIAL", sample["parts"]["thumbnail"])


def test_a_failure_is_answered_with_what_the_execution_fails_with(handler: Handler, event: Event) -> None:
    assert handler(event("store_metadata_failed")) == {
        "status": "FAILED",
        "error": {
            "name": "NotSupportedImageType",
            "cause": "the content is not an image, only JPEG and PNG are looked at; convert it before upload",
        },
    }


def test_a_failed_record_tells_its_reason(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata_failed")
    handler(sample)
    image = _image(table, sample)
    assert (image["status"], image["error"]["name"]) == ("FAILED", "NotSupportedImageType")


def test_both_halves_failing_is_a_failure_with_both_causes(handler: Handler, event: Event) -> None:
    sample = event("store_metadata_partial")
    del sample["parts"]["thumbnail"]
    sample["errors"].append({"Error": "CorruptImage", "Cause": "cannot be decoded"})
    answer = handler(sample)
    assert answer["status"] == "FAILED"
    assert "Provisioned rate exceeded" in answer["error"]["cause"]
    assert "CorruptImage: cannot be decoded" in answer["error"]["cause"]


def test_a_late_older_run_does_not_overwrite_a_newer_one(handler: Handler, event: Event, table: Table) -> None:
    newer, older = event("store_metadata"), event("store_metadata_failed")
    newer["execution"] = {"Id": newer["execution"]["Id"] + "-2", "StartTime": "2026-11-12T11:30:02.345Z"}
    handler(newer)
    handler(older)
    assert _image(table, newer)["status"] == "SUCCEEDED"


def test_a_redrive_that_succeeds_removes_the_error(handler: Handler, event: Event, table: Table) -> None:
    handler(event("store_metadata_failed"))
    redriven = event("store_metadata")
    redriven["execution"]["RedriveTime"] = "2026-11-12T10:30:02.345Z"
    handler(redriven)
    image = _image(table, redriven)
    assert (image["status"], "error" in image) == ("SUCCEEDED", False)


def test_storing_twice_answers_the_same(handler: Handler, event: Event) -> None:
    assert handler(event("store_metadata_failed")) == handler(event("store_metadata_failed"))


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("store_metadata", "ImagesSucceeded"),
        ("store_metadata_partial", "ImagesPartial"),
        ("store_metadata_failed", "ImagesFailed"),
    ],
)
def test_an_outcome_is_counted_once(
    handler: Handler, event: Event, capsys: pytest.CaptureFixture[str], name: str, metric: str
) -> None:
    handler(event(name))
    handler(event(name))
    assert _metrics(capsys.readouterr().out, metric) == 1


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ProvisionedThroughputExceededException", 400, Throttled),
        ("AccessDeniedException", 400, AccessDenied),
        ("InternalServerError", 500, ServiceUnavailable),
        ("silence", 0, ServiceUnavailable),
    ],
)
def test_a_failing_dynamodb_has_a_name(
    handler: Handler, event: Event, refuse: Callable[..., None], code: str, http_status: int, kind: type[Exception]
) -> None:
    refuse("dynamodb", "UpdateItem", code, http_status)
    with pytest.raises(kind):
        handler(event("store_metadata"))


@pytest.mark.parametrize("missing", [("envelope", "object"), ("execution", "execution")])
def test_an_incomplete_event_is_refused(handler: Handler, event: Event, missing: tuple[str, str]) -> None:
    part, named = missing
    sample = event("store_metadata")
    del sample[part]
    with pytest.raises(InvalidEvent, match=named):
        handler(sample)


def test_what_a_caller_adds_to_the_envelope_is_not_recorded(handler: Handler, event: Event, table: Table) -> None:
    sample = event("store_metadata_failed")
    sample["envelope"]["labels"] = [{"name": "Made Up", "confidence": 99.0, "parents": [], "instances": []}]
    handler(sample)
    image = _image(table, sample)
    assert (image["status"], "labels" in image) == ("FAILED", False)
