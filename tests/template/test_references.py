"""Nothing refers to what is not there, and nothing is there without a reference to it."""

import json
import re
from pathlib import Path

import pytest

from tests.template.cloudformation import REPOSITORY, load, references

STATE_MACHINES = REPOSITORY / "statemachines"


def _of_type(resources, resource_type):
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == resource_type}


@pytest.mark.parametrize("name", ["template.yaml", "own-model.yaml"])
def test_every_parameter_is_used(name):
    # That every reference is defined, and exists wherever what refers to it does, cfn-lint says.
    template = load((REPOSITORY / name).read_text())
    assert template["Parameters"].keys() <= {name for _, name in references(template)}


def test_rule_may_invoke_the_function_that_it_calls(of_type):
    permitted = {
        permission["SourceArn"]["Fn::GetAtt"][0]
        for permission in of_type("AWS::Lambda::Permission").values()
        if permission["Action"] == "lambda:InvokeFunction" and permission["Principal"] == "events.amazonaws.com"
    }
    for name, rule in of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            if "Fn::GetAtt" in target["Arn"] and "Function" in target["Arn"]["Fn::GetAtt"][0]:
                assert name in permitted


def test_definition_of_a_state_machine_has_the_substitutions_that_the_template_makes(resources):
    machines = _of_type(resources, "AWS::Serverless::StateMachine").values()
    # By this name the toolkits of editors know a definition.
    assert {one["DefinitionUri"] for one in machines} == {
        f"statemachines/{file.name}" for file in STATE_MACHINES.glob("*.asl.json")
    }
    assert len(machines) == len([*STATE_MACHINES.iterdir()])
    for machine in machines:
        text, made = (REPOSITORY / machine["DefinitionUri"]).read_text(), machine["DefinitionSubstitutions"]
        json.loads(text)
        assert set(re.findall(r"\$\{(\w+)\}", text)) == made.keys()
        for name, value in made.items():
            if name.endswith("FunctionArn"):
                assert value == {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}


def test_each_folder_of_a_function_is_in_the_template_under_its_name(resources):
    # The other is a container image, in a template of its own: test_own_model.py.
    folders = {file.parent.name for file in (REPOSITORY / "functions").glob("*/app.py")} - {"classify_image"}
    functions = {name: Path(one["CodeUri"]) for name, one in _of_type(resources, "AWS::Serverless::Function").items()}
    assert {folder.name for folder in functions.values()} == folders
    for name, folder in functions.items():
        assert folder.parent == Path("functions")
        assert name == f"{folder.name.title().replace('_', '')}Function"


def test_every_function_gets_the_settings_it_reads_and_no_others(resources):
    common = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL"}
    settings = (REPOSITORY / "functions/shared/vision/settings.py").read_text()
    fields = {
        name: {field.upper() for field in re.findall(r"^    (\w+): (?:str|int|float)$", body, re.MULTILINE)}
        for name, body in re.findall(r"^class (\w+Settings)\b.*?:\n(.*?)(?=^@|\Z)", settings, re.MULTILINE | re.DOTALL)
    }
    for name, function in _of_type(resources, "AWS::Serverless::Function").items():
        source = (REPOSITORY / function["CodeUri"] / "app.py").read_text()
        read = {field for used in set(re.findall(r"(\w+Settings)\.read", source)) for field in fields[used]}
        given = function.get("Environment", {}).get("Variables", {}).keys()
        # No code reads RELEASE: it makes a version of a function different from the one before.
        # Lambda sets AWS_REGION: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        assert (name, given - common - {"RELEASE"}) == (name, read - {"AWS_REGION"})


def test_editor_offers_every_function_of_the_template_for_an_event(resources):
    text = re.sub(r"^ *//.*$", "", (REPOSITORY / ".vscode/launch.json").read_text(encoding="utf-8"), flags=re.MULTILINE)
    launch = json.loads(text)
    [picked] = [one for one in launch["inputs"] if one["type"] == "pickString"]
    (invocation,) = [one for one in launch["configurations"] if one["type"] == "aws-sam"]
    assert invocation["invokeTarget"]["logicalId"] == f"${{input:{picked['id']}}}"
    assert picked["options"] == list(_of_type(resources, "AWS::Serverless::Function"))
