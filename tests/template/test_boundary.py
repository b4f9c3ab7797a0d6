"""The permissions boundary of a stage, docs/operations/boundary.yaml, without which production is not deployed."""

import re

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load, plain, refusals, walk
from tests.template.deployer import DEPLOYER, OWN_MODEL, calls, denied
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, REGION, is_allowed
from tests.template.stack_calls import BOUNDARY

PAGE = REPOSITORY / "docs/operations/boundary.yaml"
(RESOURCE,) = load(PAGE.read_text())["Resources"].values()
STAGES = ("dev", "test", "prod")
OWN = f"arn:aws:iam::{ACCOUNT}:policy/image-recognition-boundary-test"


def _document(stage):
    conditions = {f"Is{one.title()}": one == stage for one in STAGES}
    return plain(
        RESOURCE["Properties"]["PolicyDocument"], {**PSEUDO_PARAMETERS, "Stage": stage}.__getitem__, conditions
    )


BOUNDARIES = {stage: [_document(stage)] for stage in STAGES}


def _may_at_most(action, arn, context=None, *, stage="test"):
    """Tell what a role of the stage may do if the template gives it every right."""
    return is_allowed(BOUNDARIES[stage], action, arn, context)


def test_stack_is_made_within_the_boundary():
    refused = set(denied(has_boundary=True))
    made = [call for call in calls(has_boundary=True) if call not in refused]
    assert len(made) > 1000
    asked = {call: {key: OWN if value == BOUNDARY else value for key, value in call.context} for call in made}
    assert [call for call, context in asked.items() if not _may_at_most(call.action, call.arn, context)] == []


def _granted():
    """Return the actions that roles of a stage have, with what they are on."""
    for file in (TEMPLATE, OWN_MODEL, DEPLOYER):
        template = load(file.read_text())
        for _, node in walk((template if file == DEPLOYER else expand(template))["Resources"]):
            if isinstance(node, dict) and node.get("Effect") == "Allow" and "Principal" not in node:
                yield from listed(node["Action"])


@pytest.mark.parametrize("action", sorted(set(_granted())))
def test_action_of_a_role_is_within_the_boundary(action):
    service = action.partition(":")[0]
    kinds = {"lambda": "function:", "cloudformation": "stack/"}
    account = {"s3": "::", "iam": f":{ACCOUNT}:role/"}.get(service, f"{REGION}:{ACCOUNT}:{kinds.get(service, '')}")
    arn = f"arn:aws:{service}:{account}image-recognition-test-x"
    if action == "iam:CreateServiceLinkedRole":
        arn = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway"
    allowed = _may_at_most(action, arn, {"aws:resourcetag/stage": "test", "iam:permissionsboundary": OWN})
    # A deployer may not remove the boundary either.
    assert allowed == (action != "iam:DeleteRolePermissionsBoundary")


def test_stage_writes_its_packages_and_passes_its_role_to_cloudformation():
    bucket = "arn:aws:s3:::aws-sam-cli-managed-default-1a2b3c"
    assert _may_at_most("s3:PutObject", f"{bucket}/image-recognition-test/4d5e6f")
    assert _may_at_most("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/image-recognition-test-deployer-StackRole-1A2B3C")


IAM, LAMBDA, STACK = (f"arn:aws:{one}:{ACCOUNT}:" for one in ("iam:", f"lambda:{REGION}", f"cloudformation:{REGION}"))
PROD = {"aws:resourcetag/stage": "prod"}


@pytest.mark.parametrize(
    ("action", "arn", "context"),
    [
        # Of another stage
        ("s3:GetObject", "arn:aws:s3:::image-recognition-prod-imagebucket-1a2b3c/private/a/uploads/b.jpg", {}),
        ("s3:ListBucket", "arn:aws:s3:::image-recognition-prod-imagebucket-1a2b3c", {}),
        ("s3:PutObject", "arn:aws:s3:::aws-sam-cli-managed-default-1a2b3c/image-recognition-prod/4d5e6f", {}),
        ("s3:PutObject", "arn:aws:s3:::image-recognition-pipeline-artifactbucket-1a2b3c/deployed/4d5e6f", {}),
        ("dynamodb:Query", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/image-recognition-prod-ImageTable", PROD),
        ("lambda:UpdateFunctionCode", f"{LAMBDA}function:image-recognition-prod-x", PROD),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:image-recognition-prod-x", PROD),
        ("cognito-idp:AdminSetUserPassword", f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/a1b2c3", PROD),
        ("apigateway:POST", f"arn:aws:apigateway:{REGION}::/apis/a1b2c3/routes", PROD),
        ("states:StartExecution", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:ProcessBucket-a1b2c3", PROD),
        ("iam:PutRolePolicy", f"{IAM}role/image-recognition-prod-x", {}),
        ("iam:PassRole", f"{IAM}role/image-recognition-prod-x", {}),
        ("cloudformation:UpdateStack", f"{STACK}stack/image-recognition-prod/1", PROD),
        # Of the account, or of another stage, without a tag
        ("lambda:UpdateFunctionCode", f"{LAMBDA}function:billing", {}),
        ("lambda:AddPermission", f"{LAMBDA}function:image-recognition-prod-ApiFunction-1A2B3C", {}),
        ("cloudformation:UpdateStack", f"{STACK}stack/billing/4d5e6f", {}),
        ("cloudformation:ExecuteChangeSet", f"{STACK}stack/image-recognition-dev/4d5e6f", {}),
        # Identities, and other services
        *((f"iam:Create{one}", f"{IAM}user/somebody", {}) for one in ("User", "AccessKey", "LoginProfile")),
        ("iam:CreateOpenIDConnectProvider", f"{IAM}user/somebody", {}),
        *((action, "*", {}) for action in ("sts:AssumeRole", "organizations:LeaveOrganization", "ec2:RunInstances")),
        # Its own limits
        *(
            (f"iam:{action}", f"{IAM}policy/image-recognition-{policy}", {})
            for action in ("CreatePolicyVersion", "DeletePolicy", "SetDefaultPolicyVersion")
            for policy in ("boundary-test", "test-deployer-RolesPolicy")
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.partition("arn:aws:")[2] or value,
)
def test_role_with_every_right_does_not_reach(action, arn, context):
    assert not _may_at_most(action, arn, context)
    assert not _may_at_most(action, arn, context | {"iam:permissionsboundary": OWN})


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "AttachRolePolicy", "UpdateAssumeRolePolicy",
                                    "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary"])  # fmt: skip
def test_role_with_every_right_gives_no_role_more_than_the_boundary(action):
    role = f"arn:aws:iam::{ACCOUNT}:role/image-recognition-test-x"
    other = {"iam:permissionsboundary": f"arn:aws:iam::{ACCOUNT}:policy/image-recognition-test-x"}
    assert not _may_at_most(f"iam:{action}", role)
    assert not _may_at_most(f"iam:{action}", role, other)


@pytest.mark.parametrize("stage", STAGES)
def test_boundary_of_each_stage_is_its_own(stage):
    for other in STAGES:
        bucket = f"arn:aws:s3:::image-recognition-{other}-imagebucket-1a2b3c"
        assert _may_at_most("s3:ListBucket", bucket, stage=stage) == (stage == other)


def test_only_production_is_refused_without_a_boundary():
    template = load(DEPLOYER.read_text())
    (sentence,) = refusals(template, Stage="prod")
    assert re.search(r"PermissionsBoundaryArn.*docs/operations/boundary\.yaml", sentence)
    assert refusals(template, Stage="prod", PermissionsBoundaryArn=OWN) == []
    assert refusals(template, Stage="dev") == refusals(template, Stage="test") == []
