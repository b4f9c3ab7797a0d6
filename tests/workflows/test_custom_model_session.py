"""Executions of custom_model_session: the real state machine in the local AWS, with scripted functions."""

import pytest

from tests.workflows.custom_model_session import (
    BUSY,
    DEFINITION,
    ERRORS,
    SCENARIOS,
    STOP_SECONDS,
    STOPPED,
    TALLY,
    TASKS,
    WAIT,
    WORKERS,
    function_of,
)
from tests.workflows.execution import message
from tests.workflows.second_opinion.opinions import ending
from tests.workflows.task_errors import failure

pytestmark = pytest.mark.local

NORMAL = [
    "Open Session",
    "Check Queue",
    "Is There Work?",
    "Start Model",
    "Is Model Ready?",
    "Drain Queue In Parallel",
    "Drain Queue",
    "Check Queue Again",
    "Is Queue Empty?",
    "Wait For Stragglers",
    "Check Queue Again",
    "Is Queue Empty?",
    "Stop Model",
    "Is Model Stopped?",
    "Did Session Fail?",
    "Session Done",
]
ROUND = TALLY["inspected"]


def _output(rounds):
    """Return the output of a session after a number of rounds."""
    return {"inspected": rounds * ROUND, "model": STOPPED}


def _values(run, function, name):
    return [event[name] for event in run.given(function)]


def _rounds(run):
    return [event["round"] for event in run.given("check_queue") if event["phase"] == "session"]


def _entered(run, counts):
    """Return how often an execution entered the states of `counts`."""
    return {state: run.entered.count(state) for state in counts}


def test_normal_session_goes_from_check_queue_to_the_stopped_model(session_runs):
    run = session_runs["normal"]
    assert run.output == _output(1)
    assert run.entered == NORMAL


def test_functions_receive_what_the_session_knows(session_runs):
    run = session_runs["normal"]
    functions = {function_of(task) for task in TASKS}
    assert {arn for function in functions for arn in _values(run, function, "execution_arn")} == {run.arn}
    assert _values(run, "check_queue", "phase") == ["start", "session", "session"]
    assert _values(run, "start_model", "units") == [1]
    assert _values(run, "stop_model", "inspected") == [ROUND]


@pytest.mark.parametrize(("name", "decision"), [("not enough", WAIT), ("another session", BUSY)])
def test_session_without_work_leaves_the_model_alone(session_runs, name, decision):
    run = session_runs[name]
    assert run.output == decision
    assert run.entered == ["Open Session", "Check Queue", "Is There Work?", "Nothing To Do"]
    assert run.given("start_model") == run.given("stop_model") == []


@pytest.mark.parametrize(
    ("name", "rounds", "counts"),
    [
        # Only two empty counts in a row end a session: START, EMPTY, DRAIN, EMPTY, EMPTY.
        ("late images", 2, {"Check Queue Again": 4, "Wait For Stragglers": 2, "Start Model": 1}),
        ("several rounds", 3, {"Stop Model": 1}),
        ("few images arrive", 2, {"Wait For Stragglers": 0}),
        ("slow start", 1, {"Start Model": 3, "Wait For Model": 2}),
        ("too many images", 1, {"Drain Queue": 1}),
        ("slow stop", 1, {"Stop Model": 3, "Wait For Stop": 2}),
        ("one worker lost", 2, {"Drain Queue": len(WORKERS), "Worker Lost": 1}),
        # Lost workers of different rounds are not added up.
        ("one worker lost in each round", 2, {"Worker Lost": 2}),
        # After two rounds they are left to the next session, before they use up all their receives.
        ("service fails for the last images", 2, {"Drain Queue": 4}),
    ],
)
def test_session_succeeds(session_runs, name, rounds, counts):
    run = session_runs[name]
    assert run.output == _output(rounds)
    assert _entered(run, counts) == counts


@pytest.mark.parametrize(
    ("name", "error", "counts"),
    [
        # What the session may have started, it cannot stop without the lease.
        ("another session took the model", "LeaseLost", {"Stop Model": 1}),
        ("fails before it holds the lease", "AccessDenied", {"Stop Model": 1}),
        ("never ready", "ModelNotReady", {"Stop Model": 1, "Drain Queue": 0}),
        ("service fails for every image", "ServiceUnavailable", {"Drain Queue": len(WORKERS), "Stop Model": 1}),
        ("every worker lost", "ModelNotReady", {"Worker Lost": len(WORKERS), "Stop Model": 1}),
        ("every worker lost in the second round", "ModelNotReady", {"Worker Lost": 1, "Stop Model": 1}),
        ("worker returns no tally", "States.QueryEvaluationError", {"Stop Model": 1}),
        # No Catch of a Choice: the watchdog stops the model.
        ("readiness is text", "States.QueryEvaluationError", {"Is Model Ready?": 1, "Stop Model": 0}),
    ],
)
def test_session_fails(session_runs, name, error, counts):
    run = session_runs[name]
    assert (run.status, run.error) == ("FAILED", error)
    assert _entered(run, counts) == counts


def test_workers_run_only_after_the_model_is_ready(session_runs):
    entered = session_runs["slow start"].entered
    assert "Wait For Model" not in entered[entered.index("Drain Queue In Parallel") :]


def test_each_round_without_lost_workers_is_judged_once_by_its_images_and_its_cost(session_runs):
    rounds = _rounds(session_runs["late images"])
    assert [one and (one["inspected"], one["units"]) for one in rounds] == [(3, 1), None, (3, 1), None]
    assert all(one["seconds"] > 0 for one in rounds if one)
    assert _rounds(session_runs["one worker lost"]) == [None, None]


@pytest.mark.parametrize(
    ("name", "inspected"), [("every worker lost", 0), ("every worker lost in the second round", ROUND)]
)
def test_session_without_workers_fails_with_their_error_and_counts_its_images(session_runs, name, inspected):
    run = session_runs[name]
    assert run.cause == message("ModelNotReady")
    assert _values(run, "stop_model", "inspected") == [inspected]


def test_model_that_does_not_stop_in_time_fails_the_session(session_runs):
    run = session_runs["never stops"]
    assert (run.status, run.error) == ("FAILED", "ModelNotStopped")
    assert "stop it in the Rekognition console" in run.cause
    began, ended = (run.execution[name] for name in ("startDate", "stopDate"))
    assert (ended - began).total_seconds() >= STOP_SECONDS
    assert "Rekognition console" in session_runs["never ready"].cause


@pytest.mark.parametrize(
    "name", ["never stops after a failure", "cannot stop after a failure", "stops late after a failure"]
)
def test_failed_session_keeps_its_first_error_whatever_the_stop_does(session_runs, name):
    run = session_runs[name]
    assert (run.status, run.error, run.cause) == ("FAILED", "ModelFailed", message("ModelFailed"))
    assert run.given("stop_model")


def test_timeout_of_the_execution_leaves_the_model_to_the_watchdog(session_runs):
    # No Catch runs when an execution ends from outside.
    run = session_runs["execution timeout"]
    assert run.status == "TIMED_OUT"
    assert run.given("stop_model") == []


@pytest.mark.parametrize(("task", "error"), ERRORS.not_retried)
def test_permanent_or_unknown_error_fails_the_session_after_one_attempt_and_a_stop(session_runs, task, error):
    run = session_runs[failure(task, error)]
    assert (run.status, run.error, run.cause) == ("FAILED", error, message(error))
    assert run.failed_attempts == [error]
    assert run.entered.count("Stop Model") == 1
    assert run.entered[-1] == "Session Failed"
    if task in ("Check Queue", "Start Model"):
        assert run.given("drain_queue") == []


@pytest.mark.parametrize(("task", "error"), ERRORS.retried)
def test_transient_error_is_retried_once_and_heals(session_runs, task, error):
    run = session_runs[failure(task, error)]
    assert run.output == _output(1)
    assert run.failed_attempts == [error]
    assert run.entered.count(task) == NORMAL.count(task)


@pytest.mark.parametrize(("task", "error", "attempts"), ERRORS.exhausted)
def test_lasting_error_exhausts_its_retries_and_fails_the_session(session_runs, task, error, attempts):
    run = session_runs[failure(task, error, attempts)]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.failed_attempts == [error] * attempts
    assert len(run.given("stop_model")) == (attempts if task == "Stop Model" else 1)


# The model is polled as often as there is time.
TIMED = ("never stops", "never stops after a failure")
# LocalStack fails in the same states, and names States.Runtime: a condition that is not boolean, and a Fail state with
# the name of an error of Step Functions.
OTHER_NAME = ("readiness is text", "worker returns no tally")


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name not in (*TIMED, *OTHER_NAME)])
def test_localstack_agrees_on_the_session(session_runs, session_opinions, name):
    assert session_opinions[name] == ending(session_runs[name], DEFINITION)


@pytest.mark.parametrize("name", TIMED)
def test_localstack_agrees_on_the_end_of_a_timed_session(session_runs, session_opinions, name):
    run, opinion = session_runs[name], session_opinions[name]
    assert (opinion.status, opinion.error, opinion.cause) == (run.status, run.error, run.cause)


@pytest.mark.parametrize("name", OTHER_NAME)
def test_localstack_agrees_on_the_states_of_the_session(session_runs, session_opinions, name):
    run, opinion = ending(session_runs[name], DEFINITION), session_opinions[name]
    assert (opinion.status, opinion.path, opinion.given) == (run.status, run.path, run.given)
