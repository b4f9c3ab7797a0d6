"""The template of a deployer, docs/operations/deployer.yaml, and what its roles are allowed."""

import functools

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, load, plain
from tests.template.iam import PSEUDO_PARAMETERS, is_allowed
from tests.template.stack_calls import BOUNDARY, Stack

DEPLOYER = REPOSITORY / "docs/operations/deployer.yaml"
OWN_MODEL = REPOSITORY / "own-model.yaml"
TEXT = DEPLOYER.read_text()
RESOURCES = load(TEXT)["Resources"]


def statements(policies):
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def unconditional(statements):
    """Return statements and those that are there under a condition, on whichever side of it."""
    for one in statements:
        yield next(side for side in one["Fn::If"][1:] if "Sid" in side) if "Fn::If" in one else one


def every_statement(resources):
    """Return the statements of all policies of a template as parameters of a test."""
    return [
        pytest.param(statement, id=f"{name}-{statement['Sid']}")
        for name, one in resources.items()
        if one["Type"].startswith("AWS::IAM::")
        for policy in (*one["Properties"].get("Policies", []), one["Properties"])
        for statement in unconditional(policy.get("PolicyDocument", {"Statement": []})["Statement"])
    ]


OF_ROLES = RESOURCES["RolesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
STACK = list(unconditional([*statements(RESOURCES["StackRole"]["Properties"]["Policies"]), *OF_ROLES]))
DEPLOY = list(unconditional(RESOURCES["DeployPolicy"]["Properties"]["PolicyDocument"]["Statement"]))
SMOKE = list(unconditional(RESOURCES["SmokePolicy"]["Properties"]["PolicyDocument"]["Statement"]))


def of(statements, sid):
    (statement,) = [one for one in statements if one["Sid"] == sid]
    return statement


# The stack of pipeline.yaml is made by an administrator.
STACKS = ((TEMPLATE, ""), (OWN_MODEL, "-model"))


@functools.cache
def calls(stage="test", *, has_boundary=False):
    made = []
    for file, suffix in STACKS:
        template = load(file.read_text())
        # With it there is all that there is without it.
        template["Parameters"]["GradualDeployments"]["Default"] = "true"
        made += Stack(expand(template)["Resources"], stage, suffix=suffix, has_boundary=has_boundary).calls()
    return dict.fromkeys(made)


@functools.cache
def _policies(*, has_boundary):
    """Return what the role of the stage test has."""
    values = {**PSEUDO_PARAMETERS, "Stage": "test", "PermissionsBoundaryArn": BOUNDARY}
    conditions = {"HasPermissionsBoundary": has_boundary, "IsTest": True}
    role = RESOURCES["StackRole"]["Properties"]
    documents = [one["PolicyDocument"] for one in role["Policies"]]
    documents += [RESOURCES[one["Ref"]]["Properties"]["PolicyDocument"] for one in role["ManagedPolicyArns"]]
    return [plain(one, values.__getitem__, conditions) for one in documents]


def may(action, arn, context, *, has_boundary=False):
    return is_allowed(_policies(has_boundary=has_boundary), action, arn, dict(context))


@functools.cache
def denied(*, has_boundary=False):
    """Return the calls for its own stage that the role of the stage test may not make."""
    asked = calls(has_boundary=has_boundary)
    return [call for call in asked if not may(*call[1:], has_boundary=has_boundary)]
