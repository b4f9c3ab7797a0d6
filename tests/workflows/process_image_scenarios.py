"""Scenarios of process_image: a normal photo, and every error of every task."""

from tests.workflows.execution import SLEEP_SECONDS, Scenario, raising
from tests.workflows.process_image import LABELS, TASKS, function_of
from tests.workflows.task_errors import TaskErrors

SUCCESS = "a normal photo"
EXECUTION_TIMEOUT = "an execution beyond its time"
BOTH_BRANCHES = "neither labels nor thumbnail"
BARE_METADATA = "metadata without camera and place"
NEARLY_TOO_LARGE = "a record just below 256 KiB"
TOO_LARGE = "a record above 256 KiB"
BRANCH_ANSWERS_TEXT = "labels that are no object"

LABEL_LISTS = {
    "no label": [],
    "one label": [{"name": "Dog", "confidence": 98.5, "parents": ["Animal"], "instances": []}],
    "one label with one box": [{"name": "Dog", "confidence": 98, "parents": [], "instances": [{"confidence": 97}]}],
}
INPUTS = {"an empty object": {}, "a list": [], "text": "photo.jpg", "an object with nothing in it": {"object": {}}}

ERRORS = TaskErrors(TASKS)


def fails(task: str, error: str) -> str:
    """Return the name of the scenario in which a task fails once."""
    return f"{task}: {error}"


def fails_for_good(task: str, error: str) -> str:
    """Return the name of the scenario in which a task fails until its retries are exhausted."""
    return f"{task}: {error} again and again"


def _failing(task: str, error: str, times: int = 1) -> Scenario:
    machine = "impatient" if error == "States.Timeout" else "patient"
    steps = {function_of(task): raising(error, times)}
    if task == "Store Metadata After Failure":
        steps["extract_metadata"] = raising("NotSupportedImageType")
    return Scenario(steps, machine=machine)


def _large(size_bytes: int) -> Scenario:
    label = {"name": "x" * 1000, "confidence": 50.0, "parents": [], "instances": []}
    labels = [label] * (size_bytes // 1064)
    return Scenario(answers={"detect_labels": {**LABELS, "labels": labels}})


SCENARIOS = {
    SUCCESS: Scenario(),
    EXECUTION_TIMEOUT: Scenario({"extract_metadata": [{"sleep": SLEEP_SECONDS}]}, machine="short"),
    BOTH_BRANCHES: Scenario({"detect_labels": raising("InvalidImage"), "generate_thumbnail": raising("CorruptImage")}),
    BARE_METADATA: Scenario(answers={"extract_metadata": {"format": "PNG", "width": 100, "height": 80}}),
    NEARLY_TOO_LARGE: _large(250_000),
    TOO_LARGE: _large(262_000),
    BRANCH_ANSWERS_TEXT: Scenario(answers={"detect_labels": "no object"}),
    **{name: Scenario(answers={"detect_labels": {**LABELS, "labels": found}}) for name, found in LABEL_LISTS.items()},
    **{name: Scenario(state_input=given) for name, given in INPUTS.items()},
    **{fails(task, error): _failing(task, error) for task, error in (*ERRORS.not_retried, *ERRORS.retried)},
    **{fails_for_good(task, error): _failing(task, error, times + 1) for task, error, times in ERRORS.exhausted},
}
