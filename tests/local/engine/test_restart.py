"""What survives a restart of the engine, and what is closed by it."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from local.engine.process import EngineProcess
from tests.local.engine.account import CONCURRENCY, WAIT_SCALE, Account, free_port, wait_for
from tests.local.engine.language import machine

pytestmark = pytest.mark.local

KEY = "é +%.jpg"
MESSAGES = 10
SLOW_WRITER = """
import boto3, os, time
s3 = boto3.client("s3")
def handler(event, context):
    for record in event["Records"]:
        time.sleep(0.3)
        s3.put_object(Bucket=os.environ["BUCKET"], Key=record["body"], Body=b"")
"""
PROCESS_ID = "import os\ndef handler(event, context): return os.getpid()"
WAITING = machine(B={"Type": "Wait", "Seconds": 6000, "End": True})


@dataclass
class Before:
    """What was there before the restart, and how long the stop took."""

    version_id: str
    bucket: str
    written: str
    function: str
    process_id: int
    execution: str
    failures_queue: str
    stop_seconds: float = 0


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Account, Before]]:
    """An engine that was stopped in the middle of work and started again."""
    folder = tmp_path_factory.mktemp("restarted")
    process = EngineProcess(free_port(), folder / "state", folder / "engine.log", WAIT_SCALE, CONCURRENCY)
    with process:
        before = fill(Account(process.client_arguments))
        start = time.monotonic()
        process.stop()
        before.stop_seconds = time.monotonic() - start
        process.start()
        process.wait_until_healthy()
        yield Account(process.client_arguments), before


def fill(account: Account) -> Before:
    bucket, written = account.bucket(versioned=True), account.bucket()
    put = account.client("s3").put_object(Bucket=bucket, Key=KEY, Body=b"photo")
    function = account.function(PROCESS_ID)
    failures, failures_arn = account.events_queue()
    workflow = account.state_machine(machine(A={"Type": "Parallel", "Branches": [WAITING], "End": True}))
    account.rule({"source": ["aws.states"], "detail": {"status": ["FAILED"]}}, failures_arn)
    execution = account.start(workflow)
    work, work_arn = account.queue(VisibilityTimeout="120")
    writer = account.function(SLOW_WRITER, Environment={"Variables": {"BUCKET": written}})
    for number in range(MESSAGES):
        account.client("sqs").send_message(QueueUrl=work, MessageBody=str(number))
    before = Before(put["VersionId"], bucket, written, function, account.invoke(function), execution, failures)
    account.client("lambda").create_event_source_mapping(
        EventSourceArn=work_arn, FunctionName=writer, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}
    )
    wait_for(lambda: objects(account, written) > 0)
    wait_for(lambda: len(account.history(execution)) > 2)
    return before


def objects(account: Account, bucket: str) -> int:
    return account.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"]


def is_running(process_id: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def test_a_version_of_an_object_survives(restarted):
    account, before = restarted
    found = account.client("s3").get_object(Bucket=before.bucket, Key=KEY, VersionId=before.version_id)
    assert found["Body"].read() == b"photo"


def test_a_function_and_its_role_survive(restarted):
    account, before = restarted
    assert account.invoke(before.function) != before.process_id


def test_queued_work_goes_on(restarted):
    account, before = restarted
    wait_for(lambda: objects(account, before.written) == MESSAGES)


def test_a_running_execution_is_closed_by_an_event(restarted):
    account, before = restarted
    [event] = account.receive(before.failures_queue)
    assert (event["detail"]["executionArn"], event["detail"]["error"]) == (before.execution, "States.ServiceRestart")


def test_a_running_execution_is_closed_in_its_history(restarted):
    account, before = restarted
    assert account.history(before.execution)[-1]["type"] == "ExecutionFailed"


def test_a_stop_does_not_wait_for_waiting_executions(restarted):
    _, before = restarted
    assert before.stop_seconds < 10


def test_no_function_process_outlives_a_stop(restarted):
    _, before = restarted
    assert not is_running(before.process_id)


def test_no_function_process_outlives_a_kill(tmp_path):
    process = EngineProcess(free_port(), tmp_path / "state", tmp_path / "engine.log")
    with process:
        account = Account(process.client_arguments)
        worker = account.invoke(account.function(PROCESS_ID))
        assert is_running(worker)
        process.kill()
        wait_for(lambda: not is_running(worker), 10)


def test_state_of_an_engine_without_a_secret_gets_one(tmp_path):
    process = EngineProcess(free_port(), tmp_path / "state", tmp_path / "engine.log")
    with process:
        bucket, earlier = Account(process.client_arguments).bucket(), process.client_arguments
        process.stop()
        (process.state_dir / "secret_access_key").unlink()
        process.start()
        process.wait_until_healthy()
        assert process.client_arguments != earlier
        [found] = Account(process.client_arguments).client("s3").list_buckets()["Buckets"]
        assert found["Name"] == bucket
