import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import NOTHING_FAILED, Answer, Event, Handler, Listing, Metrics, Refuse, Start
from tests.functions.environment import ENVIRONMENT
from vision.adapters import queue
from vision.adapters.aws_sdk import client
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidRule, ModelNotReady
from vision.domain.failures import Failure
from vision.domain.inspection import results
from vision.domain.session.decisions import Backlog

Inspect = Callable[[], Any]
Record = Callable[[], dict[str, Any]]


@pytest.fixture
def handler(function: Start, inspected: Envelope) -> Handler:
    return function("inspect_images")


@pytest.fixture
def worker(function: Start, inspected: Envelope, inspection_queue: str) -> Handler:
    return function("drain_queue")


@pytest.fixture
def announced(event: Event, inspection_queue: str) -> None:
    """The message of the image, in the queue of a session."""
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=event("inspect_images")["Records"][0]["body"])


@pytest.fixture
def inspect(handler: Handler, event: Event) -> Inspect:
    """Deliver the sample message to inspect_images."""
    return lambda: handler(event("inspect_images"))


@pytest.fixture
def record(inspected: Envelope, table: Table) -> Record:
    """Return the record of the inspected image."""
    return lambda: table.image(inspected) or {}


def _failed(message: dict[str, Any]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message["messageId"]}]}


@pytest.mark.parametrize(
    ("sample", "counted"),
    [
        ("", {"InspectionsPassed": 1}),
        ("_deleted_before", {"InspectionsSkipped": 1}),
        ("_delivered_twice", {"InspectionsPassed": 1}),
        ("_directory", {}),
        ("_foreign_prefix", {}),
        ("_no_rule", {"InspectionsRefused": 1}),
        ("_notification_url_encoded", {"InspectionsPassed": 1}),
        ("_object_deleted", {}),
        ("_test_event", {}),
    ],
)
def test_completed_message_is_deleted_and_counted_by_its_outcome(
    handler: Handler, event: Event, notified: Listing, metrics: Metrics, sample: str, counted: dict[str, float]
) -> None:
    assert handler(event(f"inspect_images{sample}")) == NOTHING_FAILED
    assert metrics() == counted
    assert len(notified()) == ("InspectionsPassed" in counted)


def test_only_the_invalid_message_of_a_batch_fails(handler: Handler, event: Event) -> None:
    sqs_event = event("inspect_images_batch_with_poison")
    assert handler(sqs_event) == _failed(sqs_event["Records"][1])


@pytest.mark.parametrize("name", ["inspect_images", "inspect_images_notification_url_encoded"])
def test_message_of_another_bucket_records_nothing(handler: Handler, event: Event, items: Listing, name: str) -> None:
    sqs_event = event(name)
    [message] = sqs_event["Records"]
    message["body"] = message["body"].replace(BUCKET, "somebody-elses")
    assert handler(sqs_event) == _failed(message)
    assert items() == []


def test_message_of_another_bucket_stays_in_the_queue_of_a_session(
    worker: Handler, event: Event, items: Listing, inspection_queue: str
) -> None:
    body = event("inspect_images")["Records"][0]["body"].replace(BUCKET, "somebody-elses")
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=body)
    assert worker({}) == {"inspected": 0, "refused": 0, "returned": 1}
    # It is hidden for a while; after its last receive it moves to the dead-letter queue.
    assert queue.backlog(inspection_queue).in_flight == 1
    assert items() == []


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("rekognition", "DetectLabels", "ThrottlingException"),
        ("rekognition", "DetectLabels", "AccessDeniedException"),
        ("rekognition", "DetectLabels", "InvalidS3ObjectException"),
        ("dynamodb", "PutItem", "ProvisionedThroughputExceededException"),
        ("s3", "GetObject", "SlowDown"),
        ("s3", "CopyObject", "AccessDenied"),
        ("s3", "DeleteObject", "AccessDenied"),
        ("sns", "Publish", "AuthorizationError"),
    ],
)
def test_failed_call_to_any_service_returns_the_message(
    handler: Handler, event: Event, refuse: Refuse, service: str, operation: str, code: str
) -> None:
    refuse(service, operation, code)
    sqs_event = event("inspect_images")
    [message] = sqs_event["Records"]
    assert handler(sqs_event) == _failed(message)


def test_record_keeps_the_best_labels_and_those_of_a_rule(inspect: Inspect, record: Record, answer: Answer) -> None:
    seen = [{"Name": f"Label {place:02}", "Confidence": 99 - place} for place in range(30)]
    seen += [{"Name": "Rose", "Confidence": 61.0}, {"Name": "Moss", "Confidence": 60.0}]
    asked = answer("rekognition", "DetectLabels", {"Labels": [*seen, {"Name": "Hedge", "Confidence": 98.5}]})
    assert inspect() == NOTHING_FAILED
    found = record()
    names = [label["name"] for label in found["labels"]]
    # Ten labels, and Rose, which a rule names although its confidence is too low for the verdict.
    assert names == ["Label 00", "Hedge", *(f"Label {place:02}" for place in range(1, 9)), "Rose"]
    assert len(asked) == 1


@pytest.fixture
def full_list() -> list[dict[str, Any]]:
    """As many labels as DetectLabels returns, all above the confidence of the rule."""
    return [{"Name": f"Label {place:03}", "Confidence": 95.0} for place in range(1000)]


def test_second_call_completes_a_full_list_by_the_labels_of_the_rule(
    inspect: Inspect, record: Record, answer: Answer, full_list: list[dict[str, Any]]
) -> None:
    weed = {"Name": "Weed", "Confidence": 91.0}
    asked = answer("rekognition", "DetectLabels", {"Labels": full_list}, {"Labels": [weed, full_list[0]]})
    assert inspect() == NOTHING_FAILED
    assert record()["verdict"] == "FAILURE"
    assert record()["labels"][-1]["name"] == "Weed"
    assert asked[1]["Settings"]["GeneralLabels"]["LabelInclusionFilters"] == ["Rose", "Weed"]


def test_full_list_below_the_confidence_of_the_rule_needs_no_second_call(
    inspect: Inspect, answer: Answer, full_list: list[dict[str, Any]]
) -> None:
    full_list[-1]["Confidence"] = 89.9
    asked = answer("rekognition", "DetectLabels", {"Labels": full_list})
    inspect()
    assert len(asked) == 1


def test_rule_whose_labels_rekognition_rejects_judges_by_the_list(
    inspect: Inspect, record: Record, answer: Answer, refuse: Refuse, full_list: list[dict[str, Any]], caplog: Any
) -> None:
    # It is not documented whether DetectLabels rejects an unknown label. If it does, then with the code that it also
    # uses for an image with too short sides.
    answer("rekognition", "DetectLabels", {"Labels": [*full_list[1:], {"Name": "Rose", "Confidence": 99.0}]})
    refuse("rekognition", "DetectLabels", "InvalidParameterException", calls=(2,))
    assert inspect() == NOTHING_FAILED
    assert (record()["status"], record()["verdict"]) == ("SUCCEEDED", "SUCCESS")
    [warning] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert "rule 'garden'" in warning


@pytest.mark.parametrize(("receives", "error"), [("4", None), ("5", "Throttled")])
def test_last_receive_records_the_error_of_a_dead_letter(
    handler: Handler, event: Event, record: Record, refuse: Refuse, receives: str, error: str | None
) -> None:
    refuse("rekognition", "DetectLabels", "ThrottlingException")
    sqs_event = event("inspect_images")
    sqs_event["Records"][0]["attributes"]["ApproximateReceiveCount"] = receives
    handler(sqs_event)
    found = record()
    assert found["status"] == ("FAILED" if error else "PENDING")
    assert found.get("error", {}).get("name") == error
    if error:
        assert "dead-letter queue" in found["error"]["cause"]


def test_image_that_is_redriven_from_the_dead_letter_queue_is_inspected(
    function: Start, event: Event, inspected: Envelope, table: Table
) -> None:
    refused = results.refusal_attributes(Failure("Throttled", "wait"))
    table.register(inspected, "2026-11-20T00:00:00.000Z")
    table.record_refusal(inspected, refused, "2026-11-20T00:00:00.000Z")
    function("inspect_images")(event("inspect_images"))
    record = table.image(inspected) or {}
    assert record["status"] == "SUCCEEDED"
    assert "error" not in record


def test_failed_inspection_is_counted(
    function: Start, inspected: Envelope, event: Event, monkeypatch: pytest.MonkeyPatch, metrics: Metrics
) -> None:
    rule = {"name": "garden", "prefix": "images/", "any_of": ["Tulip"]}
    monkeypatch.setenv("INSPECTION_RULES", json.dumps([rule]))
    function("inspect_images")(event("inspect_images"))
    assert metrics() == {"InspectionsFailed": 1}


def test_function_with_invalid_rules_does_not_start(function: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTION_RULES", "[]")
    with pytest.raises(InvalidRule, match="expected a list of at least one rule"):
        function("inspect_images")


@pytest.mark.usefixtures("announced")
def test_worker_drains_the_queue_with_the_model_at_the_lower_confidence(
    worker: Handler, event: Event, record: Record, answer: Answer
) -> None:
    asked = answer("rekognition", "DetectCustomLabels", {"CustomLabels": [{"Name": "rose", "Confidence": 98.7}]})
    assert worker(event("drain_queue")) == {"inspected": 1, "refused": 0, "returned": 0}
    assert record()["detector"] == {"name": "custom-labels", "version": ENVIRONMENT["MODEL_VERSION_ARN"]}
    assert [request["MinConfidence"] for request in asked] == [50.0]
    assert worker(event("drain_queue")) == {"inspected": 0, "refused": 0, "returned": 0}


@pytest.mark.usefixtures("announced")
def test_worker_without_a_running_model_returns_its_messages(
    worker: Handler, event: Event, inspection_queue: str, refuse: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision.services.queue_worker._WAITS_SECONDS", (0,))
    refuse("rekognition", "DetectCustomLabels", "ResourceNotReadyException")
    with pytest.raises(ModelNotReady, match="the model is not running; wait until it is"):
        worker(event("drain_queue"))
    assert queue.backlog(inspection_queue) == Backlog(1, 0, 0)
