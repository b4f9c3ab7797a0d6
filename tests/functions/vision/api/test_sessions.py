"""Sessions of the Custom Labels model, with their timeline and cost, for operators."""

import json
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.conftest import TABLE
from tests.functions.conftest import STATE_MACHINE_ARN, Answer
from tests.functions.faults import Hook
from tests.functions.http_api import Caller
from vision.adapters.aws_sdk import client
from vision.adapters.session_log import SessionLog

SESSION_ARN = STATE_MACHINE_ARN.replace("ProcessImage", "CustomModelSession")
BEGUN = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def start(name: str = "session", units: int = 2, now: str = "2026-11-21T10:00:00.000Z") -> str:
    arn = str(client("stepfunctions").start_execution(stateMachineArn=SESSION_ARN, name=name)["executionArn"])
    SessionLog(TABLE).open(arn, units, now)
    return arn


def sessions(operator: Caller) -> list[dict[str, Any]]:
    return list(operator.get("/api/sessions").json()["sessions"])


def end(arn: str, status: str, **more: str) -> dict[str, Any]:
    """Describe an execution that has ended."""
    return {"executionArn": arn, "status": status, "startDate": BEGUN, "stopDate": BEGUN, **more}


def test_session_has_its_end_images_minutes_and_cost_once_it_has_ended(operator: Caller, answer: Answer) -> None:
    # An execution that found an empty queue is no session.
    client("stepfunctions").start_execution(stateMachineArn=SESSION_ARN, name="nothing-to-do")
    assert sessions(operator) == []
    arn = start()
    [session] = sessions(operator)
    assert (session["session_id"], session["status"]) == ("session", "RUNNING")
    assert [session[name] for name in ("ended_at", "images", "model_minutes", "cost_dollars", "error")] == [None] * 5
    assert session["execution_url"].endswith(arn)
    SessionLog(TABLE).close(arn, 120, 30, "2026-11-21T10:40:00.000Z")
    answer("stepfunctions", "DescribeExecution", end(arn, "SUCCEEDED"))
    [session] = sessions(operator)
    assert (session["images"], session["model_minutes"], session["ended_at"]) == (120, 30, "2026-11-21T10:00:00.000Z")
    # Half an hour of two units at four dollars an hour: https://aws.amazon.com/rekognition/pricing/
    assert session["cost_dollars"] == 4.0


def test_timeline_has_the_first_time_of_each_milestone(operator: Caller, answer: Answer) -> None:
    start()
    entered = [("Start Model", 0), ("Drain Queue", 9), ("Drain Queue", 15), ("Wait", 16), ("Stop Model", 20)]
    # An event of the start and of the end of a state enter none.
    events = [{"timestamp": BEGUN, "type": kind, "id": 1} for kind in ("ExecutionStarted", "TaskStateExited")]
    for at, (name, minute) in enumerate(entered):
        moment, details = BEGUN.replace(minute=minute), {"name": name}
        events.append({"timestamp": moment, "type": "TaskStateEntered", "id": at, "stateEnteredEventDetails": details})
    answer("stepfunctions", "GetExecutionHistory", {"events": events})
    [session] = sessions(operator)
    assert session["timeline"] == [
        {"at": "2026-11-21T10:00:00.000Z", "state": "Start Model"},
        {"at": "2026-11-21T10:09:00.000Z", "state": "Drain Queue"},
        {"at": "2026-11-21T10:20:00.000Z", "state": "Stop Model"},
    ]


def test_timeline_of_a_long_session_includes_its_end(operator: Caller, hook: Hook) -> None:
    start()

    def history(params: dict[str, Any], **_: Any) -> Any:
        is_end = json.loads(params["body"]).get("reverseOrder", False)
        name, minute = ("Stop Model", 50) if is_end else ("Start Model", 1)
        event = {"timestamp": BEGUN.replace(minute=minute), "id": minute, "stateEnteredEventDetails": {"name": name}}
        return AWSResponse("", 200, {}, None), {"events": [event], **({} if is_end else {"nextToken": "more"})}

    hook("stepfunctions", "before-call.SERVICE.GetExecutionHistory", history)
    [session] = sessions(operator)
    assert [step["state"] for step in session["timeline"]] == ["Start Model", "Stop Model"]


def test_latest_ten_sessions_are_listed_newest_first(operator: Caller) -> None:
    for number in range(11):
        start(f"session-{number}", now=f"2026-11-21T10:00:{number:02}.000Z")
    assert [session["session_id"] for session in sessions(operator)] == [f"session-{10 - back}" for back in range(10)]
