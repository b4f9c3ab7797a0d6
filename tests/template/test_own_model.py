"""The own model's template and Dockerfile: a stack of its own, with no more permissions than its code has calls."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.own_model import dockerfile, image
from tests.template.call_graph import Code
from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load, references, walk
from tests.template.iam import is_allowed
from tests.template.test_permissions import ACTIONS
from vision.adapters import aws_sdk

TEXT = image.TEMPLATE.read_text(encoding="utf-8")
OWN = load(TEXT)
DOCKERFILE = REPOSITORY / "functions/classify_image/Dockerfile"
STEPS = dockerfile.steps(DOCKERFILE.read_text(encoding="utf-8"))
FUNCTION = OWN["Resources"]["ClassifyImageFunction"]
HADOLINT = Path(sys.executable).with_name("hadolint")


def _statements():
    (policy,) = OWN["Resources"]["ClassifyImageFunctionRole"]["Properties"]["Policies"]
    return [one for one in policy["PolicyDocument"]["Statement"] if one.get("Effect") == "Allow"]


def test_the_function_may_do_exactly_what_its_code_does_and_write_its_log_and_traces():
    allowed = {action for one in _statements() for action in listed(one["Action"])}
    required = {action for call in Code().aws_calls("classify_image") for action in ACTIONS[call]}
    logs = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert allowed == required | logs


def test_the_function_reads_the_buckets_that_it_was_told_and_nothing_else():
    objects = {
        "Fn::Split": [",", {"Fn::Sub": ["${Arns}/*", {"Arns": {"Fn::Join": ["/*,", {"Ref": "ImageBucketArns"}]}}]}]
    }
    reached = {one["Sid"]: one["Resource"] for one in _statements() if one["Sid"] not in ("WriteLogs", "SendTraces")}
    assert reached == {"ReadImages": objects, "TellMissingFromForbidden": {"Ref": "ImageBucketArns"}}


def test_photos_of_people_are_read_unless_a_parameter_says_otherwise():
    # A deployed stack labels photos with it, and its parameters know nothing of this one.
    assert OWN["Parameters"]["ReadsPhotos"]["Default"] == "true"
    (policy,) = OWN["Resources"]["ClassifyImageFunctionRole"]["Properties"]["Policies"]
    (denied,) = [one["Fn::If"] for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one]
    condition, statement, otherwise = denied
    assert (condition, otherwise) == ("LeavesPhotosOut", {"Ref": "AWS::NoValue"})
    allowed, forbidden = _statements()[0], {**statement, "Resource": "arn:aws:s3:::b/private/*"}
    document = {"Statement": [{**allowed, "Resource": "arn:aws:s3:::b/*"}, forbidden]}
    reached = {
        key: is_allowed([document], "s3:GetObjectVersion", f"arn:aws:s3:::b/{key}")
        for key in ("private/ann/uploads/a.jpg", "images/a.jpg")
    }
    assert reached == {"private/ann/uploads/a.jpg": False, "images/a.jpg": True}
    assert statement["Resource"]["Fn::Split"][1]["Fn::Sub"] == [
        "${Arns}/private/*",
        {"Arns": {"Fn::Join": ["/private/*,", {"Ref": "ImageBucketArns"}]}},
    ]


def test_every_resource_is_used_only_for_traces_which_have_none():
    assert [one["Sid"] for one in _statements() if one["Resource"] == "*"] == ["SendTraces"]


def test_the_output_is_what_the_main_template_asks_for():
    output = OWN["Outputs"]["ClassifyImageFunctionArn"]
    assert output["Value"] == {"Ref": "ClassifyImageFunction.Alias"}
    pattern = load(TEMPLATE.read_text())["Parameters"]["OwnModelFunctionArn"]["AllowedPattern"]
    assert re.fullmatch(pattern, "arn:aws:lambda:eu-west-1:123456789012:function:own-ClassifyImageFunction-1a2b:live")
    assert "OwnModelFunctionArn" in output["Description"]


def _expanded(gradual):
    template = load(image.with_image(TEXT, "000000000000.dkr.ecr.us-east-1.amazonaws.com/classify-image:1a2b"))
    template["Parameters"]["GradualDeployments"]["Default"] = gradual
    return expand(template)


def test_callers_have_the_alias_whether_updates_are_gradual_or_not():
    values = [_expanded(gradual)["Outputs"]["ClassifyImageFunctionArn"]["Value"] for gradual in ("true", "false")]
    assert values == [{"Ref": "ClassifyImageFunctionAliaslive"}] * 2


def test_nothing_is_gradual_by_default():
    assert OWN["Parameters"]["GradualDeployments"]["Default"] == "false"
    assert not [one for one in _expanded("false")["Resources"].values() if one["Type"].startswith("AWS::CodeDeploy")]


def test_a_tenth_of_the_calls_comes_first_and_the_alarm_takes_it_back():
    group = _expanded("true")["Resources"]["ClassifyImageFunctionDeploymentGroup"]["Properties"]
    assert group["DeploymentConfigName"]["Fn::Sub"][1]["ConfigName"] == "Canary10Percent10Minutes"
    assert group["AlarmConfiguration"] == {"Enabled": True, "Alarms": [{"Name": {"Ref": "ClassifyImageErrorsAlarm"}}]}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    alarm = OWN["Resources"]["ClassifyImageErrorsAlarm"]["Properties"]
    assert alarm["Period"] * alarm["EvaluationPeriods"] < 600


def test_each_setting_of_the_function_that_is_a_parameter_makes_another_version():
    # The role may read other buckets without one.
    (version,) = [
        one["Properties"]["Description"]["Fn::Sub"]
        for one in _expanded("true")["Resources"].values()
        if one["Type"] == "AWS::Lambda::Version"
    ]
    settings = {name for _, name in references(FUNCTION["Properties"]) if name in OWN["Parameters"]}
    assert set(re.findall(r"\$\{(\w+)\}", version)) == settings - {"GradualDeployments"}


def test_another_release_changes_the_function_since_lambda_publishes_no_version_of_one_that_is_the_same():
    assert FUNCTION["Properties"]["Environment"]["Variables"]["RELEASE"] == {"Ref": "Release"}


def test_a_release_has_the_name_that_the_main_template_takes():
    main = load(TEMPLATE.read_text())["Parameters"]["Release"]
    release = OWN["Parameters"]["Release"]
    assert [release[key] for key in ("Default", "AllowedPattern")] == [
        main[key] for key in ("Default", "AllowedPattern")
    ]


def test_the_main_template_has_no_function_of_an_image():
    assert "PackageType: Image" not in TEMPLATE.read_text()


def test_whoever_asks_waits_longer_than_a_call_and_less_long_than_its_own_time(of_type):
    # The call ends first, then the function that made it, then the state that waits for that.
    call = aws_sdk._OF_SERVICE["lambda"].read_timeout
    timeouts = {name: one.get("Timeout", 0) for name, one in of_type("AWS::Lambda::Function").items()}
    machine = json.loads((REPOSITORY / "statemachines/process_image.asl.json").read_text())
    (state,) = [node for _, node in walk(machine) if isinstance(node, dict) and "Detect Labels" in node]
    assert call < timeouts["DetectLabelsFunction"] < state["Detect Labels"]["TimeoutSeconds"]
    assert call < timeouts["InspectImagesFunction"]
    assert call < FUNCTION["Properties"]["Timeout"] == 60


def test_a_call_of_the_own_model_is_made_once_since_the_state_machine_tries_again():
    assert aws_sdk._OF_SERVICE["lambda"].retries["total_max_attempts"] == 1


def test_every_reference_is_defined_and_every_parameter_used():
    names = {name.split(".")[0] for _, name in references(OWN)}
    known = OWN["Parameters"].keys() | OWN["Resources"].keys()
    assert {name for name in names if not name.startswith("AWS::")} - known - {"Arns"} == set()
    assert OWN["Parameters"].keys() <= names


@pytest.mark.parametrize("name", OWN["Parameters"])
def test_a_parameter_says_what_it_is_for_and_is_in_a_group(name):
    parameter = OWN["Parameters"][name]
    groups = OWN["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert parameter["Description"].endswith(".")
    assert parameter["ConstraintDescription"].startswith("must be ")
    assert sum(name in group["Parameters"] for group in groups) == 1


@pytest.mark.parametrize("arns", ["arn:aws:s3:::my-images", "arn:aws-cn:s3:::a.b-c"])
def test_arns_of_buckets_are_taken(arns):
    assert re.fullmatch(OWN["Parameters"]["ImageBucketArns"]["AllowedPattern"], arns)


@pytest.mark.parametrize("arns", ["", "my-images", "arn:aws:s3:::my-images/*", "*"])
def test_what_is_no_arn_of_a_bucket_is_refused(arns):
    assert not re.fullmatch(OWN["Parameters"]["ImageBucketArns"]["AllowedPattern"], arns)


def test_both_processors_are_built_for_and_arm_is_the_usual_one():
    parameter = OWN["Parameters"]["LambdaArchitecture"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("arm64", ["arm64", "x86_64"])
    assert FUNCTION["Properties"]["Architectures"] == [{"Ref": "LambdaArchitecture"}]


def test_the_build_is_told_which_model():
    assert FUNCTION["Metadata"]["DockerBuildArgs"] == {"MODEL": {"Ref": "ModelFolder"}}
    assert OWN["Parameters"]["ModelFolder"]["Default"] == image.DEFAULT_MODEL
    assert [step.argument for step in STEPS if step.name == "ARG"] == ["MODEL=model"]


def test_the_context_of_the_build_has_the_dockerfile():
    context = REPOSITORY / FUNCTION["Metadata"]["DockerContext"]
    assert (context, context / FUNCTION["Metadata"]["Dockerfile"]) == (image.CONTEXT, DOCKERFILE)


def test_the_uri_of_an_image_goes_where_cloudformation_looks_for_it():
    written = load(image.with_image(TEXT, "000000000000.dkr.ecr.us-east-1.amazonaws.com/classify-image:1a2b"))
    assert written["Resources"]["ClassifyImageFunction"]["Properties"]["ImageUri"].endswith("/classify-image:1a2b")


def test_every_stage_begins_with_the_same_dated_image_of_the_runtime():
    bases = {step.argument.split(" AS ")[0] for step in STEPS if step.name == "FROM"}
    (base,) = bases
    runtime = load(TEMPLATE.read_text())["Parameters"]["LambdaRuntime"]["Default"].removeprefix("python")
    assert re.fullmatch(rf"public\.ecr\.aws/lambda/python:{re.escape(runtime)}\.20\d\d\.\d\d\.\d\d\.\d\d", base)


def test_the_image_carries_the_package_since_it_cannot_use_layers():
    assert "shared/vision/ vision/" in {step.argument for step in STEPS if step.name == "COPY"}


def test_the_model_is_checked_at_the_end_of_the_build():
    assert STEPS[-2].argument == "python -m vision.services.own_model.runtime model"
    assert (STEPS[-1].name, json.loads(STEPS[-1].argument)) == ("CMD", ["app.handler"])


def test_the_tools_of_this_repository_run_what_the_image_runs():
    assert "-r functions/classify_image/requirements.txt" in (REPOSITORY / "requirements-dev.txt").read_text()


def test_no_model_is_in_the_repository():
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout
    assert not re.findall(r".*\.(?:onnx|pth|pt|tflite|h5)$", tracked, re.MULTILINE)


def test_a_linter_of_dockerfiles_has_nothing_to_say():
    hadolint = HADOLINT if HADOLINT.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is missing: requirements-dev.txt has no wheel of it for this machine")
    done = subprocess.run([hadolint, "--format", "tty", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
