"""The limits of a deployer: it gives itself no more rights, and reaches no other stage of the account."""

import json
import tomllib

import pytest

from local.stack import index_steps
from tests.template.cloudformation import REPOSITORY, listed, plain, resolve
from tests.template.deployer import DEPLOY, RESOURCES, SMOKE, STACK, may, of
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, is_allowed
from tests.template.stack_calls import BOUNDARY

ROLE, POLICY = (f"arn:aws:iam::{ACCOUNT}:{kind}/image-recognition-test-" for kind in ("role", "policy"))
RIGHTS = ("CreateRole", "PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary",
          "AttachRolePolicy", "DetachRolePolicy", "UpdateAssumeRolePolicy")  # fmt: skip


@pytest.mark.parametrize("has_boundary", [True, False])
def test_stack_role_may_not_change_its_own_limits(has_boundary):
    own = [
        f"{ROLE}deployer-StackRole-1A2B",
        f"{POLICY}deployer-RolesPolicy-1A2B",
        *([BOUNDARY] if has_boundary else []),
    ]
    context = {"iam:permissionsboundary": BOUNDARY, "iam:policyarn": f"{POLICY}LogsAndTracesPolicy-1A2B"}
    changing = [*RIGHTS, "DeleteRole", "CreatePolicyVersion", "DeletePolicyVersion", "DeletePolicy"]
    reached = [(one, action) for one in own for action in changing
               if may(f"iam:{action}", one, context, has_boundary=has_boundary)]  # fmt: skip
    assert reached == []


@pytest.mark.parametrize("action", RIGHTS)
def test_action_that_gives_a_role_rights_is_allowed_with_the_boundary_only(action):
    attached = {"iam:policyarn": f"{POLICY}LogsAndTracesPolicy-1A2B"}
    asked = [{"iam:permissionsboundary": BOUNDARY}, {"iam:permissionsboundary": f"{POLICY}x"}, {}]
    allowed = [may(f"iam:{action}", f"{ROLE}x", attached | one, has_boundary=True) for one in asked]
    assert allowed == [True, False, False]


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
    context = {"iam:policyarn": f"arn:aws:iam::{policy}"}
    context |= {"iam:permissionsboundary": BOUNDARY} if has_boundary else {}
    assert may("iam:AttachRolePolicy", f"{ROLE}x", context, has_boundary=has_boundary) is is_attached


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
