"""What the tests do with the inspection of a deployed stack, through its public APIs as any user does."""

import json
from typing import Any

from tests.local.stack.pipeline import Pipeline, wait_for
from vision.domain.objects import ObjectVersion


class Inspections:
    """The inspection of a pipeline, and a queue that is subscribed to its notifications."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        outputs = pipeline.stack.outputs
        self.results = outputs["ResultsBucketName"]
        self.queue_url = outputs["InspectionQueueUrl"]
        self.dead_letter_url = outputs["InspectionDeadLetterQueueUrl"]
        self._heard_url, arn = pipeline.open_queue("notifications")
        pipeline.client("sns").subscribe(TopicArn=outputs["QualityTopicArn"], Protocol="sqs", Endpoint=arn)
        self._heard: list[dict[str, Any]] = []

    def moved(self, version: ObjectVersion) -> dict[str, Any]:
        """Wait until a version has a verdict and its upload is deleted; return its record."""
        record = self.pipeline.finished(version)
        wait_for(lambda: not self.is_there(version))
        return record

    def is_there(self, version: ObjectVersion) -> bool:
        s3 = self.pipeline.client("s3")
        try:
            s3.head_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
        except s3.exceptions.ClientError:
            return False
        return True

    def read(self, place: dict[str, str]) -> dict[str, Any]:
        """Return the answer of S3 for an object of the results bucket, with its content as bytes."""
        answer = self.pipeline.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])
        return answer | {"Body": answer["Body"].read()}

    def result(self, record: dict[str, Any]) -> dict[str, Any]:
        return json.loads(self.read(record["result"])["Body"])

    def send(self, *bodies: Any) -> None:
        """Send messages to the inspection queue."""
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.pipeline.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=text)

    def wait_until_drained(self) -> None:
        wait_for(lambda: self.pipeline.depth(self.queue_url) == 0)

    def dead_letters(self) -> int:
        return self.pipeline.depth(self.dead_letter_url)

    def heard(self, version: ObjectVersion) -> list[dict[str, Any]]:
        """The notifications about a version so far."""
        self._heard += [
            json.loads(json.loads(body)["Message"]) for body in self.pipeline.take_messages(self._heard_url)
        ]
        return [
            message for message in self._heard if message["object"] == {"bucket": version.bucket, "key": version.key}
        ]
