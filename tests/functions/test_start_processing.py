import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.conftest import Handler
from vision.adapters.aws_sdk import client
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.events import created_objects
from vision.domain.objects import ObjectVersion
from vision.services import photo_deletion

Event = Callable[[str], dict[str, Any]]
Listing = Callable[[], list[dict[str, Any]]]
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}


@pytest.fixture
def handler(function: Callable[[str], Handler], table: Table, state_machine_arn: str) -> Handler:
    return function("start_processing")


def _versions(sqs_event: dict[str, Any]) -> list[ObjectVersion]:
    return [version for record in sqs_event["Records"] for version in created_objects(record["body"], BUCKET)]


def _redelivered(sqs_event: dict[str, Any]) -> dict[str, Any]:
    records = [
        record | {"attributes": record["attributes"] | {"ApproximateReceiveCount": "2"}}
        for record in sqs_event["Records"]
    ]
    return {"Records": records}


def _state(table: Table, items: Listing, executions: Listing, version: ObjectVersion) -> Any:
    """All that is left when time is taken away."""
    image = table.image(Envelope.of(version)) or {}
    names = [execution["name"] for execution in executions()]
    return image.get("status"), "execution_arn" in image, names, sorted(item["sk"]["S"] for item in _of_photos(items))


def _of_photos(items: Listing) -> list[dict[str, Any]]:
    """What the table has, without the count of the day: it may count twice what was delivered twice."""
    return [item for item in items() if item["record_type"]["S"] != "allowance"]


def test_an_upload_becomes_a_running_record(handler: Handler, event: Event, table: Table) -> None:
    sqs_event = event("start_processing")
    assert handler(sqs_event) == NOTHING_FAILED
    [version] = _versions(sqs_event)
    image = table.image(Envelope.of(version))
    assert image is not None
    assert (image["status"], image["owner"], image["object"]["key"]) == (
        "RUNNING",
        "ann",
        "private/ann/uploads/garden/rose (1) 50%+.jpg",
    )


def test_an_upload_starts_the_execution_that_its_record_names(
    handler: Handler, event: Event, table: Table, executions: Listing
) -> None:
    sqs_event = event("start_processing")
    handler(sqs_event)
    [version] = _versions(sqs_event)
    [execution] = executions()
    image = table.image(Envelope.of(version))
    assert image is not None
    assert (execution["name"], execution["executionArn"]) == (keys.execution_name(version), image["execution_arn"])


def test_the_execution_gets_the_envelope(handler: Handler, event: Event, executions: Listing) -> None:
    sqs_event = event("start_processing")
    handler(sqs_event)
    [execution] = executions()
    described = client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == event("extract_metadata")


def test_a_notification_with_an_encoded_key_is_the_same_upload(
    handler: Handler, event: Event, executions: Listing
) -> None:
    handler(event("start_processing"))
    assert handler(event("start_processing_notification_url_encoded")) == NOTHING_FAILED
    assert len(executions()) == 1


@pytest.mark.parametrize(
    "name", ["start_processing_test_event", "start_processing_object_deleted", "start_processing_foreign_key"]
)
def test_what_is_no_upload_is_acknowledged_and_leaves_no_trace(
    handler: Handler, event: Event, items: Listing, executions: Listing, name: str
) -> None:
    assert handler(event(name)) == NOTHING_FAILED
    assert (items(), executions()) == ([], [])


@pytest.mark.parametrize("name", ["start_processing", "start_processing_notification_url_encoded"])
def test_message_of_another_bucket_goes_to_the_dead_letter_queue_and_leaves_no_trace(
    handler: Handler, event: Event, items: Listing, executions: Listing, name: str
) -> None:
    sqs_event = event(name)
    [message] = sqs_event["Records"]
    message["body"] = message["body"].replace(BUCKET, "somebody-elses")
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": message["messageId"]}]}
    assert (items(), executions()) == ([], [])


def test_only_the_poison_of_a_batch_is_delivered_again(handler: Handler, event: Event) -> None:
    sqs_event = event("start_processing_batch_with_poison")
    poison = sqs_event["Records"][4]["messageId"]
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": poison}]}


def test_the_neighbours_of_a_poison_are_started(handler: Handler, event: Event, executions: Listing) -> None:
    sqs_event = event("start_processing_batch_with_poison")
    handler(sqs_event)
    del sqs_event["Records"][4]
    expected = {keys.execution_name(version) for version in _versions(sqs_event)}
    assert {execution["name"] for execution in executions()} == expected


def test_a_batch_of_nothing_but_poison_is_an_answer_and_no_crash(handler: Handler, event: Event) -> None:
    [poison] = event("start_processing_batch_with_poison")["Records"][4:5]
    assert handler({"Records": [poison]}) == {"batchItemFailures": [{"itemIdentifier": poison["messageId"]}]}


def test_the_same_event_twice_starts_one_execution(handler: Handler, event: Event, executions: Listing) -> None:
    assert handler(event("start_processing_delivered_twice")) == NOTHING_FAILED
    assert len(executions()) == 1


def test_the_same_event_five_times_is_one_photo_and_one_image(handler: Handler, event: Event, items: Listing) -> None:
    for _ in range(5):
        handler(event("start_processing"))
    assert sorted(item["record_type"]["S"] for item in _of_photos(items)) == ["image", "photo"]


def test_a_redelivery_after_the_end_changes_nothing(
    handler: Handler, event: Event, items: Listing, executions: Listing
) -> None:
    handler(event("start_processing"))
    [execution] = executions()
    client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    before = items()
    assert handler(_redelivered(event("start_processing"))) == NOTHING_FAILED
    assert (items(), len(executions())) == (before, 1)


def test_a_redelivery_after_the_photo_was_deleted_leaves_nothing_of_it(
    handler: Handler, event: Event, items: Listing, executions: Listing, bucket: str
) -> None:
    sqs_event = event("start_processing")
    handler(sqs_event)
    [execution] = executions()
    client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    [version] = _versions(sqs_event)
    photos = Photos(TABLE)
    photo = photos.read(Envelope.of(version).photo_id)
    assert photo is not None
    photo_deletion.delete_photo(photos, photo)
    before = _of_photos(items)
    assert handler(_redelivered(sqs_event)) == NOTHING_FAILED
    assert _of_photos(items) == before


def test_each_of_two_versions_gets_its_execution(handler: Handler, event: Event, executions: Listing) -> None:
    assert handler(event("start_processing_versions_out_of_order")) == NOTHING_FAILED
    assert len(executions()) == 2


def test_of_two_versions_in_the_wrong_order_the_newer_is_the_photo(
    handler: Handler, event: Event, items: Listing
) -> None:
    sqs_event = event("start_processing_versions_out_of_order")
    handler(sqs_event)
    newer, _ = _versions(sqs_event)
    [photo] = [item for item in items() if item["record_type"]["S"] == "photo"]
    assert photo["object"]["M"]["version_id"]["S"] == newer.version_id


def test_the_older_of_two_versions_is_kept_as_history(handler: Handler, event: Event, table: Table) -> None:
    sqs_event = event("start_processing_versions_out_of_order")
    handler(sqs_event)
    assert [(table.image(Envelope.of(version)) or {})["status"] for version in _versions(sqs_event)] == [
        "RUNNING",
        "RUNNING",
    ]


STEPS = {
    "looking for the image": ("dynamodb", "GetItem", 1),
    "counting the upload": ("dynamodb", "UpdateItem", 1),
    "recording the image": ("dynamodb", "PutItem", 1),
    "recording the photo": ("dynamodb", "UpdateItem", 2),
    "starting the execution": ("stepfunctions", "StartExecution", 1),
    "recording that it runs": ("dynamodb", "UpdateItem", 3),
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
def test_a_message_whose_step_fails_is_delivered_again(
    handler: Handler, event: Event, refuse: Callable[..., None], step: str, code: str, http_status: int
) -> None:
    service, operation, call = STEPS[step]
    refuse(service, operation, code, http_status, calls=(call,))
    sqs_event = event("start_processing")
    [message] = sqs_event["Records"]
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": message["messageId"]}]}


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_heals_with_the_next_delivery(
    handler: Handler,
    event: Event,
    table: Table,
    items: Listing,
    executions: Listing,
    refuse: Callable[..., None],
    step: str,
) -> None:
    service, operation, call = STEPS[step]
    refuse(service, operation, "InternalServerError", 500, calls=(call,))
    sqs_event = event("start_processing")
    handler(sqs_event)
    handler(_redelivered(sqs_event))
    [version] = _versions(sqs_event)
    assert _state(table, items, executions, version) == (
        "RUNNING",
        True,
        [keys.execution_name(version)],
        ["CURRENT", f"VERSION#{version.version_id}"],
    )


def test_an_upload_is_recorded_before_anything_can_start(
    handler: Handler, event: Event, table: Table, refuse: Callable[..., None]
) -> None:
    refuse("stepfunctions", "StartExecution", "ExecutionLimitExceeded")
    sqs_event = event("start_processing")
    handler(sqs_event)
    [version] = _versions(sqs_event)
    assert (table.image(Envelope.of(version)) or {})["status"] == "PENDING"


def test_a_throttle_in_the_middle_of_a_batch_delays_one_message(
    handler: Handler, event: Event, executions: Listing, refuse: Callable[..., None]
) -> None:
    sqs_event = event("start_processing_batch_with_poison")
    del sqs_event["Records"][4]
    refuse("stepfunctions", "StartExecution", "ThrottlingException", calls=(3,))
    third = sqs_event["Records"][2]["messageId"]
    assert handler(sqs_event) == {"batchItemFailures": [{"itemIdentifier": third}]}
    assert len(executions()) == 8
