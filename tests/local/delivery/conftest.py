"""An engine, and the environment in which the tools of a delivery find it."""

import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from local.engine.process import EngineProcess
from local.stack.deployment import Target
from tests.local.engine.conftest import engine
from tests.local.stack.conftest import aws_cli

__all__ = ["aws_cli", "engine"]


@pytest.fixture
def environment(engine: EngineProcess, tmp_path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    target = Target(engine.client_arguments, tmp_path / "sam.log", tmp_path / "build", {})
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in target.environment().items():
        monkeypatch.setenv(name, value)
    return target.environment()


@pytest.fixture
def client(engine: EngineProcess) -> Callable[[str], Any]:
    return lambda service: boto3.client(service, **engine.client_arguments)
