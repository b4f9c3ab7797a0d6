"""Timeouts: of tasks, computed or not, of heartbeats, and of whole state machines."""

from __future__ import annotations

import contextvars
import json
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from ministack.services import stepfunctions as sf

from local.engine.lambda_workers import invocation_started
from local.engine.step_functions.references import enter, uses_jsonata


def install() -> None:
    """Patch the engine's timeouts."""
    compute_the_timeouts_of_a_task()
    count_only_the_running_time_of_a_task()
    expect_heartbeats()
    end_a_state_machine_at_its_timeout()


def compute_the_timeouts_of_a_task() -> None:
    """Allow `TimeoutSeconds` and `HeartbeatSeconds` as JSONata expressions, or as paths in their `…Path` form.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
    """
    execute = sf._execute_task

    def execute_task(
        state: dict[str, Any], raw_input: object, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> tuple[object, str | None]:
        enter(ctx)
        state = dict(state)
        for field in ("TimeoutSeconds", "HeartbeatSeconds"):
            if f"{field}Path" in state and not uses_jsonata(state, ctx):
                state[field] = sf._resolve_path_or_ctx(state.pop(f"{field}Path"), raw_input, ctx)
            elif isinstance(state.get(field), str):
                state[field] = sf._jsonata_state_field(state, field, "number", raw_input, ctx)
        output: tuple[object, str | None] = execute(state, raw_input, execution, ctx)
        return output

    sf._execute_task = execute_task


def count_only_the_running_time_of_a_task() -> None:
    """Count `TimeoutSeconds` of a task from the start of the work.

    On AWS a function starts at once. Here it may wait for a free place (`lambda_workers`), and a burst
    would time out while it waits. As on AWS, the function continues after the timeout and its result is dropped.
    """

    def invoke_with_timeout(resource: str, input_data: object, timeout: float) -> object:
        future: Future[object] = Future()
        started = threading.Event()
        # Do not wait for a call that ends without a start, such as one of a function that does not exist.
        future.add_done_callback(lambda _: started.set())
        if "lambda" not in resource:
            started.set()

        def work() -> None:
            invocation_started.set(started)
            try:
                future.set_result(sf._invoke_resource(resource, input_data))
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True).start()
        started.wait()
        try:
            return future.result(timeout)
        except FutureTimeoutError:
            raise sf._ExecutionError("States.Timeout", f"Task timed out after {timeout:g} seconds") from None

    sf._invoke_resource_with_timeout = invoke_with_timeout


def expect_heartbeats() -> None:
    """Fail a task with a token with `States.HeartbeatTimeout` when no heartbeat comes in time.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#wait-token-hearbeat
    """
    invoke = sf._invoke_with_callback

    def invoke_with_callback(resource: str, input_data: object, token: str, state: dict[str, Any]) -> object:
        if interval := state.get("HeartbeatSeconds"):
            watch = contextvars.copy_context().run
            threading.Thread(target=watch, args=(_watch_heartbeats, token, interval), daemon=True).start()
        return invoke(resource, input_data, token, state)

    sf._invoke_with_callback = invoke_with_callback


def _watch_heartbeats(token: str, interval_seconds: float) -> None:
    last_sign, last_heartbeat = time.monotonic(), None
    was_waiting = False
    while time.monotonic() - last_sign <= interval_seconds:
        time.sleep(min(0.2, interval_seconds / 4))
        waiting = sf._task_tokens.get(token)
        if waiting is None:
            if was_waiting:
                return
            continue
        was_waiting = True
        if waiting["heartbeat"] != last_heartbeat:
            last_heartbeat, last_sign = waiting["heartbeat"], time.monotonic()
    if waiting := sf._task_tokens.get(token):
        waiting["error"] = {"Error": "States.HeartbeatTimeout", "Cause": ""}
        waiting["event"].set()


def end_a_state_machine_at_its_timeout() -> None:
    """End an execution that runs longer than the machine's `TimeoutSeconds` as `TIMED_OUT`.

    No Catch runs, and the status-change event is sent.
    https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
    """
    run = sf._run_execution

    def run_execution(execution_arn: str) -> None:
        execution = sf._executions.get(execution_arn)
        machine = sf._state_machines.get(execution["stateMachineArn"]) if execution else None
        limit = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
        timer = None
        if limit:
            expire = contextvars.copy_context().run
            timer = threading.Timer(limit, expire, args=(_expire, execution))
            timer.daemon = True
            timer.start()
        try:
            run(execution_arn)
        finally:
            if timer:
                timer.cancel()

    sf._run_execution = run_execution


def _expire(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=sf.now_iso())
    sf._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    sf._emit_execution_status_event(execution)
