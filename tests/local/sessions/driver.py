"""What the tests do with a deployed Custom Labels stack: sessions, their faults and their results."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from local.demo.labelled_pictures import LABELLED_PICTURES_DIR
from local.stack.local_stack import Stack, StackFiles
from tests.local.sessions.switch import DynamoDBSwitch
from tests.local.stack.pipeline import Pipeline, entered_states, wait_for
from tests.local.stack.roles import statement_removed
from vision.domain import keys
from vision.domain.inspection import results
from vision.domain.objects import ObjectVersion

FUNCTIONS = ("CheckQueueFunction", "StartModelFunction", "DrainQueueFunction", "StopModelFunction")

# Poll interval of a worker, and visibility timeout of its messages; 10 seconds and 2 minutes on AWS.
QUICK = {"POLL_SECONDS": "1", "HIDDEN_SECONDS": "2"}
# Seconds that the model takes to start and to stop; minutes on AWS.
DURATIONS = {"start_seconds": 0.3, "stop_seconds": 0.3}
SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


@cache
def picture(label: str = "vehicle") -> bytes:
    """A drawing that the model was not trained on."""
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
        self.mailbox_url, arn = self.open_queue(f"mailbox-{uuid.uuid4().hex[:8]}")
        raw = {"RawMessageDelivery": "true"}
        topic_arn = stack.outputs["QualityTopicArn"]
        self.client("sns").subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, Attributes=raw)

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
        """Change a function's configuration for the time of the context."""
        before = self.configure(logical_id, variables, **options)
        try:
            yield
        finally:
            self.configure(logical_id, **before)

    @contextmanager
    def throttled(self, logical_id: str) -> Iterator[None]:
        """Let Lambda throttle each invocation of a function, as when the account's concurrency is used up."""
        functions, name = self.client("lambda"), self.resource_name(logical_id)
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        try:
            yield
        finally:
            functions.delete_function_concurrency(FunctionName=name)

    def without(self, logical_id: str, sid: str) -> AbstractContextManager[None]:
        """Remove a statement from a function's role for the time of the context."""
        return statement_removed(self, logical_id, sid)

    @contextmanager
    def waits_for_stop(self, seconds: int) -> Iterator[None]:
        """Set how long sessions wait for their model to stop: an hour as deployed, whatever the wait scale is."""
        states = self.client("stepfunctions")
        before = states.describe_state_machine(stateMachineArn=self.session_arn)["definition"]
        changed = before.replace("$number('3600')", f"$number('{seconds}')")
        assert changed != before
        states.update_state_machine(stateMachineArn=self.session_arn, definition=changed)
        try:
            yield
        finally:
            states.update_state_machine(stateMachineArn=self.session_arn, definition=before)

    def kill_all(self) -> None:
        """Kill the idle execution environments of a session's functions; the next invocations start new ones."""
        for name in FUNCTIONS:
            self.kill(name)

    def kill_held(self, logical_id: str) -> None:
        """Kill the workers of a function once its switch holds a request; the next ones are not held."""
        switch = self.switches[logical_id]
        wait_for(lambda: switch.held)
        switch.pass_new()
        assert self.kill(logical_id) > 0
        switch.release()

    def abort_held(self, logical_id: str, execution_arn: str) -> None:
        """Abort a session while a function's switch holds a request, and then release it."""
        wait_for(lambda: self.switches[logical_id].held)
        self.abort(execution_arn)
        self.switches[logical_id].release()

    def logged(self, text: str, since_milliseconds: int) -> bool:
        """Return whether a function has logged a text."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = self.resource_name("FunctionLogs")
        found = pages.paginate(logGroupName=group, startTime=since_milliseconds)
        return any(text in event["message"] for page in found for event in page["events"])

    # The model

    def set_model(self, **behaviour: Any) -> None:
        """Set the behaviour of the model, with its usual durations unless others are given."""
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
        """Run the watchdog once, as its schedule does every ten minutes."""
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
        """Set after how many receives a message goes to the dead-letter queue; five as deployed."""
        sqs, name = self.client("sqs"), "RedrivePolicy"
        before = sqs.get_queue_attributes(QueueUrl=self.inspection_url, AttributeNames=[name])["Attributes"]
        changed = json.dumps(json.loads(before[name]) | {"maxReceiveCount": times})
        sqs.set_queue_attributes(QueueUrl=self.inspection_url, Attributes={name: changed})
        try:
            yield
        finally:
            sqs.set_queue_attributes(QueueUrl=self.inspection_url, Attributes=before)

    def done(self, versions: list[ObjectVersion]) -> int:
        """Number of versions with a verdict."""
        return sum("verdict" in self.record(version) for version in versions)

    def results(self, version: ObjectVersion) -> int:
        """Number of result files of a version."""
        listed = self.client("s3").list_object_versions(Bucket=self.results_bucket, Prefix=results.result_key(version))
        return len({one["Key"] for one in listed.get("Versions", [])})

    def copies(self, version: ObjectVersion) -> int:
        """Number of copies of a version below analyzed/."""
        keys_of_version = [results.analyzed_key(version, verdict) for verdict in results.Judgement]
        found = 0
        for key in keys_of_version:
            listed = self.client("s3").list_objects_v2(Bucket=self.results_bucket, Prefix=key)
            found += sum(one["Key"] == key for one in listed.get("Contents", []))
        return found

    def letters(self) -> list[dict[str, Any]]:
        """Delete all notifications and return them."""
        return [json.loads(body) for body in self.take_messages(self.mailbox_url)]

    def take_inspection_dead_letters(self) -> list[str]:
        return self.take_messages(self.inspection_dead_letter_url)

    def clear_faults(self) -> None:
        """Switch every fault off."""
        self.set_faults()
        for switch in self.switches.values():
            switch.release()

    def start_afresh(self) -> None:
        """Reset the stack for a test: no faults, empty queues, a stopped model."""
        self.clear_faults()
        self.set_model(status="TRAINING_COMPLETED")
        self.client("sqs").purge_queue(QueueUrl=self.inspection_url)
        self.take_inspection_dead_letters()
        self.letters()


def letter_id(version: ObjectVersion) -> str:
    """The id of a version's notification."""
    return f"{keys.photo_id(version.bucket, version.key)}-{keys.version_digest(version)}"
