"""The commands of `make`, with the stack replaced by what CloudFormation keeps of it."""

import pytest

from local import __main__ as commands
from local.downloads import Fetched
from local.own_model import stack as own_model
from local.stack.local_stack import Stack

ARN = "arn:aws:lambda:us-east-1:000000000000:function:own-model"


@pytest.fixture
def parameters(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The parameters of the deployed stack: one that a deployment does not name keeps its value."""
    kept: dict[str, str] = {}
    stack = Stack("http://127.0.0.1:1", "us-east-1", "test", "test", {"AppUrl": "", "ImageBucketName": "images"})

    def up(say: object, files: object = None, parameters: dict[str, str] | None = None, **_: object) -> Stack:
        kept.update(parameters or {})
        return stack

    monkeypatch.setattr(commands.stack, "up", up)
    monkeypatch.setattr(own_model, "up_beside", lambda *_, **__: (stack, ARN))
    monkeypatch.setattr(commands, "fetch_models", lambda: Fetched())
    monkeypatch.setattr(commands, "_write_environment", lambda _: None)
    monkeypatch.setattr(commands.environment, "variables", lambda *_: {})
    monkeypatch.setattr(commands, "demo_person", lambda _: commands.Person("a@b.c", "word", "ann"))
    return kept


def test_up_after_own_model_is_rekognition_again(parameters: dict[str, str]) -> None:
    commands.main(["up"])
    first = dict(parameters)
    commands.main(["up", "--detector", "own-model"])
    assert (parameters["PhotoDetector"], parameters["OwnModelFunctionArn"]) == ("own-model", ARN)
    commands.main(["up"])
    assert parameters == first
