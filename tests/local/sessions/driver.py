"""Short words for what the tests do with a deployed Custom Labels stack: sessions, their faults, and what is left."""

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from local.demo.labelled_pictures import LABELLED_PICTURES_DIR
from local.stack.local_stack import Stack, StackFiles
from tests.local.sessions.switch import DynamoDBSwitch
from tests.local.stack.pipeline import Pipeline, entered_states, function_processes, wait_for
from vision.domain import keys
from vision.domain.inspection import results
from vision.domain.objects import ObjectVersion

FUNCTIONS = ("CheckQueueFunction", "StartModelFunction", "DrainQueueFunction", "StopModelFunction")

# A worker's look at the queue, and how long a killed worker's messages are hidden; ten seconds and two minutes on AWS.
QUICK = {"POLL_SECONDS": "1", "HIDDEN_SECONDS": "2"}
# What the model takes to start and to stop; minutes on AWS.
DURATIONS = {"start_seconds": 0.3, "stop_seconds": 0.3}
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


@cache
def picture(label: str = "vehicle") -> bytes:
    """A drawing that the model has not learned."""
    return sorted((LABELLED_PICTURES_DIR / "unseen" / label).glob("*.png"))[0].read_bytes()


class Sessions(Pipeline):
    """A deployed stack whose images are inspected by a Custom Labels model."""

    def __init__(self, stack: Stack, files: StackFiles, project_arn: str, version_arn: str) -> None:
        super().__init__(stack, files)
        self.session_arn = stack.outputs["CustomModelSessionStateMachineArn"]
        self.inspection_url = stack.outputs["InspectionQueueUrl"]
        self.inspection_dead_letter_url = stack.outputs["InspectionDeadLetterQueueUrl"]
        self.results_bucket = stack.outputs["ResultsBucketName"]
        self.project_arn, self.version_arn = project_arn, version_arn
        self.switches = {name: DynamoDBSwitch(stack.endpoint_url) for name in FUNCTIONS}
        for name, switch in self.switches.items():
            quick = QUICK if name == "DrainQueueFunction" else {}
            self.configure(name, {"AWS_ENDPOINT_URL_DYNAMODB": switch.url, **quick})
        self.mailbox_url = self._subscribed_queue(stack.outputs["QualityTopicArn"])

    def _subscribed_queue(self, topic_arn: str) -> str:
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=f"mailbox-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        names = ["QueueArn"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self.client("sns").subscribe(
            TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )
        return url

    def close(self) -> None:
        for switch in self.switches.values():
            switch.close()

    # Functions

    def configure(self, logical_id: str, variables: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
        """Change a function's configuration as an operator would; return what it was."""
        functions, name = self.client("lambda"), self.resource_name(logical_id)
        before = functions.get_function_configuration(FunctionName=name)
        # The engine keeps what a template gives as a number; AWS makes it text.
        known = {key: str(value) for key, value in before["Environment"]["Variables"].items()}
        if variables:
            options["Environment"] = {"Variables": known | variables}
        functions.update_function_configuration(FunctionName=name, **options)
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        return {"Timeout": before["Timeout"], "Environment": {"Variables": known}}

    @contextmanager
    def configured(self, logical_id: str, variables: dict[str, str] | None = None, **options: Any) -> Iterator[None]:
        """Change a function's configuration for a while."""
        before = self.configure(logical_id, variables, **options)
        try:
            yield
        finally:
            self.configure(logical_id, **before)

    @contextmanager
    def throttled(self, logical_id: str) -> Iterator[None]:
        """Let Lambda refuse each invocation of a function for a while, as when the account's concurrency is used up."""
        functions, name = self.client("lambda"), self.resource_name(logical_id)
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            functions.delete_function_concurrency(FunctionName=name)

    @contextmanager
    def without(self, logical_id: str, sid: str) -> Iterator[None]:
        """Take a statement out of a function's role for a while."""
        iam, role = self.client("iam"), self.resource_name(f"{logical_id}Role")
        [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        kept = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        assert len(kept) == len(document["Statement"]) - 1, f"{role} has no statement {sid}"
        changed = json.dumps({**document, "Statement": kept})
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=changed)
        try:
            yield
        finally:
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    @contextmanager
    def waits_for_stop(self, seconds: int) -> Iterator[None]:
        """Let sessions wait for so long until their model rests; an hour as deployed, which no wait scale shortens."""
        states = self.client("stepfunctions")
        before = states.describe_state_machine(stateMachineArn=self.session_arn)["definition"]
        changed = before.replace("$number('3600')", f"$number('{seconds}')")
        assert changed != before
        states.update_state_machine(stateMachineArn=self.session_arn, definition=changed)
        try:
            yield
        finally:
            states.update_state_machine(stateMachineArn=self.session_arn, definition=before)

    def kill(self, logical_id: str) -> int:
        """End every execution environment of a function at once; return how many there were."""
        processes = function_processes(self.stack.endpoint_url, self.resource_name(logical_id))
        for process in processes:
            os.kill(process, signal.SIGKILL)
        return len(processes)

    def kill_all(self) -> None:
        """End the idle execution environments of a session's functions, so that the next ones are new."""
        for name in FUNCTIONS:
            self.kill(name)

    def logged(self, text: str, since_milliseconds: int) -> bool:
        """Tell whether a function has logged a text."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self.resource_name("FunctionLogs")
        found = pages.paginate(logGroupName=group, startTime=since_milliseconds)
        return any(text in event["message"] for page in found for event in page["events"])

    # The model

    def set_model(self, **behaviour: Any) -> None:
        """Make the model behave so, and with its usual durations."""
        request = {"ProjectVersionArn": self.version_arn, "durations": DURATIONS} | behaviour
        self._control("SetProjectVersion", request)

    def model_status(self) -> str:
        found = self.client("rekognition").describe_project_versions(ProjectArn=self.project_arn)
        return next(
            one["Status"] for one in found["ProjectVersionDescriptions"] if one["ProjectVersionArn"] == self.version_arn
        )

    def wait_for_model(self, *statuses: str) -> None:
        wait_for(lambda: self.model_status() in statuses)

    def lease(self) -> dict[str, Any]:
        return self.item(f"SESSION#{keys.model_digest(self.version_arn)}", "LEASE")

    def is_lease_free(self) -> bool:
        lease = self.lease()
        return not lease.get("owner") or lease["expires_at"] < time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())

    # Sessions

    def start_session(self) -> str:
        return self.client("stepfunctions").start_execution(stateMachineArn=self.session_arn)["executionArn"]

    def run_session(self) -> dict[str, Any]:
        return self.closed(self.start_session())

    def states(self, execution_arn: str) -> list[str]:
        return entered_states(self.history(execution_arn))

    def wait_until_in(self, execution_arn: str, state: str) -> None:
        wait_for(lambda: state in self.states(execution_arn))

    def abort(self, execution_arn: str) -> None:
        self.client("stepfunctions").stop_execution(executionArn=execution_arn)

    def watch(self) -> None:
        """Let the watchdog look once, as its schedule does every ten minutes."""
        self.invoke("StopModelFunction", SCHEDULED)

    # Images

    def put(self, count: int = 2, body: bytes | None = None, folder: str | None = None) -> list[ObjectVersion]:
        """Upload images and wait until the queue has them."""
        before = self.waiting()
        folder = folder or uuid.uuid4().hex[:8]
        content = picture() if body is None else body
        versions = [self.upload(f"images/{folder}/{number}.png", content) for number in range(count)]
        wait_for(lambda: self.waiting() == before + count)
        return versions

    def waiting(self) -> int:
        return self.depth(self.inspection_url)

    def send_inspection(self, *bodies: Any) -> None:
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.client("sqs").send_message(QueueUrl=self.inspection_url, MessageBody=text)

    @contextmanager
    def receives(self, times: int) -> Iterator[None]:
        """Let a message be received so often before it goes to the dead-letter queue; five times as deployed."""
        sqs, name = self.client("sqs"), "RedrivePolicy"
        before = sqs.get_queue_attributes(QueueUrl=self.inspection_url, AttributeNames=[name])["Attributes"]
        changed = json.dumps(json.loads(before[name]) | {"maxReceiveCount": times})
        sqs.set_queue_attributes(QueueUrl=self.inspection_url, Attributes={name: changed})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=self.inspection_url, Attributes=before)

    def done(self, versions: list[ObjectVersion]) -> int:
        """How many of them have a verdict."""
        return sum("verdict" in self.record(version) for version in versions)

    def results(self, version: ObjectVersion) -> int:
        """How many result files a version has, each write of one counted."""
        listed = self.client("s3").list_object_versions(Bucket=self.results_bucket, Prefix=results.result_key(version))
        return len({one["Key"] for one in listed.get("Versions", [])})

    def copies(self, version: ObjectVersion) -> int:
        """How many copies of a version are below analyzed/."""
        keys_of_version = [results.analyzed_key(version, verdict) for verdict in results.Judgement]
        found = 0
        for key in keys_of_version:
            listed = self.client("s3").list_objects_v2(Bucket=self.results_bucket, Prefix=key)
            found += sum(one["Key"] == key for one in listed.get("Contents", []))
        return found

    def letters(self) -> list[dict[str, Any]]:
        """Return and remove all notifications that have come."""
        return [json.loads(body) for body in self._take_all(self.mailbox_url)]

    def take_inspection_dead_letters(self) -> list[str]:
        return self._take_all(self.inspection_dead_letter_url)

    def _take_all(self, queue_url: str) -> list[str]:
        sqs, bodies = self.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def heal(self) -> None:
        """Switch every fault off."""
        self.set_faults()
        for switch in self.switches.values():
            switch.release()

    def start_afresh(self) -> None:
        """Bring the stack to where a test begins: nothing waits, nothing is wrong, the model rests."""
        self.heal()
        self.set_model(status="TRAINING_COMPLETED")
        self.client("sqs").purge_queue(QueueUrl=self.inspection_url)
        self._take_all(self.inspection_dead_letter_url)
        self.letters()


def letter_id(version: ObjectVersion) -> str:
    """The id of a version's notification."""
    return f"{keys.photo_id(version.bucket, version.key)}-{keys.version_digest(version)}"


def stack_folder(base: Path) -> Path:
    """Folder that all test processes of a run share."""
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
