"""Executions of state machines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vision.adapters.aws_sdk import client, domain_errors
from vision.domain.executions import Attempt, is_closed
from vision.domain.records import timestamp

# The maximum number of events in one response.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
_EVENTS_AT_ONCE = 1000

# Waits for a new execution, because DescribeExecution is eventually consistent.
_UNTIL_KNOWN_SECONDS = (1.0, 2.0)


def start(state_machine_arn: str, name: str, state_input: Mapping[str, Any]) -> Attempt | None:
    """Start an execution, or find the running execution with the same name and input.

    Returns
    -------
    Attempt or None
        ``None`` if an execution with that name has already ended, so that a repeated event starts nothing.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    states = client("stepfunctions")
    try:
        with domain_errors(f"StartExecution {name}"):
            started = states.start_execution(
                stateMachineArn=state_machine_arn, name=name, input=json.dumps(state_input, sort_keys=True)
            )
    except states.exceptions.ExecutionAlreadyExists:
        return None
    return Attempt(started["executionArn"], timestamp(started["startDate"]))


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution. ListExecutions does not return its input, output or error."""

    arn: str
    status: str
    started_at: str
    ended_at: str | None
    input: Mapping[str, Any]
    output: Mapping[str, Any]
    error: str
    cause: str


def start_once(state_machine_arn: str, name: str, state_input: Mapping[str, Any]) -> Execution | None:
    """Start an execution with a name that has no other use, or return the execution that already has this name.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    attempt = start(state_machine_arn, name, state_input)
    if attempt is None:
        return find(execution_arn(state_machine_arn, name))
    # DescribeExecution may not know a new execution yet.
    return Execution(attempt.execution_arn, "RUNNING", attempt.started_at, None, state_input, {}, "", "")


def execution_arn(state_machine_arn: str, name: str) -> str:
    """Return the ARN of the execution with a name."""
    return f"{state_machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def find(execution_arn: str) -> Execution | None:
    """Return an execution, or None if it does not exist.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    states = client("stepfunctions")
    try:
        with domain_errors("DescribeExecution"):
            return _execution(states.describe_execution(executionArn=execution_arn))
    except states.exceptions.ExecutionDoesNotExist:
        return None


def latest(state_machine_arn: str, limit: int) -> list[Execution]:
    """Return the latest executions of a state machine, newest first.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    with domain_errors("ListExecutions"):
        found = client("stepfunctions").list_executions(stateMachineArn=state_machine_arn, maxResults=limit)
    return [_execution(execution) for execution in found["executions"]]


def entered(execution_arn: str) -> list[tuple[str, str]]:
    """Return the time and the name of each state that an execution entered, from its first and last thousand events.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    states = client("stepfunctions")
    with domain_errors("GetExecutionHistory"):
        first = states.get_execution_history(executionArn=execution_arn, maxResults=_EVENTS_AT_ONCE)
        found = first["events"]
        if "nextToken" in first:
            last = states.get_execution_history(
                executionArn=execution_arn, maxResults=_EVENTS_AT_ONCE, reverseOrder=True
            )
            found = found + last["events"][::-1]
    return [
        (timestamp(event["timestamp"]), event["stateEnteredEventDetails"]["name"])
        for event in found
        if "stateEnteredEventDetails" in event
    ]


def _execution(found: Mapping[str, Any]) -> Execution:
    return Execution(
        arn=found["executionArn"],
        status=found["status"],
        started_at=timestamp(found["startDate"]),
        ended_at=timestamp(found["stopDate"]) if "stopDate" in found else None,
        input=_object(found.get("input")),
        output=_object(found.get("output")),
        error=found.get("error") or "",
        cause=found.get("cause") or "",
    )


def _object(text: str | None) -> Mapping[str, Any]:
    """Parse an input or output. Step Functions takes any JSON; any value but an object counts as empty."""
    read = json.loads(text or "{}")
    return read if isinstance(read, Mapping) else {}


def has_ended(execution_arn: str) -> bool:
    """Return whether an execution has ended, or no longer exists.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    detail = describe(execution_arn)
    return detail is None or is_closed(detail["status"])


def describe(execution_arn: str) -> dict[str, Any] | None:
    """Return an execution in the form of a status-change event's detail, or ``None`` if it does not exist.

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    states = client("stepfunctions")
    try:
        with domain_errors("DescribeExecution"):
            found = states.describe_execution(executionArn=execution_arn)
    except states.exceptions.ExecutionDoesNotExist:
        return None
    redriven = found.get("redriveDate")
    return {
        "executionArn": found["executionArn"],
        "status": found["status"],
        "startDate": found["startDate"].timestamp() * 1000,
        "redriveDate": redriven.timestamp() * 1000 if redriven else None,
        "input": found.get("input"),
        "error": found.get("error"),
        "cause": found.get("cause"),
    }


def is_running(execution_arn: str, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Return whether an execution exists and is running.

    DescribeExecution may not know a new execution yet, so an unknown one is requested again.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html

    Raises
    ------
    AccessDenied, Throttled, ServiceUnavailable
    """
    if not execution_arn:
        return False
    found = describe(execution_arn)
    for wait_seconds in _UNTIL_KNOWN_SECONDS:
        if found:
            break
        sleep(wait_seconds)
        found = describe(execution_arn)
    return found is not None and found["status"] == "RUNNING"
