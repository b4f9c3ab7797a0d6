"""Executions of a state machine in the local AWS, with scripted functions."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.local.engine.account import Account, archive, unique
from tests.workflows.definition import REPOSITORY, with_substitutions

# Longer than the timeout of functions in one deployment, and of tasks in the other. These timeouts have room for the
# cold start of a function on a busy machine.
SLEEP_SECONDS = 12
FUNCTION_TIMEOUT_SECONDS = 8
TASK_TIMEOUT_SECONDS = 8


def raising(name: str, times: int = 1) -> list[dict[str, Any]]:
    """Return the steps of a function that fails a number of times, as the error really happens."""
    match name:
        case "Runtime.ExitError":
            return [{"exit": 1}] * times
        case "Sandbox.Timedout" | "States.Timeout":
            return [{"sleep": SLEEP_SECONDS}] * times
    return [{"raise": name, "message": message(name)}] * times


def message(name: str) -> str:
    """Return the message of a scripted error."""
    return f"{name}: what is wrong, the limit and the remedy"


@dataclass(frozen=True)
class Scenario:
    """The steps of each function, one an invocation, its answer after these, and the input of the execution."""

    steps: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    state_input: Any = None
    machine: str = "patient"


class Run:
    """One execution that has ended: its end, its states, and the payloads of its functions."""

    def __init__(self, account: Account, arn: str, folder: Path) -> None:
        self._account, self.arn, self.folder = account, arn, folder

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @cached_property
    def execution(self) -> dict[str, Any]:
        return self._account.end(self.arn, timeout_seconds=180)

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        assert self.execution
        return self._account.history(self.arn)

    @property
    def input(self) -> Any:
        return json.loads(self.execution["input"])

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
        """Return the payload of each invocation of a function, once the execution has ended."""
        assert self.status
        return given(self.folder, self.name, function)


def given(folder: Path, name: str, function: str) -> list[Any]:
    """Return the payload of each invocation of a scripted function in the execution of a name."""
    file = folder / f"{name}.{function}.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Workflow:
    """A state machine deployed once, with scripted functions."""

    def __init__(
        self,
        account: Account,
        folder: Path,
        definition: dict[str, Any],
        settings: dict[str, str],
        function_timeout_seconds: int,
    ) -> None:
        self._account, self._folder = account, folder
        layer = REPOSITORY / "functions/shared"
        domain = (layer / "vision/domain").rglob("*.py")
        files = {file.relative_to(layer).as_posix(): file.read_text() for file in domain}
        files |= {"vision/__init__.py": "", "app.py": Path(__file__).with_name("scripted.py").read_text()}

        def deploy(function: str) -> str:
            return self._deploy(function, files, function_timeout_seconds)

        self._arn = account.state_machine(with_substitutions(definition, settings, deploy))

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

    def start(self, name: str, scenario: Scenario, default_input: Any, default_answers: dict[str, Any]) -> Run:
        """Start an execution of a scenario under this name."""
        state_input = default_input if scenario.state_input is None else scenario.state_input
        script = {**scenario.steps, "answers": default_answers | scenario.answers}
        (self._folder / f"{name}.json").write_text(json.dumps(script))
        arn = self._account.client("stepfunctions").start_execution(
            stateMachineArn=self._arn, name=name, input=json.dumps(state_input)
        )["executionArn"]
        return Run(self._account, arn, self._folder)
