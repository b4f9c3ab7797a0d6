"""Scenarios of custom_model_session: a normal session, each decision, and every error of every task."""

from tests.workflows.custom_model_session import (
    ANSWERS,
    BUSY,
    DRAIN,
    EMPTY,
    NOT_OURS,
    NOTHING,
    SLACK,
    START,
    STARTING,
    STOPPING,
    TASKS,
    WAIT,
    function_of,
)
from tests.workflows.execution import SLEEP_SECONDS, Scenario, raising
from tests.workflows.task_errors import TaskErrors

SUCCESS = "a normal session"
NOT_ENOUGH = "not enough images, and not long enough"
ANOTHER_SESSION = "another session has the lease"
LATE_IMAGES = "images arrive while the queue seems empty"
SEVERAL_ROUNDS = "more images than one round of workers processes"
TRICKLE = "few images arrive"
LEASE_GONE = "another session has taken the model"
LEASE_GONE_BEFORE = "a session fails before it holds the lease"
READINESS_IS_TEXT = "the readiness of the model is text"
SLOW_START = "a slow start of the model"
NEVER_READY = "a model that never runs"
TOO_MANY_IMAGES = "more images than the longest session processes"
SLOW_STOP = "a slow stop of the model"
NEVER_STOPS = "a model that never stops"
NEVER_STOPS_AFTER_A_FAILURE = "a failed session whose model never stops"
CANNOT_STOP_AFTER_A_FAILURE = "a failed session that may not stop its model"
STOPS_LATE_AFTER_A_FAILURE = "a failed session whose stop is throttled for a while"
EVERY_WORKER_LOST = "every worker lost"
EVERY_WORKER_LOST_LATER = "every worker lost in the second round"
ONE_WORKER_LOST = "one of three workers lost"
ALL_IMAGES_FAIL = "a service fails for every image, all of which one worker received"
LEFTOVER_FAILS = "a service fails for the last images"
EACH_LOST_ONCE = "one worker lost in each round"
WORKER_ANSWERS_TEXT = "a worker returns no tally"
EXECUTION_TIMEOUT = "a timeout of the execution"

WORKERS = [1, 2, 3]
MANY_WORKERS = {"check_queue": {**ANSWERS["check_queue"], "start": {**START, "workers": WORKERS}}}
NO_TIME = {"check_queue": {"start": {**START, "seconds": 0}, "session": DRAIN}}

ERRORS = TaskErrors(TASKS)


def fails(task: str, error: str) -> str:
    """Return the name of the scenario in which a task fails once."""
    return f"{task}: {error}"


def fails_for_good(task: str, error: str) -> str:
    """Return the name of the scenario in which a task fails until its retries are exhausted."""
    return f"{task}: {error} again and again"


def _failing(task: str, error: str, times: int = 1) -> Scenario:
    # Check Queue and Check Queue Again call the same function: for the second, the first call succeeds.
    before = [{}] if task == "Check Queue Again" else []
    machine = "impatient" if error == "States.Timeout" else "patient"
    return Scenario({function_of(task): [*before, *raising(error, times)]}, machine=machine)


def _decisions(*answers: dict) -> dict:
    return {"check_queue": [{"return": answer} for answer in answers]}


SCENARIOS = {
    SUCCESS: Scenario(),
    NOT_ENOUGH: Scenario(_decisions(WAIT)),
    ANOTHER_SESSION: Scenario(_decisions(BUSY)),
    LATE_IMAGES: Scenario(_decisions(START, EMPTY, DRAIN)),
    SEVERAL_ROUNDS: Scenario(_decisions(START, DRAIN, DRAIN)),
    TRICKLE: Scenario(_decisions(START, DRAIN, SLACK)),
    LEASE_GONE: Scenario(answers={"stop_model": NOT_OURS}),
    LEASE_GONE_BEFORE: Scenario({"check_queue": raising("AccessDenied")}, {"stop_model": NOT_OURS}),
    READINESS_IS_TEXT: Scenario(answers={"start_model": {"status": "RUNNING", "ready": "yes"}}),
    SLOW_START: Scenario({"start_model": [{"return": STARTING}] * 2}),
    NEVER_READY: Scenario(answers={**NO_TIME, "start_model": STARTING}),
    TOO_MANY_IMAGES: Scenario(answers=NO_TIME),
    SLOW_STOP: Scenario({"stop_model": [{"return": STOPPING}] * 2}),
    NEVER_STOPS: Scenario(answers={"stop_model": STOPPING}),
    NEVER_STOPS_AFTER_A_FAILURE: Scenario({"start_model": raising("ModelFailed")}, {"stop_model": STOPPING}),
    CANNOT_STOP_AFTER_A_FAILURE: Scenario(
        {"start_model": raising("ModelFailed"), "stop_model": raising("AccessDenied")}
    ),
    STOPS_LATE_AFTER_A_FAILURE: Scenario(
        {"start_model": raising("ModelFailed"), "stop_model": raising("Throttled", 3)}
    ),
    EVERY_WORKER_LOST: Scenario({"drain_queue": raising("ModelNotReady", len(WORKERS))}, MANY_WORKERS),
    EVERY_WORKER_LOST_LATER: Scenario(
        {**_decisions(START, DRAIN), "drain_queue": [{}, *raising("ModelNotReady")]},
    ),
    ONE_WORKER_LOST: Scenario({"drain_queue": raising("ModelNotReady")}, MANY_WORKERS),
    EACH_LOST_ONCE: Scenario(
        {
            **_decisions({**START, "workers": [1, 2]}, DRAIN),
            "drain_queue": [*raising("ModelNotReady"), {}, *raising("ModelNotReady")],
        }
    ),
    ALL_IMAGES_FAIL: Scenario(
        {"drain_queue": [*raising("ServiceUnavailable"), *[{"return": NOTHING}] * 2]}, MANY_WORKERS
    ),
    LEFTOVER_FAILS: Scenario(
        {
            **_decisions({**START, "workers": [1, 2]}, DRAIN, DRAIN),
            "drain_queue": [{}, {}, *raising("ServiceUnavailable"), {"return": NOTHING}],
        }
    ),
    WORKER_ANSWERS_TEXT: Scenario(answers={"drain_queue": "no tally"}),
    EXECUTION_TIMEOUT: Scenario({"check_queue": [{"sleep": SLEEP_SECONDS}]}, machine="short"),
    **{fails(task, error): _failing(task, error) for task, error in (*ERRORS.not_retried, *ERRORS.retried)},
    **{fails_for_good(task, error): _failing(task, error, times + 1) for task, error, times in ERRORS.exhausted},
}
