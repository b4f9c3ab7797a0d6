"""A Custom Labels session as it runs: the real state machine in the local AWS, scripts in place of its functions."""

import pytest

from tests.workflows import custom_model_session_scenarios as scenarios
from tests.workflows.custom_model_session import DEFINITION, STOP_SECONDS, STOPPED, TALLY, TASKS, WAIT, function_of
from tests.workflows.custom_model_session_scenarios import fails, fails_for_good
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
AFTER_THE_FIRST_LOOK = [task for task in TASKS if task != "Check Queue"]


def of(errors, *tasks):
    return [one for one in errors if one[0] in tasks]


def test_a_normal_session_goes_from_the_look_at_the_queue_to_the_stopped_model(session_runs):
    run = session_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert run.entered == NORMAL


def test_a_session_answers_how_many_images_it_inspected_and_what_became_of_the_model(session_runs):
    assert session_runs[scenarios.SUCCESS].output == {"inspected": TALLY["inspected"], "model": STOPPED}


def test_every_function_is_told_which_session_calls(session_runs):
    run = session_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    functions = {function_of(task) for task in TASKS}
    told = {event["execution_arn"] for function in functions for event in run.given(function)}
    assert told == {run.execution["executionArn"]}


def test_the_first_look_at_the_queue_is_told_from_the_later_ones(session_runs):
    run = session_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert [event["phase"] for event in run.given("check_queue")] == ["start", "session", "session"]


def test_the_model_is_started_with_the_units_that_the_queue_needs(session_runs):
    run = session_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert [event["units"] for event in run.given("start_model")] == [1]


def test_the_stop_is_told_how_many_images_the_model_was_paid_for(session_runs):
    run = session_runs[scenarios.SUCCESS]
    assert run.status == "SUCCEEDED"
    assert [event["inspected"] for event in run.given("stop_model")] == [TALLY["inspected"]]


@pytest.mark.parametrize("name", [scenarios.NOT_ENOUGH, scenarios.ANOTHER_SESSION])
def test_a_session_without_work_of_its_own_touches_no_model(session_runs, name):
    run = session_runs[name]
    assert run.status == "SUCCEEDED"
    assert run.entered == ["Open Session", "Check Queue", "Is There Work?", "Nothing To Do"]
    assert run.given("start_model") == run.given("stop_model") == []


def test_a_session_that_waits_says_for_how_many_images(session_runs):
    assert session_runs[scenarios.NOT_ENOUGH].output == WAIT


def test_a_queue_is_empty_when_two_looks_in_a_row_say_so(session_runs):
    run = session_runs[scenarios.LATE_IMAGES]
    assert run.status == "SUCCEEDED"
    # START, EMPTY, DRAIN, and then twice EMPTY
    assert len(run.given("check_queue")) == 5
    assert run.entered.count("Wait For Stragglers") == 2


def test_images_that_come_late_are_inspected_without_another_start(session_runs):
    run = session_runs[scenarios.LATE_IMAGES]
    assert run.output["inspected"] == 2 * TALLY["inspected"]
    assert len(run.given("start_model")) == 1


def test_workers_go_on_until_nothing_is_left(session_runs):
    run = session_runs[scenarios.SEVERAL_ROUNDS]
    assert run.output["inspected"] == 3 * TALLY["inspected"]
    assert len(run.given("stop_model")) == 1


def test_a_session_ends_well_when_its_images_only_trickle_in(session_runs):
    run = session_runs[scenarios.TRICKLE]
    assert run.output == {"inspected": 2 * TALLY["inspected"], "model": STOPPED}
    assert "Wait For Stragglers" not in run.entered


def test_a_round_is_judged_once_by_what_it_did_and_what_was_paid_for(session_runs):
    run = session_runs[scenarios.LATE_IMAGES]
    rounds = [event["round"] for event in run.given("check_queue") if event["phase"] == "session"]
    assert [one and (one["inspected"], one["units"]) for one in rounds] == [(3, 1), None, (3, 1), None]
    assert all(one["seconds"] > 0 for one in rounds if one)


def test_a_round_with_a_lost_worker_is_not_judged(session_runs):
    run = session_runs[scenarios.ONE_WORKER_LOST]
    assert run.status == "SUCCEEDED"
    assert [event["round"] for event in run.given("check_queue") if event["phase"] == "session"] == [None, None]


@pytest.mark.parametrize(
    ("name", "error"), [(scenarios.LEASE_GONE, "LeaseLost"), (scenarios.LEASE_GONE_BEFORE, "AccessDenied")]
)
def test_a_session_that_could_not_stop_what_it_may_have_started_fails(session_runs, name, error):
    run = session_runs[name]
    assert (run.status, run.error) == ("FAILED", error)
    assert len(run.given("stop_model")) == 1


def test_a_model_that_starts_slowly_is_asked_again(session_runs):
    run = session_runs[scenarios.SLOW_START]
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait For Model") == 2
    assert len(run.given("start_model")) == 3


def test_no_worker_runs_before_the_model_does(session_runs):
    run = session_runs[scenarios.SLOW_START]
    assert run.status == "SUCCEEDED"
    assert "Drain Queue" in run.entered[run.entered.index("Wait For Model") :]
    assert "Drain Queue" not in run.entered[: run.entered.index("Wait For Model")]


def test_a_model_that_never_runs_is_given_up_and_stopped(session_runs):
    run = session_runs[scenarios.NEVER_READY]
    assert (run.status, run.error) == ("FAILED", "ModelNotReady")
    assert "Rekognition console" in run.cause
    assert len(run.given("stop_model")) == 1
    assert run.given("drain_queue") == []


def test_the_longest_session_ends_well_whatever_is_left(session_runs):
    run = session_runs[scenarios.TOO_MANY_IMAGES]
    assert run.output == {"inspected": TALLY["inspected"], "model": STOPPED}
    assert len(run.given("drain_queue")) == 1


def test_a_model_that_stops_slowly_is_waited_for(session_runs):
    run = session_runs[scenarios.SLOW_STOP]
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Wait For Stop") == 2
    assert len(run.given("stop_model")) == 3


def test_a_model_that_does_not_come_to_rest_fails_the_session_in_the_end(session_runs):
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
def test_a_failed_session_keeps_its_first_error_whatever_becomes_of_the_stop(session_runs, name):
    run = session_runs[name]
    assert (run.status, run.error, run.cause) == ("FAILED", "ModelFailed", message("ModelFailed"))
    assert run.given("stop_model")


def test_every_worker_of_a_round_runs(session_runs):
    run = session_runs[scenarios.ONE_WORKER_LOST]
    assert run.status == "SUCCEEDED"
    assert len(run.given("drain_queue")) == len(scenarios.WORKERS)


def test_a_lost_worker_costs_the_others_nothing(session_runs):
    run = session_runs[scenarios.ONE_WORKER_LOST]
    assert run.status == "SUCCEEDED"
    assert run.output["inspected"] == 2 * TALLY["inspected"]
    assert run.entered.count("Worker Lost") == 1


def test_workers_lost_in_different_rounds_are_not_added_up(session_runs):
    run = session_runs[scenarios.EACH_LOST_ONCE]
    assert run.status == "SUCCEEDED"
    assert run.entered.count("Worker Lost") == 2
    assert run.output["inspected"] == 2 * TALLY["inspected"]


def test_service_that_fails_for_every_image_fails_the_session_after_one_round(session_runs):
    run = session_runs[scenarios.ALL_IMAGES_FAIL]
    assert (run.status, run.error) == ("FAILED", "ServiceUnavailable")
    assert len(run.given("drain_queue")) == len(scenarios.WORKERS)
    assert len(run.given("stop_model")) == 1


def test_images_that_fail_when_all_others_are_done_are_left_to_the_next_session(session_runs):
    run = session_runs[scenarios.LEFTOVER_FAILS]
    assert run.output == {"inspected": 2 * TALLY["inspected"], "model": STOPPED}
    # Two rounds: the model is not paid for until they have been received as often as the queue allows.
    assert len(run.given("drain_queue")) == 4


@pytest.mark.parametrize(
    ("name", "lost"),
    [(scenarios.EVERY_WORKER_LOST, len(scenarios.WORKERS)), (scenarios.EVERY_WORKER_LOST_LATER, 1)],
)
def test_a_session_without_a_worker_stops_its_model_and_fails_with_what_they_died_of(session_runs, name, lost):
    run = session_runs[name]
    assert (run.status, run.error, run.cause) == ("FAILED", "ModelNotReady", message("ModelNotReady"))
    assert run.entered.count("Worker Lost") == lost
    assert len(run.given("stop_model")) == 1


def test_what_was_inspected_before_counts_in_a_failed_session_too(session_runs):
    run = session_runs[scenarios.EVERY_WORKER_LOST_LATER]
    assert run.status == "FAILED"
    assert run.given("stop_model")[0]["inspected"] == TALLY["inspected"]


def test_a_worker_that_answers_nonsense_ends_the_session_and_stops_the_model(session_runs):
    run = session_runs[scenarios.WORKER_ANSWERS_TEXT]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert len(run.given("stop_model")) == 1


def test_a_session_beyond_the_time_of_its_execution_is_left_to_the_watchdog(session_runs):
    # No Catch runs when an execution ends from outside.
    run = session_runs[scenarios.EXECUTION_TIMEOUT]
    assert run.status == "TIMED_OUT"
    assert run.given("stop_model") == []


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.not_retried)
def test_a_permanent_or_unknown_error_is_not_retried(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert run.status
    assert run.failed_attempts == [error]


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.not_retried)
def test_a_session_with_such_an_error_fails_under_its_name(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert (run.status, run.error, run.cause) == ("FAILED", error, message(error))


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.not_retried)
def test_the_model_is_stopped_before_a_session_fails(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert run.status == "FAILED"
    stops = [at for at, name in enumerate(run.entered) if name == "Stop Model"]
    assert len(stops) == 1
    assert run.entered[-1] == "Session Failed"


@pytest.mark.parametrize(("task", "error"), of(scenarios.ERRORS.not_retried, "Check Queue", "Start Model"))
def test_no_image_is_taken_by_a_session_that_failed_before(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert run.status == "FAILED"
    assert run.given("drain_queue") == []


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.retried)
def test_a_transient_error_heals(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert run.output == {"inspected": TALLY["inspected"], "model": STOPPED}


@pytest.mark.parametrize(("task", "error"), scenarios.ERRORS.retried)
def test_a_transient_error_is_retried_once(session_runs, task, error):
    run = session_runs[fails(task, error)]
    assert run.status == "SUCCEEDED"
    assert run.failed_attempts == [error]
    assert run.entered.count(task) == NORMAL.count(task)


@pytest.mark.parametrize(("task", "error", "retries"), scenarios.ERRORS.exhausted)
def test_an_error_that_does_not_heal_is_given_up(session_runs, task, error, retries):
    run = session_runs[fails_for_good(task, error)]
    assert (run.status, run.error) == ("FAILED", error)
    assert run.failed_attempts == [error] * (1 + retries)


@pytest.mark.parametrize(("task", "error", "retries"), of(scenarios.ERRORS.exhausted, *AFTER_THE_FIRST_LOOK))
def test_a_stop_that_is_given_up_or_done_ends_every_session(session_runs, task, error, retries):
    run = session_runs[fails_for_good(task, error)]
    assert run.status == "FAILED"
    assert len(run.given("stop_model")) == (1 + retries if task == "Stop Model" else 1)


def test_a_choice_fails_when_the_readiness_of_the_model_is_not_boolean(session_runs):
    run = session_runs[scenarios.READINESS_IS_TEXT]
    assert (run.status, run.error) == ("FAILED", "States.QueryEvaluationError")
    assert run.entered[-1] == "Is Model Ready?"


# The model is polled as often as there is time.
TIMED = (scenarios.NEVER_STOPS, scenarios.NEVER_STOPS_AFTER_A_FAILURE)
# LocalStack fails in the same states, and names States.Runtime: a condition that is not boolean, and a Fail state with
# the name of an error of Step Functions.
OTHER_NAME = (scenarios.READINESS_IS_TEXT, scenarios.WORKER_ANSWERS_TEXT)


@pytest.mark.parametrize("name", [name for name in scenarios.SCENARIOS if name not in (*TIMED, *OTHER_NAME)])
def test_localstack_runs_the_session_alike(session_runs, session_opinions, name):
    assert session_opinions[name] == ending(session_runs[name], DEFINITION)


@pytest.mark.parametrize("name", TIMED)
def test_localstack_ends_the_session_alike(session_runs, session_opinions, name):
    run = session_runs[name]
    opinion = session_opinions[name]
    assert (opinion.status, opinion.error, opinion.cause) == (run.status, run.error, run.cause)


@pytest.mark.parametrize("name", OTHER_NAME)
def test_localstack_takes_the_session_the_same_way(session_runs, session_opinions, name):
    run = ending(session_runs[name], DEFINITION)
    opinion = session_opinions[name]
    assert (opinion.status, opinion.path, opinion.given) == (run.status, run.path, run.given)
