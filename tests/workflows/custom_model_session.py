"""custom_model_session: the results of its functions in a normal session."""

from typing import Any

from tests.workflows.definition import CUSTOM_MODEL_SESSION, function_folder, load, tasks

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


def function_of(task: str) -> str:
    """Return the folder of the function of a task by the name of its state."""
    return function_folder(TASKS[task])


def state_input(name: str) -> dict[str, Any]:
    """Return the input of a session, which it ignores."""
    return {"name": name}
