"""Each file in ``events/`` drives its function, unchanged, in the world that it was made for."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import FILES, FUNCTIONS, QUEUED, REFUSED, Model, function_of
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import Permanent
from vision.domain.events import created_objects

# What the image record says afterwards; None where there is none.
STATUSES = {
    "classify_image": "RUNNING",
    "detect_labels": "RUNNING",
    "extract_metadata": "RUNNING",
    "generate_thumbnail": "RUNNING",
    "start_processing": "RUNNING",
    "start_processing_batch_with_poison": None,
    "start_processing_delivered_twice": "RUNNING",
    "start_processing_foreign_key": None,
    "start_processing_notification_url_encoded": "RUNNING",
    "start_processing_object_deleted": None,
    "start_processing_test_event": None,
    "start_processing_versions_out_of_order": "RUNNING",
    "store_metadata": "SUCCEEDED",
    "store_metadata_failed": "FAILED",
    "store_metadata_partial": "PARTIAL",
    "track_execution_aborted": "ABORTED",
    "track_execution_failed": "FAILED",
    "track_execution_redriven": "RUNNING",
    "track_execution_schedule": "FAILED",
    "track_execution_timed_out": "TIMED_OUT",
}

# What the record of the inspected image says afterwards.
VERDICTS = {
    "drain_queue": "SUCCESS",
    "inspect_images": "SUCCESS",
    "inspect_images_batch_with_poison": "SUCCESS",
    "inspect_images_deleted_before": None,
    "inspect_images_delivered_twice": "SUCCESS",
    "inspect_images_directory": None,
    "inspect_images_foreign_prefix": None,
    "inspect_images_no_rule": None,
    "inspect_images_notification_url_encoded": "SUCCESS",
    "inspect_images_object_deleted": None,
    "inspect_images_older_batch": None,
    "inspect_images_test_event": None,
}
# What Rekognition says of the model afterwards; it runs before stop_model comes, and is stopped before others.
MODELS = {
    "check_queue_session": "STOPPED",
    "check_queue_start": "STOPPED",
    "release_model_create": "RUNNING",
    "release_model_delete": "STOPPING",
    "release_model_update": "RUNNING",
    "start_model": "STARTING",
    "stop_model": "STOPPING",
    "stop_model_session_aborted": "STOPPING",
    "stop_model_session_failed": "STOPPING",
    "stop_model_watchdog": "STOPPING",
}
# What CloudFormation is answered.
ANSWERS = {
    "release_model_create": "SUCCESS",
    "release_model_delete": "SUCCESS",
    "release_model_update": "SUCCESS",
    "validate_rules_create": "SUCCESS",
    "validate_rules_create_without_addresses": "SUCCESS",
    "validate_rules_delete": "SUCCESS",
    "validate_rules_update": "SUCCESS",
    "validate_rules_update_wrong_rule": "FAILED",
}

# What it answers to the state machine of bulk runs, in the one field that decides.
DECISIONS = {
    "open_run": ("decision", "RUN"),
    "open_run_inventory": ("decision", "RUN"),
    "open_run_older_sample": ("decision", "RUN"),
    "process_batch": ("labelled", 1),
    "process_batch_inventory": ("labelled", 1),
    "summarize_run": ("status", "SUCCEEDED"),
    "summarize_run_aborted": ("status", "ABORTED"),
    "summarize_run_failed": ("status", "FAILED"),
}

# What the API answers.
ANSWERED = {
    "api_announce_photo": 201,
    "api_list_inspections": 200,
    "api_list_inspections_as_anybody": 403,
    "api_list_photos": 200,
    "api_make_album": 201,
    "api_page": 200,
    "api_unknown_photo": 404,
    "api_without_token": 401,
}


# The groups that a token gets.
GROUPS: dict[str, list[str]] = {
    "pre_token_generation": [],
    "pre_token_generation_operator": ["guests", "operators"],
}

TAKEN = [name for name in FILES if name not in REFUSED]


def test_every_sample_event_is_expected_to_do_something() -> None:
    assert sorted({*STATUSES, *VERDICTS, *MODELS, *ANSWERS, *DECISIONS, *ANSWERED, *GROUPS, *REFUSED}) == FILES


@pytest.mark.parametrize("name", REFUSED)
def test_refused_event_of_an_older_system_names_the_input_of_today(drive: Callable[[str], Any], name: str) -> None:
    with pytest.raises(Permanent) as refused:
        drive(name)
    assert re.search(REFUSED[name], f"{type(refused.value).__name__}: {refused.value}")


@pytest.mark.parametrize("name", DECISIONS)
def test_a_sample_event_of_a_bulk_run_is_answered_as_it_should(drive: Callable[[str], Any], name: str) -> None:
    field, value = DECISIONS[name]
    assert drive(name)[field] == value


@pytest.mark.parametrize("name", ANSWERED)
def test_a_sample_event_of_the_api_is_answered_as_it_should(drive: Callable[[str], Any], name: str) -> None:
    assert drive(name)["statusCode"] == ANSWERED[name]


@pytest.mark.parametrize("name", GROUPS)
def test_sample_event_of_a_token_leaves_the_groups_that_it_should(drive: Callable[[str], Any], name: str) -> None:
    details = drive(name)["response"]["claimsAndScopeOverrideDetails"]
    assert details["groupOverrideDetails"]["groupsToOverride"] == GROUPS[name]


def test_every_function_has_a_sample_event() -> None:
    assert sorted({function_of(name) for name in FILES}) == FUNCTIONS


@pytest.mark.parametrize("name", STATUSES)
def test_a_sample_event_leaves_the_record_that_it_should(
    drive: Callable[[str], Any], table: Table, world: Envelope, name: str
) -> None:
    drive(name)
    image = table.image(world)
    assert (image and image["status"]) == STATUSES[name]


@pytest.mark.parametrize("name", VERDICTS)
def test_a_sample_event_leaves_the_verdict_that_it_should(
    drive: Callable[[str], Any], table: Table, inspected: Envelope, name: str
) -> None:
    drive(name)
    assert (table.image(inspected) or {}).get("verdict") == VERDICTS[name]


@pytest.mark.parametrize("name", MODELS)
def test_a_sample_event_leaves_the_model_as_it_should(drive: Callable[[str], Any], model: Model, name: str) -> None:
    drive(name)
    assert model.status == MODELS[name]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_sample_event_gets_cloudformation_its_answer(
    drive: Callable[[str], Any], answered: list[dict[str, Any]], name: str
) -> None:
    drive(name)
    assert [answer["Status"] for answer in answered] == [ANSWERS[name]]


@pytest.mark.parametrize("name", TAKEN)
def test_the_answer_to_a_sample_event_is_json(drive: Callable[[str], Any], name: str) -> None:
    answered = drive(name)
    assert json.loads(json.dumps(answered)) == answered


@pytest.mark.parametrize("name", [name for name in TAKEN if function_of(name) in QUEUED])
def test_a_record_of_sqs_has_the_digest_of_its_body(event: Callable[[str], dict[str, Any]], name: str) -> None:
    for record in event(name)["Records"]:
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()


def test_the_samples_of_the_tasks_are_what_start_processing_sends(event: Callable[[str], dict[str, Any]]) -> None:
    [version] = created_objects(event("start_processing")["Records"][0]["body"], BUCKET)
    sent = Envelope.of(version).as_dict()
    assert [event(name) for name in ("extract_metadata", "detect_labels", "generate_thumbnail")] == [sent] * 3
