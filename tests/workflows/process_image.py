"""process_image: the results of its functions for a normal photo, and what its executions store."""

from typing import Any

from tests.workflows.definition import PROCESS_IMAGE, function_folder, load, tasks
from tests.workflows.execution import Run
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
