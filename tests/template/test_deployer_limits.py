"""What who deploys a stage cannot give itself, and what of another stage in the same account it cannot reach."""

import json
import tomllib

import pytest

from tests.template.cloudformation import REPOSITORY, listed, load, plain, resolve
from tests.template.deployer import DEPLOY, DEPLOYER, OF_ROLES, RESOURCES, SMOKE, STACK, may, of
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, is_allowed
from tests.template.stack_calls import BOUNDARY

ROLE, POLICY = ("arn:${AWS::Partition}:iam::${AWS::AccountId}:" + kind for kind in ("role/", "policy/"))
BOUNDED = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}


def test_only_what_limits_cloudformation_is_denied_to_it():
    assert [one["Sid"] for one in STACK if one["Effect"] == "Deny"] == ["KeepItsOwnLimits"]


def test_cloudformation_may_change_nothing_of_the_roles_and_policies_that_deploy():
    statement = of(STACK, "KeepItsOwnLimits")
    assert (statement["Effect"], statement["Action"]) == ("Deny", "iam:*")
    assert [one["Fn::Sub"] for one in statement["Resource"][:2]] == [
        f"{kind}image-recognition-${{Stage}}-deployer-*" for kind in (ROLE, POLICY)
    ]


def test_cloudformation_may_not_change_what_its_roles_are_bounded_by():
    assert of(STACK, "KeepItsOwnLimits")["Resource"][2:] == [BOUNDED]


def test_no_role_gets_rights_without_the_boundary_that_is_asked_for():
    asked = {"iam:PermissionsBoundary": {"Ref": "PermissionsBoundaryArn"}}
    assert of(STACK, "RightsOfRoles")["Condition"]["Fn::If"] == [
        "HasPermissionsBoundary",
        {"StringEquals": asked},
        {"Ref": "AWS::NoValue"},
    ]
    attaching = of(STACK, "PoliciesOfRoles")["Condition"]["StringEquals"]
    assert attaching["Fn::If"] == ["HasPermissionsBoundary", asked, {"Ref": "AWS::NoValue"}]


@pytest.mark.parametrize(
    "action",
    [
        *("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary"),
        *("AttachRolePolicy", "DetachRolePolicy", "UpdateAssumeRolePolicy"),
    ],
)
def test_what_gives_a_role_rights_is_allowed_only_where_the_boundary_is_asked_for(action):
    allowing = [one["Sid"] for one in STACK if f"iam:{action}" in listed(one["Action"])]
    assert allowing in (["RightsOfRoles"], ["PoliciesOfRoles"])


def test_a_boundary_is_taken_away_only_where_none_is_asked_for():
    (conditional,) = [one["Fn::If"] for one in OF_ROLES if "TakeBoundariesAway" in json.dumps(one)]
    assert conditional[:2] == ["HasPermissionsBoundary", {"Ref": "AWS::NoValue"}]
    assert [one["Sid"] for one in STACK if "iam:DeleteRolePermissionsBoundary" in listed(one["Action"])] == [
        "TakeBoundariesAway"
    ]


@pytest.mark.parametrize("has_boundary", [True, False])
@pytest.mark.parametrize(
    ("policy", "is_attached"),
    [
        (f"{ACCOUNT}:policy/image-recognition-test-LogsAndTracesPolicy-1A2B", True),
        ("aws:policy/service-role/AWSLambdaBasicExecutionRole", True),
        ("aws:policy/AWSXrayWriteOnlyAccess", True),
        # SAM has this one in the partitions of China and GovCloud:
        # https://github.com/aws/serverless-application-model/blob/develop/samtranslator/model/xray_utils.py
        ("aws:policy/AWSXRayDaemonWriteAccess", True),
        ("aws:policy/AdministratorAccess", False),
        ("aws:policy/AWSXrayFullAccess", False),
        (f"{ACCOUNT}:policy/image-recognition-prod-LogsAndTracesPolicy-1A2B", False),
    ],
)
def test_role_gets_policies_of_its_stack_and_those_that_sam_adds_only(policy, is_attached, has_boundary):
    role, context = f"arn:aws:iam::{ACCOUNT}:role/image-recognition-test-x", {"iam:policyarn": f"arn:aws:iam::{policy}"}
    context |= {"iam:permissionsboundary": BOUNDARY} if has_boundary else {}
    assert may("iam:AttachRolePolicy", role, context, has_boundary=has_boundary) is is_attached


# Names of buckets are of all accounts


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(one, id=one["Sid"])
        for one in (*STACK, *DEPLOY, *SMOKE)
        if any("s3:::" in resolve(resource) for resource in listed(one["Resource"]))
    ],
)
def test_bucket_of_another_account_is_out_of_reach_whatever_it_is_called(statement):
    # The evaluator takes a bucket for one of the account ACCOUNT.
    reached = {}
    for account in (ACCOUNT, "999999999999"):
        values = {**PSEUDO_PARAMETERS, "AWS::AccountId": account, "Stage": "test"}
        document = {"Statement": [plain(statement, values.__getitem__, {})]}
        arn = listed(document["Statement"][0]["Resource"])[0]
        reached[account] = {action for action in listed(statement["Action"]) if is_allowed([document], action, arn)}
    assert reached == {ACCOUNT: set(listed(statement["Action"])), "999999999999": set()}


# One account may hold both stages


@pytest.mark.parametrize("stage", ["test", "prod"])
def test_packages_lie_below_the_name_of_their_stage(stage):
    settings = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())[stage]["deploy"]["parameters"]
    assert settings["s3_prefix"] == settings["stack_name"] == f"image-recognition-{stage}"


def test_a_workflow_writes_and_cloudformation_reads_packages_below_the_name_of_the_stage_only():
    bucket = "arn:${AWS::Partition}:s3:::aws-sam-cli-managed-default-*/image-recognition-${Stage}"
    own = [f"{bucket}/*", f"{bucket}-model/*"]
    assert [one["Fn::Sub"] for one in of(DEPLOY, "HandPackagesOver")["Resource"]] == own
    assert [one["Fn::Sub"] for one in of(STACK, "Packages")["Resource"]][1:] == own


def test_a_workflow_may_not_change_the_bucket_that_the_stages_share():
    asked = {
        action for one in DEPLOY for action in listed(one["Action"]) if "aws-sam-cli-managed" in str(one["Resource"])
    }
    assert asked == {"cloudformation:DescribeStacks", "s3:GetObject", "s3:PutObject"} | {
        "s3:ListBucket",
        "s3:GetBucketLocation",
    }


def test_only_the_test_stage_pushes_images():
    pushing = [
        one
        for one in RESOURCES["DeployPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if "ecr:" in json.dumps(one) or "inspector2:" in json.dumps(one)
    ]
    assert len(pushing) == 3
    assert {one["Fn::If"][0] for one in pushing} == {"IsTest"}


@pytest.mark.parametrize("stage", load(DEPLOYER.read_text())["Parameters"]["Stage"]["AllowedValues"])
def test_a_stage_that_may_be_deployed_is_one_of_samconfig_and_has_the_name_that_the_roles_are_limited_to(stage):
    settings = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    section = settings["default" if stage == "dev" else stage]
    assert section["deploy"]["parameters"]["stack_name"] == f"image-recognition-{stage}"


# A workflow of GitHub and somebody who deploys by hand


def test_whoever_deploys_makes_nothing_alone_and_hands_only_the_role_of_the_stage_to_cloudformation():
    making = {action for one in DEPLOY for action in listed(one["Action"])} & {
        action for one in STACK for action in listed(one["Action"]) if not action.startswith(("ecr:", "s3:"))
    }
    assert making == {"iam:PassRole"}
    passing = of(DEPLOY, "LetCloudFormationDoTheRest")
    assert passing["Resource"] == {"Fn::GetAtt": ["StackRole", "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}


def test_a_workflow_may_do_what_somebody_who_deploys_by_hand_may_and_try_it():
    role = RESOURCES["GitHubRole"]["Properties"]
    # And is kept out of other stages, as CloudFormation is.
    assert role["ManagedPolicyArns"] == [{"Ref": "SmokePolicy"}, {"Ref": "DeployPolicy"}, {"Ref": "StagePolicy"}]
    assert "Policies" not in role


def test_nobody_who_deploys_deletes_a_stack():
    assert "cloudformation:DeleteStack" not in {action for one in DEPLOY for action in listed(one["Action"])}
