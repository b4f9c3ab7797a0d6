"""What the tests do with a deployed stack, through its public APIs as any user does."""

import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

from local.engine import control
from local.stack.local_stack import Stack, StackFiles
from vision.domain import keys, table_keys
from vision.domain.envelopes import Envelope
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import OPEN

# The longest that a test waits for any condition; a busy machine needs some of it.
PATIENCE_SECONDS = 180

# File names that break careless decoding and quoting.
UNUSUAL_NAMES = [
    "photo (1).png",
    "café.jpg",
    "cafe\u0301.jpg",
    "a+b.png",
    "50%.jpg",
    "a%20b.jpg",
    "a b.jpg",
    "%2F.jpg",
    "my.photo.jpg",
    "IMG_0001.JPG",
    "x/y/z.png",
    "写真/夏休み 2026.jpg",
    "📷🏖️.jpg",
    "שלום.jpeg",
    "a&b=c?d#e;f.jpg",
    "quote'\"quote.jpg",
    "back\\slash.jpg",
    "<b>{{x}}$states[0].jpg",
    "tab\tnew\nline.jpg",
    "//double//slashes.jpg",
    "~!@$^*()_-=[]|:,.jpg",
]

_deserialize = TypeDeserializer().deserialize


def wait_for(condition: Callable[[], Any], timeout_seconds: float = PATIENCE_SECONDS) -> Any:
    """Return the first truthy answer of `condition`; fail when there is none in time."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        if answer := condition():
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing within {timeout_seconds:g} s")
        time.sleep(0.1)


def created(version: ObjectVersion, **detail: Any) -> dict[str, Any]:
    """The event that S3 sends through EventBridge when a version was uploaded; the key is raw."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-11-20T12:00:00Z",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{version.bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": version.bucket},
            "object": {
                "key": version.key,
                "size": version.size_bytes,
                "etag": version.etag,
                "version-id": version.version_id,
                "sequencer": version.sequencer,
            },
            "reason": "PutObject",
            **detail,
        },
    }


class Pipeline:
    """A deployed stack and its parts by their names in the template."""

    def __init__(self, stack: Stack, files: StackFiles) -> None:
        self.stack = stack
        self.files = files
        self.bucket = stack.outputs["ImageBucketName"]
        self.table = stack.outputs["ImageTableName"]
        self.machine_arn = stack.outputs["ProcessImageStateMachineArn"]
        self.queue_url = stack.outputs["ProcessingQueueUrl"]
        self.dead_letter_url = stack.outputs["ProcessingDeadLetterQueueUrl"]
        self.client = cache(self._client)
        self.resource_name = cache(self._resource_name)

    def _client(self, service: str) -> Any:
        config = Config(retries={"max_attempts": 0}, read_timeout=60, max_pool_connections=64)
        return boto3.client(service, config=config, **self.stack.client_arguments())

    def _resource_name(self, logical_id: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(
            StackName="image-recognition-local", LogicalResourceId=logical_id
        )
        return found["StackResourceDetail"]["PhysicalResourceId"]

    # What users do

    def upload(self, key: str, body: bytes, **options: Any) -> ObjectVersion:
        answer = self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body, **options)
        return ObjectVersion(
            bucket=self.bucket,
            key=key,
            version_id=answer["VersionId"],
            etag=answer["ETag"].strip('"'),
            sequencer="",
            size_bytes=len(body),
        )

    def read(self, key: str) -> bytes:
        return self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def item(self, pk: str, sk: str) -> dict[str, Any]:
        answer = self.client("dynamodb").get_item(
            TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return {name: _deserialize(value) for name, value in answer.get("Item", {}).items()}

    def record(self, version: ObjectVersion) -> dict[str, Any]:
        """The image record, or {} while there is none."""
        return self.item(**table_keys.image_key(version))

    def photo(self, version: ObjectVersion) -> dict[str, Any]:
        """The photo's item: which of its versions is the newest."""
        return self.item(**table_keys.photo_key(keys.photo_id(version.bucket, version.key)))

    def records_of(self, version: ObjectVersion) -> list[dict[str, Any]]:
        """All items of the photo that this is a version of."""
        answer = self.client("dynamodb").query(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": table_keys.image_key(version)["pk"]}},
        )
        return [{name: _deserialize(value) for name, value in item.items()} for item in answer["Items"]]

    def finished(self, version: ObjectVersion, timeout_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for a final status and return the record."""

        def record() -> dict[str, Any] | None:
            found = self.record(version)
            return found if found and found["status"] not in OPEN else None

        return wait_for(record, timeout_seconds)

    def all_finished(self, versions: Iterable[ObjectVersion]) -> list[dict[str, Any]]:
        return [self.finished(version) for version in versions]

    # Executions

    def execution_arn(self, version: ObjectVersion) -> str:
        return f"{self.machine_arn.replace(':stateMachine:', ':execution:')}:{keys.execution_name(version)}"

    def closed(self, execution_arn: str) -> dict[str, Any]:
        """Wait for the end of an execution and return its description."""
        states = self.client("stepfunctions")

        def description() -> dict[str, Any] | None:
            try:
                found = states.describe_execution(executionArn=execution_arn)
            except states.exceptions.ExecutionDoesNotExist:
                return None
            return found if found["status"] != "RUNNING" else None

        return wait_for(description)

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution_arn) for event in page["events"]]

    def wait_until_entered(self, version: ObjectVersion, state: str) -> None:
        """Wait until the execution of a version has entered a state."""
        arn, states = self.execution_arn(version), self.client("stepfunctions")

        def is_entered() -> bool:
            try:
                return state in entered_states(self.history(arn))
            except states.exceptions.ExecutionDoesNotExist:
                return False

        wait_for(is_entered)

    def executions(self) -> list[dict[str, Any]]:
        pages = self.client("stepfunctions").get_paginator("list_executions")
        return [one for page in pages.paginate(stateMachineArn=self.machine_arn) for one in page["executions"]]

    def start(self, version: ObjectVersion, attempt: int = 1, machine_arn: str | None = None) -> str:
        """Start an execution as an operator does to process an image again."""
        return self.client("stepfunctions").start_execution(
            stateMachineArn=machine_arn or self.machine_arn,
            name=keys.execution_name(version, attempt),
            input=json.dumps(Envelope.of(version).as_dict()),
        )["executionArn"]

    # Queues

    def send(self, *bodies: Any) -> None:
        """Send messages to the processing queue in batches of ten, the size that the function receives."""
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        for start in range(0, len(texts), 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[start : start + 10])]
            answer = self.client("sqs").send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            assert not answer.get("Failed"), answer

    def depth(self, queue_url: str) -> int:
        """Messages in a queue, visible or in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def open_queue(self, name: str) -> tuple[str, str]:
        """Create a queue that accepts messages of every service; return its URL and ARN."""
        sqs, names = self.client("sqs"), ["QueueArn"]
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]
        statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def wait_until_drained(self) -> None:
        wait_for(lambda: self.depth(self.queue_url) == 0)

    def take_messages(self, queue_url: str) -> list[str]:
        """Delete all messages of a queue and return their bodies."""
        sqs, bodies = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def take_dead_letters(self) -> list[str]:
        return self.take_messages(self.dead_letter_url)

    @contextmanager
    def visibility_timeout(self, queue_url: str, seconds: int) -> Iterator[None]:
        """Redeliver failed messages of a queue after that many seconds instead of minutes."""
        sqs, names = self.client("sqs"), ["VisibilityTimeout"]
        before = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=before)

    # Functions and Rekognition

    def kill(self, logical_id: str) -> int:
        """Kill every execution environment of a function; return how many there were."""
        processes = function_processes(self.stack.endpoint_url, self.resource_name(logical_id))
        for process in processes:
            os.kill(process, signal.SIGKILL)
        return len(processes)

    def invoke(self, logical_id: str, event: Any) -> Any:
        answer = self.client("lambda").invoke(FunctionName=self.resource_name(logical_id), Payload=json.dumps(event))
        return json.loads(answer["Payload"].read() or b"null")

    def set_faults(self, **faults: Any) -> None:
        self._control("SetFaults", faults)

    def counters(self, reset: bool = False) -> dict[str, Any]:
        return self._control("Counters", {"reset": reset})

    def _control(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        return control.ask(self.stack.client_arguments(), request, target=f"LocalRekognition.{operation}")


def entered_states(history: list[dict[str, Any]]) -> list[str]:
    """Names of the states that were entered, in order: what Step Functions bills as transitions."""
    return [event["stateEnteredEventDetails"]["name"] for event in history if event["type"].endswith("StateEntered")]


def count(history: list[dict[str, Any]], event_type: str) -> int:
    return sum(event["type"] == event_type for event in history)


def task_errors(history: list[dict[str, Any]]) -> list[str]:
    """Names of the errors with which tasks failed, in order."""
    return [event["taskFailedEventDetails"]["error"] for event in history if event["type"] == "TaskFailed"]


def function_processes(endpoint_url: str, function_name: str) -> list[int]:
    """Process ids of a function's execution environments, found by the environment variables they started with.

    The engine's address is among these variables: other engines on this machine have functions of the same name.
    """
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={function_name}".encode(), f"AWS_ENDPOINT_URL={endpoint_url}".encode()}
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted <= set(environment.read_bytes().split(b"\0")):
                found.append(int(environment.parent.name))
        except OSError:
            continue
    return found
