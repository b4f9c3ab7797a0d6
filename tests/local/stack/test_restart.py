"""The local AWS restarts: queued work goes on, and interrupted executions are recorded as failed."""

import os
import signal
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.stack import local_stack
from tests.local.stack.conftest import engine_processes, free_port, no_word
from tests.local.stack.pipeline import Pipeline, wait_for
from tests.local.stack.record_form import violations
from tests.pictures import gradients, jpeg_of
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(160, 120))

Restart = Callable[[Pipeline], Pipeline]


def upload_many(pipeline: Pipeline, number: int) -> list[ObjectVersion]:
    with ThreadPoolExecutor(number) as pool:
        keys = [f"private/ann/uploads/{index}.jpg" for index in range(number)]
        return list(pool.map(lambda key: pipeline.upload(key, PHOTO), keys))


@pytest.fixture
def restart(local_stacks):
    """Stop a stack as `make down` does and start it again as `make up` does, on another port."""

    def stop_and_start(pipeline: Pipeline) -> Pipeline:
        local_stack.down(no_word, pipeline.files)
        return local_stacks.up(pipeline.files, port=free_port())

    return stop_and_start


def ended_execution(pipeline: Pipeline, version: ObjectVersion) -> dict[str, Any]:
    return pipeline.closed(pipeline.execution_arn(version))


def test_restart_completes_queued_images_and_fails_running_ones(own_pipeline, restart):
    own_pipeline.set_faults(latency_seconds=2)
    before = len(own_pipeline.executions())
    versions = upload_many(own_pipeline, 40)
    wait_for(lambda: len(own_pipeline.executions()) >= before + 5)
    running = {one["name"] for one in own_pipeline.executions() if one["status"] == "RUNNING"}
    pipeline = restart(own_pipeline)
    records = pipeline.all_finished(versions)
    assert running
    assert {record["status"] for record in records} <= {"SUCCEEDED", "FAILED"}
    for record, version in zip(records, versions, strict=True):
        assert violations(record) == []
        assert record["status"] == ended_execution(pipeline, version)["status"], version.key
        if record["status"] == "FAILED":
            assert record["error"]["name"] == "States.ServiceRestart"
            assert record["execution_arn"].rpartition(":")[2] in {one["name"] for one in pipeline.executions()}
    assert {record["status"] for record in records} == {"SUCCEEDED", "FAILED"}
    assert pipeline.take_dead_letters() == []


def test_queued_messages_are_processed_after_a_restart(own_pipeline, restart):
    lambda_client = own_pipeline.client("lambda")
    function = own_pipeline.resource_name("StartProcessingFunction")
    [mapping] = lambda_client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    lambda_client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    versions = upload_many(own_pipeline, 12)
    wait_for(lambda: own_pipeline.depth(own_pipeline.queue_url) == 12)
    pipeline = restart(own_pipeline)
    assert pipeline.depth(pipeline.queue_url) == 12
    pipeline.client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert [record["status"] for record in pipeline.all_finished(versions)] == ["SUCCEEDED"] * 12


def test_power_cut_restores_the_state_of_the_last_stop(own_pipeline, local_stacks, restart):
    [before] = upload_many(own_pipeline, 1)
    record = own_pipeline.finished(before)
    pipeline = restart(own_pipeline)
    lost = pipeline.upload("private/bob/uploads/lost.jpg", PHOTO)
    pipeline.finished(lost)
    for process in engine_processes(pipeline.files):
        os.kill(process, signal.SIGKILL)
    wait_for(lambda: engine_processes(pipeline.files) == [])
    pipeline = local_stacks.up(pipeline.files, port=free_port())
    assert pipeline.record(before) == record
    assert pipeline.record(lost) == {}
    again = pipeline.upload("private/bob/uploads/again.jpg", PHOTO)
    assert pipeline.finished(again)["status"] == "SUCCEEDED"


def test_engine_keeps_its_port_over_restarts(tmp_path):
    files = local_stack.StackFiles(tmp_path / "stack")

    def address(**port: int) -> str:
        started = local_stack.start(no_word, files, **port).endpoint_url
        local_stack.down(no_word, files)
        return started

    first = address(port=free_port())
    with socket.socket() as other_program:
        other_program.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other_program.bind(("127.0.0.1", int(first.rpartition(":")[2])))
        other_program.listen()
        assert address() != first
    assert address() == first


@pytest.fixture
def without_events(own_pipeline, own_files, local_stacks):
    """No execution's end has an event until the end of the test."""
    rule = own_pipeline.resource_name("ExecutionStatusRule").rpartition("|")[2]
    own_pipeline.client("events").disable_rule(Name=rule)
    yield
    local_stacks.up(own_files).client("events").enable_rule(Name=rule)


@pytest.mark.usefixtures("without_events")
def test_scheduled_check_closes_a_record_whose_end_had_no_event(own_pipeline, restart):
    own_pipeline.set_faults(latency_seconds=60)
    [version] = upload_many(own_pipeline, 1)
    own_pipeline.wait_until_entered(version, "Detect Labels")
    pipeline = restart(own_pipeline)
    assert ended_execution(pipeline, version)["status"] == "FAILED"
    assert pipeline.record(version)["status"] == "RUNNING"
    # Run the check now, for executions without an event in the last second.
    functions, name = pipeline.client("lambda"), pipeline.resource_name("TrackExecutionFunction")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    hasty = {"Variables": {**variables, "SILENT_AFTER_SECONDS": "1"}}
    functions.update_function_configuration(FunctionName=name, Environment=hasty)
    answer = pipeline.invoke("TrackExecutionFunction", {"detail-type": "Scheduled Event", "source": "aws.events"})
    assert answer is None, answer
    record = pipeline.record(version)
    assert record["status"] == "FAILED"
    assert record["error"]["name"] == "States.ServiceRestart"
    pipeline.closed(pipeline.start(version, attempt=2))
    assert pipeline.record(version)["status"] == "SUCCEEDED"
