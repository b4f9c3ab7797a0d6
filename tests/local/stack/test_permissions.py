"""Roles are enforced: what the template forgets to allow, these tests would not pass without."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack.deployment import STACK_NAME
from tests.local.stack.pipeline import Pipeline, wait_for
from tests.local.stack.roles import without_statement
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))

FUNCTIONS = [
    "ApiFunction",
    "DetectLabelsFunction",
    "ExtractMetadataFunction",
    "GenerateThumbnailFunction",
    "InspectImagesFunction",
    "OpenRunFunction",
    "PreTokenGenerationFunction",
    "ProcessBatchFunction",
    "StartProcessingFunction",
    "StoreMetadataFunction",
    "SummarizeRunFunction",
    "TrackExecutionFunction",
    "ValidateRulesFunction",
]

# Calls that no function of this workflow makes, but for those that delete photos, or further versions of one form.
FOREIGN_CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("s3", "list_buckets", {}),
    ("s3", "delete_object", {"Bucket": "BUCKET", "Key": "private/a/uploads/a.jpg"}),
    ("dynamodb", "scan", {"TableName": "TABLE"}),
    ("dynamodb", "delete_item", {"TableName": "TABLE", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}}),
    ("sqs", "send_message", {"QueueUrl": "QUEUE", "MessageBody": "{}"}),
    ("rekognition", "detect_faces", {"Image": {"S3Object": {"Bucket": "BUCKET", "Name": "a.jpg"}}}),
    ("stepfunctions", "list_state_machines", {}),
    ("lambda", "list_functions", {}),
    ("iam", "list_roles", {}),
]

ERASING: dict[str, list[str]] = {
    "ApiFunction": ["s3.delete_object", "dynamodb.scan"],
    "StartProcessingFunction": ["s3.delete_object"],
    "StoreMetadataFunction": ["s3.delete_object"],
    "TrackExecutionFunction": ["s3.delete_object"],
}


@pytest.fixture
def without(pipeline: Pipeline) -> Iterator[Callable[[str, str], None]]:
    yield from without_statement(pipeline)


@pytest.mark.parametrize(
    ("function", "sid", "status", "error"),
    [
        ("ExtractMetadataFunction", "ReadUploads", "FAILED", "AccessDenied"),
        ("DetectLabelsFunction", "DetectLabels", "PARTIAL", "AccessDenied"),
        # Rekognition does not say whether an object is missing or forbidden; S3 does.
        ("DetectLabelsFunction", "LetRekognitionReadUploads", "PARTIAL", "AccessDenied"),
        ("GenerateThumbnailFunction", "ReadUploads", "PARTIAL", "AccessDenied"),
        ("GenerateThumbnailFunction", "WriteThumbnails", "PARTIAL", "AccessDenied"),
        # The record cannot be written by its own function, so track_execution does.
        ("StoreMetadataFunction", "WriteRecords", "FAILED", "AccessDenied"),
    ],
)
def test_a_missing_permission_is_told_in_the_record(pipeline, upload, without, function, sid, status, error):
    without(function, sid)
    record = pipeline.finished(upload("denied.jpg", PHOTO))
    assert (record["status"], record["error"]["name"]) == (status, error), record["error"]


def test_an_image_that_could_not_be_started_waits_in_the_dead_letter_queue(pipeline, upload, without):
    sqs = pipeline.client("sqs")
    sqs.set_queue_attributes(QueueUrl=pipeline.queue_url, Attributes={"VisibilityTimeout": "1"})
    without("StartProcessingFunction", "StartExecutions")
    version = upload("unstarted.jpg", PHOTO)
    wait_for(lambda: pipeline.depth(pipeline.dead_letter_url) == 1)
    sqs.set_queue_attributes(QueueUrl=pipeline.queue_url, Attributes={"VisibilityTimeout": "180"})
    assert pipeline.record(version)["status"] == "PENDING"
    [message] = pipeline.take_dead_letters()
    assert json.loads(message)["detail"]["object"]["key"] == version.key


def test_a_missing_object_is_told_from_a_forbidden_one_by_the_permission_to_list(pipeline, upload, without):
    without("ExtractMetadataFunction", "TellMissingFromForbidden")
    without("ExtractMetadataFunction", "ReadUploads")
    assert pipeline.finished(upload("both.jpg", PHOTO))["error"]["name"] == "AccessDenied"


def test_this_list_of_functions_is_complete(pipeline):
    pages = pipeline.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    functions = [
        resource["LogicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    assert sorted(functions) == FUNCTIONS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_nothing_that_it_does_not_need(pipeline, function):
    arn = f"arn:aws:iam::000000000000:role/{pipeline.resource_name(f'{function}Role')}"
    sts = pipeline.client("sts")
    credentials = sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    names = {"BUCKET": pipeline.bucket, "TABLE": pipeline.table, "QUEUE": pipeline.queue_url}
    allowed = []
    for service, operation, arguments in FOREIGN_CALLS:
        client = boto3.client(
            service,
            endpoint_url=pipeline.stack.endpoint_url,
            region_name=pipeline.stack.region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        filled = json.loads(json.dumps(arguments))
        for name, value in filled.items():
            filled[name] = names.get(value, value) if isinstance(value, str) else value
        try:
            getattr(client, operation)(**filled)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                continue
        allowed.append(f"{service}.{operation}")
    assert allowed == ERASING.get(function, [])
