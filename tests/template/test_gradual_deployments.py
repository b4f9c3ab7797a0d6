"""Gradual deployments: who gets a part of the traffic first, what takes it back, and that it is off by default."""

import tomllib

import pytest

from local.delivery import stages
from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, generated_name, load, plain
from tests.template.deployer import OWN_MODEL
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, REGION, is_allowed

SHIFTED = ("StartProcessingFunction", "InspectImagesFunction", "ApiFunction")


def _expanded(gradual):
    template = load(TEMPLATE.read_text())
    template["Parameters"]["GradualDeployments"]["Default"] = gradual
    return expand(template)["Resources"]


@pytest.fixture(scope="module")
def gradual():
    return _expanded("true")


def _of_codedeploy(resources):
    return {name for name, one in resources.items() if one["Type"].startswith("AWS::CodeDeploy::")}


def test_nothing_of_codedeploy_is_there_by_default(expanded):
    assert not _of_codedeploy(expanded)


def test_each_function_that_people_and_queues_reach_is_shifted(gradual):
    groups = {name.removesuffix("DeploymentGroup") for name in _of_codedeploy(gradual)}
    assert groups == {*SHIFTED, "ServerlessDeploymentApplication"}


@pytest.mark.parametrize("function", SHIFTED)
def test_a_tenth_of_the_traffic_comes_first(gradual, function):
    name = gradual[f"{function}DeploymentGroup"]["Properties"]["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"]
    assert name == "Canary10Percent10Minutes"


@pytest.mark.parametrize("function", SHIFTED)
def test_an_alarm_takes_all_of_it_back(gradual, function):
    properties = gradual[f"{function}DeploymentGroup"]["Properties"]
    assert properties["AlarmConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in properties["AutoRollbackConfiguration"]["Events"]


@pytest.mark.parametrize(
    ("function", "dimension"),
    [
        ("StartProcessingFunction", {"Ref": "StartProcessingFunction"}),
        ("InspectImagesFunction", {"Ref": "InspectImagesFunction"}),
        ("ApiFunction", {"Ref": "Api"}),
    ],
)
def test_one_of_its_alarms_hears_of_failures_within_the_ten_minutes(gradual, function, dimension):
    alarms = gradual[f"{function}DeploymentGroup"]["Properties"]["AlarmConfiguration"]["Alarms"]
    watching = [gradual[alarm["Name"]["Ref"]]["Properties"] for alarm in alarms]
    (own,) = [one for one in watching if one["Dimensions"][0]["Value"] == dimension]
    assert own["Period"] * own["EvaluationPeriods"] < 600


def test_a_deployment_group_exists_with_its_function_and_its_alarms(gradual):
    for function in SHIFTED:
        group = gradual[f"{function}DeploymentGroup"]
        alarms = [gradual[one["Name"]["Ref"]] for one in group["Properties"]["AlarmConfiguration"]["Alarms"]]
        conditions = {one.get("Condition") for one in (gradual[function], group)}
        assert len(conditions) == 1
        assert {one.get("Condition") for one in alarms} <= conditions | {None}


# What a shift calls. There are neither hooks nor bundles in S3, which the policy of AWS allows too.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambdaLimited.html
CODEDEPLOY = ("lambda:GetAlias", "lambda:UpdateAlias", "lambda:GetProvisionedConcurrencyConfig")


# Lambda takes 64 characters: from 27 on CloudFormation cuts the name of the stack in the name of a function.
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


@pytest.mark.parametrize(("stage", "is_gradual"), [("default", False), ("test", False), ("prod", True)])
def test_only_production_is_deployed_gradually(stage, is_gradual):
    assert (stages.read(stage).parameters.get("GradualDeployments") == "true") is is_gradual


def test_a_deployment_without_a_release_is_none_that_is_gradual():
    # Without another release the alias would keep the old code of the layers, and the old settings.
    settings = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    assert "GradualDeployments=false" in settings["prod"]["deploy"]["parameters"]["parameter_overrides"]
