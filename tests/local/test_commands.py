"""The commands of `make`, with the stack replaced by what CloudFormation keeps of it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from local import __main__ as commands
from local.demo import people
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

    monkeypatch.setattr(commands.local_stack, "up", up)
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


def test_code_of_the_demos_person_is_printed_with_its_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "person.json"
    person = people.Person("a@b.c", "word", "ann", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    file.write_text(json.dumps(asdict(person)))
    monkeypatch.setattr(commands, "known_person", lambda: people.known_person(file))
    # The first moment of RFC 6238's test vectors.
    monkeypatch.setattr(commands.time, "time", lambda: 59.0)
    assert commands.main(["code"]) == 0
    assert capsys.readouterr().out == "287082 (once; another one in 1 s)\n"


def test_code_without_a_person_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(commands, "known_person", lambda: people.known_person(tmp_path / "person.json"))
    assert commands.main(["code"]) == 1
    assert "run `make up` or `make demo` first" in capsys.readouterr().out
