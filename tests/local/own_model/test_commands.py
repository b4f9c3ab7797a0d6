"""The commands of the README with the own model as the detector: the demo and the comparison."""

import json
from unittest.mock import Mock

import pytest

from local import __main__ as commands
from local.own_model import __main__ as own_commands
from local.stack.deployment import REPOSITORY
from tests.local.own_model.conftest import BLUE, RED, own_model_arn
from tests.local.stack.pipeline import Pipeline

pytestmark = pytest.mark.local


@pytest.fixture
def folder(tmp_path):
    """Two pictures, and a file that is not an image."""
    path = tmp_path / "pictures"
    path.mkdir()
    for name, content in {"red.jpg": RED, "blue.jpg": BLUE, "notes.jpg": b"2 l milk\n"}.items():
        (path / name).write_bytes(content)
    return path


def test_demo_shows_the_results_of_the_own_model(shared_pipeline: Pipeline, folder, tmp_path, monkeypatch):
    up = Mock(return_value=shared_pipeline.stack)
    monkeypatch.setattr(commands.own_model, "up", up)
    monkeypatch.setattr(commands.session_demo, "show", Mock(side_effect=AssertionError("Custom Labels is not shown")))
    monkeypatch.setattr(commands, "REPOSITORY", tmp_path)
    monkeypatch.setattr(commands, "CONTACT_SHEET", tmp_path / "contact-sheet.html")
    monkeypatch.setattr(commands, "ENVIRONMENT", tmp_path / "env.json")
    monkeypatch.setattr(commands, "demo_person", lambda _: commands.Person("a@b.c", "word", "ann"))

    def run(*arguments):
        """Return exit code, output, and model and rules to deploy."""
        with commands.console.capture() as captured:
            code = commands.main(["demo", "--detector", "own-model", "--photos", str(folder), *arguments])
        deployed = up.call_args.kwargs
        return code, captured.get(), deployed["model"], json.loads(deployed["parameters"]["InspectionRules"])

    code, output, model, _ = run("--model", "mine")
    rows = {line.split("│")[1].strip(): line for line in output.splitlines() if line.startswith("│")}
    assert (code, model) == (0, "mine")
    assert "Inspected with your own model, at once" in output
    assert "NotSupportedImageType" in rows["notes.jpg"]
    assert "Red was found with 100" in rows["red.jpg"]
    assert "analyzed/success/demo/blue.jpg" in rows["blue.jpg"]
    # The rule names labels of the default model.
    *_, model, [rule, *_] = run()
    labels = (REPOSITORY / "functions/classify_image" / model / "labels.txt").read_text().splitlines()
    assert set(rule["none_of"]) <= set(labels)


@pytest.fixture
def compare(shared_pipeline: Pipeline, tmp_path, monkeypatch):
    def beside(say, model):
        return shared_pipeline.stack, own_model_arn(shared_pipeline)

    monkeypatch.setattr(own_commands.stack, "up_beside", beside)
    monkeypatch.setattr(own_commands, "REPOSITORY", tmp_path)
    monkeypatch.setattr(own_commands, "PAGE", tmp_path / "comparison.html")

    def run(*arguments):
        with own_commands.console.capture() as captured:
            code = own_commands.main(["compare", *map(str, arguments)])
        return code, captured.get()

    return run


def test_comparison_prints_the_agreement_and_writes_the_page(compare, folder, tmp_path):
    code, output = compare(folder)
    assert code == 0
    assert "own-model colours" in output
    assert "     1  at least one could not look at it" in output
    assert "The pictures: comparison.html" in output
    assert (tmp_path / "comparison.html").read_text().count("<article>") == 3


def test_comparison_names_what_is_missing(compare, folder, tmp_path):
    function = "arn:aws:lambda:eu-west-1:123456789012:function:own"
    for arguments, missing in {
        (tmp_path,): "has no pictures; name a folder with some (.jpg, .jpeg, .png)",
        (folder, "--function-arn", function): "--bucket is missing",
        (folder, "--bucket", "amzn-s3-demo-bucket"): "--function-arn is missing; name the own model's function on AWS",
    }.items():
        code, output = compare(*arguments)
        assert code == 1
        assert missing in output
