"""The template of a deployer: who may deploy a stage makes all of the template, and nothing of another stage."""

import fnmatch
import json
import re

import pytest

from local.delivery import stages
from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load, resolve, walk
from tests.template.deployer import OWN_MODEL, RESOURCES, STACK, TEXT, calls, denied, may, of, unconditional
from tests.template.iam import ACCOUNT, REGION

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_POLICY_CHARACTERS, MANAGED_POLICY_CHARACTERS = 10_240, 6_144
# Calls that the schemas of CloudFormation name and that nothing in the templates causes, each with its reason; by
# action, or by resource type and action.
NOT_USED = {
    "s3:DeleteBucket": "buckets survive the stack",
    "dynamodb:DeleteTable": "the table survives the stack",
    "cognito-idp:DeleteUserPool": "people survive the stack",
    # Keys
    "AWS::Cognito::* kms:*": "only keys of AWS",
    "AWS::Events::* kms:*": "only keys of AWS",
    "AWS::Lambda::* kms:*": "only keys of AWS",
    "AWS::StepFunctions::* kms:*": "only keys of AWS",
    "AWS::DynamoDB::Table kms:[ED]*crypt": "the policy of AWS's own key lets in who may use DynamoDB",
    "AWS::DynamoDB::Table kms:[LR]*": "the key is AWS's own, and stays",
    "logs:*KmsKey": "only keys of AWS",
    # Functions
    "ec2:*": "no function is in a VPC",
    "elasticfilesystem:*": "no function mounts a file system",
    "s3files:*": "no function mounts a bucket",
    "lambda:[PD]*ProvisionedConcurrencyConfig": "none is provisioned",
    "lambda:[PD]*CodeSigningConfig": "no code is signed",
    "lambda:GetCodeSigningConfig": "no code is signed",
    "lambda:PutFunctionScalingConfig": "no capacity provider",
    "lambda:PassCapacityProvider": "no capacity provider",
    "lambda:PutRuntimeManagementConfig": "the runtime updates by itself",
    "lambda:AssociateRuntimeAlias": "the runtime updates by itself",
    "lambda:*FunctionConcurrency": "none is reserved",
    "codedeploy:RegisterOnPremisesInstance": "only functions are deployed",
    # People, roles and the API
    "cognito-idp:AddCustomAttributes": "people have no custom attributes",
    "AWS::Cognito::* iam:*": "no messages by SMS or SES, no logs of sign-ins, and groups have no role",
    "cloudfront:*": "no custom domain for signing in",
    "iam:*GroupPolicy": "no group",
    "iam:*UserPolicy": "no user",
    "AWS::IAM::ManagedPolicy iam:*tachRolePolicy": "roles name their policies",
    "AWS::ApiGatewayV2::Api s3:*": "the API is not imported",
    # The table
    "AWS::DynamoDB::Table s3:*": "no import of a table",
    "AWS::DynamoDB::Table logs:[CP]*": "no import of a table",
    "AWS::DynamoDB::Table logs:DescribeLogStreams": "no import of a table",
    "dynamodb:*Import*": "no import of a table",
    "dynamodb:*TableReplica": "no global table",
    "AWS::DynamoDB::Table iam:*": "no global table, and no capacity that scales",
    "kinesis:*": "no stream",
    "dynamodb:EnableKinesisStreamingDestination": "no stream",
    "dynamodb:DisableKinesisStreamingDestination": "no stream",
    "dynamodb:UpdateKinesisStreamingDestination": "no stream",
    "dynamodb:UpdateContributorInsights": "not switched on",
    "dynamodb:[PD]*ResourcePolicy": "no policy on the table",
    "dynamodb:*Item": "items are not a deployer's",
    "dynamodb:Query": "items are not a deployer's",
    "dynamodb:Scan": "items are not a deployer's",
    # Buckets
    "s3:DeleteObject": "objects are not a deployer's",
    "s3:PutObjectAcl": "objects are not a deployer's",
    "AWS::S3::Bucket s3:*BucketAcl": "access control lists are off",
    "s3:[CDU]*BucketMetadata*": "no metadata table",
    "s3tables:*": "no metadata table",
    "s3:PutAccelerateConfiguration": "not switched on",
    "s3:PutAnalyticsConfiguration": "not switched on",
    "s3:PutBucketAbac": "not switched on",
    "s3:PutBucketLogging": "no access log",
    "s3:PutInventoryConfiguration": "no inventory",
    "s3:PutIntelligentTieringConfiguration": "no archive tier",
    "s3:PutMetricsConfiguration": "no request metrics",
    "s3:Put*Replication*": "no replica",
    "s3:Put*ObjectLockConfiguration": "no object lock",
    "s3:[PD]*BucketWebsite": "no website",
    **{
        f"s3:DeleteBucket{one}": "IAM has no such action: who may put it may delete it"
        for one in (
            *("AnalyticsConfiguration", "Cors", "Encryption", "Lifecycle", "MetricsConfiguration", "Replication"),
            "Tagging",
        )
    },
    # The rest
    "events:*Permission": "the bus has no policy",
    "firehose:*": "no delivery of logs",
    "s3:REST.PUT.OBJECT": "no delivery of logs",
    "AWS::SNS::Topic iam:GetRole": "no delivery of logs",
    "logs:[PD]*IndexPolicy": "no field index",
    "logs:PutDataProtectionPolicy": "logs carry no personal data",
    "logs:DeleteResourcePolicy": "the one policy for vended logs is the account's",
    "logs:PutBearerTokenAuthentication": "no such endpoint",
    "logs:PutLogGroupDeletionProtection": "log groups go with the stack",
    "sns:PutDataProtectionPolicy": "messages carry no personal data",
    "sns:*ubscribe": "a custom resource of the stack subscribes",
}


def _is_of(call, pattern):
    return fnmatch.fnmatchcase(f"{call.resource_type} {call.action}" if " " in pattern else call.action, pattern)


@pytest.mark.parametrize("resource_type", sorted({call.resource_type for call in calls()}))
def test_stack_role_may_make_each_call_for_a_resource_on_its_arn(resource_type):
    refused = [call for call in denied() if call.resource_type == resource_type]
    assert [call for call in refused if not any(_is_of(call, pattern) for pattern in NOT_USED)] == []


@pytest.mark.parametrize("pattern", NOT_USED)
def test_call_with_a_reason_not_to_be_granted_is_denied(pattern):
    refused = set(denied())
    named = [call for call in calls() if _is_of(call, pattern)]
    assert named
    assert [call for call in named if call not in refused] == []


def test_with_a_boundary_only_its_removal_is_denied_too():
    more = {call.action for call in denied(has_boundary=True)} - {call.action for call in denied()}
    assert more == {"iam:DeleteRolePermissionsBoundary"}


# What a role reaches of another stage in the same account, each with its reason.
SHARED = {
    "s3:GetObject*": "packages that a pipeline leaves for both stages, to read",
    "ecr:*": "the image that both stages run, to read",
    "kms:*": "the key for tables is AWS's own",
    "iam:CreateServiceLinkedRole": "the account has one role for the logs of all APIs",
    "cloudwatch:DescribeAlarms": "CloudWatch authorizes it on all alarms, to read",
    "codedeploy:GetDeploymentConfig": "the ways to shift are AWS's own",
    "codedeploy:StopDeployment": "has no resource; the other stage goes back to its old version then",
    "cognito-idp:DescribeUserPoolDomain": "has no resource, to read",
    "logs:*": "the delivery of logs has no resource, and its policy is the account's",
    "apigateway:PUT": "of an API's tags, which are a resource without tags; the tag of the stage is not to be changed",
}


@pytest.mark.parametrize("resource_type", sorted({call.resource_type for call in calls()}))
def test_stack_role_reaches_nothing_of_another_stage(resource_type):
    reached = [call for call in calls("prod") if call.resource_type == resource_type and may(*call[1:])]
    assert [call for call in reached if not any(_is_of(call, pattern) for pattern in SHARED)] == []


@pytest.mark.parametrize("pattern", SHARED)
def test_call_with_a_reason_to_be_shared_by_the_stages_is_allowed(pattern):
    assert [call for call in calls("prod") if _is_of(call, pattern) and may(*call[1:])]


_API = f"arn:aws:apigateway:{REGION}::/tags/arn%3Aaws%3Aapigateway%3A{REGION}%3A%3A"


@pytest.mark.parametrize("action", ["apigateway:POST", "apigateway:PUT", "apigateway:DELETE"])
@pytest.mark.parametrize("path", ["%2Fapis%2F", "%2Fv2%2Fapis%2F"])
def test_stack_role_takes_no_api_of_another_stage_by_changing_its_tag(action, path):
    assert not may(action, f"{_API}{path}a1b2c3d4e5", {"aws:tagkeys": ["stage"]})
    # As IAM saw it when an API was made, which has no id yet.
    assert may(action, f"{_API}{path}*", {"aws:tagkeys": ["stage"]})


def test_tag_that_is_added_to_an_api_is_put_alone_or_by_an_administrator():
    api = f"{_API}%2Fapis%2Fa1b2c3d4e5"
    assert may("apigateway:PUT", api, {"aws:tagkeys": ["team"]})
    # By its ARN an API of its own is not to be told from another stage's.
    assert not may("apigateway:PUT", api, {"aws:tagkeys": ["stage", "team"]})


@pytest.mark.parametrize("tags", [{}, {"aws:requesttag/stage": "prod"}], ids=["no-tag", "tag-of-another-stage"])
@pytest.mark.parametrize(
    ("action", "arn"),
    [
        ("apigateway:POST", f"arn:aws:apigateway:{REGION}::/apis"),
        ("states:CreateStateMachine", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ProcessImage-a1b2c3"),
    ],
)
def test_stack_role_makes_no_api_or_state_machine_without_the_tag_of_its_stage(action, arn, tags):
    assert may(action, arn, {"aws:requesttag/stage": "test"})
    assert not may(action, arn, tags)


def test_user_pool_may_be_tagged_by_the_call_that_makes_it_or_by_the_next():
    assert may("cognito-idp:CreateUserPool", "*", {"aws:requesttag/stage": "test"})
    assert may("cognito-idp:CreateUserPool", "*", {})
    assert not may("cognito-idp:CreateUserPool", "*", {"aws:requesttag/stage": "prod"})
    pool = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/a1b2c3"
    assert may("cognito-idp:TagResource", pool, {"aws:requesttag/stage": "test"})


@pytest.mark.parametrize("stage", load(TEXT)["Parameters"]["Stage"]["AllowedValues"])
def test_stack_of_a_stage_is_deployed_with_its_tag(stage):
    assert stages.read("default" if stage == "dev" else stage).tags["stage"] == stage


@pytest.mark.parametrize("resource_type", ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"])
def test_what_may_not_be_deleted_survives_the_stack(resource_type):
    template = load(TEMPLATE.read_text())["Resources"]
    policies = {one["DeletionPolicy"] for one in template.values() if one["Type"] == resource_type}
    assert policies == {"Retain"}


def _every_statement():
    for name, one in RESOURCES.items():
        policies = one["Properties"].get("Policies", [])
        documents = [policy["PolicyDocument"] for policy in policies]
        documents += [one["Properties"]["PolicyDocument"]] if "PolicyDocument" in one["Properties"] else []
        for document in documents:
            for statement in unconditional(document["Statement"]):
                yield pytest.param(statement, id=f"{name}-{statement['Sid']}")


@pytest.mark.parametrize("statement", list(_every_statement()))
def test_a_statement_allows_actions_by_their_names(statement):
    assert statement["Effect"] == "Deny" or not [one for one in listed(statement["Action"]) if "*" in one]


@pytest.mark.parametrize("statement", list(_every_statement()))
def test_a_statement_for_every_resource_has_its_reason_above_it(statement):
    if statement["Effect"] == "Deny" or "*" not in listed(statement["Resource"]):
        return
    assert re.search(
        rf"# .*ha(s|ve) no resource.*\n( +- !If\n +- IsTest\n)? +- Sid: {statement['Sid']}\n",
        TEXT,
    )


# What AWS gives names or ids that do not begin with the stack's.
OTHER_NAMES = {
    "Packages", "KeyOfTheTable", "StateMachines", "OlderLayers", "Triggers", "TagsOfTriggers", "LookAtAlarms",
    "HttpApi", "LetTheApiWriteItsLog", "People", "ImageOfTheOwnModel", "WhatHasNoResource", "KeepItsOwnLimits",
}  # fmt: skip


@pytest.mark.parametrize("statement", STACK, ids=lambda one: one["Sid"])
def test_what_bears_the_name_of_the_stack_is_limited_by_it(statement):
    named = [resolve(one) for one in listed(statement["Resource"])]
    own = [one for one in named if "image-recognition-${Stage}" in one or "deploymentconfig:CodeDeployDefault" in one]
    assert (own == named) == (statement["Sid"] not in OTHER_NAMES)


def test_what_cloudformation_names_after_its_place_is_limited_by_that():
    template = expand(load(TEMPLATE.read_text()))["Resources"]
    machines = {name for name, one in template.items() if one["Type"] == "AWS::StepFunctions::StateMachine"}
    named = [resolve(one) for one in listed(of(STACK, "StateMachines")["Resource"])]
    assert {re.search(r":stateMachine:(\w+)-\*$", one)[1] for one in named} == machines


def test_roles_are_passed_to_the_services_that_take_roles_in_the_template():
    resources = [one for file in (TEMPLATE, OWN_MODEL) for one in expand(load(file.read_text()))["Resources"].values()]
    trusted = {
        service
        for role in resources
        if role["Type"] == "AWS::IAM::Role"
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for service in listed(statement["Principal"]["Service"])
    }
    statement = of(STACK, "PassRoles")
    assert set(statement["Condition"]["StringEquals"]["iam:PassedToService"]) == trusted


def _characters(document):
    """Count as IAM does, without white space; ARNs are longer than the references to them."""
    text = json.dumps(document, separators=(",", ":"))
    for name, value in (("Partition", "aws"), ("Region", "ap-southeast-2"), ("AccountId", "1" * 12)):
        text = text.replace(f"${{AWS::{name}}}", value)
    return len(text.replace("${Stage}", "test").replace('{"Fn::Sub":', ""))


def test_the_policies_fit_where_they_are():
    inline = sum(_characters(one["PolicyDocument"]) for one in RESOURCES["StackRole"]["Properties"]["Policies"])
    assert inline < ROLE_POLICY_CHARACTERS
    for policy in ("SmokePolicy", "RolesPolicy", "StagePolicy", "DeployPolicy"):
        assert _characters(RESOURCES[policy]["Properties"]["PolicyDocument"]) < MANAGED_POLICY_CHARACTERS


def test_cloudformation_has_what_is_said_of_roles_and_of_other_stages():
    assert RESOURCES["StackRole"]["Properties"]["ManagedPolicyArns"] == [{"Ref": "RolesPolicy"}, {"Ref": "StagePolicy"}]


def test_a_workflow_becomes_the_role_only_in_its_repository_and_environment():
    (statement,) = RESOURCES["GitHubRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    issuer = "token.actions.githubusercontent.com"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": {"Fn::Sub": "repo:${GitHubRepository}:environment:${Stage}"},
        }
    }


PATTERN = load(TEXT)["Parameters"]["GitHubRepository"]["AllowedPattern"]


# https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
@pytest.mark.parametrize("name", ["octocat/my-repo", "octocat@123456/my-repo@456789", ""])
def test_a_repository_may_be_named_with_its_ids_without_them_or_not_at_all(name):
    assert re.fullmatch(PATTERN, name)


@pytest.mark.parametrize("name", ["octocat", "octocat/*", "octocat@1/repo", "octocat/repo@2", "octocat/repo:ref"])
def test_a_repository_that_no_token_is_named_after_is_refused(name):
    assert re.fullmatch(PATTERN, name) is None


def test_a_smoke_test_writes_in_the_test_stage_only():
    statements = RESOURCES["SmokePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    in_production = [one for one in statements if "Fn::If" not in one]
    assert {one["Fn::If"][0] for one in statements if "Fn::If" in one} == {"IsTest"}
    assert [one["Action"] for one in in_production] == ["cloudformation:DescribeStacks"]


def test_a_smoke_test_may_call_what_it_calls():
    files = ("deployed.py", "test_smoke.py", "test_answers.py")
    source = "".join((REPOSITORY / "tests/cloud" / file).read_text() for file in files)
    called = {
        "".join(part.title() for part in name.split("_"))
        for name in re.findall(
            r"\.(admin_\w+|(?:start|stop|describe)_execution|detect_labels|get_item|delete_item|delete_object|put_object|describe_stacks)\(",
            source,
        )
    }
    called |= {"Query", "GetObject", "ListBucketVersions", "DeleteObjectVersion"}
    statements = unconditional(RESOURCES["SmokePolicy"]["Properties"]["PolicyDocument"]["Statement"])
    granted = {action.partition(":")[2] for statement in statements for action in listed(statement["Action"])}
    # A version that is read is one of its own right.
    assert granted == called | {"GetObjectVersion"}


@pytest.mark.parametrize("name", ["StackRole", "GitHubRole"])
def test_a_role_has_the_permissions_boundary(name):
    assert RESOURCES[name]["Properties"]["PermissionsBoundary"]["Fn::If"][1] == {"Ref": "PermissionsBoundaryArn"}


def test_no_account_region_or_partition_is_written_down():
    written = [
        value for _, value in walk(RESOURCES) if isinstance(value, str) and re.search(r"arn:aws:|\b\d{12}\b", value)
    ]
    assert written == []
