import json
from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from vision.adapters import workflow
from vision.adapters.aws_sdk import client
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, ServiceUnavailable, Throttled
from vision.domain.executions import Attempt, silent_end
from vision.domain.objects import ObjectVersion

ENVELOPE = Envelope.of(ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/rose.jpg", "v1", "e1", "", 7))
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessImage:one"


def _executions(state_machine_arn: str) -> list[dict]:
    return client("stepfunctions").list_executions(stateMachineArn=state_machine_arn)["executions"]


def test_an_execution_starts_with_the_envelope_as_its_input(state_machine_arn: str) -> None:
    run = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert run is not None
    started = client("stepfunctions").describe_execution(executionArn=run.execution_arn)
    assert json.loads(started["input"]) == ENVELOPE.as_dict()


def test_a_run_is_known_by_its_execution_and_its_start(state_machine_arn: str) -> None:
    run = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    [started] = _executions(state_machine_arn)
    started_at = started["startDate"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert run == Attempt(started["executionArn"], started_at)


def test_a_repeated_start_finds_the_running_execution(state_machine_arn: str) -> None:
    first = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert workflow.start(state_machine_arn, "one", ENVELOPE.as_dict()) == first


def test_a_repeated_start_is_the_same_input_whatever_the_order_of_its_fields(state_machine_arn: str) -> None:
    first = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    shuffled = dict(reversed(ENVELOPE.as_dict().items()))
    assert workflow.start(state_machine_arn, "one", shuffled) == first


def test_a_repeated_start_starts_nothing(state_machine_arn: str) -> None:
    for _ in range(5):
        workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert len(_executions(state_machine_arn)) == 1


def test_an_execution_that_has_ended_is_not_started_again(state_machine_arn: str) -> None:
    run = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert run is not None
    client("stepfunctions").stop_execution(executionArn=run.execution_arn)
    assert workflow.start(state_machine_arn, "one", ENVELOPE.as_dict()) is None


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ThrottlingException", 400, Throttled),
        ("ExecutionLimitExceeded", 400, Throttled),
        ("AccessDeniedException", 400, AccessDenied),
        ("InternalFailure", 500, ServiceUnavailable),
    ],
)
def test_a_start_that_is_refused_has_a_name(aws: None, code: str, http_status: int, kind: type[Exception]) -> None:
    with Stubber(client("stepfunctions")) as stub:
        stub.add_client_error("start_execution", code, http_status_code=http_status)
        with pytest.raises(kind):
            workflow.start("arn:aws:states:eu-west-1:123456789012:stateMachine:m", "one", {})


def test_an_execution_that_does_not_exist_is_nothing(state_machine_arn: str) -> None:
    assert workflow.describe(ARN) is None


def test_a_described_execution_has_the_form_of_an_event(state_machine_arn: str) -> None:
    run = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert run is not None
    client("stepfunctions").stop_execution(executionArn=run.execution_arn)
    record = {"object": ENVELOPE.object.as_dict(), "execution_arn": run.execution_arn, "run_started_at": run.started_at}
    change = silent_end(record, workflow.describe(run.execution_arn))
    assert change is not None
    assert (change.envelope, change.run, change.status) == (ENVELOPE, run, "ABORTED")


def test_a_redriven_execution_is_described_by_its_last_run(aws: None) -> None:
    started, redriven = datetime(2026, 11, 12, 9, 30, tzinfo=UTC), datetime(2026, 11, 12, 10, 30, 0, 345000, tzinfo=UTC)
    with Stubber(client("stepfunctions")) as stub:
        answer = {
            "executionArn": ARN,
            "stateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:image-recognition-ProcessImage",
            "status": "FAILED",
            "startDate": started,
            "redriveDate": redriven,
            "input": json.dumps(ENVELOPE.as_dict()),
        }
        stub.add_response("describe_execution", answer, {"executionArn": ARN})
        described = workflow.describe(ARN)
    record = {"object": ENVELOPE.object.as_dict(), "execution_arn": ARN, "run_started_at": "2026-11-12T09:30:00.000Z"}
    change = silent_end(record, described)
    assert change is not None
    assert change.run.started_at == "2026-11-12T10:30:00.345Z"


def test_a_running_execution_has_not_ended(state_machine_arn: str) -> None:
    run = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert run is not None
    assert not workflow.has_ended(run.execution_arn)


def test_a_stopped_execution_has_ended(state_machine_arn: str) -> None:
    run = workflow.start(state_machine_arn, "one", ENVELOPE.as_dict())
    assert run is not None
    client("stepfunctions").stop_execution(executionArn=run.execution_arn)
    assert workflow.has_ended(run.execution_arn)


def test_an_execution_that_is_not_known_any_more_has_ended(aws: None) -> None:
    assert workflow.has_ended(ARN)


def test_an_execution_that_is_not_known_yet_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, slept = iter([None, {"status": "RUNNING"}]), []
    monkeypatch.setattr(workflow, "describe", lambda _: next(answers))
    assert workflow.is_running(ARN, slept.append)
    assert slept == [1.0]


def test_an_execution_that_stays_unknown_is_not_running(aws: None) -> None:
    slept: list[float] = []
    assert not workflow.is_running(ARN, slept.append)
    assert sum(slept) < 10


def test_nobody_is_not_running() -> None:
    assert not workflow.is_running("")
