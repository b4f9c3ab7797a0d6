"""Parameters: each knob says what it is, what it may be, and what is wrong when it is not."""

import json
import re

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, load
from vision.domain.bulk import bulk_run
from vision.domain.inspection import rules

PARAMETERS = load(TEMPLATE.read_text())["Parameters"]


@pytest.fixture(params=PARAMETERS, ids=str)
def parameter(request):
    return PARAMETERS[request.param]


def test_a_parameter_is_described_in_a_full_sentence(parameter):
    assert re.fullmatch(r"[A-Z].{30,}\.", parameter["Description"])


def test_a_parameter_has_a_default(parameter):
    assert "Default" in parameter


def test_a_parameter_says_what_it_takes(parameter):
    assert (
        parameter.keys() & {"AllowedValues", "AllowedPattern"}
        or parameter.keys() >= {"MinValue", "MaxValue"}
        or parameter.keys() >= {"MinLength", "MaxLength"}
    )


def test_a_parameter_says_what_is_wrong(parameter):
    assert re.fullmatch(r"must be .+\.", parameter["ConstraintDescription"])


def test_a_default_is_allowed(parameter):
    default = parameter["Default"]
    if "AllowedValues" in parameter:
        assert default in parameter["AllowedValues"]
    if "AllowedPattern" in parameter:
        assert re.fullmatch(parameter["AllowedPattern"], default)
    if "MinValue" in parameter:
        assert parameter["MinValue"] <= default <= parameter["MaxValue"]


@pytest.mark.parametrize("name", [name for name, one in PARAMETERS.items() if "MinValue" in one])
def test_a_constraint_names_the_limits_that_are_checked(name):
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
def test_a_pattern_takes_what_aws_takes_and_nothing_else(name, good, bad):
    pattern = PARAMETERS[name]["AllowedPattern"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_every_parameter_is_in_one_group_of_the_console(template):
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


def test_labels_are_ten_of_at_least_sixty_percent_by_default():
    assert (PARAMETERS["MaxLabels"]["Default"], PARAMETERS["MinConfidence"]["Default"]) == (10, 60)


def test_a_thumbnail_is_250_pixels_by_default():
    assert PARAMETERS["ThumbnailSize"]["Default"] == 250


def test_functions_run_on_supported_runtimes():
    # Python 3.10 and older are deprecated during 2026; 3.11 until June 2027.
    # https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
    assert PARAMETERS["LambdaRuntime"]["Default"] == "python3.13"
    assert set(PARAMETERS["LambdaRuntime"]["AllowedValues"]) <= {f"python3.{minor}" for minor in range(11, 15)}


def test_the_default_processor_is_arm():
    assert PARAMETERS["LambdaArchitecture"]["Default"] == "arm64"


def test_no_session_starts_by_itself_unless_somebody_switches_it_on():
    assert PARAMETERS["SessionScheduleState"]["Default"] == "DISABLED"


def test_batches_of_bulk_runs_are_as_large_as_a_worker_has_time_for_by_default():
    assert PARAMETERS["BulkBatchSize"]["Default"] == PARAMETERS["BulkBatchSize"]["MaxValue"] == bulk_run.BATCH_LIMIT


def test_people_hear_of_failures_by_default():
    assert PARAMETERS["Notifications"]["Default"] == "failures"


def test_images_are_inspected_by_rekognition_by_default():
    assert PARAMETERS["InspectionDetector"]["Default"] == "rekognition"


def test_the_default_rule_misses_no_person_that_is_fairly_certain():
    # What must not be there is looked for with less certainty than what must.
    (rule,) = rules.parse(PARAMETERS["InspectionRules"]["Default"])
    assert rule.none_of == ("Person",)
    assert rule.min_confidence < rules.DEFAULT_MIN_CONFIDENCE


def test_a_custom_label_is_at_least_seventy_percent_sure_by_default():
    assert PARAMETERS["CustomMinConfidence"]["Default"] == 70


def test_a_model_is_polled_every_half_minute_by_default():
    assert 30 <= PARAMETERS["ModelPollSeconds"]["Default"] <= 60


def test_two_looks_at_an_empty_queue_are_at_least_a_minute_apart():
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    assert PARAMETERS["IdleSeconds"]["MinValue"] >= 60


def test_the_longest_session_ends_before_its_execution_does():
    longest = PARAMETERS["MaximumSessionSeconds"]["MaxValue"]
    machine = json.loads((REPOSITORY / "statemachines/custom_model_session.asl.json").read_text())
    # A round of workers, and the stop with its looks, come after the limit.
    drain = machine["States"]["Drain Queue In Parallel"]["ItemProcessor"]["States"]["Drain Queue"]["TimeoutSeconds"]
    assert longest + 3 * drain + 61 * PARAMETERS["ModelPollSeconds"]["Default"] < machine["TimeoutSeconds"]


def test_a_session_with_the_default_settings_has_no_more_workers_than_a_map_runs_at_once():
    # https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
    workers = PARAMETERS["MaximumInferenceUnits"]["Default"] * PARAMETERS["WorkersPerUnit"]["Default"]
    assert workers <= 40
