"""What a deployment gives: outputs, and three stages. (`make lint` has cfn-lint check each template.)"""

import re
import tomllib

import pytest

from local.delivery import stages
from tests.template.cloudformation import REPOSITORY, TEMPLATE, load, resolve

CONFIG = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
OUTPUTS = load(TEMPLATE.read_text())["Outputs"]
LINKED = {"ProcessImage", "ProcessBucket", "CustomModelSession", "VisionEventBus", "ImageBucket", "Dashboard"}


def test_output_is_described_and_a_link_opens_the_console_in_the_region_of_the_stack():
    assert all(re.fullmatch(r"[A-Z].+\.", one["Description"]) for one in OUTPUTS.values())
    links = [resolve(one["Value"]) for name, one in OUTPUTS.items() if name.endswith("Link")]
    for link in links:
        assert link.startswith("https://${AWS::Region}.console.aws.amazon.com/")
        assert "region=${AWS::Region}" in link
    assert {name for name in LINKED if not any(f"${{{name}}}" in link for link in links)} == set()


@pytest.mark.parametrize(("stage", "is_asked"), [("default", False), ("test", False), ("prod", True)])
def test_stage_deploys_a_stack_of_its_own_and_only_production_asks_before(template, stage, is_asked):
    deploy = CONFIG[stage]["deploy"]["parameters"]
    assert deploy["stack_name"] == f"image-recognition-{'dev' if stage == 'default' else stage}"
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    assert deploy["confirm_changeset"] is is_asked
    assert CONFIG[stage]["build"]["parameters"]["parallel"] is True
    for setting in deploy["parameter_overrides"].split():
        name, value = setting.split("=", 1)
        assert value in {str(allowed) for allowed in template["Parameters"][name]["AllowedValues"]}


@pytest.mark.parametrize(
    ("stage", "sign_up", "protection"),
    [("default", "ENABLED", "DISABLED"), ("test", "DISABLED", "ENABLED"), ("prod", "DISABLED", "ENABLED")],
)
def test_only_dev_is_open_to_strangers_and_deleted_without_a_second_step(template, stage, sign_up, protection):
    overrides = stages.read(stage).parameters
    in_force = {name: one["Default"] for name, one in template["Parameters"].items()} | overrides
    assert (in_force["SelfSignUp"], in_force["DeletionProtection"]) == (sign_up, protection)
    # What a file names is sent with each update, and would replace what an operator has chosen.
    assert stage == "default" or "SelfSignUp" not in overrides
