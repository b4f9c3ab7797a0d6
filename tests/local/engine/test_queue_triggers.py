"""SQS as the trigger of a function: partial batches, redrive, concurrency."""

import json

import pytest

from tests.local.engine.account import wait_for

pytestmark = pytest.mark.local

# Writes an object for each message, and reports those whose body is "bad".
REPORTING = """
import boto3, json, os
s3 = boto3.client("s3")
def handler(event, context):
    failures = []
    for record in event["Records"]:
        if record["body"] == "bad":
            failures.append({FAILURE})
        else:
            s3.put_object(Bucket=os.environ["BUCKET"], Key=record["body"], Body=b"")
    return {"batchItemFailures": failures}
"""
HONEST = REPORTING.replace("FAILURE", '"itemIdentifier": record["messageId"]')
GARBLED = REPORTING.replace("FAILURE", '"itemIdentifier": ""')


@pytest.fixture
def trigger(account):
    """Connect code to a new queue; return the URLs of the queue and its dead-letter queue, and a bucket."""
    mappings = []

    def connect(code: str, visibility_seconds: int = 5, **mapping: object) -> tuple[str, str, str]:
        bucket = account.bucket()
        dead_url, dead_arn = account.queue()
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
        url, arn = account.queue(RedrivePolicy=redrive, VisibilityTimeout=str(visibility_seconds))
        function = account.function(code, Environment={"Variables": {"BUCKET": bucket}})
        mappings.append(
            account.client("lambda").create_event_source_mapping(
                EventSourceArn=arn,
                FunctionName=function,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                **{"BatchSize": 10, **mapping},
            )["UUID"]
        )
        return url, dead_url, bucket

    yield connect
    for mapping in mappings:
        account.client("lambda").delete_event_source_mapping(UUID=mapping)


def keys(account, bucket: str) -> set[str]:
    return {item["Key"] for item in account.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])}


def send(account, url: str, *bodies: str) -> None:
    for start in range(0, len(bodies), 10):
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies[start : start + 10])]
        account.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


def raw_bodies(account, url: str, timeout_seconds: float = 60) -> list[str]:
    def received() -> list[str]:
        messages = account.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [message["Body"] for message in messages]

    return wait_for(received, timeout_seconds)


def test_only_the_reported_message_goes_to_the_dead_letter_queue(account, trigger):
    url, dead_url, bucket = trigger(HONEST)
    send(account, url, "a", "b", "bad", "c")
    assert raw_bodies(account, dead_url) == ["bad"]
    assert keys(account, bucket) == {"a", "b", "c"}


def test_batch_with_an_invalid_response_or_an_exception_goes_to_the_dead_letter_queue(account, trigger):
    queues = [trigger(code) for code in (GARBLED, "def handler(event, context): raise ValueError")]
    for url, *_ in queues:
        send(account, url, "bad")
    assert [raw_bodies(account, dead_url) for _, dead_url, _ in queues] == [["bad"], ["bad"]]


def test_maximum_concurrency_limits_the_batches_in_flight(account, trigger):
    code = """
import boto3, os, time
s3 = boto3.client("s3")
def handler(event, context):
    start = time.time()
    time.sleep(0.4)
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"{start}/{time.time()}", Body=b"")
"""
    url, _, bucket = trigger(code, 30, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    send(account, url, *map(str, range(8)))
    wait_for(lambda: len(keys(account, bucket)) == 8, timeout_seconds=60)
    spans = [tuple(map(float, key.split("/"))) for key in keys(account, bucket)]
    assert max(sum(start <= moment < end for start, end in spans) for moment, _ in spans) <= 2
