"""Logs are for operators: they carry ids and names of errors, and nothing of the photo or of its owner."""

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.engine import lambda_logs
from tests.functions.conftest import FILES, QUEUED, REFUSED, function_of
from tests.template.cloudformation import TEMPLATE, load
from vision.domain.errors import Permanent
from vision.services import bulk_worker

# Each is in the sample events, in the photo, in what Rekognition says of it, or in a request to AWS.
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
# What these cannot do is told to CloudFormation, is an outcome among others, or an answer to a client or to Cognito.
TOLD = ("validate_rules", "release_model", "classify_image", "api", "pre_token_generation")
TASKS = [name for name in FILES if function_of(name) not in (*QUEUED, *TOLD) and name not in REFUSED]


def _private(text: str) -> list[str]:
    # The seconds of a moment may be the degrees of a place.
    said = re.sub(r'"timestamp":"[^"]+"', "", text)
    return [private for private in PRIVATE if private in said]


def _lines(output: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, output.splitlines()) if "_aws" not in line]


@pytest.fixture
def debugging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logs as the runtime sets them up where the stack has LogLevel=DEBUG, those of the SDK among them."""
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
def fail(refuse: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Let the service that a function works with refuse it, however often it is asked."""
    monkeypatch.setattr(bulk_worker, "_WAITS_SECONDS", (0.0,))

    def register(name: str, code: str) -> None:
        service, operation = FAILING[function_of(name)]
        # The world itself is made with two updates of the table.
        refuse(service, operation, code, calls=(3,) if operation == "UpdateItem" else ())

    return register


@pytest.mark.parametrize("name", FILES)
def test_logs_hold_no_key_no_place_no_token_and_no_event(
    drive: Callable[[str], Any], capsys: pytest.CaptureFixture[str], debugging: None, name: str
) -> None:
    # Lambda itself logs the message of an error that leaves the handler.
    told = ""
    try:
        drive(name)
    except Permanent as refused:
        assert name in REFUSED
        told = str(refused)
    assert _private("".join(capsys.readouterr()) + told) == []


# What a service says is passed on, but for a refusal of permission: that quotes the key.
REFUSAL = "as the service says it|let the policies of role, bucket and key allow it|let its policy allow s3:ListBucket"


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ValidationException"])
def test_a_failing_task_tells_nothing_private_either(
    drive: Callable[[str], Any],
    fail: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    debugging: None,
    name: str,
    code: str,
) -> None:
    # Lambda itself logs the message of an error that leaves the handler.
    fail(name, code)
    with pytest.raises(Exception, match=REFUSAL) as failure:
        drive(name)
    assert _private("".join(capsys.readouterr()) + str(failure.value)) == []


@pytest.mark.parametrize("name", QUEUED)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "ValidationException"])
def test_a_failing_message_tells_nothing_private_either(
    drive: Callable[[str], Any],
    fail: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    debugging: None,
    name: str,
    code: str,
) -> None:
    fail(name, code)
    drive(name)
    assert _private("".join(capsys.readouterr())) == []


def test_a_refusal_is_logged_with_its_name_and_the_photos_id(
    drive: Callable[[str], Any],
    fail: Callable[[str, str], None],
    event: Callable[[str], dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail("extract_metadata", "AccessDenied")
    with pytest.raises(Exception, match=REFUSAL):
        drive("extract_metadata")
    [line] = _lines(capsys.readouterr().out)
    assert (line["message"], line["error"], line["correlation_id"], line["function_name"]) == (
        "refused",
        "AccessDenied",
        event("extract_metadata")["photo_id"],
        "extract_metadata",
    )


@pytest.mark.parametrize(
    ("code", "level"), [("AccessDenied", "INFO"), ("SlowDown", "WARNING"), ("ValidationException", "ERROR")]
)
def test_what_a_refusal_asks_of_an_operator_is_its_level(
    drive: Callable[[str], Any],
    fail: Callable[[str, str], None],
    capsys: pytest.CaptureFixture[str],
    code: str,
    level: str,
) -> None:
    fail("extract_metadata", code)
    with pytest.raises(Exception, match=REFUSAL):
        drive("extract_metadata")
    [line] = _lines(capsys.readouterr().out)
    assert line["level"] == level


def test_a_poisoned_message_is_logged_by_the_id_under_which_it_will_be_in_the_dead_letter_queue(
    drive: Callable[[str], Any], event: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    drive("start_processing_batch_with_poison")
    [line] = _lines(capsys.readouterr().out)
    poison = event("start_processing_batch_with_poison")["Records"][4]["messageId"]
    assert (line["error"], line["correlation_id"]) == ("InvalidEvent", poison)


def test_a_line_has_a_timestamp_by_which_lambda_knows_its_level(
    drive: Callable[[str], Any], fail: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fail("inspect_images", "SlowDown")
    drive("inspect_images")
    written = capsys.readouterr().out.splitlines()
    warnings = lambda_logs.kept({"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}, written)
    assert [json.loads(line)["level"] for line in warnings] == ["WARNING"]
