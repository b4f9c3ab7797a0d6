import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from vision.adapters import workflow
from vision.adapters.aws_sdk import client
from vision.domain.envelopes import Envelope
from vision.domain.errors import Throttled
from vision.domain.executions import Attempt, silent_end
from vision.domain.objects import ObjectVersion

ENVELOPE = Envelope.of(ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", "v1", "e1", "", 7))
STATE_MACHINE_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:image-recognition-ProcessImage"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessImage:one"


@pytest.fixture
def start(state_machine_arn: str) -> Callable[[], Attempt | None]:
    return lambda: workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())


@pytest.fixture
def attempt(start: Callable[[], Attempt | None]) -> Attempt:
    started = start()
    assert started is not None
    return started


def test_execution_starts_with_the_envelope_and_is_known_by_its_start(attempt: Attempt, state_machine_arn: str) -> None:
    [started] = client("stepfunctions").list_executions(stateMachineArn=state_machine_arn)["executions"]
    started_at = started["startDate"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert attempt == Attempt(started["executionArn"], started_at)
    described = client("stepfunctions").describe_execution(executionArn=attempt.execution_arn)
    assert json.loads(described["input"]) == ENVELOPE.as_dict()


def test_repeated_start_finds_the_running_execution(attempt: Attempt, state_machine_arn: str) -> None:
    # The same input, in any order of its fields.
    for given in (ENVELOPE.as_dict(), dict(reversed(ENVELOPE.as_dict().items()))):
        assert workflow.start(state_machine_arn, "one", given) == attempt
    assert len(client("stepfunctions").list_executions(stateMachineArn=state_machine_arn)["executions"]) == 1


def test_stopped_execution_has_ended_and_is_described_in_the_form_of_an_event(
    start: Callable[[], Attempt | None], attempt: Attempt
) -> None:
    arn = attempt.execution_arn
    assert not workflow.has_ended(arn)
    client("stepfunctions").stop_execution(executionArn=arn)
    assert workflow.has_ended(arn)
    record = {"object": ENVELOPE.object.as_dict(), "execution_arn": arn, "run_started_at": attempt.started_at}
    change = silent_end(record, workflow.describe(arn))
    assert change is not None
    assert (change.envelope, change.run, change.status) == (ENVELOPE, attempt, "ABORTED")
    # It is not started again.
    assert start() is None


def test_throttled_start_is_a_named_error(stubbed: Callable[[str], Stubber]) -> None:
    stubbed("stepfunctions").add_client_error("start_execution", "ExecutionLimitExceeded")
    with pytest.raises(Throttled):
        workflow.start(STATE_MACHINE_ARN, "one", {})


def test_missing_execution_is_described_as_none_and_has_ended(state_machine_arn: str) -> None:
    assert workflow.describe(ARN) is None
    assert workflow.has_ended(ARN)
    slept: list[float] = []
    assert not workflow.is_running(ARN, slept.append)
    assert sum(slept) < 10
    assert not workflow.is_running("")


def test_redriven_execution_is_described_by_its_last_attempt(stubbed: Callable[[str], Stubber]) -> None:
    response = {
        "executionArn": ARN,
        "stateMachineArn": STATE_MACHINE_ARN,
        "status": "FAILED",
        "startDate": datetime(2026, 11, 12, 9, 30, tzinfo=UTC),
        "redriveDate": datetime(2026, 11, 12, 10, 30, 0, 345000, tzinfo=UTC),
        "input": json.dumps(ENVELOPE.as_dict()),
    }
    stubbed("stepfunctions").add_response("describe_execution", response, {"executionArn": ARN})
    record = {"object": ENVELOPE.object.as_dict(), "execution_arn": ARN, "run_started_at": "2026-11-12T09:30:00.000Z"}
    change = silent_end(record, workflow.describe(ARN))
    assert change is not None
    assert change.run.started_at == "2026-11-12T10:30:00.345Z"


def test_execution_that_is_not_visible_yet_is_described_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, slept = iter([None, {"status": "RUNNING"}]), []
    monkeypatch.setattr(workflow, "describe", lambda _: next(answers))
    assert workflow.is_running(ARN, slept.append)
    assert slept == [1.0]
