"""Settings, deployer, restore and deletion of the stack with the commands of the guide."""

import pytest

from tests.local.stack.pipeline import wait_for
from tests.pictures import gradients, jpeg_of
from tests.template.cloudformation import TEMPLATE, load

pytestmark = pytest.mark.local

PHOTO, ANOTHER = jpeg_of(gradients(320, 240)), jpeg_of(gradients(200, 100))


def test_older_sessions_of_the_api_are_revoked(shell, pipeline):
    iam, role = pipeline.client("iam"), pipeline.resource_name("ApiFunctionRole")
    before = iam.list_role_policies(RoleName=role)["PolicyNames"]
    shell("keys", "aws iam put-role-policy")
    [statement] = iam.get_role_policy(RoleName=role, PolicyName="RevokeOlderSessions")["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    shell("keys", "aws lambda update-function-configuration")
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == before


def test_keys_settings_and_concurrency_are_shown(shell):
    shown = shell("keys", "aws s3api get-bucket-encryption")
    assert shown.count('"SSEAlgorithm": "AES256"') == 2
    assert '"SqsManagedSseEnabled": "true"' in shown
    assert "LogRetentionDays\t30" in shell("upgrade", "aws cloudformation describe-stacks")
    assert int(shell("quota", "aws lambda get-account-settings")) > 0


def test_runtime_of_each_function_is_shown(shell):
    shown = shell("upgrade", "aws lambda list-functions").splitlines()
    resources = load(TEMPLATE.read_text())["Resources"]
    functions = {name for name, one in resources.items() if one["Type"] == "AWS::Serverless::Function"}
    # Sessions inspect the images of this stack, so it lacks this function.
    assert len(shown) == len(functions - {"InspectImagesFunction"})


def test_role_gets_the_deployer_policy(shell, pipeline):
    iam = pipeline.client("iam")
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    shell("deployer", "sam deploy", STAGE="dev")
    shown = shell("deployer", "output() {", STAGE="dev", DEPLOYER_ROLE="deployer")
    (attached,) = iam.list_attached_role_policies(RoleName="deployer")["AttachedPolicies"]
    assert attached["PolicyName"].startswith("image-recognition-dev-deployer-DeployPolicy-")
    assert shown.startswith(
        "AWS_STACK_ROLE_ARN=arn:aws:iam::000000000000:role/image-recognition-dev-deployer-StackRole-"
    )
    assert shown.endswith(" make deploy STAGE=dev\n")


def test_older_version_of_an_image_is_restored(shell, pipeline):
    key = "private/restored/uploads/photo.jpg"
    older = pipeline.upload(key, PHOTO)
    pipeline.finished(older)
    newer = pipeline.upload(key, ANOTHER)
    pipeline.finished(newer)
    shell("restore", "aws s3api list-object-versions", KEY=key, VERSION=older.version_id)
    assert pipeline.read(key) == PHOTO
    wait_for(lambda: pipeline.photo(newer)["object"]["version_id"] not in (older.version_id, newer.version_id))


def test_records_are_copied_from_a_restored_table(shell, pipeline):
    version = pipeline.upload("private/lost/uploads/photo.jpg", PHOTO)
    record = pipeline.finished(version)
    dynamodb = pipeline.client("dynamodb")
    # The engine restores the present state whatever the time is, so the loss comes after the restore.
    shell("restore", "aws dynamodb restore-table-to-point-in-time")
    dynamodb.delete_item(TableName=pipeline.table, Key={"pk": {"S": record["pk"]}, "sk": {"S": record["sk"]}})
    shell("restore", ".venv/bin/python -")
    assert pipeline.record(version) == record
    shell("restore", "aws dynamodb delete-table")
    assert f"{pipeline.table}-restored" not in dynamodb.list_tables()["TableNames"]


def test_deletion_leaves_nothing(doomed_shell, doomed):
    shell = doomed_shell
    version = doomed.upload("private/removed/uploads/photo.jpg", PHOTO)
    doomed.finished(version)
    names = {output: doomed.stack.outputs[output] for output in ("ImageBucketName", "ResultsBucketName")}

    shell("removal", "sam delete", answers="y\n" * 9)

    s3, dynamodb = doomed.client("s3"), doomed.client("dynamodb")
    assert set(names.values()) <= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert doomed.client("lambda").list_functions()["Functions"] == []
    assert doomed.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert doomed.client("logs").describe_log_groups()["logGroups"] == []
    shell("removal", "for bucket in")
    assert not set(names.values()) & {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert dynamodb.list_tables()["TableNames"] == []
    assert doomed.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"] == []
