"""The model stops when the stack is deployed with another model or detector, or is deleted."""

import json
import uuid

import pytest

from local.stack import deployment, local_stack
from local.stack.deployment import STACK_NAME
from tests.local.sessions.conftest import running_copy
from tests.local.stack.conftest import no_word

pytestmark = pytest.mark.local

ANOTHER = "arn:aws:rekognition:us-east-1:000000000000:project/sessions/version/another/1795221294800"


@pytest.fixture
def own_sessions(deployed_sessions, monkeypatch):
    """A stack of this test alone, whose model runs; built before, since the same is built for all parameters."""
    monkeypatch.setattr(deployment, "build", lambda target: None)
    with running_copy(deployed_sessions, deployed_sessions.with_name(f"sessions-{uuid.uuid4().hex[:8]}")) as running:
        running.set_model(status="RUNNING")
        yield running


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
def test_deployment_without_the_model_stops_it(own_sessions, change):
    parameters = json.loads((own_sessions.files.description.parent / "complete").read_text())
    local_stack.up(no_word, own_sessions.files, parameters | change)
    own_sessions.wait_for_model("STOPPED")


def test_deleted_stack_stops_its_model(own_sessions):
    cloudformation = own_sessions.client("cloudformation")
    cloudformation.delete_stack(StackName=STACK_NAME)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=STACK_NAME, WaiterConfig={"Delay": 1})
    own_sessions.wait_for_model("STOPPED")
