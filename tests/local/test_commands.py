"""The commands of `make`, on a stack of which only the parameters exist."""

import json
from dataclasses import asdict

import pytest

from local import __main__ as commands
from local.demo import people
from local.downloads import Fetched
from local.own_model import stack as own_model
from local.stack.local_stack import Stack

ARN = "arn:aws:lambda:us-east-1:000000000000:function:own-model"


@pytest.fixture
def parameters(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The parameters of the deployed stack: a deployment keeps those that it does not name."""
    kept: dict[str, str] = {}
    stack = Stack("http://127.0.0.1:1", "us-east-1", "test", "test", {"AppUrl": "", "ImageBucketName": "images"})

    def up(say: object, files: object = None, parameters: dict[str, str] | None = None, **_: object) -> Stack:
        kept.update(parameters or {})
        return stack

    monkeypatch.setattr(commands.local_stack, "up", up)
    monkeypatch.setattr(own_model, "up_beside", lambda *_, **__: (stack, ARN))
    monkeypatch.setattr(commands, "fetch_models", lambda: Fetched())
    monkeypatch.setattr(commands, "_write_environment", lambda _: None)
    monkeypatch.setattr(commands.environment, "variables", lambda *_: {})
    monkeypatch.setattr(commands, "demo_person", lambda _: commands.Person("a@b.c", "word", "ann"))
    return kept


def test_up_after_an_own_model_uses_rekognition_again(parameters):
    commands.main(["up"])
    first = dict(parameters)
    commands.main(["up", "--detector", "own-model"])
    assert parameters["PhotoDetector"] == "own-model"
    assert parameters["OwnModelFunctionArn"] == ARN
    commands.main(["up"])
    assert parameters == first


def test_code_command_prints_the_code_and_its_time_left_or_the_remedy(monkeypatch, capsys, tmp_path):
    file = tmp_path / "person.json"
    monkeypatch.setattr(commands, "known_person", lambda: people.known_person(file))
    assert commands.main(["code"]) == 1
    assert "run `make up` or `make demo` first" in capsys.readouterr().out
    person = people.Person("a@b.c", "word", "ann", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    file.write_text(json.dumps(asdict(person)))
    # The first moment of RFC 6238's test vectors.
    monkeypatch.setattr(commands.time, "time", lambda: 59.0)
    assert commands.main(["code"]) == 0
    assert capsys.readouterr().out == "287082 (once; another one in 1 s)\n"
