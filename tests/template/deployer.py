"""The template of a deployer, docs/operations/deployer.yaml, and what its roles are allowed."""

from tests.template.cloudformation import REPOSITORY, load

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


OF_ROLES = RESOURCES["RolesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
STACK = list(unconditional([*statements(RESOURCES["StackRole"]["Properties"]["Policies"]), *OF_ROLES]))
DEPLOY = list(unconditional(RESOURCES["DeployPolicy"]["Properties"]["PolicyDocument"]["Statement"]))


def of(statements, sid):
    (statement,) = [one for one in statements if one["Sid"] == sid]
    return statement
