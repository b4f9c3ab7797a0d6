"""Logs are for operators: they have ids and names of errors, and no data of photos or their owners."""

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.engine import lambda_logs
from tests.functions.cold_start import function_of
from tests.functions.faults import Refuse
from tests.functions.sample_events import FILES, QUEUED, REFUSED, Event
from tests.template.cloudformation import TEMPLATE, load
from vision.domain.errors import Permanent
from vision.services import bulk_worker

Drive = Callable[[str], Any]
Fail = Callable[[str, str], None]
# Each is in the sample events, in the photo, in its labels, or in a request to AWS.
PRIVATE = ("rose", "Rose", "garden", "uploads", "resized", ".jpg", ".png", "café", "48.8", "48°", "2.29", "iPhone")
PRIVATE += ("X-Amz-Security-Token", "Signature", "Authorization", "ann@example.com")
FAILING = {
    "start_processing": ("stepfunctions", "StartExecution"),
    "extract_metadata": ("s3", "GetObject"),
    "generate_thumbnail": ("s3", "PutObject"),
    "detect_labels": ("rekognition", "DetectLabels"),
    "store_metadata": ("dynamodb", "UpdateItem"),
    "track_execution": ("dynamodb", "UpdateItem"),
    "inspect_images": ("rekognition", "DetectLabels"),
    "drain_queue": ("sqs", "ReceiveMessage"),
    "check_queue": ("sqs", "GetQueueAttributes"),
    "start_model": ("rekognition", "StartProjectVersion"),
    "stop_model": ("rekognition", "StopProjectVersion"),
    "open_run": ("s3", "ListObjectsV2"),
    "process_batch": ("dynamodb", "BatchGetItem"),
    "summarize_run": ("s3", "ListObjectsV2"),
}
# The failures of these are a response to CloudFormation, an outcome among others, or an answer to a client or Cognito.
ANSWERED = ("validate_rules", "release_model", "classify_image", "api", "pre_token_generation")
# Nothing is written where the table lacks the index of the last release.
HARMLESS = ("track_execution_table_upgrade",)
TASKS = [name for name in FILES if function_of(name) not in (*QUEUED, *ANSWERED) and name not in (*REFUSED, *HARMLESS)]


def _private(text: str) -> list[str]:
    # The seconds of a timestamp may equal the degrees of a location.
    said = re.sub(r'"timestamp":"[^"]+"', "", text)
    return [private for private in PRIVATE if private in said]


def _lines(output: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, output.splitlines()) if "_aws" not in line]


@pytest.fixture
def debugging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logs as the runtime sets them up with LogLevel=DEBUG, including those of the SDK."""
    shared = load(TEMPLATE.read_text().replace("!Ref LogLevel", "DEBUG"))["Globals"]["Function"]
    for name, value in lambda_logs.variables(shared["LoggingConfig"]).items():
        monkeypatch.setenv(name, value)
    root, handler = logging.getLogger(), logging.StreamHandler(sys.stdout)
    monkeypatch.setattr(root, "level", root.level)
    # As awslambdaric does.
    root.setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL", logging.WARNING))
    root.addHandler(handler)
    yield
    root.removeHandler(handler)


@pytest.fixture
def fail(refuse: Refuse, monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Let a service refuse every call of a function."""
    monkeypatch.setattr(bulk_worker, "_WAITS_SECONDS", (0.0,))

    def register(name: str, code: str) -> None:
        service, operation = FAILING[function_of(name)]
        # The fixture `drive` makes two updates of the table itself.
        refuse(service, operation, code, calls=(3,) if operation == "UpdateItem" else ())

    return register


@pytest.mark.parametrize("name", FILES)
def test_logs_have_no_key_no_location_no_token_and_no_event(
    drive: Drive, capsys: pytest.CaptureFixture[str], debugging: None, name: str
) -> None:
    # Lambda itself logs the message of an error that leaves the handler.
    logged = ""
    try:
        drive(name)
    except Permanent as refused:
        assert name in (*REFUSED, "store_metadata_failed")
        logged = str(refused)
    assert _private("".join(capsys.readouterr()) + logged) == []


# The words of a service are passed on, except for a missing permission, where they quote the key.
REFUSAL = "as the service says it|let the policies of role, bucket and key allow it|let its policy allow s3:ListBucket"


@pytest.mark.parametrize("name", [*TASKS, *QUEUED])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ValidationException"])
def test_logs_of_a_failure_have_no_private_data(
    drive: Drive, fail: Fail, capsys: pytest.CaptureFixture[str], debugging: None, name: str, code: str
) -> None:
    fail(name, code)
    logged = ""
    if name in QUEUED:
        drive(name)
    else:
        with pytest.raises(Exception, match=REFUSAL) as failure:
            drive(name)
        logged = str(failure.value)
    assert _private("".join(capsys.readouterr()) + logged) == []


@pytest.mark.parametrize(
    ("code", "error", "level"),
    [
        ("AccessDenied", "AccessDenied", "INFO"),
        ("SlowDown", "Throttled", "WARNING"),
        ("ValidationException", "ClientError", "ERROR"),
    ],
)
def test_failure_is_logged_with_its_name_level_and_photo_id(
    drive: Drive, fail: Fail, event: Event, capsys: pytest.CaptureFixture[str], code: str, error: str, level: str
) -> None:
    fail("extract_metadata", code)
    with pytest.raises(Exception, match=REFUSAL):
        drive("extract_metadata")
    [line] = _lines(capsys.readouterr().out)
    assert line["error"] == error
    assert line["level"] == level
    assert line["correlation_id"] == event("extract_metadata")["photo_id"]
    assert line["function_name"] == "extract_metadata"


def test_invalid_message_is_logged_with_its_id(drive: Drive, event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    drive("start_processing_batch_with_poison")
    [line] = _lines(capsys.readouterr().out)
    invalid = event("start_processing_batch_with_poison")["Records"][4]["messageId"]
    assert line["error"] == "InvalidEvent"
    assert line["correlation_id"] == invalid


def test_lambda_finds_the_level_of_each_line(drive: Drive, fail: Fail, capsys: pytest.CaptureFixture[str]) -> None:
    fail("inspect_images", "SlowDown")
    drive("inspect_images")
    written = capsys.readouterr().out.splitlines()
    warnings = lambda_logs.kept({"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}, written)
    assert [json.loads(line)["level"] for line in warnings] == ["WARNING"]
