"""One engine for all executions, and each state machine deployed with three kinds of timeouts."""

import pytest

from local.engine.process import EngineProcess
from tests.local.engine.account import Account, unique
from tests.local.engine.conftest import free_port
from tests.workflows import custom_model_session, process_image
from tests.workflows.definition import with_timeouts
from tests.workflows.execution import FUNCTION_TIMEOUT_SECONDS, TASK_TIMEOUT_SECONDS, Workflow
from tests.workflows.second_opinion.opinions import second_endings

# The longest wait of a retry, a minute, takes 60 ms.
WAIT_SCALE = 0.001
CONCURRENCY = 8
GENEROUS_SECONDS = 60


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workflows")
    process = EngineProcess(free_port(), folder / "state", folder / "engine.log", WAIT_SCALE, CONCURRENCY)
    with process:
        yield Account(process.client_arguments)


def _runs(account, scripts, machine):
    """Start the execution of every scenario at once, so that they wait together."""
    definition = machine.DEFINITION
    impatient = with_timeouts(definition, task=TASK_TIMEOUT_SECONDS)
    workflows = {
        # A function that sleeps reaches its own timeout,
        "patient": Workflow(account, scripts, definition, machine.SETTINGS, FUNCTION_TIMEOUT_SECONDS),
        # here that of its task,
        "impatient": Workflow(account, scripts, impatient, machine.SETTINGS, GENEROUS_SECONDS),
        # and here that of the execution.
        "short": Workflow(account, scripts, with_timeouts(definition, machine=1), machine.SETTINGS, GENEROUS_SECONDS),
    }

    def start(scenario):
        name = unique("run")
        return workflows[scenario.machine].start(name, scenario, machine.state_input(name), machine.ANSWERS)

    return {name: start(scenario) for name, scenario in machine.SCENARIOS.items()}


@pytest.fixture(scope="session")
def photo_runs(engine, tmp_path_factory):
    return _runs(engine, tmp_path_factory.mktemp("photos"), process_image)


@pytest.fixture(scope="session")
def session_runs(engine, tmp_path_factory):
    return _runs(engine, tmp_path_factory.mktemp("sessions"), custom_model_session)


@pytest.fixture(scope="session")
def photo_opinions(photo_runs, tmp_path_factory):
    """The same executions under LocalStack's interpreter."""
    return second_endings(
        process_image.DEFINITION, {}, photo_runs, process_image.SCENARIOS, tmp_path_factory.mktemp("opinions")
    )


@pytest.fixture(scope="session")
def session_opinions(session_runs, tmp_path_factory):
    """The same executions under LocalStack's interpreter, where waiting takes no time."""
    settings = {**custom_model_session.SETTINGS, "StopSeconds": "300"}
    return second_endings(
        custom_model_session.DEFINITION,
        settings,
        session_runs,
        custom_model_session.SCENARIOS,
        tmp_path_factory.mktemp("opinions"),
    )
