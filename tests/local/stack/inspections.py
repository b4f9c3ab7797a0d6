"""Short words for what the tests do with the inspection of a deployed stack, through the wire as any user would."""

import json
from typing import Any

from tests.local.stack.pipeline import Pipeline, wait_for
from vision.domain.objects import ObjectVersion


class Inspections:
    """The inspection of a pipeline, and a queue that hears what people are told."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        outputs = pipeline.stack.outputs
        self.results = outputs["ResultsBucketName"]
        self.queue_url = outputs["InspectionQueueUrl"]
        self.dead_letter_url = outputs["InspectionDeadLetterQueueUrl"]
        sqs = pipeline.client("sqs")
        self._heard_url = sqs.create_queue(QueueName="what-people-hear")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=self._heard_url, AttributeNames=["QueueArn"])["Attributes"]
        allowed = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": attributes["QueueArn"],
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        sqs.set_queue_attributes(QueueUrl=self._heard_url, Attributes={"Policy": policy})
        pipeline.client("sns").subscribe(
            TopicArn=outputs["QualityTopicArn"], Protocol="sqs", Endpoint=attributes["QueueArn"]
        )
        self._heard: list[dict[str, Any]] = []

    def moved(self, version: ObjectVersion) -> dict[str, Any]:
        """Wait until a version was judged and is gone from where it was uploaded; return its record."""
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
        """Return an object of the results bucket as S3 answers, with its content as bytes."""
        answer = self.pipeline.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])
        return answer | {"Body": answer["Body"].read()}

    def result(self, record: dict[str, Any]) -> dict[str, Any]:
        return json.loads(self.read(record["result"])["Body"])

    def send(self, *bodies: Any) -> None:
        """Put messages into the inspection queue."""
        for body in bodies:
            text = body if isinstance(body, str) else json.dumps(body)
            self.pipeline.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=text)

    def wait_until_drained(self) -> None:
        wait_for(lambda: self.pipeline.depth(self.queue_url) == 0)

    def dead_letters(self) -> int:
        return self.pipeline.depth(self.dead_letter_url)

    def heard(self, version: ObjectVersion) -> list[dict[str, Any]]:
        """What people have been told of a version so far."""
        sqs = self.pipeline.client("sqs")
        while messages := sqs.receive_message(QueueUrl=self._heard_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._heard.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self._heard_url, ReceiptHandle=message["ReceiptHandle"])
        return [told for told in self._heard if told["object"] == {"bucket": version.bucket, "key": version.key}]
