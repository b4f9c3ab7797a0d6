"""What a deployment gives: outputs, and three stages. (`make lint` has cfn-lint and SAM look at each template.)"""

import re
import tomllib

import pytest

from local.delivery import stages
from tests.template.cloudformation import REPOSITORY, TEMPLATE, load, resolve

STAGES = ["default", "test", "prod"]
OUTPUTS = load(TEMPLATE.read_text())["Outputs"]


@pytest.fixture
def config():
    return tomllib.loads((REPOSITORY / "samconfig.toml").read_text())


@pytest.mark.parametrize(
    ("name", "resource_type"),
    [
        ("ImageBucketName", "AWS::S3::Bucket"),
        ("ImageTableName", "AWS::DynamoDB::Table"),
        ("ProcessingQueueUrl", "AWS::SQS::Queue"),
        ("ProcessImageStateMachineArn", "AWS::Serverless::StateMachine"),
        ("ResultsBucketName", "AWS::S3::Bucket"),
        ("InspectionQueueUrl", "AWS::SQS::Queue"),
        ("InspectionDeadLetterQueueUrl", "AWS::SQS::Queue"),
        ("QualityTopicArn", "AWS::SNS::Topic"),
        ("CustomModelSessionStateMachineArn", "AWS::Serverless::StateMachine"),
    ],
)
def test_an_output_of_the_contract_names_its_resource(resources, name, resource_type):
    assert resources[OUTPUTS[name]["Value"]["Ref"]]["Type"] == resource_type


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_is_described_in_a_sentence(name):
    assert re.fullmatch(r"[A-Z].+\.", OUTPUTS[name]["Description"])


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name.endswith("Link")])
def test_a_link_opens_the_console_in_the_region_of_the_stack(name):
    link = resolve(OUTPUTS[name]["Value"])
    assert link.startswith("https://${AWS::Region}.console.aws.amazon.com/")
    assert "region=${AWS::Region}" in link


@pytest.mark.parametrize(
    "target",
    [
        "${ProcessImage}",
        "${ProcessBucket}",
        "${CustomModelSession}",
        "${VisionEventBus}",
        "${ImageBucket}",
        "${Dashboard}",
    ],
)
def test_there_is_a_link_to(target):
    assert [one for one in OUTPUTS.values() if target in resolve(one["Value"]) and "https" in resolve(one["Value"])]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_deploys_a_stack_of_its_own(config, stage):
    name = "dev" if stage == "default" else stage
    assert config[stage]["deploy"]["parameters"]["stack_name"] == f"image-recognition-{name}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_sets_parameters_that_exist_to_values_that_are_allowed(config, template, stage):
    for setting in config[stage]["deploy"]["parameters"]["parameter_overrides"].split():
        name, value = setting.split("=", 1)
        assert value in {str(allowed) for allowed in template["Parameters"][name]["AllowedValues"]}


@pytest.mark.parametrize(("stage", "expected"), [("default", "ENABLED"), ("test", "DISABLED"), ("prod", "DISABLED")])
def test_strangers_sign_up_in_the_first_stage_alone(template, stage, expected):
    default = template["Parameters"]["SelfSignUp"]["Default"]
    assert stages.read(stage).parameters.get("SelfSignUp", default) == expected


@pytest.mark.parametrize(("stage", "expected"), [("default", "DISABLED"), ("test", "ENABLED"), ("prod", "ENABLED")])
def test_table_and_people_are_deleted_without_a_second_thought_in_the_first_stage_alone(template, stage, expected):
    default = template["Parameters"]["DeletionProtection"]["Default"]
    assert stages.read(stage).parameters.get("DeletionProtection", default) == expected


@pytest.mark.parametrize("stage", ["test", "prod"])
def test_deployed_stage_keeps_the_value_that_it_has(stage):
    # What a file names is sent with each update, and would replace what somebody has chosen.
    assert "SelfSignUp" not in stages.read(stage).parameters


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_built_in_parallel(config, stage):
    assert config[stage]["build"]["parameters"]["parallel"] is True


@pytest.mark.parametrize("stage", STAGES)
def test_a_deployment_asks_for_no_more_than_to_make_roles(config, stage):
    assert config[stage]["deploy"]["parameters"]["capabilities"] == "CAPABILITY_IAM"


@pytest.mark.parametrize(("stage", "asked"), [("default", False), ("test", False), ("prod", True)])
def test_only_production_asks_before_it_changes(config, stage, asked):
    assert config[stage]["deploy"]["parameters"]["confirm_changeset"] is asked


def test_every_parameter_fits_a_deployment_without_answers(template):
    assert all("Default" in parameter for parameter in template["Parameters"].values())
