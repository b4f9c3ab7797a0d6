"""The operations guide: a page for each alarm, names that exist, and a policy that covers what is deployed."""

import json
import re

import boto3
import pytest
from botocore import xform_name

from tests.template.cloudformation import REPOSITORY, TEMPLATE, load

GUIDE = REPOSITORY / "docs" / "operations"
INDEX = REPOSITORY / "docs" / "operations.md"
PAGES = [INDEX, *sorted(GUIDE.rglob("*.md"))]
OWN_MODEL = load((REPOSITORY / "own-model.yaml").read_text())["Resources"]
ALARMS = {
    name: one["Properties"]
    for name, one in (load(TEMPLATE.read_text())["Resources"] | OWN_MODEL).items()
    if one["Type"] == "AWS::CloudWatch::Alarm"
}
POLICY = json.loads((GUIDE / "deployer-policy.json").read_text(encoding="utf-8"))
STATEMENTS = {statement["Sid"]: statement for statement in POLICY["Statement"]}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
ROLE_POLICY_CHARACTERS = 10_240
# What the stack leaves behind is not the deployer's to delete.
RETAINED = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::Cognito::UserPool"}
# Actions that are not named after an operation of the service.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
NOT_OPERATIONS = {
    "iam:PassRole",
    "lambda:InvokeFunction",
    "s3:GetLifecycleConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:GetEncryptionConfiguration",
    "s3:PutEncryptionConfiguration",
    "s3:GetBucketPublicAccessBlock",
    "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketNotification",
    "s3:PutBucketNotification",
    "s3:ListBucket",
    *(f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")),
    "logs:ListLogDeliveries",
    *(f"apigateway:{method}" for method in ("POST", "GET", "PATCH", "DELETE")),
}
CLIENTS = {"states": "stepfunctions", "apigateway": "apigatewayv2"}
PERIODS = {300: "five minutes", 900: "a quarter of an hour", 86_400: "a day"}


def _text(path):
    return path.read_text(encoding="utf-8")


def _alarm_page(name):
    return _text(GUIDE / "alarms" / f"{name}.md")


def _types():
    """Return the statements that the deployer's page names for each resource type."""
    rows = re.findall(r"^\| `(AWS::\w+::\w+)` \| (.+) \|$", _text(GUIDE / "deployer.md"), re.MULTILINE)
    return {resource_type: re.findall(r"`(\w+)`", cell) for resource_type, cell in rows}


def _listed(value):
    return value if isinstance(value, list) else [value]


def _actions():
    return sorted({action for statement in STATEMENTS.values() for action in _listed(statement["Action"])})


def test_each_alarm_has_a_page_and_each_page_an_alarm():
    assert sorted(path.stem for path in (GUIDE / "alarms").glob("*.md")) == sorted(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_names_its_page(name):
    assert ALARMS[name]["AlarmDescription"].endswith(f" See docs/operations/alarms/{name}.md.")


@pytest.mark.parametrize("name", ALARMS)
def test_the_page_of_an_alarm_says_what_it_means_where_to_look_and_what_to_do(name):
    told = re.findall(r"^\*\*(Sounds when|Means|Look at|Do)\b", _alarm_page(name), re.MULTILINE)
    assert told == ["Sounds when", "Means", "Look at", "Do"]


@pytest.mark.parametrize("name", ALARMS)
def test_the_page_of_an_alarm_says_when_it_sounds_as_the_template_has_it(name):
    alarm = ALARMS[name]
    threshold = alarm["Threshold"]
    limit = f"`{threshold['Ref']}`" if isinstance(threshold, dict) else threshold
    assert (
        f"**Sounds when** `{alarm['MetricName']}` of `{alarm['Namespace']}` is above {limit} within "
        f"{PERIODS[alarm['Period']]} ({alarm['Statistic'].lower()})." in _alarm_page(name)
    )


@pytest.mark.parametrize("path", sorted(GUIDE.rglob("*.md")), ids=lambda path: path.stem)
def test_a_page_of_the_guide_is_found_from_its_index(path):
    assert f"](operations/{path.relative_to(GUIDE)})" in _text(INDEX)


@pytest.mark.parametrize("path", sorted(GUIDE.rglob("*.md")), ids=lambda path: path.stem)
def test_a_page_of_the_guide_begins_with_the_way_to_its_index(path):
    way = "../" * len(path.relative_to(INDEX.parent).parts[1:])
    shell = f"the commands need [a shell that is set up]({way}operations.md#set-up-a-shell)"
    assert _text(path).split("\n\n")[1] == f"[Operations]({way}operations.md) · {shell}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_guide_names_resources_that_exist(path, expanded):
    assert set(re.findall(r"\bresource (\w+)\)", _text(path))) <= set(expanded) | set(OWN_MODEL)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_variables_of_the_guide_that_are_not_the_readers_are_outputs(path, template):
    readers = {"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "FunctionLogs"}
    told = {name for name in re.findall(r"\$\{?([A-Z]\w+)", _text(path)) if not name.isupper()}
    assert told - readers <= set(template["Outputs"])


def test_the_deployers_policy_covers_each_resource_type_of_the_template_and_no_other(expanded):
    assert sorted(_types()) == sorted({resource["Type"] for resource in expanded.values()})


def test_the_deployers_page_names_each_statement_and_no_other():
    told = {sid for sids in _types().values() for sid in sids}
    assert told | {"Stack", "Templates"} == set(STATEMENTS)


@pytest.mark.parametrize("resource_type", _types())
def test_the_deployer_may_make_a_resource_and_delete_what_goes_with_the_stack(resource_type):
    actions = [action for sid in _types()[resource_type] for action in _listed(STATEMENTS[sid]["Action"])]
    verbs = {re.match(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+$|[A-Z][a-z]+", action.split(":")[1])[0] for action in actions}
    if resource_type == "AWS::CloudFormation::CustomResource":
        assert "lambda:InvokeFunction" in actions
        return
    assert verbs & {"Create", "Put", "Publish", "Set", "POST"}
    assert resource_type in RETAINED or verbs & {"Delete", "Remove", "Set", "DELETE"}


@pytest.mark.parametrize("action", ["s3:DeleteBucket", "dynamodb:DeleteTable", "cognito-idp:DeleteUserPool"])
def test_the_deployer_may_not_delete_what_survives_the_stack(action):
    assert action not in _actions()


@pytest.mark.parametrize("action", [action for action in _actions() if action not in NOT_OPERATIONS])
def test_an_action_of_the_deployer_is_one_of_the_service(action):
    service, name = action.split(":")
    client = boto3.client(CLIENTS.get(service, service), region_name="us-east-1")
    operations = {xform_name(one) for one in client.meta.service_model.operation_names}
    assert xform_name(name) in operations


def test_the_deployers_policy_has_no_action_with_a_star():
    assert not [action for action in _actions() if "*" in action]


def test_only_what_has_no_name_yet_or_no_resource_is_allowed_on_everything():
    everything = [sid for sid, one in STATEMENTS.items() if one["Resource"] == "*" and "Condition" not in one]
    assert everything == ["Templates", "NewUserPool", "LogDelivery"]


def test_the_deployers_policy_fits_into_a_role():
    assert len(re.sub(r"\s", "", json.dumps(POLICY))) <= ROLE_POLICY_CHARACTERS
