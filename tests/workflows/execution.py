"""Executions of the photo workflow in the local AWS, with a script in the place of each function."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.local.engine.account import Account, archive, unique
from tests.workflows.definition import PROCESS_IMAGE, REPOSITORY, function_folder, load, tasks
from vision.domain.failures import Failure
from vision.domain.records import outcome

FUNCTIONS = ("extract_metadata", "detect_labels", "generate_thumbnail", "store_metadata")

METADATA = {"format": "JPEG", "width": 4032, "height": 3024, "camera_make": "Nikon", "location": {"latitude": 48.1}}
LABELS = {
    "labels": [
        {
            "name": "Dog",
            "confidence": 98.5,
            "parents": ["Animal"],
            "instances": [{"box": {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}, "confidence": 97.0}],
        },
        {"name": "Grass", "confidence": 81.25, "parents": [], "instances": []},
    ],
    "detector": {"name": "rekognition", "version": "3.0"},
}
THUMBNAIL = {"bucket": "images", "key": "private/ann/resized/id/version.jpg", "width": 250, "height": 188}
STORED = {"status": "SUCCEEDED"}
ANSWERS = {"extract_metadata": METADATA, "detect_labels": LABELS, "generate_thumbnail": THUMBNAIL}


def raising(name: str, times: int = 1) -> list[dict[str, Any]]:
    """Return the steps of a function that raises an error so many times, in the way that the error really happens."""
    match name:
        case "Runtime.ExitError":
            return [{"exit": 1}] * times
        case "Sandbox.Timedout" | "States.Timeout":
            return [{"sleep": SLEEP_SECONDS}] * times
    return [{"raise": name, "message": f"{name}: what is wrong, the limit and the remedy"}] * times


# Longer than the timeout of functions in one deployment, and of tasks in the other.
SLEEP_SECONDS = 2.5
FUNCTION_TIMEOUT_SECONDS = 1
TASK_TIMEOUT_SECONDS = 1


@dataclass(frozen=True)
class Scenario:
    """What each function does, invocation by invocation, and what the execution is given."""

    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    state_input: Any = None
    machine: str = "patient"


class Run:
    """One closed execution: how it ended, which way it went, and what each function was given."""

    def __init__(self, account: Account, arn: str, folder: Path, photo_id: str) -> None:
        self._account, self._arn, self._folder, self._photo_id = account, arn, folder, photo_id

    @cached_property
    def execution(self) -> dict[str, Any]:
        return self._account.end(self._arn, timeout_seconds=60)

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        assert self.execution
        return self._account.history(self._arn)

    @property
    def status(self) -> str:
        return self.execution["status"]

    @property
    def error(self) -> str | None:
        return self.execution.get("error")

    @property
    def cause(self) -> str | None:
        return self.execution.get("cause")

    @property
    def output(self) -> Any:
        return json.loads(self.execution["output"])

    @cached_property
    def entered(self) -> list[str]:
        """The names of the states in the order in which they were entered."""
        return [one["stateEnteredEventDetails"]["name"] for one in self.history if "stateEnteredEventDetails" in one]

    @cached_property
    def failed_attempts(self) -> list[str]:
        """The errors of all failed attempts of tasks."""
        return [one["taskFailedEventDetails"]["error"] for one in self.history if "taskFailedEventDetails" in one]

    def given(self, function: str) -> list[Any]:
        """Return what each invocation of a function was given."""
        file = self._folder / f"{self._photo_id}.{function}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def stored(self) -> Any:
        """What the last invocation of store_metadata was given."""
        return self.given("store_metadata")[-1]

    @property
    def parts(self) -> Any:
        """What it was given of the image: metadata, labels, thumbnail."""
        return self.stored["parts"]

    @property
    def record(self) -> dict[str, Any]:
        """What store_metadata makes of it, by the project's own rules."""
        return outcome(self.stored["parts"], [Failure.from_error_output(error) for error in self.stored["errors"]])


class Workflow:
    """The photo workflow deployed once, with scripted functions."""

    def __init__(
        self, account: Account, folder: Path, definition: dict[str, Any], function_timeout_seconds: int
    ) -> None:
        self._account, self._folder = account, folder
        domain = REPOSITORY / "functions/shared/vision/domain"
        files = {f"vision/domain/{file.name}": file.read_text() for file in domain.glob("*.py")}
        files |= {"vision/__init__.py": "", "app.py": Path(__file__).with_name("scripted.py").read_text()}
        text = json.dumps(definition).replace("${Partition}", "aws")
        for name in FUNCTIONS:
            arn = self._deploy(name, files, function_timeout_seconds)
            text = text.replace(f"${{{name.title().replace('_', '')}FunctionArn}}", arn)
        assert "${" not in text
        self._arn = account.state_machine(json.loads(text))

    def _deploy(self, name: str, files: dict[str, str], timeout_seconds: int) -> str:
        return self._account.client("lambda").create_function(
            FunctionName=unique(name.replace("_", "-")),
            Runtime="python3.11",
            Handler="app.handler",
            Role=self._account.role(),
            Code={"ZipFile": archive(files)},
            Timeout=timeout_seconds,
            Environment={"Variables": {"SCRIPTS": str(self._folder), "FUNCTION": name}},
        )["FunctionArn"]

    def start(self, scenario: Scenario) -> Run:
        """Start an execution that goes as the scenario says."""
        photo_id = unique("photo")
        state_input = envelope(photo_id) if scenario.state_input is None else scenario.state_input
        script = {**scenario.steps, "answers": ANSWERS | scenario.answers}
        (self._folder / f"{photo_id}.json").write_text(json.dumps(script))
        arn = self._account.client("stepfunctions").start_execution(
            stateMachineArn=self._arn, input=json.dumps(state_input)
        )["executionArn"]
        return Run(self._account, arn, self._folder, photo_id)


def envelope(photo_id: str) -> dict[str, Any]:
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
        "photo_id": photo_id,
        "owner": "ann",
    }


DEFINITION = load(PROCESS_IMAGE)
TASKS = tasks(DEFINITION)


def function_of(task: str) -> str:
    """Return the folder of the function of a task by the name of its state."""
    return function_folder(TASKS[task])
