"""Killed processes, aborted and timed-out executions: nothing is lost, and the record has the true status."""

import json

import pytest

from tests.local.stack.pipeline import Pipeline, task_errors, wait_for
from tests.local.stack.record_form import violations
from tests.pictures import gradients, jpeg_of
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import OPEN

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))
FUNCTIONS = ["StartProcessing", "ExtractMetadata", "DetectLabels", "GenerateThumbnail", "StoreMetadata"]


@pytest.fixture
def quick_redelivery(pipeline):
    """A message whose function was killed comes back after two seconds instead of three minutes."""
    with pipeline.visibility_timeout(pipeline.queue_url, 2):
        yield


def hold(pipeline: Pipeline, version: ObjectVersion) -> None:
    """Wait until a slow call of Rekognition is under way."""
    pipeline.wait_until_entered(version, "Detect Labels")
    wait_for(lambda: pipeline.counters()["calls"].get("DetectLabels", 0) > 0)


@pytest.fixture
def slow_labels(pipeline):
    """Calls that last longer than a busy machine needs to interrupt them."""
    pipeline.counters(reset=True)
    pipeline.set_faults(latency_seconds=10)


@pytest.mark.usefixtures("slow_labels")
def test_image_succeeds_after_its_worker_is_killed(pipeline, upload):
    version = upload("killed.jpg", PHOTO)
    hold(pipeline, version)
    assert pipeline.kill("DetectLabelsFunction") > 0
    pipeline.set_faults()
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    assert task_errors(pipeline.history(pipeline.execution_arn(version))) == ["Runtime.ExitError"]


@pytest.mark.usefixtures("quick_redelivery")
def test_killing_all_workers_three_times_loses_no_image(pipeline, upload):
    versions = [upload(f"{number}.jpg", PHOTO) for number in range(20)]

    def finished() -> int:
        return sum(pipeline.record(version).get("status", "PENDING") not in OPEN for version in versions)

    # Fewer rounds than a task has attempts: no task can lose all of them, however slow the machine is.
    for least in (1, 5, 10):
        wait_for(lambda least=least: finished() >= least)
        # Right after the last round no environment may have started again; after the last image none does.
        wait_for(lambda: sum(pipeline.kill(f"{name}Function") for name in FUNCTIONS) > 0 or finished() == len(versions))
    assert [record["status"] for record in pipeline.all_finished(versions)] == ["SUCCEEDED"] * 20
    pipeline.wait_until_drained()
    assert pipeline.take_dead_letters() == []


@pytest.mark.usefixtures("slow_labels")
def test_aborted_record_stays_closed_until_the_image_is_processed_again(pipeline, upload):
    version = upload("aborted.jpg", PHOTO)
    hold(pipeline, version)
    pipeline.client("stepfunctions").stop_execution(executionArn=pipeline.execution_arn(version))
    aborted = pipeline.finished(version)
    assert aborted["status"] == "ABORTED"
    assert aborted["error"]["name"] == "ExecutionAborted"
    assert "process the image again" in aborted["error"]["cause"]
    assert violations(aborted) == []

    pipeline.set_faults()
    wait_for(lambda: pipeline.counters()["paid"] == 1)
    # The function of the aborted task ends before a whole other image is processed.
    assert pipeline.finished(upload("afterwards.jpg", PHOTO))["status"] == "SUCCEEDED"
    assert pipeline.record(version) == aborted

    pipeline.closed(pipeline.start(version, attempt=2))
    record = pipeline.record(version)
    assert record["status"] == "SUCCEEDED"
    assert "error" not in record


@pytest.fixture
def short_execution(pipeline):
    """Executions that may last one second."""
    states = pipeline.client("stepfunctions")
    original = states.describe_state_machine(stateMachineArn=pipeline.machine_arn)["definition"]
    short = json.dumps(json.loads(original) | {"TimeoutSeconds": 1})
    states.update_state_machine(stateMachineArn=pipeline.machine_arn, definition=short)
    yield
    states.update_state_machine(stateMachineArn=pipeline.machine_arn, definition=original)


@pytest.mark.usefixtures("slow_labels", "short_execution")
def test_timed_out_execution_closes_its_record(pipeline, upload):
    version = upload("timed-out.jpg", PHOTO)
    record = pipeline.finished(version)
    assert record["status"] == "TIMED_OUT"
    assert record["error"]["name"] == "States.Timeout"
    assert pipeline.closed(pipeline.execution_arn(version))["status"] == "TIMED_OUT"
    assert violations(record) == []
