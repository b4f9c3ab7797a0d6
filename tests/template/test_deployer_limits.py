"""The limits of a deployer: it gives itself no more rights, and reaches no other stage of the account."""

import json
import tomllib

import pytest

from local.stack import index_steps
from tests.template.cloudformation import REPOSITORY, listed, plain, resolve
from tests.template.deployer import DEPLOY, OF_ROLES, RESOURCES, SMOKE, STACK, may, of
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, is_allowed
from tests.template.stack_calls import BOUNDARY

ROLE, POLICY = ("arn:${AWS::Partition}:iam::${AWS::AccountId}:" + kind for kind in ("role/", "policy/"))
BOUNDED = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}


def test_stack_role_may_not_change_its_own_limits():
    (denied,) = [one for one in STACK if one["Effect"] == "Deny"]
    assert (denied["Sid"], denied["Action"]) == ("KeepItsOwnLimits", "iam:*")
    own = [{"Fn::Sub": f"{kind}image-recognition-${{Stage}}-deployer-*"} for kind in (ROLE, POLICY)]
    assert denied["Resource"] == [*own, BOUNDED]


def test_role_gets_no_rights_without_the_boundary():
    asked = {"iam:PermissionsBoundary": {"Ref": "PermissionsBoundaryArn"}}
    nothing = {"Ref": "AWS::NoValue"}
    of_rights = of(STACK, "RightsOfRoles")["Condition"]["Fn::If"]
    assert of_rights == ["HasPermissionsBoundary", {"StringEquals": asked}, nothing]
    of_policies = of(STACK, "PoliciesOfRoles")["Condition"]["StringEquals"]["Fn::If"]
    assert of_policies == ["HasPermissionsBoundary", asked, nothing]


@pytest.mark.parametrize(
    "action",
    [
        *("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary"),
        *("AttachRolePolicy", "DetachRolePolicy", "UpdateAssumeRolePolicy"),
    ],
)
def test_action_that_gives_a_role_rights_is_allowed_with_the_boundary_only(action):
    allowing = [one["Sid"] for one in STACK if f"iam:{action}" in listed(one["Action"])]
    assert allowing in (["RightsOfRoles"], ["PoliciesOfRoles"])


def test_boundary_is_removed_only_where_none_is_required():
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


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(one, id=one["Sid"])
        for one in (*STACK, *DEPLOY, *SMOKE)
        if any("s3:::" in resolve(resource) for resource in listed(one["Resource"]))
    ],
)
def test_bucket_of_another_account_is_out_of_reach_whatever_its_name(statement):
    # For the evaluator every bucket is of the account ACCOUNT.
    reached = {}
    for account in (ACCOUNT, "999999999999"):
        values = {**PSEUDO_PARAMETERS, "AWS::AccountId": account, "Stage": "test"}
        document = {"Statement": [plain(statement, values.__getitem__, {})]}
        arn = listed(document["Statement"][0]["Resource"])[0]
        reached[account] = {action for action in listed(statement["Action"]) if is_allowed([document], action, arn)}
    assert reached == {ACCOUNT: set(listed(statement["Action"])), "999999999999": set()}


def test_packages_are_written_and_read_below_the_name_of_their_stage_in_the_shared_bucket():
    settings = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    for stage in ("test", "prod"):
        deploy = settings[stage]["deploy"]["parameters"]
        assert deploy["s3_prefix"] == deploy["stack_name"] == f"image-recognition-{stage}"
    bucket = "arn:${AWS::Partition}:s3:::aws-sam-cli-managed-default-*/image-recognition-${Stage}"
    own = [f"{bucket}/*", f"{bucket}-model/*"]
    assert [one["Fn::Sub"] for one in of(DEPLOY, "HandPackagesOver")["Resource"]] == own
    assert [one["Fn::Sub"] for one in of(STACK, "Packages")["Resource"]][1:] == own
    # The bucket itself is not a deployer's to change.
    of_the_bucket = [one for one in DEPLOY if "aws-sam-cli-managed" in str(one["Resource"])]
    assert {action for one in of_the_bucket for action in listed(one["Action"])} == {
        *("cloudformation:DescribeStacks", "s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:GetBucketLocation")
    }


def test_only_the_test_stage_pushes_images():
    pushing = [
        one
        for one in RESOURCES["DeployPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if "ecr:" in json.dumps(one) or "inspector2:" in json.dumps(one)
    ]
    assert len(pushing) == 3
    assert {one["Fn::If"][0] for one in pushing} == {"IsTest"}


def test_deployer_makes_nothing_itself_and_passes_only_the_role_of_the_stage_to_cloudformation():
    allowed = {action for one in DEPLOY for action in listed(one["Action"])}
    making = {action for one in STACK for action in listed(one["Action"]) if not action.startswith(("ecr:", "s3:"))}
    assert allowed & making == {"iam:PassRole", "lambda:InvokeFunction", "dynamodb:DescribeTable"}
    completing = of(DEPLOY, "CompleteRecords")
    assert resolve(completing["Resource"]).endswith(
        f":function:image-recognition-${{Stage}}-{index_steps.UPGRADE_FUNCTION}-*"
    )
    passing = of(DEPLOY, "LetCloudFormationDoTheRest")
    assert passing["Resource"] == {"Fn::GetAtt": ["StackRole", "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert "cloudformation:DeleteStack" not in allowed


def test_workflow_may_deploy_and_test_and_is_kept_out_of_other_stages():
    role = RESOURCES["GitHubRole"]["Properties"]
    assert role["ManagedPolicyArns"] == [{"Ref": "SmokePolicy"}, {"Ref": "DeployPolicy"}, {"Ref": "StagePolicy"}]
    assert "Policies" not in role
