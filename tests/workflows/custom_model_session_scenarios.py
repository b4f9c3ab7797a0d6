"""What can happen to a Custom Labels session: a normal one, each decision, and every error of every task."""

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
ANOTHER_SESSION = "another session at work"
LATE_IMAGES = "images that come while the queue seems empty"
SEVERAL_ROUNDS = "more images than a round of workers takes"
TRICKLE = "images that trickle in"
LEASE_GONE = "a session that has lost its model to another"
LEASE_GONE_BEFORE = "a session that fails before it holds the lease"
READINESS_IS_TEXT = "a model whose readiness is text"
SLOW_START = "a model that starts slowly"
NEVER_READY = "a model that never runs"
TOO_MANY_IMAGES = "more images than the longest session takes"
SLOW_STOP = "a model that stops slowly"
NEVER_STOPS = "a model that does not come to rest"
NEVER_STOPS_AFTER_A_FAILURE = "a failed session whose model does not come to rest"
CANNOT_STOP_AFTER_A_FAILURE = "a failed session that may not stop its model"
STOPS_LATE_AFTER_A_FAILURE = "a failed session whose model is refused to stop for a while"
EVERY_WORKER_LOST = "every worker lost"
EVERY_WORKER_LOST_LATER = "every worker lost in the second round"
ONE_WORKER_LOST = "one of three workers lost"
ALL_IMAGES_FAIL = "a service that fails for every image, all of which one worker received"
LEFTOVER_FAILS = "images at which a service fails, when all others are done"
EACH_LOST_ONCE = "one worker lost in each round"
WORKER_ANSWERS_TEXT = "a worker that answers no tally"
EXECUTION_TIMEOUT = "a session beyond the time of its execution"

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
    # The first look at the queue goes well when it is the second that fails.
    before = [{}] if task == "Check Queue Again" else []
    machine = "impatient" if error == "States.Timeout" else "patient"
    return Scenario({function_of(task): [*before, *raising(error, times)]}, machine=machine)


def _looks(*answers: dict) -> dict:
    return {"check_queue": [{"return": answer} for answer in answers]}


SCENARIOS = {
    SUCCESS: Scenario(),
    NOT_ENOUGH: Scenario(_looks(WAIT)),
    ANOTHER_SESSION: Scenario(_looks(BUSY)),
    LATE_IMAGES: Scenario(_looks(START, EMPTY, DRAIN)),
    SEVERAL_ROUNDS: Scenario(_looks(START, DRAIN, DRAIN)),
    TRICKLE: Scenario(_looks(START, DRAIN, SLACK)),
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
        {**_looks(START, DRAIN), "drain_queue": [{}, *raising("ModelNotReady")]},
    ),
    ONE_WORKER_LOST: Scenario({"drain_queue": raising("ModelNotReady")}, MANY_WORKERS),
    EACH_LOST_ONCE: Scenario(
        {
            **_looks({**START, "workers": [1, 2]}, DRAIN),
            "drain_queue": [*raising("ModelNotReady"), {}, *raising("ModelNotReady")],
        }
    ),
    ALL_IMAGES_FAIL: Scenario(
        {"drain_queue": [*raising("ServiceUnavailable"), *[{"return": NOTHING}] * 2]}, MANY_WORKERS
    ),
    LEFTOVER_FAILS: Scenario(
        {
            **_looks({**START, "workers": [1, 2]}, DRAIN, DRAIN),
            "drain_queue": [{}, {}, *raising("ServiceUnavailable"), {"return": NOTHING}],
        }
    ),
    WORKER_ANSWERS_TEXT: Scenario(answers={"drain_queue": "no tally"}),
    EXECUTION_TIMEOUT: Scenario({"check_queue": [{"sleep": SLEEP_SECONDS}]}, machine="short"),
    **{fails(task, error): _failing(task, error) for task, error in (*ERRORS.not_retried, *ERRORS.retried)},
    **{fails_for_good(task, error): _failing(task, error, times + 1) for task, error, times in ERRORS.exhausted},
}
