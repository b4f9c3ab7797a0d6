"""Executions of custom_model_session: the real state machine in the local AWS, with scripted functions."""

import pytest

from tests.workflows import custom_model_session_scenarios as scenarios
from tests.workflows.custom_model_session import DEFINITION, STOP_SECONDS, STOPPED, TALLY, TASKS, WAIT, function_of
from tests.workflows.custom_model_session_scenarios import ERRORS, WORKERS, fails, fails_for_good
from tests.workflows.execution import message
from tests.workflows.second_opinion.opinions import ending

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


def _count(run, function):
    return len(run.given(function))


def test_normal_session_goes_from_check_queue_to_the_stopped_model(session_runs):
    run = session_runs[scenarios.SUCCESS]
    assert run.output == _output(1)
    assert run.entered == NORMAL


def test_functions_receive_what_the_session_knows(session_runs):
    run = session_runs[scenarios.SUCCESS]
    functions = {function_of(task) for task in TASKS}
    assert {arn for function in functions for arn in _values(run, function, "execution_arn")} == {run.arn}
    assert _values(run, "check_queue", "phase") == ["start", "session", "session"]
    assert _values(run, "start_model", "units") == [1]
    assert _values(run, "stop_model", "inspected") == [ROUND]


@pytest.mark.parametrize("name", [scenarios.NOT_ENOUGH, scenarios.ANOTHER_SESSION])
def test_session_without_work_leaves_the_model_alone(session_runs, name):
    run = session_runs[name]
    assert run.status == "SUCCEEDED"
    assert run.entered == ["Open Session", "Check Queue", "Is There Work?", "Nothing To Do"]
    assert run.given("start_model") == run.given("stop_model") == []


def test_session_without_work_returns_the_decision_of_check_queue(session_runs):
    assert session_runs[scenarios.NOT_ENOUGH].output == WAIT


def test_queue_is_empty_after_two_empty_counts_in_a_row(session_runs):
    run = session_runs[scenarios.LATE_IMAGES]
    assert run.output == _output(2)
    # START, EMPTY, DRAIN, and then EMPTY twice
    assert _count(run, "check_queue") == 5
    assert run.entered.count("Wait For Stragglers") == 2
    assert _count(run, "start_model") == 1


def test_workers_run_again_while_messages_remain(session_runs):
    run = session_runs[scenarios.SEVERAL_ROUNDS]
    assert run.output == _output(3)
    assert _count(run, "stop_model") == 1


def test_session_ends_when_few_images_arrive(session_runs):
    run = session_runs[scenarios.TRICKLE]
    assert run.output == _output(2)
    assert "Wait For Stragglers" not in run.entered


def test_each_round_is_judged_once_by_its_images_and_its_cost(session_runs):
    rounds = _rounds(session_runs[scenarios.LATE_IMAGES])
    assert [one and (one["inspected"], one["units"]) for one in rounds] == [(3, 1), None, (3, 1), None]
    assert all(one["seconds"] > 0 for one in rounds if one)


@pytest.mark.parametrize(
    ("name", "error"), [(scenarios.LEASE_GONE, "LeaseLost"), (scenarios.LEASE_GONE_BEFORE, "AccessDenied")]
)
def test_session_without_its_lease_cannot_stop_its_model_and_fails(session_runs, name, error):
    run = session_runs[name]
    assert (run.status, run.error) == ("FAILED", error)
    assert _count(run, "stop_model") == 1


def test_workers_run_only_after_the_model_is_ready(session_runs):
    run = session_runs[scenarios.SLOW_START]
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait For Model") == 2
    assert _count(run, "start_model") == 3
    last_wait = len(run.entered) - run.entered[::-1].index("Wait For Model")
    assert run.entered.index("Drain Queue") > last_wait


def test_model_that_never_runs_is_stopped_and_fails_the_session(session_runs):
    run = session_runs[scenarios.NEVER_READY]
    assert (run.status, run.error) == ("FAILED", "ModelNotReady")
    assert "Rekognition console" in run.cause
    assert _count(run, "stop_model") == 1
    assert run.given("drain_queue") == []


def test_longest_session_succeeds_with_messages_left(session_runs):
    run = session_runs[scenarios.TOO_MANY_IMAGES]
    assert run.output == _output(1)
    assert _count(run, "drain_queue") == 1


def test_session_waits_for_a_slow_stop(session_runs):
    run = session_runs[scenarios.SLOW_STOP]
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait For Stop") == 2
    assert _count(run, "stop_model") == 3


def test_model_that_does_not_stop_in_time_fails_the_session(session_runs):
    run = session_runs[scenarios.NEVER_STOPS]
    assert (run.status, run.error) == ("FAILED", "ModelNotStopped")
    assert "stop it in the Rekognition console" in run.cause
    began, ended = (run.execution[name] for name in ("startDate", "stopDate"))
    assert (ended - began).total_seconds() >= STOP_SECONDS


@pytest.mark.parametrize(
    "name",
    [
        scenarios.NEVER_STOPS_AFTER_A_FAILURE,
        scenarios.CANNOT_STOP_AFTER_A_FAILURE,
        scenarios.STOPS_LATE_AFTER_A_FAILURE,
    ],
)
def test_failed_session_keeps_its_first_error_whatever_the_stop_does(session_runs, name):
    run = session_runs[name]
    assert (run.status, run.error, run.cause) == ("FAILED", "ModelFailed", message("ModelFailed"))
    assert run.given("stop_model")


def test_lost_worker_does_not_affect_the_others(session_runs):
    run = session_runs[scenarios.ONE_WORKER_LOST]
    assert run.output == _output(2)
    assert _count(run, "drain_queue") == len(WORKERS)
    assert run.entered.count("Worker Lost") == 1
    # A round with a lost worker is not judged.
    assert _rounds(run) == [None, None]


def test_lost_workers_of_different_rounds_are_not_added_up(session_runs):
    run = session_runs[scenarios.EACH_LOST_ONCE]
    assert run.output == _output(2)
    assert run.entered.count("Worker Lost") == 2


def test_service_that_fails_for_every_image_fails_the_session_after_one_round(session_runs):
    run = session_runs[scenarios.ALL_IMAGES_FAIL]
    assert (run.status, run.error) == ("FAILED", "ServiceUnavailable")
    assert _count(run, "drain_queue") == len(WORKERS)
    assert _count(run, "stop_model") == 1


def test_failing_images_are_left_to_the_next_session_when_all_others_are_done(session_runs):
    run = session_runs[scenarios.LEFTOVER_FAILS]
    assert run.output == _output(2)
    # Two rounds: the model is not paid for until they have been received as often as the queue allows.
    assert _count(run, "drain_queue") == 4


@pytest.mark.parametrize(
    ("name", "lost", "inspected"),
    [(scenarios.EVERY_WORKER_LOST, len(WORKERS), 0), (scenarios.EVERY_WORKER_LOST_LATER, 1, ROUND)],
)
def test_session_without_workers_stops_its_model_and_fails_with_their_error(session_runs, name, lost, inspected):
    run = session_runs[name]
    assert (run.status, run.error, run.cause) == ("FAILED", "ModelNotReady", message("ModelNotReady"))
    assert run.entered.count("Worker Lost") == lost
    assert _values(run, "stop_model", "inspected") == [inspected]


def test_worker_that_returns_no_tally_fails_the_session_and_stops_the_model(session_runs):
    run = session_runs[scenarios.WORKER_ANSWERS_TEXT]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert _count(run, "stop_model") == 1


def test_timeout_of_the_execution_leaves_the_model_to_the_watchdog(session_runs):
    # No Catch runs when an execution ends from outside.
    run = session_runs[scenarios.EXECUTION_TIMEOUT]
    assert run.status == "TIMED_OUT"
    assert run.given("stop_model") == []


@pytest.mark.parametrize(("task", "error"), ERRORS.not_retried)
def test_permanent_or_unknown_error_fails_the_session_after_one_attempt_and_a_stop(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert (run.status, run.error, run.cause) == ("FAILED", error, message(error))
    assert run.failed_attempts == [error]
    assert run.entered.count("Stop Model") == 1
    assert run.entered[-1] == "Session Failed"
    if task in ("Check Queue", "Start Model"):
        assert run.given("drain_queue") == []


@pytest.mark.parametrize(("task", "error"), ERRORS.retried)
def test_transient_error_is_retried_once_and_heals(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert run.output == _output(1)
    assert run.failed_attempts == [error]
    assert run.entered.count(task) == NORMAL.count(task)


@pytest.mark.parametrize(("task", "error", "retries"), ERRORS.exhausted)
def test_lasting_error_exhausts_its_retries_and_fails_the_session(session_runs, task, error, retries):
    run = session_runs[fails_for_good(task, error)]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.failed_attempts == [error] * (1 + retries)
    assert _count(run, "stop_model") == (1 + retries if task == "Stop Model" else 1)


def test_readiness_that_is_not_boolean_fails_the_session(session_runs):
    run = session_runs[scenarios.READINESS_IS_TEXT]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert run.entered[-1] == "Is Model Ready?"


# The model is polled as often as there is time.
TIMED = (scenarios.NEVER_STOPS, scenarios.NEVER_STOPS_AFTER_A_FAILURE)
# LocalStack fails in the same states, and names States.Runtime: a condition that is not boolean, and a Fail state with
# the name of an error of Step Functions.
OTHER_NAME = (scenarios.READINESS_IS_TEXT, scenarios.WORKER_ANSWERS_TEXT)


@pytest.mark.parametrize("name", [name for name in scenarios.SCENARIOS if name not in (*TIMED, *OTHER_NAME)])
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
