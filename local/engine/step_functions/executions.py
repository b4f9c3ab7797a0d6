"""Executions: idempotent starts by name, a final status that stays, and events for every end."""

from __future__ import annotations

import asyncio
import contextvars
import json
import re
from typing import Any

from ministack import app
from ministack.core.responses import (
    _request_account_id,
    _request_region,
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)
from ministack.services import eventbridge
from ministack.services import stepfunctions as sf

from local.engine.step_functions.branches import ExecutionClosedError
from local.engine.step_functions.limits import MAX_PAYLOAD_BYTES

# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
_FORBIDDEN_IN_A_NAME = re.compile(r'[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]')
_MAX_NAME_CHARACTERS = 80

STATUS_CHANGE = "Step Functions Execution Status Change"

# Executions that ran when the engine stopped; their events are sent when it is ready again.
_interrupted: list[dict[str, Any]] = []


def install() -> None:
    """Patch the engine's executions."""
    start_an_execution_once()
    keep_the_first_end()
    tell_every_end()
    close_what_a_stopped_engine_ran()


def start_an_execution_once() -> None:
    """Repeat the first response of StartExecution for the name and input of a running execution.

    Another input, or a request after the execution has ended, is refused with `ExecutionAlreadyExists`;
    a name with a forbidden character with `InvalidName`, an input above 256 KiB with
    `InvalidExecutionInput`. The engine refuses every repetition and accepts any name.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    start = sf._start_execution

    def start_execution(request: dict[str, Any]) -> object:
        name = request.get("name")
        text = request.get("input", "{}")
        if name is not None and (not 0 < len(name) <= _MAX_NAME_CHARACTERS or _FORBIDDEN_IN_A_NAME.search(name)):
            return error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
        if len(text.encode()) > MAX_PAYLOAD_BYTES:
            message = f"Invalid State Machine Execution Input: more than {MAX_PAYLOAD_BYTES} bytes"
            return error_response_json("InvalidExecutionInput", message, 400)
        machine = sf._state_machines.get(sf._resolve_state_machine_arn(request.get("stateMachineArn", "")))
        if name and machine:
            arn = f"arn:aws:states:{get_region()}:{get_account_id()}:execution:{machine['name']}:{name}"
            running = sf._executions.get(arn)
            if running and running["status"] == "RUNNING" and running["input"] == text:
                return json_response({"executionArn": arn, "startDate": running["startDate"]})
        return start(request)

    sf._start_execution = start_execution


def keep_the_first_end() -> None:
    """Keep the status of an execution that was aborted or timed out, whatever its last task does afterwards."""
    fail = sf._fail_execution
    run = sf._run_execution

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def run_execution(execution_arn: str) -> None:
        try:
            run(execution_arn)
        except ExecutionClosedError:
            return

    sf._fail_execution = fail_execution
    sf._run_execution = run_execution


def tell_every_end() -> None:
    """Add the reason to the status-change event of an aborted or timed-out execution, not only of a failed one.

    Express executions send no such events.
    https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    emit = sf._emit_execution_status_event
    put = eventbridge._put_events

    def emit_execution_status_event(execution: dict[str, Any]) -> None:
        machine = sf._state_machines.get(execution["stateMachineArn"]) or {}
        if machine.get("type") != "EXPRESS":
            emit(execution)

    def put_events(request: dict[str, Any], allow_aws_source: bool = False) -> object:
        entries = request.get("Entries", [])
        if allow_aws_source:
            entries = [_with_reason(entry) for entry in entries]
        return put({**request, "Entries": entries}, allow_aws_source=allow_aws_source)

    sf._emit_execution_status_event = emit_execution_status_event
    eventbridge._put_events = put_events


def _with_reason(entry: dict[str, Any]) -> dict[str, Any]:
    if entry.get("DetailType") != STATUS_CHANGE:
        return entry
    detail = json.loads(entry["Detail"])
    execution = sf._executions.get(detail["executionArn"], {})
    if detail["status"] in ("ABORTED", "TIMED_OUT"):
        detail.update(
            error=execution.get("error"),
            cause=execution.get("cause"),
            redriveStatus="REDRIVABLE",
            redriveStatusReason=f"Execution is {detail['status']} and can be redriven",
        )
    return {**entry, "Detail": json.dumps(detail)}


def close_what_a_stopped_engine_ran() -> None:
    """End every execution in its history and in an event.

    The engine marks executions that ran when it stopped as FAILED with `States.ServiceRestart`, but without an
    event: the history has no end and no rule is triggered. Step Functions never loses a running execution, so
    this has no counterpart on AWS; the event lets the same rule close the record as after any failure.
    """
    restore = sf.load_persisted_state
    announce_ready = app._run_ready_scripts

    def load_persisted_state(data: dict[str, Any]) -> None:
        running = [e["executionArn"] for e in data["executions"].all_values() if e["status"] == "RUNNING"]
        restore(data)
        for execution in sf._executions.all_values():
            if execution["executionArn"] in running:
                details = {"error": execution["error"], "cause": execution["cause"]}
                sf._add_event(execution, "ExecutionFailed", {"executionFailedEventDetails": details})
                _interrupted.append(execution)

    async def run_ready_scripts() -> None:
        await announce_ready()
        await app._wait_for_port(int(app._resolve_port()))
        for execution in _interrupted:
            await asyncio.to_thread(contextvars.copy_context().run, _emit_in_scope, execution)
        _interrupted.clear()

    sf.load_persisted_state = load_persisted_state
    app._run_ready_scripts = run_ready_scripts


def _emit_in_scope(execution: dict[str, Any]) -> None:
    region, account_id = execution["executionArn"].split(":")[3:5]
    _request_region.set(region)
    _request_account_id.set(account_id)
    sf._emit_execution_status_event(execution)
