"""Bulk runs as users start and watch them."""

import hashlib
import io
import json
import uuid
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tests.local.stack.pipeline import Pipeline, wait_for
from vision.adapters import event_bus

SOURCE, REQUESTED = event_bus.SOURCE, "Bulk Run Requested"
# The event of the AWS sample for Distributed Map.
OLDER_SOURCE, OLDER_REQUESTED = "serverless-data-processing", "ServerlessDataProcessing"

# Buckets in the parameter BulkBucketArns: an ordinary one, one that the run may not list, one whose objects it may not
# read, one that does not exist, and one of an older system.
OWN, DENIED, SEALED, MISSING, OLDER = "bulk-own", "bulk-denied", "bulk-sealed", "bulk-missing", "bulk-older"


def photo(number: int) -> bytes:
    """A small JPEG, different for each number."""
    colour = hashlib.sha256(str(number).encode()).digest()[:3]
    content = io.BytesIO()
    Image.new("RGB", (160, 120), tuple(colour)).save(content, "JPEG", comment=str(number).encode())
    return content.getvalue()


@dataclass(frozen=True)
class Bulk:
    """Bulk runs over a prefix of a test's own."""

    pipeline: Pipeline
    prefix: str
    bucket: str

    @classmethod
    def of(cls, pipeline: Pipeline, bucket: str = "") -> "Bulk":
        return cls(pipeline, f"bulk-{uuid.uuid4().hex[:8]}/", bucket or pipeline.bucket)

    @property
    def machine_arn(self) -> str:
        return self.pipeline.stack.outputs["ProcessBucketStateMachineArn"]

    def put(self, contents: dict[str, bytes]) -> None:
        for name, content in contents.items():
            self.pipeline.client("s3").put_object(Bucket=self.bucket, Key=f"{self.prefix}{name}", Body=content)

    def put_photos(self, count: int) -> None:
        self.put({f"{number:04}.jpg": photo(number) for number in range(count)})

    def start(self, **request: Any) -> str:
        """Start an execution over the prefix, or over what the request names."""
        content = {"bucket": self.bucket, "prefix": self.prefix} | request
        started = self.pipeline.client("stepfunctions").start_execution(
            stateMachineArn=self.machine_arn, input=json.dumps(content)
        )
        return started["executionArn"]

    def run(self, **request: Any) -> dict[str, Any]:
        """Run to success and return the summary."""
        ended = self.pipeline.closed(self.start(**request))
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    def refused(self, **request: Any) -> tuple[str, str]:
        """Run to failure and return error and cause."""
        ended = self.pipeline.closed(self.start(**request))
        assert ended["status"] == "FAILED", ended
        return ended["error"], ended["cause"]

    def ask(self, detail: Any, times: int = 1, source: str = SOURCE, detail_type: str = REQUESTED) -> None:
        """Put events on the bus that request a run."""
        entry = {
            "EventBusName": self.pipeline.stack.outputs["VisionEventBusName"],
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
        }
        self.pipeline.client("events").put_events(Entries=[entry] * times)

    def executions(self) -> list[str]:
        """The executions whose input names this prefix."""
        states = self.pipeline.client("stepfunctions")
        arns = [one["executionArn"] for one in states.list_executions(stateMachineArn=self.machine_arn)["executions"]]
        return [arn for arn in arns if self.prefix in states.describe_execution(executionArn=arn)["input"]]

    def record(self, execution_arn: str) -> dict[str, Any]:
        return self.pipeline.item(f"RUN#{execution_arn.rsplit(':', 1)[-1]}", "SUMMARY")

    def summary_file(self, run: dict[str, Any]) -> dict[str, Any]:
        """Content of the summary that a run has written, by its record or output."""
        place = run["results"]
        key = f"{place['prefix']}summary.json"
        return json.loads(self.pipeline.client("s3").get_object(Bucket=place["bucket"], Key=key)["Body"].read())

    def image_records(self) -> list[dict[str, Any]]:
        """The records of this prefix."""
        found = self.pipeline.client("dynamodb").scan(
            TableName=self.pipeline.table,
            FilterExpression="begins_with(#o.#k, :prefix) AND record_type = :image",
            ExpressionAttributeNames={"#o": "object", "#k": "key"},
            ExpressionAttributeValues={":prefix": {"S": self.prefix}, ":image": {"S": "image"}},
        )
        return [self.pipeline.item(item["pk"]["S"], item["sk"]["S"]) for item in found["Items"]]

    def calls(self) -> int:
        """Number of DetectLabels calls since the last call of this method."""
        return self.pipeline.counters(reset=True)["calls"].get("DetectLabels", 0)

    def map_run(self, execution_arn: str) -> dict[str, Any]:
        """The Map Run of an execution, or {} before there is one."""
        states = self.pipeline.client("stepfunctions")
        runs = states.list_map_runs(executionArn=execution_arn)["mapRuns"]
        return states.describe_map_run(mapRunArn=runs[0]["mapRunArn"]) if runs else {}

    def wait_until_recorded(self, count: int = 1) -> None:
        wait_for(lambda: len(self.image_records()) >= count)

    def dead_letters(self) -> list[str]:
        """Messages of the dead-letter queue about this prefix."""
        sqs, url = self.pipeline.client("sqs"), self.pipeline.resource_name("BulkDeadLetterQueue")
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        return [message["Body"] for message in found if self.prefix in message["Body"]]
