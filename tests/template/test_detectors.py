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
# Whether a resource may exist, by the detector that was chosen.
HOLDS = {"UsesCustomLabels": {"custom-labels"}, "InspectsAtOnce": {"rekognition", "own-model"}}
DETECTORS = ["rekognition", "own-model", "custom-labels"]


def _condition_of(name):
    if OF_A_SESSION.match(name):
        return "UsesCustomLabels"
    if OF_MANAGED_LOGIN.match(name):
        return "UsesManagedLogin"
    return "InspectsAtOnce" if INSPECTING_AT_ONCE.match(name) else None


def _existing(resources, detector):
    return {name for name, one in resources.items() if detector in HOLDS.get(one.get("Condition"), DETECTORS)}


def _chosen(node, detector):
    """Return a resource as the detector leaves it: of each Fn::If on a detector the branch that holds."""
    match node:
        case {"Fn::If": [condition, yes, no]} if condition in HOLDS:
            return _chosen(yes if detector in HOLDS[condition] else no, detector)
        case dict():
            return {name: _chosen(value, detector) for name, value in node.items()}
        case list():
            return [_chosen(value, detector) for value in node]
    return node


def test_resource_exists_for_its_detector_only(expanded):
    assert {name: one.get("Condition") for name, one in expanded.items()} == {
        name: _condition_of(name) for name in expanded
    }


@pytest.mark.parametrize("detector", DETECTORS)
def test_what_exists_refers_to_and_waits_for_what_exists(expanded, detector):
    there = _existing(expanded, detector)
    missing = {
        (name, target)
        for name in there
        for _, target in references(_chosen(expanded[name], detector))
        if target.split(".")[0] in expanded and target.split(".")[0] not in there
    }
    assert not missing
    assert {name for one in there for name in listed(expanded[one].get("DependsOn", []))} <= there


def test_output_exists_with_the_resource_that_it_names(template, expanded):
    for output in template["Outputs"].values():
        wanted = {
            expanded[name.split(".")[0]].get("Condition")
            for _, name in references(output["Value"])
            if name.split(".")[0] in expanded
        } - {None}
        assert {output["Condition"]} - {None} == wanted if "Condition" in output else not wanted


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


@pytest.mark.parametrize(
    ("function", "condition"),
    [
        ("DetectLabelsFunction", "LooksAtPhotosWithOwnModel"),
        ("ProcessBatchFunction", "LooksAtPhotosWithOwnModel"),
        ("InspectImagesFunction", "InspectsWithOwnModel"),
    ],
)
def test_function_knows_the_own_model_only_where_it_is_the_detector(resources, function, condition):
    variables = resources[function]["Properties"]["Environment"]["Variables"]
    assert variables["OWN_MODEL_FUNCTION_ARN"] == {"Fn::If": [condition, {"Ref": "OwnModelFunctionArn"}, "none"]}


def test_custom_labels_inspect_in_sessions_only(template):
    assert template["Parameters"]["PhotoDetector"]["AllowedValues"] == ["rekognition", "own-model"]
    assert template["Parameters"]["InspectionDetector"]["AllowedValues"] == DETECTORS


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


def test_schedule_starts_sessions_only_where_it_is_enabled(resources):
    rule = resources["SessionRule"]["Properties"]
    assert rule["ScheduleExpression"] == {"Ref": "SessionSchedule"}
    assert rule["State"] == {"Ref": "SessionScheduleState"}
    # A rule cannot start an execution without a role.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
    (target,) = rule["Targets"]
    assert target["Arn"] == {"Ref": "CustomModelSession"}
    assert target["RoleArn"] == {"Fn::GetAtt": ["SessionScheduleRole", "Arn"]}


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
