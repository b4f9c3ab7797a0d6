import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import ENVIRONMENT, Handler
from vision.adapters import queue
from vision.adapters.aws_sdk import client
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidRule, ModelNotReady
from vision.domain.failures import Failure
from vision.domain.inspection import results
from vision.domain.session.decisions import Backlog

Event = Callable[[str], dict[str, Any]]
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
SAMPLES = [
    "inspect_images",
    "inspect_images_deleted_before",
    "inspect_images_delivered_twice",
    "inspect_images_directory",
    "inspect_images_foreign_prefix",
    "inspect_images_no_rule",
    "inspect_images_notification_url_encoded",
    "inspect_images_object_deleted",
    "inspect_images_test_event",
]


@pytest.fixture
def handler(function: Callable[[str], Handler], inspected: Envelope) -> Handler:
    return function("inspect_images")


@pytest.fixture
def worker(function: Callable[[str], Handler], inspected: Envelope, inspection_queue: str) -> Handler:
    return function("drain_queue")


@pytest.mark.parametrize("name", SAMPLES)
def test_what_can_be_settled_is_acknowledged(handler: Handler, event: Event, name: str) -> None:
    assert handler(event(name)) == NOTHING_FAILED


def test_only_the_poison_of_a_batch_is_delivered_again(handler: Handler, event: Event) -> None:
    sqs_event = event("inspect_images_batch_with_poison")
    poison = sqs_event["Records"][1]["messageId"]
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": poison}]}


@pytest.mark.parametrize("name", ["inspect_images", "inspect_images_notification_url_encoded"])
def test_message_of_another_bucket_goes_to_the_dead_letter_queue_and_leaves_no_trace(
    handler: Handler, event: Event, items: Callable[[], list[Any]], name: str
) -> None:
    sqs_event = event(name)
    [message] = sqs_event["Records"]
    message["body"] = message["body"].replace(BUCKET, "somebody-elses")
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": message["messageId"]}]}
    assert items() == []


def test_message_of_another_bucket_stays_in_the_queue_of_a_session(
    worker: Handler, event: Event, items: Callable[[], list[Any]], inspection_queue: str
) -> None:
    body = event("inspect_images")["Records"][0]["body"].replace(BUCKET, "somebody-elses")
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=body)
    assert worker({}) == {"inspected": 0, "refused": 0, "returned": 1}
    # Hidden for a while, and after its last receive it goes to the dead-letter queue.
    assert (queue.backlog(inspection_queue).in_flight, items()) == (1, [])


def test_an_image_delivered_twice_is_told_of_once(
    handler: Handler, event: Event, notified: Callable[[], list[Any]]
) -> None:
    handler(event("inspect_images_delivered_twice"))
    assert len(notified()) == 1


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
def test_an_image_that_a_service_refuses_to_help_with_is_delivered_again(
    handler: Handler, event: Event, refuse: Callable[..., None], service: str, operation: str, code: str
) -> None:
    refuse(service, operation, code)
    sqs_event = event("inspect_images")
    [message] = sqs_event["Records"]
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": message["messageId"]}]}


def test_record_of_a_passed_image_says_what_was_found(
    handler: Handler,
    event: Event,
    inspected: Envelope,
    table: Table,
    answer: Callable[..., list[dict[str, Any]]],
) -> None:
    seen = [{"Name": f"Label {place:02}", "Confidence": 99 - place} for place in range(30)]
    seen += [{"Name": "Rose", "Confidence": 61.0}, {"Name": "Moss", "Confidence": 60.0}]
    asked = answer("rekognition", "DetectLabels", {"Labels": [*seen, {"Name": "Hedge", "Confidence": 98.5}]})
    assert handler(event("inspect_images")) == NOTHING_FAILED
    record = table.image(inspected) or {}
    names = [label["name"] for label in record["labels"]]
    # Ten labels, and Rose, which a rule names although it is not certain enough for the verdict.
    assert names == ["Label 00", "Hedge", *(f"Label {place:02}" for place in range(1, 9)), "Rose"]
    assert len(asked) == 1


@pytest.fixture
def full_list() -> list[dict[str, Any]]:
    """As many labels as DetectLabels returns, all above the confidence of the rule."""
    return [{"Name": f"Label {place:03}", "Confidence": 95.0} for place in range(1000)]


def test_full_list_is_completed_by_the_labels_of_the_rule(
    handler: Handler,
    event: Event,
    inspected: Envelope,
    table: Table,
    answer: Callable[..., list[dict[str, Any]]],
    full_list: list[dict[str, Any]],
) -> None:
    weed = {"Name": "Weed", "Confidence": 91.0}
    asked = answer("rekognition", "DetectLabels", {"Labels": full_list}, {"Labels": [weed, full_list[0]]})
    assert handler(event("inspect_images")) == NOTHING_FAILED
    record = table.image(inspected) or {}
    assert (record["verdict"], record["labels"][-1]["name"]) == ("FAILURE", "Weed")
    assert asked[1]["Settings"]["GeneralLabels"]["LabelInclusionFilters"] == ["Rose", "Weed"]


def test_full_list_that_goes_below_the_confidence_of_the_rule_is_complete(
    handler: Handler,
    event: Event,
    answer: Callable[..., list[dict[str, Any]]],
    full_list: list[dict[str, Any]],
) -> None:
    full_list[-1]["Confidence"] = 89.9
    asked = answer("rekognition", "DetectLabels", {"Labels": full_list})
    handler(event("inspect_images"))
    assert len(asked) == 1


def test_rule_whose_labels_rekognition_refuses_judges_by_the_list(
    handler: Handler,
    event: Event,
    inspected: Envelope,
    table: Table,
    answer: Callable[..., list[dict[str, Any]]],
    refuse: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    full_list: list[dict[str, Any]],
) -> None:
    # Whether DetectLabels refuses a label that it does not know is documented nowhere. If it does, it does so with the
    # code that an image has whose sides are too short.
    answer("rekognition", "DetectLabels", {"Labels": [*full_list[1:], {"Name": "Rose", "Confidence": 99.0}]})
    refuse("rekognition", "DetectLabels", "InvalidParameterException", calls=(2,))
    assert handler(event("inspect_images")) == NOTHING_FAILED
    record = table.image(inspected) or {}
    assert (record["status"], record["verdict"]) == ("SUCCEEDED", "SUCCESS")
    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "rule 'garden'" in warning


@pytest.mark.parametrize(("receives", "status"), [("4", "PENDING"), ("5", "FAILED")])
def test_an_image_that_goes_to_the_dead_letter_queue_is_failed_and_one_that_comes_again_is_not(
    handler: Handler,
    event: Event,
    inspected: Envelope,
    table: Table,
    refuse: Callable[..., None],
    receives: str,
    status: str,
) -> None:
    refuse("rekognition", "DetectLabels", "ThrottlingException")
    sqs_event = event("inspect_images")
    sqs_event["Records"][0]["attributes"]["ApproximateReceiveCount"] = receives
    handler(sqs_event)
    assert (table.image(inspected) or {})["status"] == status


def test_the_reason_of_an_image_in_the_dead_letter_queue_is_in_its_record(
    handler: Handler, event: Event, inspected: Envelope, table: Table, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "DetectLabels", "ThrottlingException")
    sqs_event = event("inspect_images")
    sqs_event["Records"][0]["attributes"]["ApproximateReceiveCount"] = "5"
    handler(sqs_event)
    error = (table.image(inspected) or {})["error"]
    assert error["name"] == "Throttled"
    assert error["cause"].endswith("; it waits in the dead-letter queue")


def test_an_image_that_comes_back_from_the_dead_letter_queue_is_inspected(
    function: Callable[[str], Handler], event: Event, inspected: Envelope, table: Table
) -> None:
    refused = results.refusal_attributes(Failure("Throttled", "wait"))
    table.register(inspected, "2026-11-20T00:00:00.000Z")
    table.refuse(inspected, refused, "2026-11-20T00:00:00.000Z")
    function("inspect_images")(event("inspect_images"))
    record = table.image(inspected) or {}
    assert (record["status"], "error" in record) == ("SUCCEEDED", False)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("inspect_images", "InspectionsPassed"),
        ("inspect_images_deleted_before", "InspectionsSkipped"),
        ("inspect_images_no_rule", "InspectionsRefused"),
    ],
)
def test_each_inspection_is_counted_by_how_it_went(
    handler: Handler, event: Event, capsys: pytest.CaptureFixture[str], name: str, metric: str
) -> None:
    handler(event(name))
    assert f'"{metric}":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_a_failed_image_is_counted_as_failed(
    function: Callable[[str], Handler],
    inspected: Envelope,
    event: Event,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rule = {"name": "garden", "prefix": "images/", "any_of": ["Tulip"]}
    monkeypatch.setenv("INSPECTION_RULES", json.dumps([rule]))
    function("inspect_images")(event("inspect_images"))
    assert "InspectionsFailed" in capsys.readouterr().out


def test_a_function_whose_rules_were_changed_by_hand_does_not_start(
    function: Callable[[str], Handler], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTION_RULES", "[]")
    with pytest.raises(InvalidRule, match="expected a list of at least one rule"):
        function("inspect_images")


def test_a_worker_drains_the_queue_with_the_model(
    worker: Handler, event: Event, inspection_queue: str, table: Table, inspected: Envelope
) -> None:
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=event("inspect_images")["Records"][0]["body"])
    assert worker(event("drain_queue")) == {"inspected": 1, "refused": 0, "returned": 0}
    assert (table.image(inspected) or {})["detector"] == {
        "name": "custom-labels",
        "version": ENVIRONMENT["MODEL_VERSION_ARN"],
    }


def test_a_worker_asks_the_model_for_the_lower_of_the_two_confidences(
    worker: Handler, event: Event, inspection_queue: str, answer: Callable[..., list[dict[str, Any]]]
) -> None:
    asked = answer("rekognition", "DetectCustomLabels", {"CustomLabels": []})
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=event("inspect_images")["Records"][0]["body"])
    worker(event("drain_queue"))
    assert [request["MinConfidence"] for request in asked] == [50.0]


def test_a_worker_without_a_model_gives_its_messages_back(
    worker: Handler,
    event: Event,
    inspection_queue: str,
    refuse: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vision.services.queue_worker._WAITS_SECONDS", (0,))
    client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=event("inspect_images")["Records"][0]["body"])
    refuse("rekognition", "DetectCustomLabels", "ResourceNotReadyException")
    with pytest.raises(ModelNotReady, match="the model is not running; wait until it is"):
        worker(event("drain_queue"))
    assert queue.backlog(inspection_queue) == Backlog(1, 0, 0)


def test_a_worker_of_an_empty_queue_has_done_nothing(worker: Handler, event: Event) -> None:
    assert worker(event("drain_queue")) == {"inspected": 0, "refused": 0, "returned": 0}
