"""One engine for all executions, and the photo workflow deployed in three tempers."""

import pytest

from local.engine.process import EngineProcess
from tests.local.engine.account import Account
from tests.local.engine.conftest import free_port
from tests.workflows.definition import with_timeouts
from tests.workflows.execution import DEFINITION, FUNCTION_TIMEOUT_SECONDS, TASK_TIMEOUT_SECONDS, Workflow
from tests.workflows.scenarios import SCENARIOS

# The longest wait of a retry, a minute, takes 60 ms.
WAIT_SCALE = 0.001
CONCURRENCY = 8
GENEROUS_SECONDS = 20


@pytest.fixture(scope="session")
def workflows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workflows")
    scripts = folder / "scripts"
    scripts.mkdir()
    process = EngineProcess(free_port(), folder / "state", folder / "engine.log", WAIT_SCALE, CONCURRENCY)
    with process:
        account = Account(process.client_arguments)
        yield {
            # A function that sleeps runs into its own timeout,
            "patient": Workflow(account, scripts, DEFINITION, FUNCTION_TIMEOUT_SECONDS),
            # here into that of its task,
            "impatient": Workflow(
                account, scripts, with_timeouts(DEFINITION, task=TASK_TIMEOUT_SECONDS), GENEROUS_SECONDS
            ),
            # and here into that of the execution.
            "short": Workflow(account, scripts, with_timeouts(DEFINITION, machine=1), GENEROUS_SECONDS),
        }


@pytest.fixture(scope="session")
def runs(workflows):
    """Every scenario's execution. All are started at once, so that they wait together."""
    return {name: workflows[scenario.machine].start(scenario) for name, scenario in SCENARIOS.items()}
