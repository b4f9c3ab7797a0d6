"""Functions as a cold start imports them, with the environment variables that the templates give them."""

import importlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.functions.environment import variables_of
from tests.functions.http_api import Api, Caller, claims
from tests.own_models import write_model
from vision.adapters.aws_sdk import client
from vision.adapters.table import Table
from vision.api import audit, problems

Handler = Callable[[dict[str, Any]], Any]
Start = Callable[[str], Handler]
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))


@dataclass(frozen=True, slots=True)
class Context:
    """The context object that Lambda passes to a handler."""

    function_name: str
    memory_limit_in_mb: int = 256
    aws_request_id: str = "4b1f6a3e-0f3a-4f6d-9a56-1f2e3d4c5b6a"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


def function_of(sample: str) -> str:
    """Return the function that a file of ``events/`` is named after."""
    return max((name for name in FUNCTIONS if sample.startswith(name)), key=len)


@pytest.fixture(scope="session")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the own model's container image, with a model of three colours."""
    root = tmp_path_factory.mktemp("task")
    write_model(root / "model")
    return str(root)


@pytest.fixture
def function(
    aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], task_root: str
) -> Callable[[str], Handler]:
    """Import the application of a function as a cold start does, and return its handler."""
    given: set[str] = set()
    monkeypatch.setenv("LAMBDA_TASK_ROOT", task_root)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")

    def start_cold(name: str) -> Handler:
        variables = variables_of(name)
        for variable in given - variables.keys():
            monkeypatch.delenv(variable)
        given.intersection_update(variables)
        for variable in variables.keys() - os.environ.keys():
            monkeypatch.setenv(variable, variables[variable])
            given.add(variable)
        module = f"functions.{name}.app"
        for imported in (module, "vision.entry"):
            sys.modules.pop(imported, None)
        app = importlib.import_module(module)
        # Loggers outlive their modules: this one would still write to the captured output of an earlier test.
        app.entry._logger.registered_handler.stream = sys.stdout
        return lambda event: app.handler(event, Context(name))

    return start_cold


@pytest.fixture
def api(function: Start, table: Table, results: Callable[[], list[str]]) -> Api:
    """Return a client of the API for a person, such as ``api("ann")``."""
    for name in ("ProcessBucket", "CustomModelSession"):
        client("stepfunctions").create_state_machine(
            name=f"image-recognition-{name}",
            definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/states",
        )
    # Started cold once for all tests: making its routes takes longer than answering a request.
    app = sys.modules.get("functions.api.app")
    if app is None:
        function("api")
        app = sys.modules["functions.api.app"]

    def caller(owner: str, *groups: str) -> Caller:
        # During a test, pytest captures another stream than during its setup.
        for logger in (app.entry._logger, problems._logger):
            logger.registered_handler.stream = sys.stdout
        # As on Lambda, where no module is imported before the function has its name.
        audit._logger._logger.parent = app.entry._logger._logger
        return Caller(lambda event: app.handler(event, Context("api")), claims(owner, groups))

    return caller
