"""What survives a restart of the engine, and what it closes."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.engine.settings import APP_API_NAME
from tests.local.engine.account import Account, engine_in, wait_for
from tests.local.engine.language import machine
from tests.local.engine.web_app import WebApp, claims, deploy_web_app, send, template

pytestmark = pytest.mark.local

KEY, EMAIL = "é +%.jpg", "ada@example.com"
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

    bucket: str
    version_id: str
    written: str
    function: str
    process_id: int
    execution: str
    failures_queue: str
    stop_seconds: float = 0


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebApp, dict[str, Any], Before]]:
    """An app on an engine that was restarted in the middle of work, and the tokens of an operator from before."""
    with engine_in(tmp_path_factory.mktemp("restarted")) as process:
        app = deploy_web_app(Account(process.client_arguments), process.port, template(APP_API_NAME))
        tokens = app.person(EMAIL)
        app.make_operator(tokens["access_token"])
        before = fill(app.account)
        start = time.monotonic()
        process.stop()
        before.stop_seconds = time.monotonic() - start
        process.start()
        process.wait_until_healthy()
        app.account = Account(process.client_arguments)
        yield app, tokens, before


def fill(account: Account) -> Before:
    bucket, written = account.bucket(versioned=True), account.bucket()
    version_id = account.client("s3").put_object(Bucket=bucket, Key=KEY, Body=b"photo")["VersionId"]
    function = account.function(PROCESS_ID)
    failures, failures_arn = account.events_queue()
    workflow = account.state_machine(machine(A={"Type": "Parallel", "Branches": [WAITING], "End": True}))
    account.rule({"source": ["aws.states"], "detail": {"status": ["FAILED"]}}, failures_arn)
    execution = account.start(workflow)
    work, work_arn = account.queue(VisibilityTimeout="120")
    writer = account.function(SLOW_WRITER, Environment={"Variables": {"BUCKET": written}})
    for number in range(MESSAGES):
        account.client("sqs").send_message(QueueUrl=work, MessageBody=str(number))
    process_id = account.invoke(function)
    account.client("lambda").create_event_source_mapping(
        EventSourceArn=work_arn, FunctionName=writer, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}
    )
    wait_for(lambda: objects(account, written) > 0)
    wait_for(lambda: len(account.history(execution)) > 2)
    return Before(bucket, version_id, written, function, process_id, execution, failures)


def objects(account: Account, bucket: str) -> int:
    return account.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"]


def is_running(process_id: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False)
    return state.stdout.strip()[:1] not in ("", "Z")


def test_objects_functions_and_queued_work_survive(restarted):
    app, _, before = restarted
    found = app.account.client("s3").get_object(Bucket=before.bucket, Key=KEY, VersionId=before.version_id)
    assert found["Body"].read() == b"photo"
    assert app.account.invoke(before.function) != before.process_id
    wait_for(lambda: objects(app.account, before.written) == MESSAGES)


def test_running_execution_is_failed_and_the_stop_neither_waits_for_it_nor_leaves_function_processes(restarted):
    app, _, before = restarted
    [event] = app.account.receive(before.failures_queue)
    assert event["detail"]["executionArn"] == before.execution
    assert event["detail"]["error"] == "States.ServiceRestart"
    assert app.account.history(before.execution)[-1]["type"] == "ExecutionFailed"
    assert before.stop_seconds < 10
    assert not is_running(before.process_id)


def test_tokens_people_and_the_api_are_as_before(restarted):
    app, tokens, _ = restarted
    sub = claims(tokens["access_token"])["sub"]
    event = app.get("/api/me", Authorization=f"Bearer {tokens['access_token']}").json()
    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == sub
    assert app.get("/api/me").status == 401
    event = send(app.port, "GET", "/static/app.js", host="app.localhost").json()
    assert event["requestContext"]["apiId"] == app.api

    refreshed = app.refresh(tokens["refresh_token"]).json()["access_token"]
    assert claims(refreshed)["cognito:groups"] == ["operators"]
    assert app.get("/api/me", Authorization=f"Bearer {refreshed}").status == 200

    again = app.redeem(app.sign_in(EMAIL)).json()
    assert claims(again["access_token"])["sub"] == sub
    assert "already exists" in app.sign_up(EMAIL).body.decode()
    assert app.redeem(app.sign_up("grace@example.com")).status == 200


def test_state_without_a_secret_gets_one_and_no_function_process_outlives_a_killed_engine(tmp_path):
    with engine_in(tmp_path) as process:
        bucket, earlier = Account(process.client_arguments).bucket(), process.client_arguments
        process.stop()
        (process.state_dir / "secret_access_key").unlink()
        process.start()
        process.wait_until_healthy()
        assert process.client_arguments != earlier
        account = Account(process.client_arguments)
        assert [found["Name"] for found in account.client("s3").list_buckets()["Buckets"]] == [bucket]

        worker = account.invoke(account.function(PROCESS_ID))
        assert is_running(worker)
        process.kill()
        wait_for(lambda: not is_running(worker), 10)
