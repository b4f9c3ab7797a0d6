"""Short calls for what the tests create in the local AWS."""

import io
import json
import socket
import time
import uuid
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from local.engine.process import EngineProcess

# In the engines of these tests, Wait states and retries take a tenth of their time.
WAIT_SCALE = 0.1
CONCURRENCY = 4

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
ALLOW_ALL = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
TRUST = {"Version": "2012-10-17", "Statement": []}
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EVENTBRIDGE = {"EventBridgeConfiguration": {}}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def engine_in(folder: Path) -> EngineProcess:
    """Return an engine on a free port that keeps its state in a folder."""
    return EngineProcess(free_port(), folder / "state", folder / "engine.log", WAIT_SCALE, CONCURRENCY)


def archive(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    return content.getvalue()


def wait_for(condition: Callable[[], Any], timeout_seconds: float = 30) -> Any:
    """Return the first truthy answer of `condition`; fail after the timeout."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"nothing within {timeout_seconds:g} s")


def resources(**kinds: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the resources of a template, each from its type without `AWS::` and its properties."""
    return {name: {"Type": f"AWS::{kind}", "Properties": properties} for name, (kind, properties) in kinds.items()}


class Account:
    """An AWS account in one running engine."""

    def __init__(self, client_arguments: dict[str, str]) -> None:
        self._arguments = client_arguments
        self.client = cache(self._client)

    def _client(self, service: str, **overrides: str) -> Any:
        config = Config(retries={"max_attempts": 0}, read_timeout=60, max_pool_connections=64)
        return boto3.client(service, config=config, **{**self._arguments, **overrides})

    def role(self, statements: list[dict] = ALLOW_ALL) -> str:
        name, iam = unique("role"), self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=document)
        return arn

    def function(self, code: str, role: str | None = None, **settings: Any) -> str:
        settings = {"Timeout": 20, "MemorySize": 256, **settings}
        return self.client("lambda").create_function(
            FunctionName=unique("function"),
            Runtime="python3.11",
            Handler="app.handler",
            Role=role or self.role(),
            Code={"ZipFile": archive({"app.py": code})},
            **settings,
        )["FunctionArn"]

    def invoke(self, function_arn: str, event: Any = None) -> Any:
        """Return the function's answer, or the error object of its exception."""
        answer = self.client("lambda").invoke(FunctionName=function_arn, Payload=json.dumps(event or {}))
        return json.loads(answer["Payload"].read())

    def bucket(self, versioned: bool = False, events: bool = False) -> str:
        name, s3 = unique("bucket"), self.client("s3")
        s3.create_bucket(Bucket=name)
        if events:
            s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=EVENTBRIDGE)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def table(self) -> str:
        """Create a table with the key `id`."""
        name = unique("table")
        self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        return name

    def deploy(self, template: dict[str, Any], name: str = "", update: bool = False) -> dict[str, Any]:
        """Create or update a stack, and return its description after that."""
        cloudformation, name = self.client("cloudformation"), name or unique("stack")
        call = cloudformation.update_stack if update else cloudformation.create_stack
        call(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])

        def settled() -> dict | None:
            [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
            return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

        return wait_for(settled)

    def queue(self, policy: dict | None = None, **attributes: str) -> tuple[str, str]:
        """Create a queue and return its URL and ARN; the policy is one statement without its resource."""
        sqs, name = self.client("sqs"), unique("queue")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}"
        if policy:
            text = json.dumps({"Version": "2012-10-17", "Statement": [{**policy, "Resource": arn}]})
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
        return url, arn

    def events_queue(self, **attributes: str) -> tuple[str, str]:
        """Create a queue that EventBridge may deliver to."""
        principal = {"Service": "events.amazonaws.com"}
        allow = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage"}
        return self.queue(allow, **attributes)

    def rule(self, pattern: dict, target_arn: str) -> str:
        events, name = self.client("events"), unique("rule")
        arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        events.put_targets(Rule=name, Targets=[{"Id": "target", "Arn": target_arn}])
        return arn

    def receive(self, queue_url: str, count: int = 1, timeout_seconds: float = 10) -> list[Any]:
        """Return the bodies of the first `count` messages, and delete them."""
        sqs, bodies = self.client("sqs"), []
        deadline = time.monotonic() + timeout_seconds
        while len(bodies) < count and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                bodies.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def state_machine(self, definition: dict, role: str | None = None, **settings: Any) -> str:
        return self.client("stepfunctions").create_state_machine(
            name=unique("machine"), definition=json.dumps(definition), roleArn=role or self.role(), **settings
        )["stateMachineArn"]

    def start(self, machine_arn: str, data: Any = None, **settings: Any) -> str:
        return self.client("stepfunctions").start_execution(
            stateMachineArn=machine_arn, input=json.dumps(data or {}), **settings
        )["executionArn"]

    def end(self, execution_arn: str, timeout_seconds: float = 25) -> dict:
        """Wait for the end of an execution and return its description."""
        describe = self.client("stepfunctions").describe_execution

        def closed() -> dict | None:
            execution = describe(executionArn=execution_arn)
            return execution if execution["status"] != "RUNNING" else None

        return wait_for(closed, timeout_seconds)

    def run(self, definition: dict, data: Any = None, timeout_seconds: float = 25) -> dict:
        """Create a state machine, run it once and return the closed execution."""
        return self.end(self.start(self.state_machine(definition), data), timeout_seconds)

    def history(self, execution_arn: str) -> list[dict]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=execution_arn) for event in page["events"]]
