"""Functions, their state machines, and what Lambda itself needs of them."""

import json

import pytest

from tests.template.call_graph import Code
from tests.template.cloudformation import REPOSITORY, TEMPLATE, listed, load, resolve
from tests.workflows import definition

BOUNDARY = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}
CODE = Code()
RESOURCES = load(TEMPLATE.read_text())["Resources"]
FUNCTIONS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"]
MACHINES = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Serverless::StateMachine"]
# Who assumes a role that is not a function's.
ASSUMED_BY = {
    "ProcessImageRole": "states.amazonaws.com",
    "CustomModelSessionRole": "states.amazonaws.com",
    "SessionScheduleRole": "events.amazonaws.com",
    "ProcessBucketRole": "states.amazonaws.com",
    "BulkRunRuleRole": "events.amazonaws.com",
    "DeploymentRole": "codedeploy.amazonaws.com",
}


@pytest.fixture(params=FUNCTIONS)
def function(request, of_type):
    return of_type("AWS::Lambda::Function")[request.param]


@pytest.fixture(params=MACHINES)
def machine_name(request):
    return request.param


@pytest.fixture
def machine(machine_name, of_type):
    return of_type("AWS::StepFunctions::StateMachine")[machine_name]


@pytest.fixture
def tasks(machine_name):
    """The tasks of a machine by the logical id of their function."""
    found = {}
    source = REPOSITORY / RESOURCES[machine_name]["Properties"]["DefinitionUri"]
    for state in definition.tasks(definition.load(source)).values():
        name = state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Arn}")
        found.setdefault(name, []).append(state)
    return found


def test_a_function_has_a_role_of_its_own(of_type):
    roles = [json.dumps(function["Role"]) for function in of_type("AWS::Lambda::Function").values()]
    assert len(roles) == len(set(roles))


def test_a_function_stops_when_it_calls_itself_in_circles(function):
    assert function["RecursiveLoop"] == "Terminate"


def test_a_function_is_traced(function):
    assert function["TracingConfig"] == {"Mode": "Active"}


def test_a_function_logs_where_retention_is_set_and_lambda_filters_nothing(function):
    assert function["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": {"Ref": "FunctionLogs"}}


def test_a_function_runs_on_the_chosen_runtime_and_processor(function):
    assert function["Runtime"] == {"Ref": "LambdaRuntime"}
    assert function["Architectures"] == [{"Ref": "LambdaArchitecture"}]


def test_a_function_carries_the_package_vision(function):
    assert any("VisionLayer" in layer["Ref"] for layer in function["Layers"])


def test_pillow_is_carried_only_where_images_are_decoded(of_type):
    carriers = {
        name
        for name, function in of_type("AWS::Lambda::Function").items()
        if any("ImagingLayer" in layer["Ref"] for layer in function["Layers"])
    }
    assert carriers == {
        f"{file.parent.name.title().replace('_', '')}Function"
        for file in (REPOSITORY / "functions").glob("*/app.py")
        if any(name.startswith("vision.domain.image_file.pixels.") for name in CODE.reached(file.parent.name))
        # Functions of images have no layers.
        if not (file.parent / "Dockerfile").exists()
    }


def test_a_function_says_what_it_does(function):
    assert function["Description"].endswith(".")


def test_every_role_has_the_permissions_boundary(of_type):
    for name, role in of_type("AWS::IAM::Role").items():
        assert (name, role["PermissionsBoundary"]) == (name, BOUNDARY)


def test_a_role_is_assumed_by_its_service_only(of_type):
    for name, role in of_type("AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (name, listed(statement["Principal"]["Service"])) == (
            name,
            [ASSUMED_BY.get(name, "lambda.amazonaws.com")],
        )


def test_a_state_machine_assumes_its_role_for_this_account_only(machine_name, of_type):
    (statement,) = of_type("AWS::IAM::Role")[f"{machine_name}Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_a_rule_the_api_of_this_stack_or_a_pool_of_this_account_may_invoke_a_function(of_type):
    rules = of_type("AWS::Events::Rule")
    for permission in of_type("AWS::Lambda::Permission").values():
        if permission["Principal"] == "apigateway.amazonaws.com":
            assert resolve(permission["SourceArn"]).endswith(":${Api}/*")
            continue
        if permission["Principal"] == "cognito-idp.amazonaws.com":
            # The pool names the function, and must not before it may invoke it: test_operators.py.
            assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}
            assert resolve(permission["SourceArn"]).endswith(":${AWS::Region}:${AWS::AccountId}:userpool/*")
            continue
        assert permission["Principal"] == "events.amazonaws.com"
        assert permission["SourceArn"]["Fn::GetAtt"][0] in rules


def test_a_task_waits_longer_than_its_function_may_run(of_type, tasks):
    functions = of_type("AWS::Lambda::Function")
    for name, states in tasks.items():
        for state in states:
            assert state["TimeoutSeconds"] > functions[name]["Timeout"]


def test_a_state_machine_may_invoke_exactly_the_functions_of_its_tasks(machine_name, of_type, tasks):
    statements = [
        statement
        for policy in of_type("AWS::IAM::Role")[f"{machine_name}Role"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    (invoke,) = [one for one in statements if one["Action"] == "lambda:InvokeFunction"]
    assert sorted(resolve(arn) for arn in invoke["Resource"]) == sorted(f"${{{name}.Arn}}" for name in tasks)


def test_a_state_machine_is_standard_logged_and_traced(machine):
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert machine["LoggingConfiguration"]["Level"] == "ERROR"


def test_the_logs_of_executions_carry_no_data_of_images(machine):
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_a_state_machine_runs_in_its_own_role(machine_name, machine):
    assert machine["RoleArn"] == {"Fn::GetAtt": [f"{machine_name}Role", "Arn"]}


def test_everything_that_has_a_schedule_is_known(of_type):
    schedules = {
        (resolve(target["Arn"]), resolve(rule["ScheduleExpression"]))
        for rule in of_type("AWS::Events::Rule").values()
        if "ScheduleExpression" in rule
        for target in rule["Targets"]
    }
    assert schedules == {
        ("${TrackExecutionFunction.Arn}", "rate(15 minutes)"),
        ("${StopModelFunction.Arn}", "rate(10 minutes)"),
        ("${CustomModelSession}", "${SessionSchedule}"),
    }


def test_an_execution_is_asked_how_it_is_only_after_its_own_limit(template):
    machine = json.loads((REPOSITORY / "statemachines/process_image.asl.json").read_text())
    assert template["Parameters"]["SilentExecutionSeconds"]["Default"] > machine["TimeoutSeconds"]
