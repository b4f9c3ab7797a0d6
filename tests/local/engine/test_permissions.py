"""Roles are enforced: what a function's role does not allow, the function cannot do."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local.engine.account import ACCOUNT_ID, REGION, unique
from tests.local.engine.language import PASS, machine

pytestmark = pytest.mark.local

# Makes the call that its event describes and answers with its error code, or with None.
CALLER = """
import boto3
from botocore.exceptions import ClientError
def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["call"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
"""


def caller(account, *statements: dict) -> str:
    return account.function(CALLER, account.role(list(statements)))


def allow(action: str, resource: str = "*") -> dict:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def call(account, function: str, service: str, call: str, **arguments: object) -> str | None:
    return account.invoke(function, {"service": service, "call": call, "arguments": arguments})


@pytest.fixture(scope="module")
def resources(account) -> dict[str, tuple[str, str, dict, str, str]]:
    """Give for each service the call, its arguments, its IAM action and its resource."""
    bucket, table = account.bucket(versioned=True), unique("table")
    version = account.client("s3").put_object(Bucket=bucket, Key="a b+é.jpg", Body=b"not a photo")["VersionId"]
    account.client("dynamodb").create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    url, queue = account.queue()
    workflow = account.state_machine(machine(A=PASS))
    item = {"id": {"S": "1"}}
    table_arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{table}"
    object_arn = f"arn:aws:s3:::{bucket}/*"
    return {
        "s3 read": ("s3", "get_object", {"Bucket": bucket, "Key": "a b+é.jpg"}, "s3:GetObject", object_arn),
        "s3 read of a version": (
            "s3",
            "get_object",
            {"Bucket": bucket, "Key": "a b+é.jpg", "VersionId": version},
            "s3:GetObjectVersion",
            object_arn,
        ),
        "s3 write": ("s3", "put_object", {"Bucket": bucket, "Key": "b", "Body": "b"}, "s3:PutObject", object_arn),
        "dynamodb": ("dynamodb", "put_item", {"TableName": table, "Item": item}, "dynamodb:PutItem", table_arn),
        "sqs": ("sqs", "send_message", {"QueueUrl": url, "MessageBody": "m"}, "sqs:SendMessage", queue),
        "states": (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": workflow},
            "states:StartExecution",
            workflow,
        ),
    }


SERVICES = ["s3 read", "s3 read of a version", "s3 write", "dynamodb", "sqs", "states"]


@pytest.fixture(scope="module")
def powerless(account) -> str:
    return caller(account, allow("logs:*"))


@pytest.fixture(scope="module")
def exactly_allowed(account, resources) -> str:
    return caller(account, *(allow(action, arn) for *_, action, arn in resources.values()))


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_without_the_permission_is_refused(account, resources, powerless, service):
    name, operation, arguments, _, _ = resources[service]
    assert call(account, powerless, name, operation, **arguments) in ("AccessDenied", "AccessDeniedException")


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_with_the_permission_on_the_exact_resource_passes(account, resources, exactly_allowed, service):
    name, operation, arguments, _, _ = resources[service]
    assert call(account, exactly_allowed, name, operation, **arguments) is None


def image(resources: dict, versioned: bool = False) -> dict:
    arguments = resources["s3 read of a version"][2]
    found = {"Bucket": arguments["Bucket"], "Name": arguments["Key"]}
    return {"S3Object": {**found, "Version": arguments["VersionId"]} if versioned else found}


def test_detect_labels_needs_its_permission(account, resources):
    function = caller(account, allow("s3:*"))
    code = call(account, function, "rekognition", "detect_labels", Image=image(resources))
    assert code == "AccessDeniedException"


@pytest.mark.parametrize(("versioned", "action"), [(False, "s3:GetObjectVersion"), (True, "s3:GetObject")])
def test_detect_labels_reads_the_object_with_the_permissions_of_its_caller(account, resources, versioned, action):
    function = caller(account, allow("rekognition:DetectLabels"), allow(action))
    code = call(account, function, "rekognition", "detect_labels", Image=image(resources, versioned))
    assert code == "InvalidS3ObjectException"


@pytest.mark.parametrize(("versioned", "action"), [(False, "s3:GetObject"), (True, "s3:GetObjectVersion")])
def test_detect_labels_sees_an_object_that_its_caller_may_read(account, resources, versioned, action):
    function = caller(account, allow("rekognition:DetectLabels"), allow(action))
    code = call(account, function, "rekognition", "detect_labels", Image=image(resources, versioned))
    assert code == "InvalidImageFormatException"


def test_detect_labels_of_a_missing_object_is_an_invalid_object(account, resources):
    missing = {"S3Object": {"Bucket": image(resources)["S3Object"]["Bucket"], "Name": "missing.jpg"}}
    function = caller(account, allow("rekognition:*"), allow("s3:*"))
    assert call(account, function, "rekognition", "detect_labels", Image=missing) == "InvalidS3ObjectException"


def test_detect_labels_of_a_bucket_of_another_region_is_an_invalid_object(account):
    # Bucket and operation must be of the same Region:
    # https://docs.aws.amazon.com/rekognition/latest/APIReference/API_S3Object.html
    there = account.client("s3", region_name="eu-west-1")
    name = unique("elsewhere")
    there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there.put_object(Bucket=name, Key="a.jpg", Body=b"image")
    asked = {"S3Object": {"Bucket": name, "Name": "a.jpg"}}
    function = caller(account, allow("rekognition:*"), allow("s3:*"))
    assert call(account, function, "rekognition", "detect_labels", Image=asked) == "InvalidS3ObjectException"


def test_a_model_is_authorized_by_its_arn(account):
    project = f"arn:aws:rekognition:{REGION}:{ACCOUNT_ID}:project/cats"
    other = allow("rekognition:StopProjectVersion", f"{project}/version/2/*")
    version = f"{project}/version/1/1700000000000"
    code = call(account, caller(account, other), "rekognition", "stop_project_version", ProjectVersionArn=version)
    assert code == "AccessDeniedException"


def test_a_state_machine_invokes_only_what_its_role_allows(account, echo):
    definition = machine(A={"Type": "Task", "Resource": echo, "End": True})
    role = account.role([allow("lambda:InvokeFunction", f"{echo}-other")])
    execution = account.end(account.start(account.state_machine(definition, role)))
    assert execution["error"] == "Lambda.AWSLambdaException"
    assert "not authorized to perform: lambda:InvokeFunction" in execution["cause"]


def test_a_state_machine_invokes_what_its_role_allows(account, echo):
    definition = machine(A={"Type": "Task", "Resource": echo, "End": True})
    role = account.role([allow("lambda:InvokeFunction", echo)])
    assert account.end(account.start(account.state_machine(definition, role)))["status"] == "SUCCEEDED"


@pytest.mark.parametrize("missing", ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"])
def test_a_queue_triggers_only_a_function_whose_role_may_read_it(account, missing):
    _, queue = account.queue()
    actions = {"ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} - {missing}
    function = caller(account, *(allow(f"sqs:{action}", queue) for action in actions))
    with pytest.raises(ClientError, match=f"does not have permissions to call {missing} on SQS"):
        account.client("lambda").create_event_source_mapping(EventSourceArn=queue, FunctionName=function)


def test_a_bucket_that_demands_tls_takes_the_requests_of_the_sdk(account):
    bucket = account.bucket()
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    account.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    function = caller(account, allow("s3:PutObject"))
    assert call(account, function, "s3", "put_object", Bucket=bucket, Key="k", Body="b") is None


def test_a_key_that_nobody_issued_is_refused(engine):
    arguments = {**engine.client_arguments, "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE"}
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        boto3.client("s3", **arguments).list_buckets()
