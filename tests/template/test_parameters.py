"""Parameters: each says what it is, what it may be, and what is wrong when it is not."""

import json
import re

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, load
from vision.domain.bulk import bulk_run
from vision.domain.inspection import rules

PARAMETERS = load(TEMPLATE.read_text())["Parameters"]


OF_BOTH = [
    pytest.param(template, name, id=name)
    for template in (load(TEMPLATE.read_text()), load((REPOSITORY / "own-model.yaml").read_text()))
    for name in template["Parameters"]
]


@pytest.mark.parametrize(("template", "name"), OF_BOTH)
def test_parameter_is_described_limited_and_in_a_group(template, name):
    parameter = template["Parameters"][name]
    assert re.fullmatch(r"[A-Z].{30,}\.", parameter["Description"])
    assert re.fullmatch(r"must be .+\.", parameter["ConstraintDescription"])
    assert parameter.keys() & {"AllowedValues", "AllowedPattern", "MinValue"}
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sum(name in group["Parameters"] for group in groups) == 1


@pytest.mark.parametrize("name", [name for name, one in PARAMETERS.items() if "MinValue" in one])
def test_constraint_names_the_limits_of_a_number(name):
    parameter = PARAMETERS[name]
    named = {int(number) for number in re.findall(r"\d+", parameter["ConstraintDescription"])}
    assert parameter["MinValue"] in named
    assert named <= {parameter["MinValue"], parameter["MaxValue"]}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        # Cognito takes HTTP from this machine only:
        # https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html
        ("AppUrl", "https://photos.example.com", "http://photos.example.com"),
        ("AppUrl", "http://app.localhost:4566", "http://localhost.example.com"),
        ("SignInUrl", "https://auth.example.com", "http://auth.example.com"),
        ("SignInUrl", "http://localhost:4566", "http://localhost@example.com"),
        ("AlarmTopicArn", "arn:aws:sns:eu-west-1:123456789012:alarms", "arn:aws:sqs:eu-west-1:123456789012:alarms"),
        ("AlarmTopicArn", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:a_b-c", "alarms"),
        (
            "ProjectArn",
            "arn:aws:rekognition:eu-west-1:123456789012:project/things/1600000000000",
            "arn:aws:rekognition:eu-west-1:123456789012:project/things/version/v1/1600000000000",
        ),
        (
            "ModelVersionArn",
            "arn:aws:rekognition:eu-west-1:123456789012:project/things/version/v1.2/1600000000000",
            "arn:aws:rekognition:eu-west-1:123456789012:project/things/1600000000000",
        ),
        ("InspectionRules", '[{"name": "a",\n "prefix": "images/", "any_of": ["Dog"]}]', '{"name": "a"}'),
        ("NotificationEmails", "ann@example.com", "ann@example.com bob@example.com"),
        ("SessionSchedule", "cron(0 2 * * ? *)", "15 minutes"),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/team/edge", "arn:aws:iam::1234:policy/edge"),
        ("PermissionsBoundaryArn", "arn:aws:iam::aws:policy/PowerUserAccess", "arn:aws:iam::123456789012:role/edge"),
    ],
)
def test_pattern_accepts_what_aws_accepts_and_nothing_else(name, good, bad):
    pattern = PARAMETERS[name]["AllowedPattern"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_defaults_protect_data_and_cost_nothing_that_was_not_asked_for():
    defaults = {
        "SelfSignUp": "DISABLED",
        "BulkReadsPhotos": "false",
        "DeletionProtection": "ENABLED",
        "SessionScheduleState": "DISABLED",
        "PhotoDetector": "rekognition",
        "InspectionDetector": "rekognition",
        "Notifications": "failures",
        "LambdaArchitecture": "arm64",
    }
    assert {name: PARAMETERS[name]["Default"] for name in defaults} == defaults


def test_functions_run_on_supported_runtimes():
    # Python 3.10 and older are deprecated during 2026; 3.11 until June 2027.
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    assert set(PARAMETERS["LambdaRuntime"]["AllowedValues"]) <= {f"python3.{minor}" for minor in range(11, 15)}


def test_batch_of_a_bulk_run_is_as_large_as_a_worker_has_time_for_by_default():
    assert PARAMETERS["BulkBatchSize"]["Default"] == PARAMETERS["BulkBatchSize"]["MaxValue"] == bulk_run.BATCH_LIMIT


def test_default_rule_looks_for_people_with_a_low_confidence():
    # For what must not be in an image a lower confidence is enough.
    (rule,) = rules.parse(PARAMETERS["InspectionRules"]["Default"])
    assert rule.none_of == ("Person",)
    assert rule.min_confidence < rules.DEFAULT_MIN_CONFIDENCE


def test_session_polls_a_model_and_an_empty_queue_at_the_pace_of_their_services():
    assert 30 <= PARAMETERS["ModelPollSeconds"]["Default"] <= 60
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    assert PARAMETERS["IdleSeconds"]["MinValue"] >= 60


def test_longest_session_ends_before_its_execution():
    longest = PARAMETERS["MaximumSessionSeconds"]["MaxValue"]
    machine = json.loads((REPOSITORY / "statemachines/custom_model_session.asl.json").read_text())
    # A round of workers, and the stop with its looks, come after the limit.
    drain = machine["States"]["Drain Queue In Parallel"]["ItemProcessor"]["States"]["Drain Queue"]["TimeoutSeconds"]
    assert longest + 3 * drain + 61 * PARAMETERS["ModelPollSeconds"]["Default"] < machine["TimeoutSeconds"]


def test_default_session_has_no_more_workers_than_a_map_runs_at_once():
    # https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    workers = PARAMETERS["MaximumInferenceUnits"]["Default"] * PARAMETERS["WorkersPerUnit"]["Default"]
    assert workers <= 40
