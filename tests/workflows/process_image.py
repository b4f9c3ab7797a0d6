"""process_image: a normal photo, every error of every task, and what the executions store."""

from typing import Any

from tests.workflows.definition import PROCESS_IMAGE, function_folder, load, tasks
from tests.workflows.execution import SLEEP_SECONDS, Run, Scenario, raising
from tests.workflows.task_errors import TaskErrors, failure
from vision.domain.failures import Failure
from vision.domain.records import outcome

DEFINITION = load(PROCESS_IMAGE)
TASKS = tasks(DEFINITION)
SETTINGS: dict[str, str] = {}

METADATA = {"format": "JPEG", "width": 4032, "height": 3024, "orientation": 6}
LABELS = {"label_count": 2, "detector": {"name": "rekognition", "version": "3.0"}}
THUMBNAIL = {"bucket": "images", "key": "private/ann/resized/id/version.jpg", "width": 250, "height": 188}
ANSWERS = {"extract_metadata": METADATA, "detect_labels": LABELS, "generate_thumbnail": THUMBNAIL}

# What the steps of the last release return, whose functions a rollback brings back before the state machine.
DOG = {"name": "Dog", "confidence": 98, "parents": [], "instances": [{"confidence": 97}]}
LAST_RELEASE = {
    "extract_metadata": METADATA | {"camera_make": "Nikon", "location": {"latitude": 48.1}},
    "detect_labels": {"labels": [DOG], "detector": LABELS["detector"]},
    "generate_thumbnail": THUMBNAIL,
}
INPUTS = {"an empty object": {}, "a list": [], "text": "photo.jpg", "an object with nothing in it": {"object": {}}}

ERRORS = TaskErrors(TASKS)


def function_of(task: str) -> str:
    """Return the folder of the function of a task by the name of its state."""
    return function_folder(TASKS[task])


def state_input(name: str) -> dict[str, Any]:
    """Return the input that start_processing gives to an execution."""
    return {
        "object": {
            "bucket": "images",
            "key": "private/ann/uploads/café (1)+50%.jpg",
            "version_id": "v1",
            "etag": "0123456789abcdef",
            "sequencer": "0A".ljust(64, "0"),
            "size_bytes": 1234,
        },
        "photo_id": name,
        "owner": "ann",
    }


def stored(run: Run) -> Any:
    """Return the payload of the last invocation of store_metadata."""
    return run.given("store_metadata")[-1]


def stored_parts(run: Run) -> Any:
    """Return the results in it: metadata, labels, thumbnail."""
    return stored(run)["parts"]


def stored_record(run: Run) -> dict[str, Any]:
    """Return the attributes that store_metadata writes for it."""
    return outcome(stored_parts(run), [Failure.from_error_output(error) for error in stored(run)["errors"]])


def _failing(task: str, error: str, attempts: int) -> Scenario:
    machine = "impatient" if error == "States.Timeout" else "patient"
    steps = {function_of(task): raising(error, attempts)}
    if task == "Store Metadata After Failure":
        steps["extract_metadata"] = raising("NotSupportedImageType")
    return Scenario(steps, machine=machine)


SCENARIOS = {
    "normal": Scenario(),
    "execution timeout": Scenario({"extract_metadata": [{"sleep": SLEEP_SECONDS}]}, machine="short"),
    "both branches fail": Scenario(
        {"detect_labels": raising("InvalidImage"), "generate_thumbnail": raising("CorruptImage")}
    ),
    "last release": Scenario(answers=LAST_RELEASE),
    "no label": Scenario(answers={"detect_labels": {**LABELS, "label_count": 0}}),
    "too large": Scenario(answers={"detect_labels": {**LABELS, "labels": "x" * 262_144}}),
    "labels that are no object": Scenario(answers={"detect_labels": "no object"}),
    **{name: Scenario(state_input=given) for name, given in INPUTS.items()},
    **{failure(*one): _failing(*one) for one in ERRORS.failures},
}
