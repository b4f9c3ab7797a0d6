"""Roles are enforced: a function can do only what its role allows."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.engine.account import ACCOUNT_ID, REGION, unique
from tests.local.engine.language import PASS, machine

pytestmark = pytest.mark.local

# Makes the call that its event describes and returns its error code, or None.
CALLER = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["call"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
"""


def allow(action: str, resource: str = "*") -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def caller(account, *statements: dict) -> str:
    return account.function(CALLER, account.role(list(statements)))


def call(account, function: str, service: str, call: str, **arguments: object) -> str | None:
    return account.invoke(function, {"service": service, "call": call, "arguments": arguments})


@pytest.fixture(scope="module")
def not_an_image(account) -> dict[str, str]:
    bucket, key = account.bucket(versioned=True), "a b+é.jpg"
    version = account.client("s3").put_object(Bucket=bucket, Key=key, Body=b"not a photo")["VersionId"]
    return {"Bucket": bucket, "Key": key, "VersionId": version}


@pytest.fixture
def calls(account, not_an_image) -> list[tuple[str, str, dict, str, str]]:
    """Client, call, its arguments, its IAM action and its resource."""
    bucket, table, workflow = (
        {"Bucket": not_an_image["Bucket"]},
        account.table(),
        account.state_machine(machine(A=PASS)),
    )
    url, queue = account.queue()
    item, message = {"TableName": table, "Item": {"id": {"S": "1"}}}, {"QueueUrl": url, "MessageBody": "m"}
    table_arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{table}"
    objects = f"arn:aws:s3:::{bucket['Bucket']}/*"
    return [
        ("s3", "get_object", {**bucket, "Key": not_an_image["Key"]}, "s3:GetObject", objects),
        ("s3", "get_object", not_an_image, "s3:GetObjectVersion", objects),
        ("s3", "put_object", {**bucket, "Key": "b", "Body": "b"}, "s3:PutObject", objects),
        ("dynamodb", "put_item", item, "dynamodb:PutItem", table_arn),
        ("sqs", "send_message", message, "sqs:SendMessage", queue),
        ("stepfunctions", "start_execution", {"stateMachineArn": workflow}, "states:StartExecution", workflow),
    ]


def test_role_needs_the_permission_on_the_exact_resource(account, calls):
    not_allowed = caller(account, allow("logs:*"))
    exactly_allowed = caller(account, *(allow(action, arn) for *_, action, arn in calls))
    for service, operation, arguments, *_ in calls:
        refused = call(account, not_allowed, service, operation, **arguments)
        assert refused in ("AccessDenied", "AccessDeniedException"), operation
        assert call(account, exactly_allowed, service, operation, **arguments) is None, operation


# Rekognition reads the object with the permissions of its caller


@pytest.fixture
def detect_labels(account):
    """Call DetectLabels on an object with a role that allows these actions; return the error code."""

    def detect(bucket: str, key: str, *actions: str, **version: str) -> str | None:
        image = {"S3Object": {"Bucket": bucket, "Name": key, **version}}
        function = caller(account, *(allow(action) for action in actions))
        return call(account, function, "rekognition", "detect_labels", Image=image)

    return detect


def test_detect_labels_reads_an_object_or_a_version_that_its_caller_may(detect_labels, not_an_image):
    bucket, key, version = not_an_image["Bucket"], not_an_image["Key"], {"Version": not_an_image["VersionId"]}
    assert detect_labels(bucket, key, "s3:*") == "AccessDeniedException"
    read, unread = "InvalidImageFormatException", "InvalidS3ObjectException"
    for action, of_the_object, of_the_version in (
        ("s3:GetObject", read, unread),
        ("s3:GetObjectVersion", unread, read),
    ):
        assert detect_labels(bucket, key, "rekognition:DetectLabels", action) == of_the_object
        assert detect_labels(bucket, key, "rekognition:DetectLabels", action, **version) == of_the_version


def test_detect_labels_refuses_a_missing_object_and_another_region(account, detect_labels, not_an_image):
    everything = ("rekognition:*", "s3:*")
    assert detect_labels(not_an_image["Bucket"], "missing.jpg", *everything) == "InvalidS3ObjectException"
    # Bucket and operation must be of the same Region:
    # https://docs.aws.amazon.com/rekognition/latest/APIReference/API_S3Object.html
    elsewhere, name = account.client("s3", region_name="eu-west-1"), unique("elsewhere")
    elsewhere.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    elsewhere.put_object(Bucket=name, Key="a.jpg", Body=b"image")
    assert detect_labels(name, "a.jpg", *everything) == "InvalidS3ObjectException"


def test_model_is_authorized_by_its_arn(account):
    project = f"arn:aws:rekognition:{REGION}:{ACCOUNT_ID}:project/cats"
    function = caller(account, allow("rekognition:StopProjectVersion", f"{project}/version/2/*"))
    version = {"ProjectVersionArn": f"{project}/version/1/1700000000000"}
    assert call(account, function, "rekognition", "stop_project_version", **version) == "AccessDeniedException"


# State machines, triggers, bucket policies and keys


def test_state_machine_invokes_only_functions_that_its_role_allows(account, echo):
    definition = machine(A={"Type": "Task", "Resource": echo, "End": True})

    def run(allowed: str) -> dict:
        role = account.role([allow("lambda:InvokeFunction", allowed)])
        return account.end(account.start(account.state_machine(definition, role)))

    refused = run(f"{echo}-other")
    assert refused["error"] == "Lambda.AWSLambdaException"
    assert "not authorized to perform: lambda:InvokeFunction" in refused["cause"]
    assert run(echo)["status"] == "SUCCEEDED"


def test_trigger_is_refused_when_the_role_may_not_read_the_queue(account):
    _, queue = account.queue()
    needed = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
    for missing in needed:
        function = caller(account, *(allow(f"sqs:{action}", queue) for action in needed - {missing}))
        with pytest.raises(ClientError, match=f"does not have permissions to call {missing} on SQS"):
            account.client("lambda").create_event_source_mapping(EventSourceArn=queue, FunctionName=function)


def test_bucket_that_demands_tls_accepts_requests_of_the_sdk(account):
    bucket = account.bucket()
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    function = caller(account, allow("s3:PutObject"))
    assert call(account, function, "s3", "put_object", Bucket=bucket, Key="k", Body="b") is None


def test_unknown_access_key_is_refused(engine):
    arguments = {**engine.client_arguments, "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        boto3.client("s3", **arguments).list_buckets()
