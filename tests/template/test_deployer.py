"""The template of a deployer: who may deploy a stage makes all of the template, and nothing of another stage."""

import fnmatch
import json
import re
from pathlib import Path

import cfnlint
import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load, resolve, walk
from tests.template.deployer import OWN_MODEL, RESOURCES, STACK, TEXT, of, unconditional

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_POLICY_CHARACTERS, MANAGED_POLICY_CHARACTERS = 10_240, 6_144
# What resource types ask for beyond what this template's resources are, and why it is not granted.
NOT_USED = {
    "s3:DeleteBucket": "buckets survive the stack",
    "dynamodb:DeleteTable": "the table survives the stack",
    "cognito-idp:DeleteUserPool": "people survive the stack",
    "kms:*": "only keys of AWS, whose grants the table's own statement allows",
    "ec2:*": "no function is in a VPC",
    "elasticfilesystem:*": "no function mounts a file system",
    "s3files:*": "no function mounts a bucket",
    "kinesis:*": "no stream",
    "s3tables:*": "no metadata table",
    "cloudfront:*": "no domain of its own for signing in",
    "firehose:*": "no delivery of logs",
    "s3:REST.PUT.OBJECT": "no delivery of logs",
    "s3:GetObjectMetadata": "no import of a table",
    "dynamodb:*TableReplica": "no global table",
    "dynamodb:*Import*": "no import of a table",
    "dynamodb:*KinesisStreamingDestination": "no stream",
    "dynamodb:*ContributorInsights": "not switched on",
    "dynamodb:*ResourcePolicy": "no policy on the table",
    "dynamodb:*Item": "what is in the table is nobody's who deploys",
    "dynamodb:Query": "what is in the table is nobody's who deploys",
    "dynamodb:Scan": "what is in the table is nobody's who deploys",
    "lambda:*ProvisionedConcurrencyConfig": "none is provisioned",
    "lambda:*CodeSigningConfig": "no code is signed",
    "lambda:*FunctionScalingConfig": "no capacity provider",
    "lambda:PassCapacityProvider": "no capacity provider",
    "lambda:*RuntimeManagementConfig": "the runtime updates by itself",
    "lambda:AssociateRuntimeAlias": "the runtime updates by itself",
    "lambda:*FunctionConcurrency": "none is reserved",
    "cognito-idp:AddCustomAttributes": "people have no attributes of their own",
    "cognito-idp:ListUserPoolClientSecrets": "the client has no secret",
    "codedeploy:RegisterOnPremisesInstance": "only functions are deployed",
    "events:*Permission": "the bus is for this account",
    "iam:*GroupPolicy": "no group",
    "iam:*UserPolicy": "no user",
    "logs:*KmsKey": "only keys of AWS",
    "logs:*DataProtectionPolicy": "logs carry no personal data",
    "logs:*Index*": "no field index",
    "logs:DeleteResourcePolicy": "the one policy for logs of Step Functions is the account's",
    "logs:*LogStream*": "functions write logs",
    "logs:PutLogEvents": "functions write logs",
    "logs:PutBearerTokenAuthentication": "no such endpoint",
    "logs:PutLogGroupDeletionProtection": "log groups go with the stack",
    "s3:*Object*": "what is in the buckets is nobody's who deploys",
    "s3:*Metadata*": "no metadata table",
    "s3:*Accelerate*": "not switched on",
    "s3:*Analytics*": "not switched on",
    "s3:*Abac": "not switched on",
    "s3:*Acl": "access control lists are off",
    "s3:*Inventory*": "no inventory",
    "s3:*IntelligentTiering*": "no archive tier",
    "s3:*Logging": "no access log",
    "s3:*Metrics*": "no request metrics",
    "s3:*Replication*": "no replica",
    "s3:*Website": "no website",
    "s3:DeleteBucketCors": "CORS stays",
    "s3:DeleteBucketEncryption": "encryption stays",
    "s3:DeleteBucketLifecycle": "the lifecycle stays",
    "sns:*DataProtectionPolicy": "messages carry no personal data",
    "sns:*ubscribe": "somebody subscribes by a custom resource of the stack",
    "apigateway:*agResource": "tags of an API are the resource /tags, with the methods of HTTP",
}


def _handlers():
    """Return what each resource type asks for, from the schemas of CloudFormation that cfn-lint carries.

    A deployment makes, reads, changes and deletes; it never lists what there is.
    """
    schemas = Path(cfnlint.__file__).parent / "data/schemas/resources"
    read = (json.loads(file.read_text(encoding="utf-8")) for file in schemas.glob("*.json"))
    return {
        one["typeName"]: {
            action
            for name, handler in one["handlers"].items()
            if name != "list"
            for action in handler.get("permissions", [])
        }
        for one in read
        if "handlers" in one
    }


def _types():
    types = set()
    for file in (TEMPLATE, OWN_MODEL):
        template = load(file.read_text())
        template["Parameters"].get("GradualDeployments", {})["Default"] = "true"
        types |= {one["Type"] for one in expand(template)["Resources"].values()}
    # A custom resource is a function of the template, and CloudFormation invokes it.
    return sorted(types - {"AWS::CloudFormation::CustomResource"})


HANDLERS = _handlers()
TYPES = _types()


GRANTED = {action.lower() for one in STACK if one["Effect"] == "Allow" for action in listed(one["Action"])}


def _is_used(action):
    return not any(fnmatch.fnmatchcase(action, pattern) for pattern in NOT_USED)


@pytest.mark.parametrize("resource_type", TYPES)
def test_cloudformation_may_do_what_a_resource_of_the_template_asks_for(resource_type):
    asked = {action for action in HANDLERS[resource_type] if _is_used(action)}
    assert asked
    assert {action for action in asked if action.lower() not in GRANTED} == set()


def test_no_reason_not_to_grant_something_is_left_over():
    asked = {action for resource_type in TYPES for action in HANDLERS[resource_type]}
    assert [pattern for pattern in NOT_USED if not fnmatch.filter(asked, pattern)] == []


@pytest.mark.parametrize("resource_type", ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"])
def test_what_may_not_be_deleted_survives_the_stack(resource_type):
    template = load(TEMPLATE.read_text())["Resources"]
    policies = {one["DeletionPolicy"] for one in template.values() if one["Type"] == resource_type}
    assert policies == {"Retain"}


def test_the_api_may_not_be_asked_for_what_is_not_an_action():
    # The schemas name actions of API Gateway that IAM does not have; there, methods of HTTP are the actions.
    statement = of(STACK, "HttpApi")
    assert set(statement["Action"]) == {f"apigateway:{method}" for method in ("POST", "GET", "PUT", "PATCH", "DELETE")}


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
    if "*" not in listed(statement["Resource"]):
        return
    assert re.search(
        rf"# .*ha(s|ve) no resource.*\n( +- !If\n +- IsTest\n)? +- Sid: {statement['Sid']}\n",
        TEXT,
    )


# What AWS gives names or ids that do not begin with the stack's.
OTHER_NAMES = {
    "Packages", "KeyOfTheTable", "StateMachines", "Layers", "Triggers", "HttpApi", "LetTheApiWriteItsLog", "People",
    "ImageOfTheOwnModel", "WhatHasNoResource", "KeepItsOwnLimits",
}  # fmt: skip


@pytest.mark.parametrize("statement", STACK, ids=lambda one: one["Sid"])
def test_what_bears_the_name_of_the_stack_is_limited_by_it(statement):
    named = [resolve(one) for one in listed(statement["Resource"])]
    own = [one for one in named if "image-recognition-${Stage}" in one or "deploymentconfig:CodeDeployDefault" in one]
    assert (own == named) == (statement["Sid"] not in OTHER_NAMES)


def _ids_of(resource_type):
    template = expand(load(TEMPLATE.read_text()))["Resources"]
    return {name for name, one in template.items() if one["Type"] == resource_type}


@pytest.mark.parametrize(
    ("sid", "resource_type"),
    [("StateMachines", "AWS::StepFunctions::StateMachine"), ("Layers", "AWS::Lambda::LayerVersion")],
)
def test_what_cloudformation_names_after_its_place_is_limited_by_that(sid, resource_type):
    statement = of(STACK, sid)
    names = {re.search(r":(?:stateMachine|layer):(\w+)", resolve(one))[1] for one in listed(statement["Resource"])}
    # SAM puts a hash behind the name of a layer.
    assert names == {re.sub(r"Layer[0-9a-f]{10}$", "Layer", name) for name in _ids_of(resource_type)}


def test_roles_are_passed_to_the_services_that_take_roles_in_the_template():
    resources = [one for file in (TEMPLATE, OWN_MODEL) for one in expand(load(file.read_text()))["Resources"].values()]
    roles = [one for one in resources if one["Type"] == "AWS::IAM::Role"]
    trusted = {
        statement["Principal"]["Service"]
        for role in roles
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
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
    for policy in ("SmokePolicy", "RolesPolicy", "DeployPolicy"):
        assert _characters(RESOURCES[policy]["Properties"]["PolicyDocument"]) < MANAGED_POLICY_CHARACTERS


def test_cloudformation_has_what_is_said_of_roles():
    assert RESOURCES["StackRole"]["Properties"]["ManagedPolicyArns"] == [{"Ref": "RolesPolicy"}]


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
