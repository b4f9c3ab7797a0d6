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

METADATA = {"format": "JPEG", "width": 4032, "height": 3024, "camera_make": "Nikon", "location": {"latitude": 48.1}}
BOX = {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}
DOG = {"name": "Dog", "confidence": 98.5, "parents": ["Animal"], "instances": [{"box": BOX, "confidence": 97.0}]}
GRASS = {"name": "Grass", "confidence": 81.25, "parents": [], "instances": []}
LABELS = {"labels": [DOG, GRASS], "detector": {"name": "rekognition", "version": "3.0"}}
THUMBNAIL = {"bucket": "images", "key": "private/ann/resized/id/version.jpg", "width": 250, "height": 188}
ANSWERS = {"extract_metadata": METADATA, "detect_labels": LABELS, "generate_thumbnail": THUMBNAIL}

LABEL_LISTS = {
    "no label": [],
    "one label": [{"name": "Dog", "confidence": 98.5, "parents": ["Animal"], "instances": []}],
    "one label with one box": [{"name": "Dog", "confidence": 98, "parents": [], "instances": [{"confidence": 97}]}],
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


def _large(size_bytes: int) -> Scenario:
    label = {"name": "x" * 1000, "confidence": 50.0, "parents": [], "instances": []}
    labels = [label] * (size_bytes // 1064)
    return Scenario(answers={"detect_labels": {**LABELS, "labels": labels}})


SCENARIOS = {
    "normal": Scenario(),
    "execution timeout": Scenario({"extract_metadata": [{"sleep": SLEEP_SECONDS}]}, machine="short"),
    "both branches fail": Scenario(
        {"detect_labels": raising("InvalidImage"), "generate_thumbnail": raising("CorruptImage")}
    ),
    "bare metadata": Scenario(answers={"extract_metadata": {"format": "PNG", "width": 100, "height": 80}}),
    "nearly too large": _large(250_000),
    "too large": _large(262_000),
    "labels that are no object": Scenario(answers={"detect_labels": "no object"}),
    **{name: Scenario(answers={"detect_labels": {**LABELS, "labels": found}}) for name, found in LABEL_LISTS.items()},
    **{name: Scenario(state_input=given) for name, given in INPUTS.items()},
    **{failure(*one): _failing(*one) for one in ERRORS.failures},
}
