"""Sixty uploads at once: event, queue, function, state machine, two parallel branches, table. All succeed."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.local.engine.account import wait_for
from tests.local.engine.language import INVOKE, jsonata, machine

pytestmark = pytest.mark.local

UPLOADS = 60
STARTER = """
import boto3, json, os
states = boto3.client("stepfunctions")
def handler(event, context):
    for record in event["Records"]:
        found = json.loads(record["body"])["detail"]["object"]
        states.start_execution(
            stateMachineArn=os.environ["MACHINE"], name=found["version-id"], input=json.dumps(found)
        )
"""
STORER = """
import boto3, os
table = boto3.client("dynamodb")
def handler(event, context):
    item = {"id": {"S": event["key"]}}
    table.put_item(TableName=os.environ["TABLE"], Item=item, ConditionExpression="attribute_not_exists(id)")
"""


def task(function: str, **fields: object) -> dict:
    arguments = {"FunctionName": function, "Payload": "{% $states.input %}"}
    common = {"Type": "Task", "Resource": INVOKE, "TimeoutSeconds": 10, "Output": "{% $states.result.Payload %}"}
    return {**common, "Arguments": arguments, **fields}


def test_sixty_uploads_at_once_all_succeed(account):
    table, bucket = account.table(), account.bucket(versioned=True, events=True)
    worker = account.function("def handler(event, context): return event")
    storer = account.function(STORER, Environment={"Variables": {"TABLE": table}})
    branches = [machine(Work=task(worker, End=True))] * 2
    workflow = account.state_machine(
        jsonata(
            Extract=task(worker, Next="Both"),
            Both={"Type": "Parallel", "Branches": branches, "Output": "{% $states.result[0] %}", "Next": "Store"},
            Store=task(storer, Output=None, End=True),
        )
    )
    _, queue = account.events_queue(VisibilityTimeout="120")
    starter = account.function(STARTER, Environment={"Variables": {"MACHINE": workflow}})
    account.client("lambda").create_event_source_mapping(EventSourceArn=queue, FunctionName=starter, BatchSize=10)
    account.rule({"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}}, queue)

    s3, states = account.client("s3"), account.client("stepfunctions")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"{n}.jpg", Body=b"photo"), range(UPLOADS)))

    def closed() -> list[str]:
        found = states.list_executions(stateMachineArn=workflow, maxResults=1000)["executions"]
        statuses = [execution["status"] for execution in found if execution["status"] != "RUNNING"]
        return statuses if len(statuses) == UPLOADS else []

    assert set(wait_for(closed, 60)) == {"SUCCEEDED"}
    assert account.client("dynamodb").scan(TableName=table, Select="COUNT")["Count"] == UPLOADS
