"""IAM roles are enforced: each permission of the template is needed, and no other is granted."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.stack.deployment import STACK_NAME
from tests.local.stack.pipeline import wait_for
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

# Calls that no function needs, except those in DELETING.
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

DELETING: dict[str, list[str]] = {
    "ApiFunction": ["s3.delete_object", "dynamodb.scan"],
    "StartProcessingFunction": ["s3.delete_object"],
    "StoreMetadataFunction": ["s3.delete_object"],
    "TrackExecutionFunction": ["s3.delete_object"],
}


@pytest.fixture
def without(pipeline):
    yield from without_statement(pipeline)


@pytest.mark.parametrize(
    ("function", "sids", "status"),
    [
        ("ExtractMetadataFunction", ["ReadUploads"], "FAILED"),
        # Without permission to list, S3 does not distinguish a missing object from a forbidden one.
        ("ExtractMetadataFunction", ["TellMissingFromForbidden", "ReadUploads"], "FAILED"),
        ("DetectLabelsFunction", ["DetectLabels"], "PARTIAL"),
        # Rekognition does not distinguish a missing object from a forbidden one; S3 does.
        ("DetectLabelsFunction", ["LetRekognitionReadUploads"], "PARTIAL"),
        ("GenerateThumbnailFunction", ["ReadUploads"], "PARTIAL"),
        ("GenerateThumbnailFunction", ["WriteThumbnails"], "PARTIAL"),
        # TrackExecution writes the record that StoreMetadata cannot write.
        ("StoreMetadataFunction", ["WriteRecords"], "FAILED"),
    ],
)
def test_missing_permission_is_named_in_the_record(pipeline, upload, without, function, sids, status):
    for sid in sids:
        without(function, sid)
    record = pipeline.finished(upload("denied.jpg", PHOTO))
    assert record["status"] == status, record["error"]
    assert record["error"]["name"] == "AccessDenied"


def test_image_that_cannot_be_started_goes_to_the_dead_letter_queue(pipeline, upload, without):
    without("StartProcessingFunction", "StartExecutions")
    with pipeline.visibility_timeout(pipeline.queue_url, 1):
        version = upload("unstarted.jpg", PHOTO)
        wait_for(lambda: pipeline.depth(pipeline.dead_letter_url) == 1)
    assert pipeline.record(version)["status"] == "PENDING"
    [message] = pipeline.take_dead_letters()
    assert json.loads(message)["detail"]["object"]["key"] == version.key


def test_list_of_functions_is_complete(pipeline):
    pages = pipeline.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK_NAME)
    functions = [
        resource["LogicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::Lambda::Function"
    ]
    assert sorted(functions) == FUNCTIONS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_has_no_permission_that_it_does_not_need(pipeline, function):
    arn = f"arn:aws:iam::000000000000:role/{pipeline.resource_name(f'{function}Role')}"
    assumed = pipeline.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    credentials = {
        "aws_access_key_id": assumed["AccessKeyId"],
        "aws_secret_access_key": assumed["SecretAccessKey"],
        "aws_session_token": assumed["SessionToken"],
    }
    names = {"BUCKET": pipeline.bucket, "TABLE": pipeline.table, "QUEUE": pipeline.queue_url}
    allowed = []
    for service, operation, arguments in FOREIGN_CALLS:
        client = boto3.client(service, **pipeline.stack.client_arguments() | credentials)
        filled = {
            name: names.get(value, value) if isinstance(value, str) else value for name, value in arguments.items()
        }
        try:
            getattr(client, operation)(**filled)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                continue
        allowed.append(f"{service}.{operation}")
    assert allowed == DELETING.get(function, [])
