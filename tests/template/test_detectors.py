"""What exists with each detector: sessions with Custom Labels only, and rules only after they were validated."""

import re

import pytest

from tests.template.cloudformation import TEMPLATE, listed, references, refusals

LINES = TEMPLATE.read_text().splitlines()
OF_A_SESSION = re.compile(
    r"CustomModelSession|Session|CheckQueue|StartModel|DrainQueue|StopModel|NamedModel|ReleaseModel"
    r"|ApiSessionsPolicy|FailedSessionsAlarm|ModelMinutesAlarm|WatchdogAlarm"
)
INSPECTING_AT_ONCE = re.compile(r"InspectImages")
# The local stack has its own sign-in.
OF_MANAGED_LOGIN = re.compile(r"UserPoolDomain|ManagedLoginBranding")


def _condition_of(name):
    if OF_A_SESSION.match(name):
        return "UsesCustomLabels"
    if OF_MANAGED_LOGIN.match(name):
        return "UsesManagedLogin"
    return "InspectsAtOnce" if INSPECTING_AT_ONCE.match(name) else None


def test_resource_exists_for_its_detector_only(expanded):
    assert {name: one.get("Condition") for name, one in expanded.items()} == {
        name: _condition_of(name) for name in expanded
    }


def test_arn_of_a_model_is_used_only_where_custom_labels_are(template):
    # So a Resource of a policy is never "": what W1030 warns of cannot happen.
    users = {
        name
        for name, one in template["Resources"].items()
        for _, target in references(one)
        if target in ("ProjectArn", "ModelVersionArn")
    }
    # It only measures it.
    users.remove("ValidRules")
    assert users
    assert {template["Resources"][name].get("Condition") for name in users} == {"UsesCustomLabels"}
    assert template["Metadata"]["cfn-lint"]["config"]["ignore_checks"] == ["W1030"]
    (at,) = [number for number, line in enumerate(LINES) if "ignore_checks" in line]
    assert "W1030" in " ".join(LINES[at - 3 : at])


MODEL = {"ProjectArn": "arn:project", "ModelVersionArn": "arn:version"}


@pytest.mark.parametrize(
    ("parameters", "missing"),
    [
        ({}, None),
        ({"InspectionDetector": "custom-labels"}, "ProjectArn and ModelVersionArn"),
        ({"InspectionDetector": "custom-labels", "ProjectArn": "arn:project"}, "ProjectArn and ModelVersionArn"),
        ({"InspectionDetector": "custom-labels", "ModelVersionArn": "arn:version"}, "ProjectArn and ModelVersionArn"),
        ({"InspectionDetector": "custom-labels", **MODEL}, None),
        ({"InspectionDetector": "own-model"}, "OwnModelFunctionArn, the output of own-model.yaml"),
        ({"PhotoDetector": "own-model"}, "OwnModelFunctionArn, the output of own-model.yaml"),
        ({"PhotoDetector": "own-model", "OwnModelFunctionArn": "arn:function"}, None),
        ({"DisableExecuteApiEndpoint": "true"}, "AppUrl"),
        ({"DisableExecuteApiEndpoint": "true", "AppUrl": "https://photos.example.com"}, None),
    ],
)
def test_parameters_that_miss_another_one_are_refused_before_anything_is_made(
    template, expanded_template, parameters, missing
):
    assert expanded_template["Rules"] == template["Rules"]
    refused = refusals(template, **parameters)
    assert len(refused) == (missing is not None)
    assert all(missing in one for one in refused)


def test_rules_are_measured_among_the_variables_of_each_function_that_reads_them(resources, of_type):
    bulk, inspection = resources["ValidRules"]["Properties"]["Environments"]
    condition, with_sessions, at_once = inspection["Fn::If"]
    assert condition == "UsesCustomLabels"
    measured = {"ProcessBatchFunction": bulk, "DrainQueueFunction": with_sessions, "InspectImagesFunction": at_once}
    assert measured == {
        name: {variable: value for variable, value in variables.items() if variable != "INSPECTION_RULES"}
        for name, function in of_type("AWS::Lambda::Function").items()
        if "INSPECTION_RULES" in (variables := function.get("Environment", {}).get("Variables", {}))
    }


def test_what_reads_the_rules_is_made_after_they_were_validated(resources, of_type):
    checked = resources["ValidRules"]["Properties"]
    assert checked["ServiceToken"] == {"Fn::GetAtt": ["ValidateRulesFunction", "Arn"]}
    # Without ServiceTimeout CloudFormation waits for an hour for a function that does not answer.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-customresource.html
    assert of_type("AWS::Lambda::Function")["ValidateRulesFunction"]["Timeout"] < checked["ServiceTimeout"] <= 300
    readers = {
        name
        for name, one in resources.items()
        if any(target == "InspectionRules" for _, target in references(one)) and name != "ValidRules"
    }
    assert readers == {"InspectImagesFunction", "DrainQueueFunction", "ProcessBatchFunction"}
    after = (*readers, "CustomModelSession", "ProcessBucket")
    assert all("ValidRules" in listed(resources[name]["DependsOn"]) for name in after)


def test_named_model_is_stopped_after_its_sessions_within_the_time_that_cloudformation_waits(resources, of_type):
    named = resources["NamedModel"]["Properties"]
    assert named["ServiceToken"] == {"Fn::GetAtt": ["ReleaseModelFunction", "Arn"]}
    assert {name: named[name] for name in MODEL} == {name: {"Ref": name} for name in MODEL}
    # Lambda retries an event after one minute and after two more.
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    function = of_type("AWS::Lambda::Function")["ReleaseModelFunction"]
    assert function["Environment"]["Variables"]["PATIENCE_SECONDS"] < function["Timeout"]
    assert 3 * function["Timeout"] + 180 < named["ServiceTimeout"] <= 3_600
    # What depends on a resource is deleted before it: the schedule, then the state machine with its executions.
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html
    assert "NamedModel" in resources["CustomModelSession"]["DependsOn"]
