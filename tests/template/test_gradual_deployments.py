"""Gradual deployments: what gets a part of the traffic first, what rolls it back, and that it is off by default."""

import tomllib

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, generated_name, load, plain
from tests.template.deployer import OWN_MODEL
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, REGION, is_allowed

SHIFTED = ("StartProcessingFunction", "InspectImagesFunction", "ApiFunction")


@pytest.fixture(scope="module")
def gradual():
    found = {}
    for file in (OWN_MODEL, TEMPLATE):
        template = load(file.read_text())
        template["Parameters"]["GradualDeployments"]["Default"] = "true"
        found |= expand(template)["Resources"]
    return found


@pytest.mark.parametrize("file", [TEMPLATE, OWN_MODEL], ids=lambda file: file.stem)
def test_nothing_of_codedeploy_is_there_by_default(file):
    resources = expand(load(file.read_text()))["Resources"].values()
    assert not [one for one in resources if one["Type"].startswith("AWS::CodeDeploy::")]


@pytest.mark.parametrize(
    ("function", "dimension"),
    [
        ("StartProcessingFunction", {"Ref": "StartProcessingFunction"}),
        ("InspectImagesFunction", {"Ref": "InspectImagesFunction"}),
        ("ApiFunction", {"Ref": "Api"}),
        ("ClassifyImageFunction", {"Ref": "ClassifyImageFunction"}),
    ],
)
def test_tenth_of_the_traffic_comes_first_and_an_alarm_rolls_it_back_within_ten_minutes(gradual, function, dimension):
    group = gradual[f"{function}DeploymentGroup"]
    properties = group["Properties"]
    assert properties["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"] == "Canary10Percent10Minutes"
    assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]
    assert properties["AlarmConfiguration"]["Enabled"] is True
    alarms = [gradual[alarm["Name"]["Ref"]] for alarm in properties["AlarmConfiguration"]["Alarms"]]
    (own,) = [one["Properties"] for one in alarms if one["Properties"]["Dimensions"][0]["Value"] == dimension]
    assert own["Period"] * own["EvaluationPeriods"] < 600
    # The group exists with its function, and its alarms wherever the group does.
    assert gradual[function].get("Condition") == group.get("Condition")
    assert {one.get("Condition") for one in alarms} <= {group.get("Condition"), None}


# What a shift calls. It has neither hooks nor bundles in S3, for which the policy of AWS has more.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambdaLimited.html
CODEDEPLOY = ("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig")


# Lambda takes 64 characters: from 27 on CloudFormation shortens the name of the stack in the name of a function.
@pytest.mark.parametrize("length", [22, 40, 128])
@pytest.mark.parametrize(
    ("file", "function"), [*((TEMPLATE, function) for function in SHIFTED), (OWN_MODEL, "ClassifyImageFunction")]
)
def test_codedeploy_may_shift_a_function_whatever_the_length_of_the_stack_name(file, function, length):
    stack = "s" * length

    def look_up(name):
        owner, _, attribute = name.partition(".")
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{generated_name(stack, owner)}"
        return arn if attribute == "Arn" else {**PSEUDO_PARAMETERS, "AWS::StackName": stack}[name]

    policies = load(file.read_text())["Resources"]["DeploymentRole"]["Properties"]["Policies"]
    documents = [plain(one["PolicyDocument"], look_up, {"InspectsAtOnce": True}) for one in policies]
    arn = look_up(f"{function}.Arn")
    assert [
        (action, target)
        for action in CODEDEPLOY
        for target in (arn, f"{arn}:live")
        if not is_allowed(documents, action, target)
    ] == []
    assert is_allowed(documents, "cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*")


def _target(resources, entrance):
    properties = resources[entrance]["Properties"]
    return properties.get("IntegrationUri") or properties["FunctionName"]


@pytest.mark.parametrize(
    ("entrance", "function"),
    [
        ("StartProcessingFunctionProcessingQueue", "StartProcessingFunction"),
        ("InspectImagesFunctionInspectionQueue", "InspectImagesFunction"),
        ("ApiIntegration", "ApiFunction"),
        ("ApiPermission", "ApiFunction"),
    ],
)
def test_traffic_goes_to_the_alias_only_where_it_is_shifted(gradual, entrance, function):
    # An alias keeps the settings that its version was published with; without a shift they change in place.
    condition, alias, latest = _target(gradual, entrance)["Fn::If"]
    assert condition == "DeploysGradually"
    assert alias == {"Ref": f"{function}Aliaslive"}
    assert latest in ({"Ref": function}, {"Fn::GetAtt": [function, "Arn"]})


@pytest.mark.parametrize("function", SHIFTED)
def test_another_release_makes_another_version_whatever_else_has_changed(gradual, function):
    # SAM names a version after the template's text, in which a parameter has no value:
    # https://github.com/aws/serverless-application-model/issues/3820
    (version,) = [
        one
        for name, one in gradual.items()
        if one["Type"] == "AWS::Lambda::Version" and name.startswith(f"{function}Version")
    ]
    assert version["Properties"]["Description"] == {"Ref": "Release"}
    # Lambda publishes nothing for a function that is as it was.
    assert gradual[function]["Properties"]["Environment"]["Variables"]["RELEASE"] == {"Ref": "Release"}


def test_sam_deploy_without_a_release_is_not_gradual():
    # Without another release the alias would keep the old code of the layers, and the old settings.
    settings = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    assert "GradualDeployments=false" in settings["prod"]["deploy"]["parameters"]["parameter_overrides"]
