"""Functions, their state machines, and what Lambda itself needs of them."""

import ast
import json
from pathlib import Path

import pytest

from tests.template.call_graph import CODE
from tests.template.cloudformation import REPOSITORY, TEMPLATE, load, resolve
from tests.workflows import definition

RESOURCES = load(TEMPLATE.read_text())["Resources"]
FOLDERS = {
    name: Path(one["Properties"]["CodeUri"]).name
    for name, one in RESOURCES.items()
    if one["Type"] == "AWS::Serverless::Function"
}
MACHINES = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::StateMachine"]
# Clients of rare calls, which would delay every start: for errors, for deletions, for operators, for other detectors.
MADE_BY_THEIR_CALL = {
    "api": {"stepfunctions"},
    "detect_labels": {"s3"},
    "drain_queue": {"sns"},
    "inspect_images": {"sns"},
    "start_processing": {"s3"},
    "store_metadata": {"s3"},
    "track_execution": {"s3"},
    "validate_rules": {"sns"},
}


def _made_at_the_start(handler):
    """Return the clients that a handler's module makes; one of those of the detectors, for the one that is used."""
    made = set()
    for name in [f"{handler}.app", *(one for one in CODE.reached(handler) if one.startswith("vision."))]:
        for node in ast.walk(CODE.source(name)):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Attribute) and called.attr == "make_clients":
                made |= {one.value for one in node.args}
    return made


def _tasks(machine):
    """Return the tasks of a machine by the logical id of their function."""
    found = {}
    source = REPOSITORY / RESOURCES[machine]["Properties"]["DefinitionUri"]
    for state in definition.tasks(definition.load(source)).values():
        name = state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
        found.setdefault(name, []).append(state)
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_function_is_traced_logs_to_the_group_of_the_stack_and_stops_when_it_calls_itself(of_type, name):
    function = of_type("AWS::Lambda::Function")[name]
    assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
    assert function["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": {"Ref": "FunctionLogs"}}
    assert function["RecursiveLoop"] == "Terminate"
    assert function["Runtime"] == {"Ref": "LambdaRuntime"}
    assert function["Architectures"] == [{"Ref": "LambdaArchitecture"}]
    assert function["Description"].endswith(".")


@pytest.mark.parametrize("name", FOLDERS)
def test_clients_of_all_but_rare_calls_are_made_when_a_function_starts(name):
    handler = FOLDERS[name]
    called = {service for service, _ in CODE.aws_calls(handler)}
    rare = MADE_BY_THEIR_CALL.get(handler, set())
    assert rare <= called
    assert _made_at_the_start(handler) == called - rare


@pytest.mark.parametrize("name", FOLDERS)
def test_function_has_the_layers_of_what_its_code_imports(of_type, name):
    layers = json.dumps(of_type("AWS::Lambda::Function")[name]["Layers"])
    decodes = any(one.startswith("vision.domain.image_file.pixels.") for one in CODE.reached(FOLDERS[name]))
    assert "VisionLayer" in layers
    assert ("ImagingLayer" in layers) is decodes


def test_only_a_rule_the_api_of_this_stack_or_a_pool_of_this_account_may_invoke_a_function(of_type):
    rules = of_type("AWS::Events::Rule")
    for permission in of_type("AWS::Lambda::Permission").values():
        match permission["Principal"]:
            case "apigateway.amazonaws.com":
                assert resolve(permission["SourceArn"]).endswith(":${Api}/*")
            case "cognito-idp.amazonaws.com":
                # The pool names the function, and must not before it may invoke it: test_operators.py.
                assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
                assert resolve(permission["SourceArn"]).endswith(":${AWS::Region}:${AWS::AccountId}:userpool/*")
            case principal:
                assert principal == "events.amazonaws.com"
                assert permission["SourceArn"]["Fn::GetAtt"][0] in rules


@pytest.mark.parametrize("machine", MACHINES)
def test_state_machine_invokes_the_functions_of_its_tasks_and_waits_longer_than_they_may_run(of_type, machine):
    tasks, functions = _tasks(machine), of_type("AWS::Lambda::Function")
    for name, states in tasks.items():
        assert all(state["TimeoutSeconds"] > functions[name]["Timeout"] for state in states)
    policies = of_type("AWS::IAM::Role")[f"{machine}Role"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    (invoke,) = [one for one in statements if one["Action"] == "lambda:InvokeFunction"]
    assert sorted(resolve(arn) for arn in invoke["Resource"]) == sorted(f"${{{name}.Arn}}" for name in tasks)


@pytest.mark.parametrize("name", MACHINES)
def test_state_machine_is_standard_and_traced_and_logs_errors_without_data(of_type, name):
    machine = of_type("AWS::StepFunctions::StateMachine")[name]
    assert machine["RoleArn"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": {"Fn::If": ["RecordsTraces", True, False]}}
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_execution_counts_as_silent_only_after_its_own_limit(template):
    machine = json.loads((REPOSITORY / "statemachines/process_image.asl.json").read_text())
    assert template["Parameters"]["SilentExecutionSeconds"]["Default"] > machine["TimeoutSeconds"]
