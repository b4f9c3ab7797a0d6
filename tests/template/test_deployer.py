"""The template of a deployer: it may make everything of its stage, and nothing of another stage."""

import fnmatch
import json
import re

import pytest

from local.delivery import stages
from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load, resolve, walk
from tests.template.deployer import (
    OWN_MODEL,
    RESOURCES,
    STACK,
    TEXT,
    calls,
    denied,
    every_statement,
    may,
    of,
    unconditional,
)
from tests.template.iam import ACCOUNT, REGION

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_POLICY_CHARACTERS, MANAGED_POLICY_CHARACTERS = 10_240, 6_144
# Calls that the schemas of CloudFormation name and that nothing in the templates causes, by their reason; each is an
# action, or a resource type and an action.
_CALLS = {
    "survives the stack": ["s3:DeleteBucket", "dynamodb:DeleteTable", "cognito-idp:DeleteUserPool"],
    "only keys of AWS": [
        *(f"AWS::{one}::* kms:*" for one in ("Cognito", "Events", "Lambda", "StepFunctions")),
        "logs:*KmsKey",
    ],
    "the policy of AWS's own key lets in who may use DynamoDB": ["AWS::DynamoDB::Table kms:[ED]*crypt"],
    "the key is AWS's own, and stays": ["AWS::DynamoDB::Table kms:[LR]*"],
    # Functions
    "no function is in a VPC": ["ec2:*"],
    "no function mounts a file system or a bucket": ["elasticfilesystem:*", "s3files:*"],
    "no concurrency is provisioned or reserved": [
        *("lambda:[PD]*ProvisionedConcurrencyConfig", "lambda:*FunctionConcurrency"),
    ],
    "no code is signed": ["lambda:[PD]*CodeSigningConfig", "lambda:GetCodeSigningConfig"],
    "no capacity provider": ["lambda:PutFunctionScalingConfig", "lambda:PassCapacityProvider"],
    "the runtime updates by itself": ["lambda:PutRuntimeManagementConfig", "lambda:AssociateRuntimeAlias"],
    "only functions are deployed": ["codedeploy:RegisterOnPremisesInstance"],
    # People, roles and the API
    "people have no custom attributes": ["cognito-idp:AddCustomAttributes"],
    "no messages by SMS or SES, no logs of sign-ins, and groups have no role": ["AWS::Cognito::* iam:*"],
    "no custom domain for signing in": ["cloudfront:*"],
    "no group and no user of IAM": ["iam:*GroupPolicy", "iam:*UserPolicy"],
    "roles name their policies": ["AWS::IAM::ManagedPolicy iam:*tachRolePolicy"],
    "the API is not imported": ["AWS::ApiGatewayV2::Api s3:*"],
    # The table
    "no import of a table": [
        *(f"AWS::DynamoDB::Table {one}" for one in ("s3:*", "logs:[CP]*", "logs:DescribeLogStreams")),
        "dynamodb:*Import*",
    ],
    "no global table, and no capacity that scales": ["dynamodb:*TableReplica", "AWS::DynamoDB::Table iam:*"],
    "no stream": [
        "kinesis:*",
        *(f"dynamodb:{one}KinesisStreamingDestination" for one in ("Enable", "Disable", "Update")),
    ],
    "not switched on": [
        *("dynamodb:UpdateContributorInsights", "s3:PutAccelerateConfiguration", "s3:PutAnalyticsConfiguration"),
        "s3:PutBucketAbac",
    ],
    "no policy on the table": ["dynamodb:[PD]*ResourcePolicy"],
    "items are not a deployer's": ["dynamodb:*Item", "dynamodb:Query", "dynamodb:Scan"],
    # Buckets
    "objects are not a deployer's": ["s3:DeleteObject", "s3:PutObjectAcl"],
    "access control lists are off": ["AWS::S3::Bucket s3:*BucketAcl"],
    "no metadata table": ["s3:[CDU]*BucketMetadata*", "s3tables:*"],
    "no access log, inventory, archive tier, request metrics, replica, object lock or website": [
        *(f"s3:Put{one}" for one in ("BucketLogging", "InventoryConfiguration", "IntelligentTieringConfiguration")),
        *(
            "s3:PutMetricsConfiguration",
            "s3:Put*Replication*",
            "s3:Put*ObjectLockConfiguration",
            "s3:[PD]*BucketWebsite",
        ),
    ],
    "IAM has no such action: who may put it may delete it": [
        *(f"s3:DeleteBucket{one}Configuration" for one in ("Analytics", "Metrics")),
        *(f"s3:DeleteBucket{one}" for one in ("Cors", "Encryption", "Lifecycle", "Replication", "Tagging")),
    ],
    # The rest
    "the bus has no policy": ["events:*Permission"],
    "no delivery of logs": ["firehose:*", "s3:REST.PUT.OBJECT", "AWS::SNS::Topic iam:GetRole"],
    "no field index": ["logs:[PD]*IndexPolicy"],
    "no personal data in logs and messages": ["logs:PutDataProtectionPolicy", "sns:PutDataProtectionPolicy"],
    "the one policy for vended logs is the account's": ["logs:DeleteResourcePolicy"],
    "no such endpoint": ["logs:PutBearerTokenAuthentication"],
    "log groups go with the stack": ["logs:PutLogGroupDeletionProtection"],
    "a custom resource of the stack subscribes": ["sns:*ubscribe"],
}
NOT_USED = [pattern for patterns in _CALLS.values() for pattern in patterns]


def _is_of(call, pattern):
    return fnmatch.fnmatchcase(f"{call.resource_type} {call.action}" if " " in pattern else call.action, pattern)


def test_stack_role_may_make_each_call_for_a_resource_on_its_arn():
    assert [call for call in denied() if not any(_is_of(call, pattern) for pattern in NOT_USED)] == []


@pytest.mark.parametrize("pattern", NOT_USED)
def test_call_that_nothing_causes_is_denied(pattern):
    refused = set(denied())
    named = [call for call in calls() if _is_of(call, pattern)]
    assert named
    assert [call for call in named if call not in refused] == []


def test_with_a_boundary_its_removal_is_denied_too():
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


def test_stack_role_reaches_nothing_of_another_stage():
    reached = [call for call in calls("prod") if may(*call[1:])]
    assert [call for call in reached if not any(_is_of(call, pattern) for pattern in SHARED)] == []


@pytest.mark.parametrize("pattern", SHARED)
def test_call_that_the_stages_share_is_allowed(pattern):
    assert [call for call in calls("prod") if _is_of(call, pattern) and may(*call[1:])]


_API = f"arn:aws:apigateway:{REGION}::/tags/arn%3Aaws%3Aapigateway%3A{REGION}%3A%3A"


@pytest.mark.parametrize("action", ["apigateway:POST", "apigateway:PUT", "apigateway:DELETE"])
@pytest.mark.parametrize("path", ["%2Fapis%2F", "%2Fv2%2Fapis%2F"])
def test_stack_role_takes_no_api_of_another_stage_by_changing_its_tag(action, path):
    api = f"{_API}{path}a1b2c3d4e5"
    # Its ARN does not tell an API of its own from one of another stage, so an administrator adds the tag of a stage.
    assert not may(action, api, {"aws:tagkeys": ["stage"]})
    assert not may(action, api, {"aws:tagkeys": ["stage", "team"]})
    assert may(action, api, {"aws:tagkeys": ["team"]})
    # As IAM saw it when an API was made, which has no id yet.
    assert may(action, f"{_API}{path}*", {"aws:tagkeys": ["stage"]})


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


def test_user_pool_is_tagged_by_the_call_that_makes_it_or_by_the_next():
    assert may("cognito-idp:CreateUserPool", "*", {"aws:requesttag/stage": "test"})
    assert may("cognito-idp:CreateUserPool", "*", {})
    assert not may("cognito-idp:CreateUserPool", "*", {"aws:requesttag/stage": "prod"})
    pool = f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/a1b2c3"
    assert may("cognito-idp:TagResource", pool, {"aws:requesttag/stage": "test"})


@pytest.mark.parametrize("stage", load(TEXT)["Parameters"]["Stage"]["AllowedValues"])
def test_stack_of_a_stage_has_the_tag_and_the_name_that_its_roles_are_limited_to(stage):
    settings = stages.read("default" if stage == "dev" else stage)
    assert settings.tags["stage"] == stage
    assert settings.stack_name == f"image-recognition-{stage}"


@pytest.mark.parametrize("statement", every_statement(RESOURCES))
def test_statement_allows_actions_by_their_names_and_says_why_it_is_for_every_resource(statement):
    if statement["Effect"] == "Deny":
        return
    assert not [one for one in listed(statement["Action"]) if "*" in one]
    if "*" in listed(statement["Resource"]):
        above = rf"# .*ha(s|ve) no resource.*\n( +- !If\n +- IsTest\n)? +- Sid: {statement['Sid']}\n"
        assert re.search(above, TEXT)


# What has a name or an id of AWS that does not begin with the stack's.
OTHER_NAMES = {
    "Packages", "KeyOfTheTable", "StateMachines", "OlderLayers", "Triggers", "TagsOfTriggers", "LookAtAlarms",
    "HttpApi", "LetTheApiWriteItsLog", "People", "ImageOfTheOwnModel", "WhatHasNoResource", "KeepItsOwnLimits",
}  # fmt: skip


@pytest.mark.parametrize("statement", STACK, ids=lambda one: one["Sid"])
def test_statement_is_limited_to_the_name_of_the_stack_where_its_resources_have_it(statement):
    named = [resolve(one) for one in listed(statement["Resource"])]
    own = [one for one in named if "image-recognition-${Stage}" in one or "deploymentconfig:CodeDeployDefault" in one]
    assert (own == named) == (statement["Sid"] not in OTHER_NAMES)


def test_state_machines_are_limited_to_their_logical_ids():
    template = expand(load(TEMPLATE.read_text()))["Resources"]
    machines = {name for name, one in template.items() if one["Type"] == "AWS::StepFunctions::StateMachine"}
    named = [resolve(one) for one in listed(of(STACK, "StateMachines")["Resource"])]
    assert {re.search(r":stateMachine:(\w+)-\*$", one)[1] for one in named} == machines


def test_roles_are_passed_to_the_services_that_assume_them_in_the_templates():
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


def test_policies_fit_where_they_are():
    role = RESOURCES["StackRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [{"Ref": "RolesPolicy"}, {"Ref": "StagePolicy"}]
    assert sum(_characters(one["PolicyDocument"]) for one in role["Policies"]) < ROLE_POLICY_CHARACTERS
    for policy in ("SmokePolicy", "RolesPolicy", "StagePolicy", "DeployPolicy"):
        assert _characters(RESOURCES[policy]["Properties"]["PolicyDocument"]) < MANAGED_POLICY_CHARACTERS


def test_workflow_assumes_the_role_only_in_its_repository_and_environment():
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
@pytest.mark.parametrize(
    ("name", "is_accepted"),
    [
        *((name, True) for name in ("octocat/my-repo", "octocat@123456/my-repo@456789", "")),
        *((name, False) for name in ("octocat", "octocat/*", "octocat@1/repo", "octocat/repo@2", "octocat/repo:ref")),
    ],
)
def test_repository_is_named_as_in_tokens_of_github(name, is_accepted):
    assert bool(re.fullmatch(PATTERN, name)) is is_accepted


def test_smoke_test_may_make_the_calls_that_it_makes_and_write_in_the_test_stage_only():
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
    statements = RESOURCES["SmokePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    granted = {action.partition(":")[2] for one in unconditional(statements) for action in listed(one["Action"])}
    # With a version the second one decides.
    assert granted == called | {"GetObjectVersion"}
    in_production = [one for one in statements if "Fn::If" not in one]
    assert {one["Fn::If"][0] for one in statements if "Fn::If" in one} == {"IsTest"}
    assert [one["Action"] for one in in_production] == ["cloudformation:DescribeStacks"]


def test_no_account_region_or_partition_is_written_down():
    texts = [value for _, value in walk(RESOURCES) if isinstance(value, str)]
    assert [one for one in texts if re.search(r"arn:aws:|\b\d{12}\b", one)] == []
