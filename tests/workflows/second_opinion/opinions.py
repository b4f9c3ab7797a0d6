"""Executions under LocalStack's interpreter, to be compared with those of the local AWS.

Where two independent implementations of the documentation agree, AWS most likely does too.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.definition import REPOSITORY, function_folder, tasks, with_substitutions, with_timeouts
from tests.workflows.execution import Run, Scenario, given

FOLDER = REPOSITORY / ".local/second-opinion"
RUNNER = Path(__file__).with_name("localstack_runner.py")
# Values that differ from run to run.
TIMES = ("StartTime", "seconds")


def packages() -> Path:
    """Return the folder that `make second-opinion` fills. Skip the test without npm, except in CI."""
    if not (FOLDER / "installed").exists():
        if shutil.which("npm") is None and "CI" not in os.environ:
            pytest.skip("npm is missing, so only the engine runs the state machines (on Debian: apt-get install npm)")
        pytest.fail("The second opinion on the state machines is missing: install npm and run `make second-opinion`")
    return FOLDER


@dataclass(frozen=True)
class Ending:
    """The end of an execution, its path through the states of the machine, and the payloads of its functions."""

    status: str
    error: str | None
    cause: str | None
    output: Any
    path: list[str]
    given: dict[str, list[Any]]


def ending(run: Run, definition: dict[str, Any]) -> Ending:
    """Return the ending of an execution of the local AWS."""
    output = run.output if run.status == "SUCCEEDED" else None
    found = {"status": run.status, "error": run.error, "cause": run.cause, "output": output, "entered": run.entered}
    return _ending(found, definition, run.folder, run.name)


def second_endings(
    definition: dict[str, Any],
    settings: dict[str, str],
    runs: dict[str, Run],
    scenarios: dict[str, Scenario],
    folder: Path,
    buckets: dict[str, list[dict[str, Any]]] | None = None,
) -> dict[str, Ending]:
    """Run executions of the local AWS again, under LocalStack's interpreter.

    Parameters
    ----------
    runs, scenarios
        The executions and their scenarios, by name.
    folder
        The folder for the scripts of the functions.
    buckets
        The objects that a Map state lists.
    """
    installed = packages()
    short = with_timeouts(definition, machine=2)
    texts = {
        name: json.dumps(with_substitutions(one, settings, lambda function: f"function:{function}"))
        for name, one in {"patient": definition, "impatient": definition, "short": short}.items()
    }
    for run in runs.values():
        shutil.copy(run.folder / f"{run.name}.json", folder)
    executions = {
        name: {"name": run.name, "arn": run.arn, "input": run.input, "machine": scenarios[name].machine}
        for name, run in runs.items()
    }
    job = {"packages": str(installed), "machines": texts, "executions": executions, "buckets": buckets or {}}
    ends = _run(job, folder)
    return {name: _ending(one, definition, folder, runs[name].name) for name, one in ends.items()}


def _run(job: dict[str, Any], scripts: Path) -> dict[str, Any]:
    modules = [REPOSITORY / "functions/shared", RUNNER.parent, RUNNER.parents[1]]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, modules)),
        "SCRIPTS": str(scripts),
        "DISABLE_EVENTS": "1",
    }
    command = [str(FOLDER / "python/bin/python"), str(RUNNER)]
    done = subprocess.run(
        command, input=json.dumps(job), env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _ending(found: dict[str, Any], definition: dict[str, Any], folder: Path, name: str) -> Ending:
    functions = sorted({function_folder(task) for task in tasks(definition).values()})
    return Ending(
        status=found["status"],
        error=found.get("error"),
        cause=_plain(found.get("cause")),
        output=found.get("output"),
        path=[state for state in found["entered"] if state in definition["States"]],
        given={function: _plain(given(folder, name, function)) for function in functions},
    )


def _plain(value: Any) -> Any:
    """Return a value without its times, and with only the message of a cause that Lambda wrote."""
    match value:
        case dict():
            return {name: name if name in TIMES else _plain(one) for name, one in value.items()}
        case list():
            return [_plain(one) for one in value]
        case str() if value.startswith(('{"errorMessage"', '{"errorType"')):
            return json.loads(value)["errorMessage"]
    return value
