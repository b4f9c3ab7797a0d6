"""Each file in ``events/`` drives its function unchanged, at the moment at which it would arrive."""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.cold_start import FUNCTIONS, function_of
from tests.functions.sample_events import FILES, QUEUED, REFUSED, Event, Model
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import ImageFailed, Permanent
from vision.domain.events import created_objects

Drive = Callable[[str], Any]
# The status of the image record afterwards; None if it has none.
STATUSES = {
    "classify_image": "RUNNING",
    "detect_labels": "RUNNING",
    "extract_metadata": "RUNNING",
    "generate_thumbnail": "RUNNING",
    "start_processing": "PENDING",
    "start_processing_batch_with_poison": None,
    "start_processing_delivered_twice": "PENDING",
    "start_processing_foreign_key": None,
    "start_processing_notification_url_encoded": "PENDING",
    "start_processing_object_deleted": None,
    "start_processing_test_event": None,
    "start_processing_versions_out_of_order": "PENDING",
    "store_metadata": "SUCCEEDED",
    "store_metadata_failed": "FAILED",
    "store_metadata_last_release": "SUCCEEDED",
    "store_metadata_partial": "PARTIAL",
    "track_execution_aborted": "ABORTED",
    "track_execution_failed": "FAILED",
    "track_execution_redriven": "RUNNING",
    "track_execution_schedule": "FAILED",
    "track_execution_table_upgrade": "RUNNING",
    "track_execution_timed_out": "TIMED_OUT",
}

# The verdict in the record of the inspected image afterwards.
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
# The status of the model afterwards. It runs before stop_model and release_model, and is stopped before the others.
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
# The status in the response to CloudFormation.
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

# The field of the answer to ProcessBucket that decides its next state.
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

# The HTTP status of the API.
HTTP_STATUSES = {
    "api_announce_photo": 201,
    "api_list_inspections": 200,
    "api_list_inspections_as_anybody": 403,
    "api_list_photos": 200,
    "api_make_album": 201,
    "api_page": 200,
    "api_unknown_photo": 404,
    "api_without_token": 401,
}


# The groups of the token.
GROUPS: dict[str, list[str]] = {"pre_token_generation": [], "pre_token_generation_operator": ["guests", "operators"]}


def test_sample_events_are_complete_and_each_has_an_expectation() -> None:
    assert sorted({*STATUSES, *VERDICTS, *MODELS, *ANSWERS, *DECISIONS, *HTTP_STATUSES, *GROUPS, *REFUSED}) == FILES
    assert sorted({function_of(name) for name in FILES}) == FUNCTIONS


def test_failed_image_fails_its_execution_after_it_is_recorded(drive: Drive, table: Table, world: Envelope) -> None:
    with pytest.raises(ImageFailed):
        drive("store_metadata_failed")
    assert (table.image(world) or {}).get("status") == STATUSES["store_metadata_failed"]


@pytest.mark.parametrize("name", [name for name in FILES if name not in (*REFUSED, "store_metadata_failed")])
def test_sample_event_has_its_effect_and_a_json_answer(
    drive: Drive, table: Table, world: Envelope, inspected: Envelope, model: Model, answered: list[Any], name: str
) -> None:
    answer = drive(name)
    assert json.loads(json.dumps(answer)) == answer
    if name in STATUSES:
        assert (table.image(world) or {}).get("status") == STATUSES[name]
    if name in VERDICTS:
        assert (table.image(inspected) or {}).get("verdict") == VERDICTS[name]
    if name in MODELS:
        assert model.status == MODELS[name]
    if name in ANSWERS:
        assert [one["Status"] for one in answered] == [ANSWERS[name]]
    if name in DECISIONS:
        field, value = DECISIONS[name]
        assert answer[field] == value
    if name in HTTP_STATUSES:
        assert answer["statusCode"] == HTTP_STATUSES[name]
    if name in GROUPS:
        details = answer["response"]["claimsAndScopeOverrideDetails"]
        assert details["groupOverrideDetails"]["groupsToOverride"] == GROUPS[name]


@pytest.mark.parametrize("name", REFUSED)
def test_event_of_an_older_system_is_refused_with_the_input_of_today(drive: Drive, name: str) -> None:
    with pytest.raises(Permanent) as refused:
        drive(name)
    assert re.search(REFUSED[name], f"{type(refused.value).__name__}: {refused.value}")


@pytest.mark.parametrize("name", [name for name in FILES if function_of(name) in QUEUED and name not in REFUSED])
def test_sample_message_of_sqs_has_the_digest_of_its_body(event: Event, name: str) -> None:
    for record in event(name)["Records"]:
        assert record["md5OfBody"] == hashlib.md5(record["body"].encode(), usedforsecurity=False).hexdigest()


def test_sample_events_of_the_tasks_are_what_start_processing_sends(event: Event) -> None:
    [version] = created_objects(event("start_processing")["Records"][0]["body"], BUCKET)
    sent = Envelope.of(version).as_dict()
    assert [event(name) for name in ("extract_metadata", "detect_labels", "generate_thumbnail")] == [sent] * 3
