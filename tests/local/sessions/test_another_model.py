"""A stack that names another model, or is removed: the model that it named before does not run on."""

import json
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from local.engine.process import stop_process
from local.stack import local_stack
from local.stack.deployment import STACK_NAME
from local.stack.local_stack import StackFiles
from tests.local.sessions.conftest import WAIT_SCALE
from tests.local.sessions.driver import Sessions
from tests.local.stack.conftest import engine_processes, free_port, no_word

pytestmark = pytest.mark.local

ANOTHER = "arn:aws:rekognition:us-east-1:000000000000:project/sessions/version/another/1795221294800"


@pytest.fixture
def own_sessions(deployed_sessions: Path, tmp_path: Path) -> Iterator[Sessions]:
    """A running stack of this test alone, and its model running."""
    folder = tmp_path / "sessions"
    copytree(deployed_sessions, folder)
    files, parameters = StackFiles(folder), json.loads((folder / "complete").read_text())
    running = local_stack.up(no_word, files, parameters, port=free_port(), wait_scale=WAIT_SCALE)
    sessions = Sessions(running, files, parameters["ProjectArn"], parameters["ModelVersionArn"])
    sessions.set_model(status="RUNNING")
    yield sessions
    sessions.close()
    for pid in engine_processes(files):
        stop_process(pid)


@pytest.mark.parametrize(
    "change",
    [
        {"ModelVersionArn": ANOTHER},
        {
            "InspectionDetector": "rekognition",
            "InspectionRules": '[{"name": "all", "prefix": "images/", "any_of": ["Car"]}]',
        },
    ],
    ids=["another version", "another detector"],
)
def test_a_deployment_that_names_the_model_no_more_stops_it(own_sessions: Sessions, change: dict[str, str]) -> None:
    parameters = json.loads((own_sessions.files.description.parent / "complete").read_text())
    local_stack.up(no_word, own_sessions.files, parameters | change)
    own_sessions.wait_for_model("STOPPED")


def test_a_stack_that_is_removed_stops_its_model(own_sessions: Sessions) -> None:
    cloudformation = own_sessions.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK_NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1})
    own_sessions.wait_for_model("STOPPED")
