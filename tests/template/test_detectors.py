"""What exists with each detector: without Custom Labels nothing of a session, and no rule that was not checked."""

import re

import pytest

from tests.template.cloudformation import TEMPLATE, references, walk

LINES = TEMPLATE.read_text().splitlines()
OF_A_SESSION = re.compile(
    r"CustomModelSession|Session|CheckQueue|StartModel|DrainQueue|StopModel|NamedModel|ReleaseModel"
    r"|ApiSessionsPolicy|FailedSessionsAlarm|ModelMinutesAlarm|WatchdogAlarm"
)
INSPECTING_AT_ONCE = re.compile(r"InspectImages")
# What the local stack has a sign-in of its own for.
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


def test_a_resource_exists_for_its_detector_only(expanded):
    assert {name: one.get("Condition") for name, one in expanded.items()} == {
        name: _condition_of(name) for name in expanded
    }


def test_the_section_of_sessions_does_not_exist_without_custom_labels(resources):
    from_line = next(number for number, line in enumerate(LINES) if line.strip() == "# A Custom Labels session")
    to_line = next(at for at in range(from_line + 2, len(LINES)) if LINES[at].startswith("  # ───"))
    names = [match[1] for line in LINES[from_line:to_line] if (match := re.fullmatch(r"  (\w+):", line))]
    section = [name for name in names if name in resources and not name.endswith(("Alarm", "Dashboard"))]
    assert len(section) > 10
    assert {resources[name].get("Condition") for name in section} == {"UsesCustomLabels"}


@pytest.mark.parametrize("detector", DETECTORS)
def test_whatever_exists_refers_to_what_exists(expanded, template, detector):
    there = _existing(expanded, detector)
    missing = {
        (name, target)
        for name in there
        for _, target in references(_chosen(expanded[name], detector))
        if target.split(".")[0] in expanded and target.split(".")[0] not in there
    }
    assert not missing


@pytest.mark.parametrize("detector", DETECTORS)
def test_whatever_exists_waits_for_what_exists(expanded, detector):
    there = _existing(expanded, detector)
    awaited = {name for one in there for name in _listed(expanded[one].get("DependsOn", []))}
    assert awaited <= there


def test_an_output_exists_with_the_resource_that_it_names(template, expanded):
    for output in template["Outputs"].values():
        wanted = {
            expanded[name.split(".")[0]].get("Condition")
            for _, name in references(output["Value"])
            if name.split(".")[0] in expanded
        } - {None}
        assert {output["Condition"]} - {None} == wanted if "Condition" in output else not wanted


def test_the_arn_of_a_model_is_used_only_where_custom_labels_are(template):
    # So a Resource of a policy is never "": what W1030 warns of cannot happen.
    users = {
        name
        for name, one in template["Resources"].items()
        for _, target in references(one)
        if target in ("ProjectArn", "ModelVersionArn")
    }
    # The check of the rules only measures it.
    users.remove("ValidRules")
    assert users
    assert {template["Resources"][name].get("Condition") for name in users} == {"UsesCustomLabels"}


def test_custom_labels_without_a_model_are_refused_before_anything_is_made(template):
    rule = template["Rules"]["CustomLabelsNeedAModel"]
    (assertion,) = rule["Assertions"]
    assert rule["RuleCondition"] == template["Conditions"]["UsesCustomLabels"]
    assert assertion["Assert"]["Fn::And"] == [
        {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, ""]}]} for name in ("ProjectArn", "ModelVersionArn")
    ]
    assert re.fullmatch(r".*ProjectArn and ModelVersionArn\.", assertion["AssertDescription"])


def test_an_own_model_without_its_function_is_refused_before_anything_is_made(template):
    rule = template["Rules"]["AnOwnModelNeedsItsFunction"]
    (assertion,) = rule["Assertions"]
    assert rule["RuleCondition"]["Fn::Or"] == [
        {"Fn::Equals": [{"Ref": name}, "own-model"]} for name in ("PhotoDetector", "InspectionDetector")
    ]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OwnModelFunctionArn"}, ""]}]}
    assert "OwnModelFunctionArn, the output of own-model.yaml" in assertion["AssertDescription"]


def test_api_without_any_address_is_refused_before_anything_is_made(template):
    rule = template["Rules"]["OneAddressNeedsADomain"]
    (assertion,) = rule["Assertions"]
    assert rule["RuleCondition"] == template["Conditions"]["HasOneAddress"]
    assert assertion["Assert"] == template["Conditions"]["HasAppUrl"]


@pytest.mark.parametrize(
    ("function", "condition"),
    [
        ("DetectLabelsFunction", "LooksAtPhotosWithOwnModel"),
        ("ProcessBatchFunction", "LooksAtPhotosWithOwnModel"),
        ("InspectImagesFunction", "InspectsWithOwnModel"),
    ],
)
def test_a_function_knows_the_own_model_only_where_it_is_the_detector(resources, function, condition):
    variables = resources[function]["Properties"]["Environment"]["Variables"]
    assert variables["OWN_MODEL_FUNCTION_ARN"] == {"Fn::If": [condition, {"Ref": "OwnModelFunctionArn"}, "none"]}


def test_the_default_detector_is_rekognition_and_needs_no_function(template):
    parameters = template["Parameters"]
    chosen = [parameters[name]["Default"] for name in ("PhotoDetector", "InspectionDetector", "OwnModelFunctionArn")]
    assert chosen == ["rekognition", "rekognition", ""]


def test_custom_labels_stay_in_their_sessions(template):
    assert template["Parameters"]["PhotoDetector"]["AllowedValues"] == ["rekognition", "own-model"]
    assert template["Parameters"]["InspectionDetector"]["AllowedValues"] == DETECTORS


def test_the_transform_keeps_the_rules(template, expanded_template):
    assert expanded_template["Rules"] == template["Rules"]


def test_only_one_warning_of_the_linter_is_ignored_and_the_template_says_why(template):
    assert template["Metadata"]["cfn-lint"]["config"]["ignore_checks"] == ["W1030"]
    (at,) = [number for number, line in enumerate(LINES) if "ignore_checks" in line]
    assert "W1030" in " ".join(LINES[at - 3 : at])


def test_the_rules_of_inspection_are_checked_by_their_function_while_deploying(resources):
    checked = resources["ValidRules"]["Properties"]
    assert checked == {
        "ServiceToken": {"Fn::GetAtt": ["ValidateRulesFunction", "Arn"]},
        "ServiceTimeout": checked["ServiceTimeout"],
        "Rules": {"Ref": "InspectionRules"},
        "BulkBucketArns": {"Ref": "BulkBucketArns"},
        "EmailAddresses": {"Ref": "NotificationEmails"},
        "Environments": checked["Environments"],
    }


def test_rules_are_measured_among_the_variables_of_each_function_that_reads_them(resources, of_type):
    bulk, inspection = resources["ValidRules"]["Properties"]["Environments"]
    condition, with_sessions, at_once = inspection["Fn::If"]
    assert condition == "UsesCustomLabels"
    measured = {"ProcessBatchFunction": bulk, "DrainQueueFunction": with_sessions, "InspectImagesFunction": at_once}
    functions = of_type("AWS::Lambda::Function")
    assert measured == {
        name: {variable: value for variable, value in variables.items() if variable != "INSPECTION_RULES"}
        for name, function in functions.items()
        if "INSPECTION_RULES" in (variables := function.get("Environment", {}).get("Variables", {}))
    }


def test_a_silent_check_does_not_hold_up_a_deployment_for_an_hour(resources, of_type):
    # Without ServiceTimeout CloudFormation waits for 3,600 seconds.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-customresource.html
    timeout = of_type("AWS::Lambda::Function")["ValidateRulesFunction"]["Timeout"]
    assert timeout < resources["ValidRules"]["Properties"]["ServiceTimeout"] <= 300


def test_whatever_reads_the_rules_is_made_after_they_were_checked(resources):
    readers = {
        name
        for name, one in resources.items()
        if any(target == "InspectionRules" for _, target in references(one)) and name != "ValidRules"
    }
    assert readers == {"InspectImagesFunction", "DrainQueueFunction", "ProcessBatchFunction"}
    after = (*readers, "CustomModelSession", "ProcessBucket")
    assert all("ValidRules" in _listed(resources[name]["DependsOn"]) for name in after)


def test_the_schedule_of_sessions_is_a_setting(resources):
    rule = resources["SessionRule"]["Properties"]
    assert rule["ScheduleExpression"] == {"Ref": "SessionSchedule"}
    assert rule["State"] == {"Ref": "SessionScheduleState"}


def test_the_schedule_starts_sessions_in_a_role_of_its_own(resources):
    # A rule cannot start an execution without one.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
    (target,) = resources["SessionRule"]["Properties"]["Targets"]
    assert target["Arn"] == {"Ref": "CustomModelSession"}
    assert target["RoleArn"] == {"Fn::GetAtt": ["SessionScheduleRole", "Arn"]}


def test_a_condition_is_used_by_nothing_but_what_it_is_for(template):
    used = {
        node["Condition"]
        for _, node in walk(template["Resources"])
        if isinstance(node, dict) and "Condition" in node
        if isinstance(node["Condition"], str)
    }
    assert used == {*HOLDS, "UsesManagedLogin"}


def _listed(value):
    return value if isinstance(value, list) else [value]


def test_the_model_that_the_stack_names_is_released_when_it_names_another(resources):
    named = resources["NamedModel"]["Properties"]
    assert named == {
        "ServiceToken": {"Fn::GetAtt": ["ReleaseModelFunction", "Arn"]},
        "ServiceTimeout": named["ServiceTimeout"],
        "ProjectArn": {"Ref": "ProjectArn"},
        "ModelVersionArn": {"Ref": "ModelVersionArn"},
    }


def test_three_tries_to_release_a_model_fit_into_the_time_that_cloudformation_waits(resources, of_type):
    # Lambda tries an event again after one minute and after two more.
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    function = of_type("AWS::Lambda::Function")["ReleaseModelFunction"]
    patience = function["Environment"]["Variables"]["PATIENCE_SECONDS"]
    assert patience < function["Timeout"]
    assert 3 * function["Timeout"] + 180 < resources["NamedModel"]["Properties"]["ServiceTimeout"] <= 3_600


def test_no_session_is_left_when_the_model_of_a_removed_stack_is_stopped(resources):
    # What depends on a resource is deleted before it: the schedule, then the state machine with its executions.
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DeleteStateMachine.html
    assert "NamedModel" in resources["CustomModelSession"]["DependsOn"]
    (target,) = resources["SessionRule"]["Properties"]["Targets"]
    assert target["Arn"] == {"Ref": "CustomModelSession"}
