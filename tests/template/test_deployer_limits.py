"""What who deploys a stage cannot give itself, and what of another stage in the same account it cannot reach."""

import json
import os
import re
import shutil
import subprocess
import tomllib

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load
from tests.template.deployer import GITHUB, OF_ROLES, RESOURCES, STACK, of, statements

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
        *("AttachRolePolicy", "DetachRolePolicy"),
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


def test_a_role_is_given_no_policy_but_those_of_the_stack():
    allowed = of(STACK, "PoliciesOfRoles")["Condition"]["ArnLike"]["iam:PolicyARN"]["Fn::Sub"]
    assert allowed == f"{POLICY}image-recognition-${{Stage}}-*"
    template = expand(load(TEMPLATE.read_text()))["Resources"]
    attached = [
        policy for one in template.values() for policy in one.get("Properties", {}).get("ManagedPolicyArns", [])
    ]
    assert attached
    assert {template[policy["Ref"]]["Type"] for policy in attached} == {"AWS::IAM::ManagedPolicy"}


# One account may hold both stages


@pytest.mark.parametrize("stage", ["test", "prod"])
def test_packages_lie_below_the_name_of_their_stage(stage):
    settings = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())[stage]["deploy"]["parameters"]
    assert settings["s3_prefix"] == settings["stack_name"] == f"image-recognition-{stage}"


def test_a_workflow_writes_and_cloudformation_reads_packages_below_the_name_of_the_stage_only():
    bucket = "arn:${AWS::Partition}:s3:::aws-sam-cli-managed-default-*/image-recognition-${Stage}"
    own = [f"{bucket}/*", f"{bucket}-model/*"]
    assert [one["Fn::Sub"] for one in of(GITHUB, "HandPackagesOver")["Resource"]] == own
    assert [one["Fn::Sub"] for one in of(STACK, "Packages")["Resource"]][1:] == own


def test_a_workflow_may_not_change_the_bucket_that_the_stages_share():
    asked = {
        action for one in GITHUB for action in listed(one["Action"]) if "aws-sam-cli-managed" in str(one["Resource"])
    }
    assert asked == {"cloudformation:DescribeStacks", "s3:GetObject", "s3:PutObject"} | {
        "s3:ListBucket",
        "s3:GetBucketLocation",
    }


def test_only_the_test_stage_pushes_images():
    pushing = [
        one
        for one in statements(RESOURCES["GitHubRole"]["Properties"]["Policies"])
        if "ecr:" in json.dumps(one) or "inspector2:" in json.dumps(one)
    ]
    assert len(pushing) == 3
    assert {one["Fn::If"][0] for one in pushing} == {"IsTest"}


# What somebody who deploys by hand is given, docs/operations/deployer.md

PAGE = (REPOSITORY / "docs/operations/deployer.md").read_text()
BY_HAND = json.loads((REPOSITORY / "docs/operations/deployer-policy.json").read_text())["Statement"]


def test_a_deployer_may_not_change_its_own_rights():
    statement = of(BY_HAND, "NotItself")
    assert (statement["Effect"], statement["Resource"]) == ("Deny", "arn:aws:iam::ACCOUNT:role/DEPLOYER")
    giving = {action for sid in ("RightsOfRoles", "PoliciesOfRoles") for action in of(BY_HAND, sid)["Action"]}
    assert giving - {"iam:CreateRole"} <= set(statement["Action"])


def test_a_deployer_attaches_no_policy_but_those_of_the_stack():
    allowing = [one for one in BY_HAND if one["Effect"] == "Allow" and "iam:AttachRolePolicy" in one["Action"]]
    assert [one["Condition"] for one in allowing] == [
        {"ArnLike": {"iam:PolicyARN": "arn:aws:iam::ACCOUNT:policy/STACK-*"}}
    ]


def test_no_deployer_takes_a_boundary_away():
    allowed = {action for one in BY_HAND if one["Effect"] == "Allow" for action in listed(one["Action"])}
    assert "iam:DeleteRolePermissionsBoundary" not in allowed


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's command needs jq, which is missing")
def test_the_command_of_the_page_asks_for_the_boundary(tmp_path):
    (tmp_path / "deployer-policy.json").write_text(json.dumps({"Statement": BY_HAND}))
    (command,) = re.findall(r"```bash\n(jq .+?)```", PAGE, re.DOTALL)
    environment = {"PATH": os.environ["PATH"], "BOUNDARY_ARN": "arn:boundary"}
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, env=environment, check=True)
    bounded = json.loads((tmp_path / "deployer-policy.json").read_text())["Statement"]
    asking = [one["Sid"] for one in bounded if "iam:PermissionsBoundary" in json.dumps(one.get("Condition"))]
    assert asking == ["RightsOfRoles", "PoliciesOfRoles"]
    assert "ArnLike" in of(bounded, "PoliciesOfRoles")["Condition"]
