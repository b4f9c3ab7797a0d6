import json
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.conftest import NOTHING_FAILED, Event, Handler, Listing, Refuse, Start
from vision.adapters.aws_sdk import client
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.events import created_objects
from vision.domain.objects import ObjectVersion
from vision.services import photo_deletion


@pytest.fixture
def handler(function: Start, table: Table, state_machine_arn: str) -> Handler:
    return function("start_processing")


@pytest.fixture
def upload(event: Event) -> dict[str, Any]:
    """The SQS event of one upload."""
    return event("start_processing")


def _failed(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message["messageId"]} for message in messages]}


def _versions(sqs_event: dict[str, Any]) -> list[ObjectVersion]:
    return [version for record in sqs_event["Records"] for version in created_objects(record["body"], BUCKET)]


def _image(table: Table, version: ObjectVersion) -> dict[str, Any]:
    return table.image(Envelope.of(version)) or {}


def _redelivered(sqs_event: dict[str, Any]) -> dict[str, Any]:
    records = [
        record | {"attributes": record["attributes"] | {"ApproximateReceiveCount": "2"}}
        for record in sqs_event["Records"]
    ]
    return {"Records": records}


def _of_photos(items: Listing) -> list[dict[str, Any]]:
    """The items of photos; the daily allowance may count a redelivered upload twice."""
    return [item for item in items() if item["record_type"]["S"] != "allowance"]


def test_upload_is_recorded_as_pending_and_starts_its_execution(
    handler: Handler, event: Event, upload: dict[str, Any], table: Table, executions: Listing
) -> None:
    assert handler(upload) == NOTHING_FAILED
    [version] = _versions(upload)
    image = _image(table, version)
    assert image["status"] == "PENDING"
    assert image["owner"] == "ann"
    assert image["object"]["key"] == "private/ann/uploads/garden/rose (1) 50%+.jpg"
    [execution] = executions()
    assert execution["name"] == keys.execution_name(version)
    described = client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == event("extract_metadata")


def test_repeated_events_of_an_upload_start_one_execution(
    handler: Handler, event: Event, items: Listing, executions: Listing
) -> None:
    # Twice in one batch, once more, and from a notification whose key is URL-encoded.
    for name in ("delivered_twice", "delivered_twice", "notification_url_encoded"):
        assert handler(event(f"start_processing_{name}")) == NOTHING_FAILED
    assert len(executions()) == 1
    assert sorted(item["record_type"]["S"] for item in _of_photos(items)) == ["image", "photo"]


@pytest.mark.parametrize("name", ["test_event", "object_deleted", "foreign_key"])
def test_unrelated_message_is_deleted_without_side_effects(
    handler: Handler, event: Event, items: Listing, executions: Listing, name: str
) -> None:
    assert handler(event(f"start_processing_{name}")) == NOTHING_FAILED
    assert items() == executions() == []


@pytest.mark.parametrize("name", ["start_processing", "start_processing_notification_url_encoded"])
def test_message_of_another_bucket_fails_without_side_effects(
    handler: Handler, event: Event, items: Listing, executions: Listing, name: str
) -> None:
    sqs_event = event(name)
    [message] = sqs_event["Records"]
    message["body"] = message["body"].replace(BUCKET, "somebody-elses")
    assert handler(sqs_event) == _failed(message)
    assert items() == executions() == []


def test_only_the_invalid_message_of_a_batch_fails(handler: Handler, event: Event, executions: Listing) -> None:
    sqs_event = event("start_processing_batch_with_poison")
    invalid = sqs_event["Records"][4]
    assert handler(sqs_event) == _failed(invalid)
    del sqs_event["Records"][4]
    expected = {keys.execution_name(version) for version in _versions(sqs_event)}
    assert {execution["name"] for execution in executions()} == expected
    # A batch of nothing else is reported too, not raised.
    assert handler({"Records": [invalid]}) == _failed(invalid)


def test_redelivery_after_the_execution_ended_changes_nothing(
    handler: Handler, upload: dict[str, Any], items: Listing, executions: Listing
) -> None:
    handler(upload)
    [execution] = executions()
    client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    before = items()
    assert handler(_redelivered(upload)) == NOTHING_FAILED
    assert items() == before
    assert len(executions()) == 1


def test_redelivery_after_the_photo_was_deleted_records_nothing(
    handler: Handler, upload: dict[str, Any], items: Listing, executions: Listing, bucket: str
) -> None:
    handler(upload)
    [execution] = executions()
    client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    [version] = _versions(upload)
    photos = Photos(TABLE)
    photo = photos.read(Envelope.of(version).photo_id)
    assert photo is not None
    photo_deletion.delete_photo(photos, photo)
    before = _of_photos(items)
    assert handler(_redelivered(upload)) == NOTHING_FAILED
    assert _of_photos(items) == before


def test_newer_of_two_versions_out_of_order_is_shown_as_the_photo(
    handler: Handler, event: Event, table: Table, items: Listing, executions: Listing
) -> None:
    sqs_event = event("start_processing_versions_out_of_order")
    assert handler(sqs_event) == NOTHING_FAILED
    newer, older = _versions(sqs_event)
    [photo] = [item for item in items() if item["record_type"]["S"] == "photo"]
    assert photo["object"]["M"]["version_id"]["S"] == newer.version_id
    assert [_image(table, version)["status"] for version in (newer, older)] == ["PENDING", "PENDING"]
    assert len(executions()) == 2


STEPS = {
    "look for the image": ("dynamodb", "GetItem", 1),
    "count the upload": ("dynamodb", "UpdateItem", 1),
    "record the image": ("dynamodb", "PutItem", 1),
    "record the photo": ("dynamodb", "UpdateItem", 2),
    "start the execution": ("stepfunctions", "StartExecution", 1),
}
FAULTS = [
    ("ProvisionedThroughputExceededException", 400),
    ("AccessDeniedException", 400),
    ("InternalServerError", 500),
    ("silence", 0),
    ("ValidationException", 400),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("code", "http_status"), FAULTS)
def test_next_delivery_completes_a_step_that_failed(
    handler: Handler,
    upload: dict[str, Any],
    table: Table,
    items: Listing,
    executions: Listing,
    refuse: Refuse,
    step: str,
    code: str,
    http_status: int,
) -> None:
    service, operation, call = STEPS[step]
    refuse(service, operation, code, http_status, calls=(call,))
    assert handler(upload) == _failed(*upload["Records"])
    assert handler(_redelivered(upload)) == NOTHING_FAILED
    [version] = _versions(upload)
    assert _image(table, version)["status"] == "PENDING"
    assert [execution["name"] for execution in executions()] == [keys.execution_name(version)]
    assert sorted(item["sk"]["S"] for item in _of_photos(items)) == ["CURRENT", f"VERSION#{version.version_id}"]


def test_upload_is_recorded_before_its_execution_starts(
    handler: Handler, upload: dict[str, Any], table: Table, refuse: Refuse
) -> None:
    refuse("stepfunctions", "StartExecution", "ExecutionLimitExceeded")
    handler(upload)
    [version] = _versions(upload)
    assert _image(table, version)["status"] == "PENDING"


def test_throttled_start_within_a_batch_fails_one_message(
    handler: Handler, event: Event, executions: Listing, refuse: Refuse
) -> None:
    sqs_event = event("start_processing_batch_with_poison")
    del sqs_event["Records"][4]
    refuse("stepfunctions", "StartExecution", "ThrottlingException", calls=(3,))
    assert handler(sqs_event) == _failed(sqs_event["Records"][2])
    assert len(executions()) == 8
