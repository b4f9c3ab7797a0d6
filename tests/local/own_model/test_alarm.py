"""What the page of the own model's alarm tells to look at, for a stack beside that of the guide."""

import pytest

from tests.local.operations.conftest import GuideShell, quick_cli
from tests.local.stack.conftest import aws_cli

__all__ = ["aws_cli", "quick_cli"]

pytestmark = pytest.mark.local


@pytest.fixture
def shell(shared_pipeline, quick_cli, tmp_path):
    return GuideShell(shared_pipeline, quick_cli, tmp_path)


# None has failed so here: the command has to find the log of the other stack, and nothing in it.
def test_failures_of_the_own_model_are_looked_for(shell):
    assert shell("alarms/ClassifyImageErrorsAlarm", "MODEL_STACK=").strip() in ("", "None")
