"""The demo of bulk runs, as `make demo BULK=…` shows it."""

import itertools

import pytest

from local import __main__ as commands
from local.demo import bulk_demo
from local.demo.bulk_demo import Run
from local.demo.sample_photos import PHOTOS_DIR
from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local

PHOTOS = [PHOTOS_DIR / "cat.png"]
SKIPPED = "skipped, since they are recorded"


@pytest.fixture
def run_demo(pipeline, monkeypatch, tmp_path):
    """Run the command on the tests' stack; return its exit code and output."""
    monkeypatch.setattr(commands.local_stack, "up", lambda say, parameters: pipeline.stack)
    monkeypatch.setattr(commands, "ENVIRONMENT", tmp_path / "env.json")
    monkeypatch.setattr(bulk_demo, "_SECONDS_BETWEEN_LINES", 0.0)

    def run(images: str) -> tuple[int, str]:
        with commands.console.capture() as captured:
            code = commands.main(["demo", "--bulk", images])
        return code, captured.get()

    return run


def rows(output: str) -> dict[str, str]:
    cells = [line.split("│") for line in output.splitlines() if line.startswith("│")]
    return {name.strip(): value.strip() for _, name, value, _ in cells}


def test_invalid_number_is_reported_with_the_range(run_demo):
    code, output = run_demo("many")
    assert code == 1
    assert "1 to 100,000" in output
    assert "make demo BULK=1000" in output


def test_first_run_labels_everything_and_the_second_nothing(run_demo, pipeline):
    code, output = run_demo("100")
    first = rows(output)
    assert code == 0
    assert first["labelled"] == "99"
    assert first["failed"] == first["NotSupportedImageType"] == "1"
    assert first["paid calls for each image"] == "0.9900"
    assert "Rekognition 0.0990 $" in output
    # Without a terminal, progress is printed in lines.
    assert "Labelling 0 of 100: 0 skipped, 0 failed, 0 a second" in output
    assert "batch 1 of 1" in output
    pipeline.counters(reset=True)
    code, output = run_demo("100")
    second = rows(output)
    assert "The 100 images are there already." in output
    assert code == 0
    assert second["seen"] == second[SKIPPED] == "100"
    assert pipeline.counters()["paid"] == 0


@pytest.mark.usefixtures("slow")
def test_ctrl_c_stops_the_run_and_keeps_finished_work(run_demo, pipeline, monkeypatch):
    progress, looks = Run.progress, itertools.count()

    def interrupted_once(run: Run) -> dict[str, int]:
        if next(looks) == 2:
            raise KeyboardInterrupt
        return progress(run)

    monkeypatch.setattr(Run, "progress", interrupted_once)
    code, output = run_demo("31")
    assert code == 1
    assert "the run was stopped; what is done stays done, 31 of 31" in output
    pipeline.counters(reset=True)
    code, output = run_demo("31")
    assert code == 0
    assert rows(output)["seen"] == "31"
    assert pipeline.counters()["paid"] == 31 - int(rows(output)[SKIPPED])


@pytest.mark.usefixtures("slow")
def test_demo_follows_a_run_that_is_already_running(run_demo, pipeline):
    s3 = pipeline.client("s3")
    for name, content in bulk_demo.pieces(PHOTOS, 20):
        s3.put_object(Bucket=pipeline.bucket, Key=f"archive/20/{name}", Body=content)
    earlier = bulk_demo.request(pipeline.stack, "archive/20/", 20)
    wait_for(lambda: earlier.batches() == (0, 1))
    code, output = run_demo("20")
    assert code == 0
    assert "this is the earlier one" in output
    assert rows(output)["labelled"] == "20"
