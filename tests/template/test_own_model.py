"""The own model's template and Dockerfile: a stack of its own, with no more permissions than its code has calls."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.own_model import dockerfile, image
from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, listed, load, plain, references, walk
from tests.template.iam import is_allowed
from tests.template.test_permissions import actions_of
from vision.adapters import aws_sdk

TEXT = image.TEMPLATE.read_text(encoding="utf-8")
OWN = load(TEXT)
PARAMETERS = OWN["Parameters"]
DOCKERFILE = REPOSITORY / "functions/classify_image/Dockerfile"
STEPS = dockerfile.steps(DOCKERFILE.read_text(encoding="utf-8"))
FUNCTION = OWN["Resources"]["ClassifyImageFunction"]
(POLICY,) = FUNCTION["Properties"]["Policies"]
# What changes without another version.
NOT_OF_A_VERSION = ("Policies", "PermissionsBoundary", "DeploymentPreference")
HADOLINT = Path(sys.executable).with_name("hadolint")


def _objects(folder):
    # All objects of each bucket of a list.
    arns = {"Arns": {"Fn::Join": [f"{folder}/*,", {"Ref": "ImageBucketArns"}]}}
    return {"Fn::Split": [",", {"Fn::Sub": [f"${{Arns}}{folder}/*", arns]}]}


def test_function_may_do_exactly_what_its_code_does_on_the_buckets_of_the_parameter():
    allowed = [one for one in POLICY["Statement"] if one.get("Effect") == "Allow"]
    assert {action for one in allowed for action in listed(one["Action"])} == actions_of("classify_image")
    reached = {one["Sid"]: one["Resource"] for one in allowed}
    assert reached == {"ReadImages": _objects(""), "TellMissingFromForbidden": {"Ref": "ImageBucketArns"}}


@pytest.mark.parametrize(("reads_photos", "is_read"), [("true", True), ("false", False)])
def test_photos_of_people_are_read_unless_a_parameter_says_otherwise(reads_photos, is_read):
    # A deployed stack labels photos with it, and its parameters do not know this one.
    assert PARAMETERS["ReadsPhotos"]["Default"] == "true"
    of_objects = [one for one in POLICY["Statement"] if one.get("Sid") == "ReadImages" or "Fn::If" in one]
    document = plain({"Statement": of_objects}, lambda name: name, {"LeavesPhotosOut": reads_photos == "false"})
    for statement, folder in zip(document["Statement"], ("", "/private"), strict=False):
        assert statement["Resource"] == plain(_objects(folder), lambda name: name, {})
        statement["Resource"] = f"arn:aws:s3:::b{folder}/*"
    keys = ("private/ann/uploads/a.jpg", "images/a.jpg")
    reached = [is_allowed([document], "s3:GetObjectVersion", f"arn:aws:s3:::b/{key}") for key in keys]
    assert reached == [is_read, True]


def test_output_is_the_alias_which_the_main_template_accepts(gradual):
    for template in (gradual, expand(OWN)):
        output = template["Outputs"]["ClassifyImageFunctionArn"]
        assert output["Value"] == {"Ref": "ClassifyImageFunctionAliaslive"}
        assert "OwnModelFunctionArn" in output["Description"]
    pattern = load(TEMPLATE.read_text())["Parameters"]["OwnModelFunctionArn"]["AllowedPattern"]
    assert re.fullmatch(pattern, "arn:aws:lambda:eu-west-1:123456789012:function:own-ClassifyImageFunction-1a2b:live")


@pytest.fixture(scope="module")
def gradual():
    """What CloudFormation gets to see with gradual deployments, where the output is the alias too."""
    template = load(image.with_image(TEXT, "000000000000.dkr.ecr.us-east-1.amazonaws.com/classify-image:1a2b"))
    template["Parameters"]["GradualDeployments"]["Default"] = "true"
    return expand(template)


def test_each_setting_of_the_function_that_is_a_parameter_makes_another_version(gradual):
    (version,) = [
        one["Properties"]["Description"]["Fn::Sub"]
        for one in gradual["Resources"].values()
        if one["Type"] == "AWS::Lambda::Version"
    ]
    properties = {name: one for name, one in FUNCTION["Properties"].items() if name not in NOT_OF_A_VERSION}
    settings = {name for _, name in references(properties) if name in PARAMETERS}
    assert set(re.findall(r"\$\{(\w+)\}", version)) == settings
    # Lambda publishes no version of a function that has not changed.
    assert FUNCTION["Properties"]["Environment"]["Variables"]["RELEASE"] == {"Ref": "Release"}
    # It has no table: `Release` of the main template ends with the name of its indexes.
    assert re.fullmatch(PARAMETERS["Release"]["AllowedPattern"], "20261121T083501Z-1a2b3c4")
    assert re.fullmatch(PARAMETERS["Release"]["AllowedPattern"], PARAMETERS["Release"]["Default"])


def test_call_ends_before_its_function_and_that_before_the_state(of_type):
    call = aws_sdk._OF_SERVICE["lambda"].read_timeout
    timeouts = {name: one.get("Timeout", 0) for name, one in of_type("AWS::Lambda::Function").items()}
    machine = json.loads((REPOSITORY / "statemachines/process_image.asl.json").read_text())
    (state,) = [node for _, node in walk(machine) if isinstance(node, dict) and "Detect Labels" in node]
    assert call < timeouts["DetectLabelsFunction"] < state["Detect Labels"]["TimeoutSeconds"]
    assert call < timeouts["InspectImagesFunction"]
    assert call < FUNCTION["Properties"]["Timeout"] == 60
    # The state machine retries.
    assert aws_sdk._OF_SERVICE["lambda"].retries["total_max_attempts"] == 1


@pytest.mark.parametrize(
    ("arn", "is_accepted"),
    [
        *(("arn:aws:s3:::my-images", True), ("arn:aws-cn:s3:::a.b-c", True)),
        *((arn, False) for arn in ("", "my-images", "arn:aws:s3:::my-images/*", "*")),
    ],
)
def test_only_the_arn_of_a_bucket_is_accepted(arn, is_accepted):
    assert bool(re.fullmatch(PARAMETERS["ImageBucketArns"]["AllowedPattern"], arn)) is is_accepted


def test_build_gets_the_folder_of_the_model_and_finds_the_dockerfile():
    assert FUNCTION["Metadata"]["DockerBuildArgs"] == {"MODEL": {"Ref": "ModelFolder"}}
    assert PARAMETERS["ModelFolder"]["Default"] == image.DEFAULT_MODEL
    assert [step.argument for step in STEPS if step.name == "ARG"] == ["MODEL=model"]
    context = REPOSITORY / FUNCTION["Metadata"]["DockerContext"]
    assert context == image.CONTEXT
    assert context / FUNCTION["Metadata"]["Dockerfile"] == DOCKERFILE


def test_every_stage_begins_with_the_same_dated_image_of_the_runtime():
    (base,) = {step.argument.split(" AS ")[0] for step in STEPS if step.name == "FROM"}
    runtime = load(TEMPLATE.read_text())["Parameters"]["LambdaRuntime"]["Default"].removeprefix("python")
    assert re.fullmatch(rf"public\.ecr\.aws/lambda/python:{re.escape(runtime)}\.20\d\d\.\d\d\.\d\d\.\d\d", base)


def test_image_carries_the_package_and_the_build_ends_with_a_check_of_the_model():
    assert "shared/vision/ vision/" in {step.argument for step in STEPS if step.name == "COPY"}
    assert STEPS[-2].argument == "python -m vision.services.own_model.runtime model"
    assert (STEPS[-1].name, json.loads(STEPS[-1].argument)) == ("CMD", ["app.handler"])


def test_tools_of_this_repository_run_what_the_image_runs():
    assert "-r functions/classify_image/requirements.txt" in (REPOSITORY / "requirements-dev.txt").read_text()


def test_no_model_is_in_the_repository():
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False).stdout
    assert not re.findall(r".*\.(?:onnx|pth|pt|tflite|h5)$", tracked, re.MULTILINE)


def test_linter_of_dockerfiles_finds_nothing():
    hadolint = HADOLINT if HADOLINT.exists() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is missing: requirements-dev.txt has no wheel of it for this machine")
    done = subprocess.run([hadolint, "--format", "tty", DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)
