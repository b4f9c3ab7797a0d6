"""Nothing refers to what is not there, and nothing is there that nobody refers to."""

import json
import re

from tests.template.cloudformation import REPOSITORY, references, walk

STATE_MACHINES = REPOSITORY / "statemachines"
_PSEUDO = re.compile(r"AWS::(AccountId|Region|Partition|StackName|StackId|NoValue|URLSuffix)")


def test_every_reference_is_defined(template, expanded_template):
    # SAM makes the roles of functions.
    known = template["Parameters"].keys() | expanded_template["Resources"].keys()
    dangling = {
        (".".join(map(str, path)), name)
        for path, name in references(expanded_template)
        if name.split(".")[0] not in known and not _PSEUDO.fullmatch(name)
    }
    assert not dangling


def test_every_parameter_is_used(template):
    used = {name for _, name in references(template)}
    assert template["Parameters"].keys() <= used


def test_every_condition_is_defined_and_used(template):
    used = {node["Fn::If"][0] for _, node in walk(template) if isinstance(node, dict) and "Fn::If" in node}
    used |= {resource["Condition"] for resource in template["Resources"].values() if "Condition" in resource}
    assert used == template["Conditions"].keys()


def test_every_function_that_a_rule_calls_lets_it_in(of_type):
    permitted = {
        permission["SourceArn"]["Fn::GetAtt"][0]
        for permission in of_type("AWS::Lambda::Permission").values()
        if permission["Action"] == "lambda:InvokeFunction" and permission["Principal"] == "events.amazonaws.com"
    }
    for name, rule in of_type("AWS::Events::Rule").items():
        for target in rule["Targets"]:
            if "Fn::GetAtt" in target["Arn"] and "Function" in target["Arn"]["Fn::GetAtt"][0]:
                assert name in permitted


def test_every_state_machine_file_is_in_the_template(resources):
    used = {
        resource["Properties"]["DefinitionUri"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Serverless::StateMachine"
    }
    assert used == {f"statemachines/{file.name}" for file in STATE_MACHINES.iterdir()}


def test_substitutions_are_defined_where_used_and_used_where_defined(resources):
    for resource in resources.values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            definition = (REPOSITORY / resource["Properties"]["DefinitionUri"]).read_text()
            used = set(re.findall(r"\$\{(\w+)\}", definition))
            assert used == resource["Properties"]["DefinitionSubstitutions"].keys()


def test_a_substitution_is_the_arn_of_the_function_it_is_named_after(resources):
    for resource in resources.values():
        for name, value in resource["Properties"].get("DefinitionSubstitutions", {}).items():
            if name.endswith("FunctionArn"):
                assert value == {"Fn::GetAtt": [name.removesuffix("Arn"), "Arn"]}


def test_every_function_folder_is_in_the_template_and_the_other_way_round(resources):
    folders = {file.parent.name for file in (REPOSITORY / "functions").glob("*/app.py")}
    # It is a container image, in a template of its own: see test_own_model.py.
    folders.remove("classify_image")
    names = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower()
        for name, resource in resources.items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert names == folders


def test_every_function_gets_the_settings_it_reads_and_no_others(resources):
    common = {"POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL"}
    settings = (REPOSITORY / "functions/shared/vision/settings.py").read_text()
    fields = {
        name: {field.upper() for field in re.findall(r"^    (\w+): (?:str|int|float)$", body, re.MULTILINE)}
        for name, body in re.findall(r"^class (\w+Settings)\b.*?:\n(.*?)(?=^@|\Z)", settings, re.MULTILINE | re.DOTALL)
    }
    for name, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        folder = re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower()
        source = (REPOSITORY / "functions" / folder / "app.py").read_text()
        read = {field for used in set(re.findall(r"(\w+Settings)\.read", source)) for field in fields[used]}
        given = resource["Properties"].get("Environment", {}).get("Variables", {}).keys()
        # No code reads RELEASE: it makes a version of a function different from the one before.
        # Lambda sets AWS_REGION: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        assert (name, given - common - {"RELEASE"}) == (name, read - {"AWS_REGION"})


def test_the_definition_is_json_for_the_toolkits():
    for file in STATE_MACHINES.iterdir():
        assert file.name.endswith(".asl.json")
        json.loads(file.read_text())


def test_every_function_of_the_template_can_be_picked(resources):
    text = re.sub(r"^ *//.*$", "", (REPOSITORY / ".vscode/launch.json").read_text(encoding="utf-8"), flags=re.MULTILINE)
    launch = json.loads(text)
    (picked,) = launch["inputs"]
    (invocation,) = [one for one in launch["configurations"] if one["type"] == "aws-sam"]
    assert invocation["invokeTarget"]["logicalId"] == f"${{input:{picked['id']}}}"
    assert picked["options"] == [name for name, one in resources.items() if one["Type"] == "AWS::Serverless::Function"]
