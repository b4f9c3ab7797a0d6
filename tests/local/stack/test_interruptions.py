"""Processes that are killed and executions that are ended from outside: nothing is lost, and the record is true."""

import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.local.stack.pipeline import Pipeline, function_processes, wait_for
from tests.local.stack.record_form import violations
from tests.pictures import gradients, jpeg_of
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))
FUNCTIONS = ["StartProcessing", "ExtractMetadata", "DetectLabels", "GenerateThumbnail", "StoreMetadata"]


@pytest.fixture
def quick_redelivery(pipeline: Pipeline) -> Iterator[None]:
    """A message whose function was killed comes back after two seconds instead of three minutes."""
    sqs, names = pipeline.client("sqs"), ["VisibilityTimeout"]
    before = sqs.get_queue_attributes(QueueUrl=pipeline.queue_url, AttributeNames=names)["Attributes"]
    sqs.set_queue_attributes(QueueUrl=pipeline.queue_url, Attributes={"VisibilityTimeout": "2"})
    yield
    sqs.set_queue_attributes(QueueUrl=pipeline.queue_url, Attributes=before)


def kill(pipeline: Pipeline, logical_id: str) -> int:
    """End every execution environment of a function at once; return how many there were."""
    processes = function_processes(pipeline.stack.endpoint_url, pipeline.resource_name(logical_id))
    for process in processes:
        os.kill(process, signal.SIGKILL)
    return len(processes)


def hold(pipeline: Pipeline, version: ObjectVersion) -> None:
    """Wait until Rekognition has been asked for labels that take some seconds."""
    pipeline.wait_until_entered(version, "Detect Labels")
    wait_for(lambda: pipeline.counters()["calls"].get("DetectLabels", 0) > 0)


@pytest.fixture
def slow_labels(pipeline: Pipeline) -> None:
    pipeline.counters(reset=True)
    pipeline.set_faults(latency_seconds=3)


@pytest.mark.usefixtures("slow_labels")
def test_an_image_whose_worker_is_killed_in_the_middle_still_succeeds(pipeline, upload):
    version = upload("killed.jpg", PHOTO)
    hold(pipeline, version)
    assert kill(pipeline, "DetectLabelsFunction") > 0
    pipeline.set_faults()
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    history = pipeline.history(pipeline.execution_arn(version))
    errors = [event["taskFailedEventDetails"]["error"] for event in history if event["type"] == "TaskFailed"]
    assert errors == ["Runtime.ExitError"]


@pytest.mark.usefixtures("quick_redelivery")
def test_killing_workers_of_every_function_again_and_again_loses_nothing(pipeline, upload):
    versions = [upload(f"{number}.jpg", PHOTO) for number in range(20)]
    killed = 0
    # Fewer times than a task is tried: no task can lose all of its attempts, however slow the machine is.
    for _ in range(3):
        killed += sum(kill(pipeline, f"{name}Function") for name in FUNCTIONS)
        time.sleep(0.6)
    assert killed > 0
    assert [record["status"] for record in pipeline.all_finished(versions)] == ["SUCCEEDED"] * 20
    pipeline.wait_until_drained()
    assert pipeline.take_dead_letters() == []


@pytest.mark.usefixtures("slow_labels")
def test_an_aborted_execution_closes_its_record(pipeline, upload):
    version = upload("aborted.jpg", PHOTO)
    hold(pipeline, version)
    pipeline.client("stepfunctions").stop_execution(executionArn=pipeline.execution_arn(version))
    record = pipeline.finished(version)
    assert (record["status"], record["error"]["name"]) == ("ABORTED", "ExecutionAborted")
    assert "process the image again" in record["error"]["cause"]
    assert violations(record) == []


@pytest.mark.usefixtures("slow_labels")
def test_an_aborted_record_stays_so_when_the_last_task_ends(pipeline, upload):
    version = upload("aborted-for-good.jpg", PHOTO)
    hold(pipeline, version)
    pipeline.client("stepfunctions").stop_execution(executionArn=pipeline.execution_arn(version))
    before = pipeline.finished(version)
    wait_for(lambda: pipeline.counters()["paid"] == 1)
    time.sleep(0.5)
    assert pipeline.record(version) == before


@pytest.fixture
def short_execution(pipeline: Pipeline) -> Iterator[None]:
    """Executions that may last one second."""
    states = pipeline.client("stepfunctions")
    original = states.describe_state_machine(stateMachineArn=pipeline.machine_arn)["definition"]
    short = json.dumps(json.loads(original) | {"TimeoutSeconds": 1})
    states.update_state_machine(stateMachineArn=pipeline.machine_arn, definition=short)
    yield
    states.update_state_machine(stateMachineArn=pipeline.machine_arn, definition=original)


@pytest.mark.usefixtures("slow_labels", "short_execution")
def test_an_execution_that_runs_into_its_limit_closes_its_record(pipeline, upload):
    version = upload("timed-out.jpg", PHOTO)
    record = pipeline.finished(version)
    assert (record["status"], record["error"]["name"]) == ("TIMED_OUT", "States.Timeout")
    assert pipeline.closed(pipeline.execution_arn(version))["status"] == "TIMED_OUT"
    assert violations(record) == []


@pytest.mark.usefixtures("slow_labels")
def test_processing_again_heals_an_aborted_record(pipeline, upload):
    version = upload("again.jpg", PHOTO)
    hold(pipeline, version)
    pipeline.client("stepfunctions").stop_execution(executionArn=pipeline.execution_arn(version))
    pipeline.finished(version)
    pipeline.set_faults()
    pipeline.closed(pipeline.start(version, attempt=2))
    record = pipeline.record(version)
    assert (record["status"], "error" in record) == ("SUCCEEDED", False)
