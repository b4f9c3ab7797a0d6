"""custom_model_session: a normal session, each decision, and every error of every task."""

from typing import Any

from tests.workflows.definition import CUSTOM_MODEL_SESSION, function_folder, load, tasks
from tests.workflows.execution import SLEEP_SECONDS, Scenario, raising
from tests.workflows.task_errors import TaskErrors, failure

DEFINITION = load(CUSTOM_MODEL_SESSION)
TASKS = tasks(DEFINITION)
# Real time for a model that does not stop; an hour on AWS.
STOP_SECONDS = 20
SETTINGS = {"ModelPollSeconds": "30", "IdleSeconds": "60", "StopSeconds": str(STOP_SECONDS)}

START = {"decision": "START", "messages": 6, "units": 1, "workers": [1], "seconds": 14400}
WAIT = {"decision": "WAIT", "messages": 3}
BUSY = {"decision": "BUSY"}
DRAIN = {"decision": "DRAIN", "messages": 2}
EMPTY = {"decision": "EMPTY", "messages": 0}
SLACK = {"decision": "SLACK", "messages": 2}
READY = {"status": "RUNNING", "ready": True}
STARTING = {"status": "STARTING", "ready": False}
TALLY = {"inspected": 3, "refused": 1, "returned": 0}
NOTHING = {"inspected": 0, "refused": 0, "returned": 0}
STOPPED = {"stopped": True, "status": "STOPPED", "model_minutes": 12.5}
STOPPING = {"stopped": False, "status": "STOPPING"}
NOT_OURS = {"stopped": True, "status": "NOT_OURS"}
ANSWERS = {
    "check_queue": {"start": START, "session": EMPTY},
    "start_model": READY,
    "drain_queue": TALLY,
    "stop_model": STOPPED,
}

WORKERS = [1, 2, 3]
MANY_WORKERS = {"check_queue": {**ANSWERS["check_queue"], "start": {**START, "workers": WORKERS}}}
NO_TIME = {"check_queue": {"start": {**START, "seconds": 0}, "session": DRAIN}}

ERRORS = TaskErrors(TASKS)


def function_of(task: str) -> str:
    """Return the folder of the function of a task by the name of its state."""
    return function_folder(TASKS[task])


def state_input(name: str) -> dict[str, Any]:
    """Return the input of a session, which it ignores."""
    return {"name": name}


def _failing(task: str, error: str, attempts: int) -> Scenario:
    # Check Queue and Check Queue Again call the same function: for the second, the first call succeeds.
    before = [{}] if task == "Check Queue Again" else []
    machine = "impatient" if error == "States.Timeout" else "patient"
    return Scenario({function_of(task): [*before, *raising(error, attempts)]}, machine=machine)


def _decisions(*answers: dict) -> dict:
    return {"check_queue": [{"return": answer} for answer in answers]}


SCENARIOS = {
    "normal": Scenario(),
    "not enough": Scenario(_decisions(WAIT)),
    "another session": Scenario(_decisions(BUSY)),
    "late images": Scenario(_decisions(START, EMPTY, DRAIN)),
    "several rounds": Scenario(_decisions(START, DRAIN, DRAIN)),
    "few images arrive": Scenario(_decisions(START, DRAIN, SLACK)),
    "another session took the model": Scenario(answers={"stop_model": NOT_OURS}),
    "fails before it holds the lease": Scenario({"check_queue": raising("AccessDenied")}, {"stop_model": NOT_OURS}),
    "readiness is text": Scenario(answers={"start_model": {"status": "RUNNING", "ready": "yes"}}),
    "slow start": Scenario({"start_model": [{"return": STARTING}] * 2}),
    "never ready": Scenario(answers={**NO_TIME, "start_model": STARTING}),
    "too many images": Scenario(answers=NO_TIME),
    "slow stop": Scenario({"stop_model": [{"return": STOPPING}] * 2}),
    "never stops": Scenario(answers={"stop_model": STOPPING}),
    "never stops after a failure": Scenario({"start_model": raising("ModelFailed")}, {"stop_model": STOPPING}),
    "cannot stop after a failure": Scenario(
        {"start_model": raising("ModelFailed"), "stop_model": raising("AccessDenied")}
    ),
    "stops late after a failure": Scenario(
        {"start_model": raising("ModelFailed"), "stop_model": raising("Throttled", 3)}
    ),
    "every worker lost": Scenario({"drain_queue": raising("ModelNotReady", len(WORKERS))}, MANY_WORKERS),
    "every worker lost in the second round": Scenario(
        {**_decisions(START, DRAIN), "drain_queue": [{}, *raising("ModelNotReady")]},
    ),
    "one worker lost": Scenario({"drain_queue": raising("ModelNotReady")}, MANY_WORKERS),
    "one worker lost in each round": Scenario(
        {
            **_decisions({**START, "workers": [1, 2]}, DRAIN),
            "drain_queue": [*raising("ModelNotReady"), {}, *raising("ModelNotReady")],
        }
    ),
    "service fails for every image": Scenario(
        {"drain_queue": [*raising("ServiceUnavailable"), *[{"return": NOTHING}] * 2]}, MANY_WORKERS
    ),
    "service fails for the last images": Scenario(
        {
            **_decisions({**START, "workers": [1, 2]}, DRAIN, DRAIN),
            "drain_queue": [{}, {}, *raising("ServiceUnavailable"), {"return": NOTHING}],
        }
    ),
    "worker returns no tally": Scenario(answers={"drain_queue": "no tally"}),
    "execution timeout": Scenario({"check_queue": [{"sleep": SLEEP_SECONDS}]}, machine="short"),
    **{failure(*one): _failing(*one) for one in ERRORS.failures},
}
