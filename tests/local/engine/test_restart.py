"""What survives a restart of the engine, and what is closed by it."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.local.engine.account import Account, wait_for
from tests.local.engine.language import machine

pytestmark = pytest.mark.local

SLOW_WRITER = """
import boto3, os, time
s3 = boto3.client("s3")
def handler(event, context):
    for record in event["Records"]:
        time.sleep(0.2)
        s3.put_object(Bucket=os.environ["BUCKET"], Key=record["body"], Body=b"")
"""


def begin(process) -> Account:
    process.start()
    process.wait_until_healthy()
    return Account(process.client_arguments)


def restart(process) -> Account:
    process.stop()
    return begin(process)


def test_objects_functions_and_roles_survive(stopped_engine):
    account = begin(stopped_engine)
    bucket = account.bucket(versioned=True)
    version = account.client("s3").put_object(Bucket=bucket, Key="é +%.jpg", Body=b"photo")["VersionId"]
    function = account.function("def handler(event, context): return 'alive'")
    account = restart(stopped_engine)
    found = account.client("s3").get_object(Bucket=bucket, Key="é +%.jpg", VersionId=version)
    assert (found["Body"].read(), account.invoke(function)) == (b"photo", "alive")


def test_queued_work_goes_on(stopped_engine):
    account = begin(stopped_engine)
    bucket = account.bucket()
    url, queue = account.queue(VisibilityTimeout="120")
    function = account.function(SLOW_WRITER, Environment={"Variables": {"BUCKET": bucket}})
    account.client("lambda").create_event_source_mapping(
        EventSourceArn=queue, FunctionName=function, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}
    )
    for number in range(12):
        account.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))

    def done(account: Account) -> int:
        return account.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"]

    wait_for(lambda: done(account) > 0)
    account = restart(stopped_engine)
    wait_for(lambda: done(account) == 12)


def test_a_running_execution_is_closed_in_its_history_and_in_an_event(stopped_engine):
    account = begin(stopped_engine)
    url, queue = account.events_queue()
    arn = account.state_machine(machine(A={"Type": "Wait", "Seconds": 6000, "End": True}))
    account.rule({"source": ["aws.states"], "detail": {"status": ["FAILED"], "stateMachineArn": [arn]}}, queue)
    execution = account.start(arn)
    wait_for(lambda: len(account.history(execution)) > 1)
    account = restart(stopped_engine)
    [event] = account.receive(url)
    assert (event["detail"]["executionArn"], event["detail"]["error"]) == (execution, "States.ServiceRestart")
    assert account.history(execution)[-1]["type"] == "ExecutionFailed"


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_no_function_process_outlives_the_engine(stopped_engine, end):
    account = begin(stopped_engine)
    function = account.function("import os\ndef handler(event, context): return os.getpid()")
    worker = account.invoke(function)
    assert Path(f"/proc/{worker}").exists()
    getattr(stopped_engine, end)()
    wait_for(lambda: not is_running(worker), 10)


def is_running(process_id: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def test_the_engine_stops_at_once_while_an_execution_waits(stopped_engine):
    account = begin(stopped_engine)
    branch = machine(B={"Type": "Wait", "Seconds": 6000, "End": True})
    arn = account.state_machine(machine(A={"Type": "Parallel", "Branches": [branch], "End": True}))
    execution = account.start(arn)
    wait_for(lambda: len(account.history(execution)) > 2)
    start = time.monotonic()
    stopped_engine.stop()
    assert time.monotonic() - start < 10
