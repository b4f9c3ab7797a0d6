"""Parallel and Map: JSONata, variable scopes, the first failure ends the state, history of the branches."""

from __future__ import annotations

import contextvars
import copy
import functools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from ministack.services import stepfunctions as sf

from local.engine.step_functions.references import enter, uses_jsonata

# How often a waiting Parallel or Map checks whether its execution has been aborted.
POLL_SECONDS = 0.25

# The stop signals of all Parallel and Map states around the current thread.
_stops: contextvars.ContextVar[tuple[threading.Event, ...]] = contextvars.ContextVar("stops", default=())


class ExecutionClosedError(BaseException):
    """The branch or execution of a thread has ended; no Retry or Catch may see this."""


def install() -> None:
    """Patch the engine's Parallel and Map states."""
    number_events_once()
    run_branches_in_scopes_of_their_own()
    fail_a_parallel_with_its_first_branch()
    fail_a_map_with_its_first_item()


def number_events_once() -> None:
    """Give the events of a history the ids 1, 2, 3 …, even when branches write at the same time."""
    add = sf._add_event
    lock = threading.Lock()

    def add_event(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> object:
        with lock:
            return add(execution, kind, details)

    sf._add_event = add_event


def run_branches_in_scopes_of_their_own() -> None:
    """Let a branch read the variables around it, and keep its own variables inside.

    The engine lets branches share one context object: variables leak out, and branches that run at the
    same time overwrite each other's state name and task token. The states of branches get their events in
    the history too.
    https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html#variable-scope
    """
    handlers: dict[str, str] = {
        "Pass": "_execute_pass",
        "Choice": "_execute_choice",
        "Wait": "_execute_wait",
        "Task": "_execute_task",
        "Parallel": "_execute_parallel",
        "Map": "_execute_map",
    }

    def run_sub_machine(
        states: dict[str, Any], start_at: str, data: object, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> object:
        ctx = {**ctx, "variables": dict(ctx.get("variables", {}))}
        enter(ctx)
        name: str | None = start_at
        value = copy.deepcopy(data)
        while name:
            end_when_closed(execution)
            state = states.get(name)
            if state is None:
                raise sf._ExecutionError("States.Runtime", f"State '{name}' not found in definition")
            kind = state.get("Type")
            ctx["State"] = {"Name": name, "EnteredTime": sf.now_iso(), "RetryCount": 0}
            _add_state_event(execution, kind, "Entered", name, "input", value)
            if kind == "Fail":
                raise sf._ExecutionError(*sf._fail_state_error(state, value, ctx))
            if kind == "Succeed":
                value = sf._apply_output_path(state, sf._apply_input_path(state, value, ctx), ctx)
                following = None
            elif kind not in handlers:
                raise sf._ExecutionError("States.Runtime", f"Unknown state type: {kind}")
            else:
                execute = getattr(sf, handlers[kind])
                arguments = (state, value, execution, ctx)
                value, following = execute(*(arguments if kind in ("Task", "Parallel", "Map") else (state, value, ctx)))
            _add_state_event(execution, kind, "Exited", name, "output", value)
            name = following
        return value

    sf._run_sub_machine = run_sub_machine


def _add_state_event(execution: dict[str, Any], kind: str, verb: str, name: str, field: str, value: object) -> None:
    details = {f"state{verb}EventDetails": {"name": name, field: json.dumps(value)}}
    sf._add_event(execution, f"{kind}State{verb}", details)


def end_when_closed(execution: dict[str, Any]) -> None:
    """End the calling thread's branch when its execution has been closed, or a state around it has ended."""
    if execution["status"] != "RUNNING" or any(stop.is_set() for stop in _stops.get()):
        raise ExecutionClosedError


@contextmanager
def stop_signal() -> Iterator[threading.Event]:
    """Yield a signal that, once it is set, ends the branches that this thread starts inside."""
    stop = threading.Event()
    token = _stops.set((*_stops.get(), stop))
    try:
        yield stop
    finally:
        _stops.reset(token)


def run_until_first_failure(
    tasks: Sequence[Callable[[], object]], limit: int, execution: dict[str, Any], error: str
) -> list[object]:
    """Run branches at the same time; raise what the first failing one raised, without waiting for others.

    Parameters
    ----------
    tasks
        One call for each branch or item.
    limit
        How many run at once; 0 for all.
    execution
        Their execution; when it is closed from outside, the branches end.
    error
        Error name for a failure that is not one of the Amazon States Language.

    Returns
    -------
    list
        The results in the order of the tasks.
    """
    stop = threading.Event()

    def run(task: Callable[[], object]) -> object:
        _stops.set((*_stops.get(), stop))
        return task()

    pool = ThreadPoolExecutor(max_workers=limit if limit > 0 else max(1, len(tasks)))
    try:
        futures = [pool.submit(contextvars.copy_context().run, run, task) for task in tasks]
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=POLL_SECONDS, return_when=FIRST_EXCEPTION)
            for future in done:
                failure = future.exception()
                if failure is None:
                    continue
                if isinstance(failure, Exception) and not isinstance(failure, sf._ExecutionError):
                    raise sf._ExecutionError(error, str(failure)) from failure
                raise failure
            end_when_closed(execution)
        return [future.result() for future in futures]
    finally:
        stop.set()
        pool.shutdown(wait=False, cancel_futures=True)


def fail_a_parallel_with_its_first_branch() -> None:
    """Fail the state at once with a failed branch and stop the others; apply `Arguments`, `Output`, `Assign`.

    The engine waits for every branch, and does not support JSONata here.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html
    """

    def run_parallel_branches(
        state: dict[str, Any], raw_input: object, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> tuple[object, str | None]:
        if uses_jsonata(state, ctx):
            value = sf._apply_jsonata_arguments(state, raw_input, ctx)
        else:
            value = sf._apply_parameters(state, sf._apply_input_path(state, raw_input, ctx), ctx)
        branches = [
            functools.partial(
                sf._run_sub_machine, branch.get("States", {}), branch.get("StartAt"), value, execution, ctx
            )
            for branch in state.get("Branches", [])
        ]
        results = run_until_first_failure(branches, 0, execution, "States.BranchFailed")
        return state_output(state, raw_input, ctx, results)

    sf._run_parallel_branches = run_parallel_branches


def fail_a_map_with_its_first_item() -> None:
    """Fail an inline Map at once with a failed iteration, and start no further ones.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    """
    run = sf._run_map_items

    def run_map_items(
        state: dict[str, Any], raw_input: object, execution: dict[str, Any], ctx: dict[str, Any]
    ) -> tuple[object, str | None]:
        processor = state.get("ItemProcessor") or state.get("Iterator") or {}
        if (processor.get("ProcessorConfig") or {}).get("Mode") == "DISTRIBUTED":
            distributed: tuple[object, str | None] = run(state, raw_input, execution, ctx)
            return distributed
        effective = sf._apply_input_path(state, raw_input, ctx)
        items = map_items(state, raw_input, effective, ctx)
        iterations = [
            functools.partial(_run_iteration, state, processor, index, item, raw_input, effective, execution, ctx)
            for index, item in enumerate(items)
        ]
        limit = map_field(state, "MaxConcurrency", raw_input, effective, ctx)
        results = run_until_first_failure(iterations, int(limit or 0), execution, "States.MapFailed")
        return state_output(state, raw_input, ctx, results)

    sf._run_map_items = run_map_items


def _run_iteration(
    state: dict[str, Any],
    processor: dict[str, Any],
    index: int,
    item: object,
    raw_input: object,
    effective: object,
    execution: dict[str, Any],
    ctx: dict[str, Any],
) -> object:
    ctx = {**ctx, "Map": {"Item": {"Index": index, "Value": item}}}
    value = selected_item(state, item, raw_input, effective, ctx)
    return sf._run_sub_machine(processor.get("States", {}), processor.get("StartAt"), value, execution, ctx)


def map_items(state: dict[str, Any], raw_input: object, effective: object, ctx: dict[str, Any]) -> list[object]:
    """Return the items of a Map state: `Items` in JSONata, `ItemsPath` in JSONPath."""
    if uses_jsonata(state, ctx) and "Items" in state:
        items = sf._jsonata_state_field(state, "Items", "array", raw_input, ctx)
    else:
        items = sf._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, ctx)
    return items if isinstance(items, list) else [items]


def selected_item(
    state: dict[str, Any], item: object, raw_input: object, effective: object, ctx: dict[str, Any]
) -> object:
    """Return the input of one iteration: the item, or the result of `ItemSelector`."""
    selector = state.get("ItemSelector") or state.get("Parameters")
    if not selector:
        return item
    if uses_jsonata(state, ctx):
        return sf._apply_jsonata_template(selector, raw_input, ctx)
    return sf._resolve_params_obj(selector, effective, ctx)


def map_field(
    state: dict[str, Any], field: str, raw_input: object, effective: object, ctx: dict[str, Any]
) -> float | None:
    """Return a number of a Map state that may be an expression, or a path in its `…Path` form."""
    number: float | None = state.get(field)
    if f"{field}Path" in state:
        number = sf._resolve_path_or_ctx(state[f"{field}Path"], effective, ctx)
    elif isinstance(number, str):
        number = sf._jsonata_state_field(state, field, "number", raw_input, ctx)
    return number


def state_output(
    state: dict[str, Any], raw_input: object, ctx: dict[str, Any], result: object
) -> tuple[object, str | None]:
    """Return the output and the next state of a Parallel or Map state, and assign its variables."""
    enter(ctx)
    if uses_jsonata(state, ctx):
        output = sf._apply_jsonata_output(state, raw_input, ctx, result=result, default=result)
        sf._apply_state_assign(state, raw_input, ctx, result=result)
    else:
        output = sf._apply_result_path(state, raw_input, sf._apply_result_selector(state, result))
        output = sf._apply_output_path(state, output, ctx)
    return output, sf._next_or_end(state)
