"""A delivery against the local engine: the SAM CLI deploys and packages as it would on AWS."""

import json
import os
import re
import shutil
import subprocess
import textwrap
import uuid

import pytest

from local.delivery import deploy, publish, stages
from local.stack.deployment import REPOSITORY, SAM
from tests.template.cloudformation import load

pytestmark = pytest.mark.local

# The engine has no CodePipeline; test_codepipeline.py creates it in moto.
BEYOND_THE_ENGINE = {"AWS::CodePipeline::Pipeline", "AWS::CodeStarNotifications::NotificationRule"}


def sam(*arguments, cwd=REPOSITORY, environment):
    call = [str(SAM), *arguments]
    run = subprocess.run(call, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def outputs(client, stack):
    [described] = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}


def create_stack(client, name, template, **parameters):
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


@pytest.fixture
def deployers(environment, client):
    """The outputs of both stages' roles within their boundaries, deployed by the commands of docs/delivery.md."""
    found = {}
    for stage in publish.STAGES:
        for kind in ("boundary", "deployer"):
            name, overrides = f"image-recognition-{stage}-{kind}", [f"Stage={stage}"]
            if kind == "deployer":
                boundary = f"PermissionsBoundaryArn={found[stage]['BoundaryArn']}"
                overrides += ["GitHubRepository=owner@123456/name@456789", boundary]
            sam(
                *("deploy", "--template-file", f"docs/operations/{kind}.yaml", "--stack-name", name, "--resolve-s3"),
                *("--capabilities", "CAPABILITY_NAMED_IAM", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
                *("--parameter-overrides", *overrides),
                environment=environment,
            )
            found[stage] = outputs(client, name)
    return found


@pytest.fixture
def build(tmp_path):
    """The output of `sam build` for a stack with one function."""
    made = publish.Build(tmp_path / "build", tmp_path / "sbom.cdx.json", tmp_path / "release")
    (made.folder / "Function").mkdir(parents=True)
    (made.folder / "Function/app.py").write_text("def handler(event, context):\n    return event\n")
    (made.folder / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Function:\n    Type: AWS::Serverless::Function\n"
        "    Properties: { Runtime: python3.13, Handler: app.handler, CodeUri: Function }\n"
    )
    made.bill.write_text('{"bomFormat": "CycloneDX"}')
    return made


@pytest.fixture
def pipeline(deployers, client):
    """The outputs of the pipeline's stack without the pipeline itself."""
    template = load((REPOSITORY / "pipeline.yaml").read_text())
    beyond = {name for name, one in template["Resources"].items() if one["Type"] in BEYOND_THE_ENGINE}
    template["Resources"] = {name: one for name, one in template["Resources"].items() if name not in beyond}
    template["Outputs"] = {name: one for name, one in template["Outputs"].items() if "Pipeline}" not in json.dumps(one)}
    connection = f"arn:aws:codeconnections:eu-west-1:123456789012:connection/{uuid.UUID(int=0)}"
    parameters = {"ConnectionArn": connection, "RepositoryId": "owner/name", "OwnModel": "true"}
    create_stack(client, "image-recognition-pipeline", json.dumps(template), **parameters)
    return outputs(client, "image-recognition-pipeline")


@pytest.fixture
def commands(environment, aws_cli, tmp_path):
    """Run the block of docs/delivery.md with this beginning."""
    page = (REPOSITORY / "docs/delivery.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block).strip() for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)]

    def run(beginning):
        [block] = [one for one in blocks if one.startswith(beginning)]
        path = {"PATH": f"{aws_cli}{os.pathsep}{os.environ['PATH']}"}
        call = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(call, cwd=tmp_path, env=environment | path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_roles_and_stack_of_the_pipeline_are_deployed_and_deleted(deployers, pipeline, commands, client):
    for stage, found in deployers.items():
        assert found.keys() == {"StackRoleArn", "DeployPolicyArn", "SmokePolicyArn", "GitHubRoleArn"}
        assert all(f"image-recognition-{stage}-deployer" in arn for arn in found.values())
    bucket, repository = pipeline["ArtifactBucketName"], pipeline["ModelRepositoryUri"].partition("/")[2]
    assert client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    [described] = client("ecr").describe_repositories(repositoryNames=[repository])["repositories"]
    assert described["imageScanningConfiguration"] == {"scanOnPush": True}
    for body in (b"old", b"new"):
        client("s3").put_object(Bucket=bucket, Key="deployed/package", Body=body)

    commands("output() {")

    assert bucket not in {one["Name"] for one in client("s3").list_buckets()["Buckets"]}
    assert repository not in {one["repositoryName"] for one in client("ecr").describe_repositories()["repositories"]}
    commands("for stage in test prod")
    iam = client("iam")
    left = {one["RoleName"] for one in iam.list_roles()["Roles"]}
    assert [name for name in left if "deployer" in name or "pipeline" in name] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []


@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's command needs jq, which is missing")
def test_repository_of_the_page_has_its_policies_and_is_deleted(commands, client):
    ecr, name = client("ecr"), {"repositoryName": "image-recognition-model"}
    commands("aws iam create-open-id-connect-provider")
    commands("aws ecr create-repository")
    rules = json.loads(ecr.get_lifecycle_policy(**name)["lifecyclePolicyText"])["rules"]
    assert [rule["selection"].get("tagPrefixList") for rule in rules] == [["production"], None]
    functions, stages = json.loads(ecr.get_repository_policy(**name)["policyText"])["Statement"]
    account = client("sts").get_caller_identity()["Account"]
    sources = [f"arn:aws:lambda:*:{account}:function:image-recognition-*"]
    assert functions["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert functions["Condition"]["ArnLike"]["aws:SourceArn"] == sources
    assert stages["Principal"] == {"AWS": [account]}
    commands("aws ecr delete-repository")
    assert ecr.describe_repositories()["repositories"] == []
    assert client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_release_names_uploaded_code_and_has_settings_and_bill_of_materials(build, environment, client):
    client("s3").create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    publish.publish(build, "packages")
    [key] = re.findall(r"CodeUri: s3://packages/(\S+)", (build.release / "template.yaml").read_text())
    assert key.startswith("deployed/")
    assert client("s3").head_object(Bucket="packages", Key=key)["ContentLength"] > 0
    files = {file.name for file in build.release.iterdir()}
    assert files == {"prod.json", "sbom.cdx.json", "template.yaml", "test.json"}
    settings = {"Parameters": stages.read("prod").parameters, "Tags": {"project": "image-recognition", "stage": "prod"}}
    assert json.loads((build.release / "prod.json").read_text()) == settings


def test_published_image_stays_in_the_release_and_needs_no_bucket(environment, tmp_path):
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/image-recognition-model@sha256:{'0a' * 32}"
    template = load((REPOSITORY / "own-model.yaml").read_text())
    template["Resources"]["ClassifyImageFunction"]["Properties"]["ImageUri"] = image
    (tmp_path / "template.yaml").write_text(json.dumps(template))
    release = tmp_path / "release.yaml"
    files = ("--template-file", str(tmp_path / "template.yaml"), "--output-template-file", str(release))
    sam("package", *files, "--image-repository", image.partition("@")[0], environment=environment)
    assert publish.published_image(release) == image


@pytest.mark.parametrize("stage", publish.STAGES)
def test_deployment_has_the_parameters_of_its_stage_and_a_release(stage, environment, client, tmp_path):
    parameters = stages.read(stage).parameters
    declared = "".join(f"  {name}: {{ Type: String }}\n" for name in [*parameters, "Release"])
    given = ", ".join(f"${{{name}}}" for name in [*parameters, "Release"])
    (tmp_path / "template.yaml").write_text(
        f"Parameters:\n{declared}Resources:\n  Topic: {{ Type: AWS::SNS::Topic }}\n"
        f'Outputs:\n  Given: {{ Value: !Sub "{given}" }}\n'
    )
    release = parameters | {"Release": "one"}
    sam(
        *deploy.arguments(stages.read(stage), tmp_path / "template.yaml", release, None),
        cwd=tmp_path,
        environment=environment,
    )
    assert outputs(client, f"image-recognition-{stage}")["Given"] == ", ".join([*parameters.values(), "one"])


def test_own_model_reads_the_image_bucket_of_the_deployed_stage_and_is_deleted(environment, commands, client):
    topic = "Resources:\n  Topic: { Type: AWS::SNS::Topic }\n"
    create_stack(client, "a-stack-with-images", topic + "Outputs:\n  ImageBucketName: { Value: some-images }\n")
    assert deploy.image_bucket_arn(stages.Stage("test", "a-stack-with-images", {}, {})) == "arn:aws:s3:::some-images"
    name = "image-recognition-test-model"
    create_stack(client, name, topic)
    commands("STAGE=test")
    [deleted] = [one for one in client("cloudformation").list_stacks()["StackSummaries"] if one["StackName"] == name]
    assert deleted["StackStatus"] == "DELETE_COMPLETE"
