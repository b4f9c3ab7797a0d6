"""The command on the page of the own model's alarm, in a stack other than that of the guide."""

import pytest

from tests.local.operations.conftest import GuideShell, quick_cli
from tests.local.stack.conftest import aws_cli

__all__ = ["aws_cli", "quick_cli"]

pytestmark = pytest.mark.local


@pytest.fixture
def shell(shared_pipeline, quick_cli, tmp_path):
    return GuideShell(shared_pipeline, quick_cli, tmp_path)


# Nothing has failed here: the command has to find the log of the other stack, and no line in it.
def test_command_searches_the_log_of_the_own_model(shell):
    assert shell("alarms/ClassifyImageErrorsAlarm", "MODEL_STACK=").strip() in ("", "None")
