"""Whom roles trust: a service, and only on behalf of this account where the service names the account."""

from fnmatch import fnmatchcase

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, generated_name, listed, load, plain
from tests.template.deployer import DEPLOYER

TEMPLATES = (TEMPLATE, REPOSITORY / "own-model.yaml", REPOSITORY / "pipeline.yaml", DEPLOYER)
# They pass the account on whose behalf they assume a role.
SAYS_ON_WHOSE_BEHALF = {
    "events.amazonaws.com": "https://docs.aws.amazon.com/eventbridge/latest/userguide/cross-service-confused-deputy-prevention.html",
    "codedeploy.amazonaws.com": "https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html",
    "states.amazonaws.com": "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html",
    "codebuild.amazonaws.com": "https://docs.aws.amazon.com/codebuild/latest/userguide/cross-service-confused-deputy-prevention.html",
    "codepipeline.amazonaws.com": "https://docs.aws.amazon.com/codepipeline/latest/userguide/cross-service-confused-deputy-prevention.html",
}
# For the role of a function and of a stack no documentation says so, and if the key is not sent nothing can assume the
# role. A role is passed to them with iam:PassRole, within its own account only.
SAYS_NOTHING = {"lambda.amazonaws.com", "cloudformation.amazonaws.com"}
BOUNDARY = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
# The roles that are not of a function, by their service.
SERVICES = {
    "states": ["ProcessImageRole", "ProcessBucketRole", "CustomModelSessionRole"],
    "events": ["SessionScheduleRole", "BulkRunRuleRole", "PushRole"],
    "codedeploy": ["DeploymentRole"],
    "codepipeline": ["PipelineRole"],
    "codebuild": ["CheckRole", "PackageRole", "ImageRole", "SmokeRole", "KeepRole"],
    "cloudformation": ["StackRole"],
}
ASSUMED_BY = {role: f"{service}.amazonaws.com" for service, roles in SERVICES.items() for role in roles}
ROLES = [
    pytest.param(name, one["Properties"], id=f"{template.stem}-{name}")
    for template in TEMPLATES
    for name, one in expand(load(template.read_text()))["Resources"].items()
    if one["Type"] == "AWS::IAM::Role"
]


@pytest.mark.parametrize(("name", "role"), ROLES)
def test_role_is_bounded_and_trusts_one_service_for_this_account_only_if_it_names_the_account(name, role):
    assert role["PermissionsBoundary"] == BOUNDARY
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    if name == "GitHubRole":
        # Its own test is in test_deployer.py.
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        return
    (service,) = listed(statement["Principal"]["Service"])
    assert service == ASSUMED_BY.get(name, "lambda.amazonaws.com")
    if service in SAYS_NOTHING:
        assert "Condition" not in statement
    else:
        assert service in SAYS_ON_WHOSE_BEHALF
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


@pytest.mark.parametrize("stack", ["photos", "s" * 128], ids=["short", "long"])
@pytest.mark.parametrize("name", ["BulkRunRule", "SessionRule"])
def test_trust_policy_matches_the_generated_name_of_its_rule_only(resources, name, stack):
    """The trust policy cannot name the rule, which names the role."""
    rule = resources[name]["Properties"]
    (target,) = rule["Targets"]
    role = resources[target["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
    known = {"AWS::Partition": "aws", "AWS::Region": "r", "AWS::AccountId": "1", "VisionEventBus": f"{stack}-vision"}
    (statement,) = plain(role["AssumeRolePolicyDocument"], known.__getitem__, {})["Statement"]
    on_bus = f"{stack}-vision/" if "EventBusName" in rule else ""
    # The name of a rule has 64 characters, as that of a function.
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
    arns = [f"arn:aws:events:r:1:rule/{on_bus}{generated_name(stack, one)}" for one in (name, "OtherRule")]
    matched = [fnmatchcase(arn, statement["Condition"]["ArnLike"]["aws:SourceArn"]) for arn in arns]
    # Any rule of the stack's own bus is a rule of the stack.
    assert matched == [True, bool(on_bus)]
