"""What delivers, run against the local engine: the SAM CLI deploys, packages and reads what it would on AWS."""

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

# The engine has no CodePipeline; tests/template/test_pipeline.py gives that to moto.
BEYOND_THE_ENGINE = {"AWS::CodePipeline::Pipeline", "AWS::CodeStarNotifications::NotificationRule"}


def sam(*arguments, cwd=REPOSITORY, environment):
    call = [str(SAM), *arguments]
    run = subprocess.run(call, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def outputs(client, stack):
    (described,) = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in described["Outputs"]}


@pytest.fixture
def deployers(environment, client):
    """Both stages' roles within their boundaries, deployed as docs/delivery.md has it."""
    found = {}
    for stage in publish.STAGES:
        for kind, given in (("boundary", []), ("deployer", ["GitHubRepository=owner@123456/name@456789"])):
            boundary = [f"PermissionsBoundaryArn={found[stage]['BoundaryArn']}"] if kind == "deployer" else []
            sam(
                *("deploy", "--template-file", f"docs/operations/{kind}.yaml"),
                *("--stack-name", f"image-recognition-{stage}-{kind}", "--capabilities", "CAPABILITY_NAMED_IAM"),
                *("--resolve-s3", "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
                *("--parameter-overrides", f"Stage={stage}", *given, *boundary),
                environment=environment,
            )
            found[stage] = outputs(client, f"image-recognition-{stage}-{kind}")
    return found


@pytest.fixture
def a_build(tmp_path):
    """What `sam build` would have made of a stack with one function."""
    build = publish.Build(tmp_path / "build", tmp_path / "sbom.cdx.json", tmp_path / "release")
    (build.folder / "Function").mkdir(parents=True)
    (build.folder / "Function/app.py").write_text("def handler(event, context):\n    return event\n")
    (build.folder / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Function:\n    Type: AWS::Serverless::Function\n"
        "    Properties: { Runtime: python3.13, Handler: app.handler, CodeUri: Function }\n"
    )
    build.bill.write_text('{"bomFormat": "CycloneDX"}')
    return build


@pytest.mark.local
def test_both_stages_get_roles_of_their_own(deployers):
    for stage, found in deployers.items():
        assert found.keys() == {"StackRoleArn", "DeployPolicyArn", "SmokePolicyArn", "GitHubRoleArn"}
        assert all(f"image-recognition-{stage}-deployer" in arn for arn in found.values())


@pytest.fixture
def pipeline(deployers, client):
    """What the pipeline stands on, and its outputs."""
    template = load((REPOSITORY / "pipeline.yaml").read_text())
    beyond = {name for name, one in template["Resources"].items() if one["Type"] in BEYOND_THE_ENGINE}
    template["Resources"] = {name: one for name, one in template["Resources"].items() if name not in beyond}
    template["Outputs"] = {name: one for name, one in template["Outputs"].items() if "Pipeline}" not in json.dumps(one)}
    parameters = {
        "ConnectionArn": f"arn:aws:codeconnections:eu-west-1:123456789012:connection/{uuid.UUID(int=0)}",
        "RepositoryId": "owner/name",
        "OwnModel": "true",
    }
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName="image-recognition-pipeline",
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="image-recognition-pipeline", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    return outputs(client, "image-recognition-pipeline")


@pytest.fixture
def commands(environment, aws_cli, tmp_path):
    """Run the one block of docs/delivery.md that begins so."""
    page = (REPOSITORY / "docs/delivery.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block).strip() for block in re.findall(r"```bash\n(.*?)```", page, re.DOTALL)]

    def run(beginning):
        (block,) = [one for one in blocks if one.startswith(beginning)]
        path = {"PATH": f"{aws_cli}{os.pathsep}{os.environ['PATH']}"}
        call = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(call, cwd=tmp_path, env=environment | path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.local
def test_what_the_pipeline_stands_on_is_deployed_and_taken_away(pipeline, commands, client):
    bucket, repository = pipeline["ArtifactBucketName"], pipeline["ModelRepositoryUri"].partition("/")[2]
    assert client("s3").get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    (described,) = client("ecr").describe_repositories(repositoryNames=[repository])["repositories"]
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


@pytest.mark.local
def test_the_stack_of_an_own_model_is_taken_away(commands, client):
    cloudformation = client("cloudformation")
    name = "image-recognition-test-model"
    cloudformation.create_stack(StackName=name, TemplateBody="Resources:\n  Topic: { Type: AWS::SNS::Topic }\n")
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    commands("STAGE=test")
    (gone,) = [one for one in cloudformation.list_stacks()["StackSummaries"] if one["StackName"] == name]
    assert gone["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.local
@pytest.mark.skipif(shutil.which("jq") is None, reason="the page's command needs jq, which is missing")
def test_the_repository_made_by_hand_keeps_images_lets_lambda_fetch_them_and_is_taken_away(commands, client):
    ecr = client("ecr")
    commands("aws iam create-open-id-connect-provider")
    commands("aws ecr create-repository")
    kept = json.loads(ecr.get_lifecycle_policy(repositoryName="image-recognition-model")["lifecyclePolicyText"])[
        "rules"
    ]
    assert [rule["selection"].get("tagPrefixList") for rule in kept] == [["production"], None]
    policy = json.loads(ecr.get_repository_policy(repositoryName="image-recognition-model")["policyText"])
    functions, stages = policy["Statement"]
    account = client("sts").get_caller_identity()["Account"]
    assert functions["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert functions["Condition"]["ArnLike"]["aws:SourceArn"] == [
        f"arn:aws:lambda:*:{account}:function:image-recognition-*"
    ]
    assert stages["Principal"] == {"AWS": [account]}
    commands("aws ecr delete-repository")
    assert ecr.describe_repositories()["repositories"] == []
    assert client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


@pytest.mark.local
def test_a_release_names_code_that_is_where_cloudformation_finds_it(a_build, environment, client):
    client("s3").create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    publish.publish(a_build, "packages")
    (key,) = re.findall(r"CodeUri: s3://packages/(\S+)", (a_build.release / "template.yaml").read_text())
    assert key.startswith("deployed/")
    assert client("s3").head_object(Bucket="packages", Key=key)["ContentLength"] > 0


@pytest.mark.local
def test_an_image_that_was_published_is_handed_on_as_it_is_and_needs_no_bucket(environment, tmp_path):
    image = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/image-recognition-model@sha256:{'0a' * 32}"
    template = load((REPOSITORY / "own-model.yaml").read_text())
    template["Resources"]["ClassifyImageFunction"]["Properties"]["ImageUri"] = image
    (tmp_path / "template.yaml").write_text(json.dumps(template))
    release = tmp_path / "release.yaml"
    sam(
        *("package", "--template-file", str(tmp_path / "template.yaml"), "--output-template-file", str(release)),
        *("--image-repository", image.partition("@")[0]),
        environment=environment,
    )
    assert publish.published_image(release) == image


@pytest.mark.local
def test_a_release_has_the_settings_of_each_stage_and_the_bill_of_materials(a_build, environment, client):
    client("s3").create_bucket(Bucket="more-packages", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    publish.publish(a_build, "more-packages")
    assert sorted(file.name for file in a_build.release.iterdir()) == [
        "prod.json",
        "sbom.cdx.json",
        "template.yaml",
        "test.json",
    ]
    assert json.loads((a_build.release / "prod.json").read_text()) == {
        "Parameters": stages.read("prod").parameters,
        "Tags": {"project": "image-recognition", "stage": "prod"},
    }


@pytest.mark.local
@pytest.mark.parametrize("stage", publish.STAGES)
def test_a_deployment_has_the_parameters_of_its_stage_and_a_release(stage, environment, client, tmp_path):
    parameters = stages.read(stage).parameters
    declared = "".join(f"  {name}: {{ Type: String }}\n" for name in [*parameters, "Release"])
    given = ", ".join(f"${{{name}}}" for name in [*parameters, "Release"])
    (tmp_path / "samconfig.toml").write_text((REPOSITORY / "samconfig.toml").read_text())
    (tmp_path / "template.yaml").write_text(
        f"Parameters:\n{declared}Resources:\n  Topic: {{ Type: AWS::SNS::Topic }}\n"
        f'Outputs:\n  Given: {{ Value: !Sub "{given}" }}\n'
    )
    sam(*deploy.arguments(stages.read(stage), "one", None), cwd=tmp_path, environment=environment)
    assert outputs(client, f"image-recognition-{stage}")["Given"] == ", ".join([*parameters.values(), "one"])


@pytest.mark.local
def test_an_own_model_reads_the_images_of_the_deployed_stage(environment, client):
    stage = stages.Stage("test", "a-stack-with-images", {}, {})
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=stage.stack_name,
        TemplateBody="Resources:\n  Topic: { Type: AWS::SNS::Topic }\n"
        "Outputs:\n  ImageBucketName: { Value: some-images }\n",
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stage.stack_name, WaiterConfig={"Delay": 1})
    assert deploy.image_bucket_arn(stage) == "arn:aws:s3:::some-images"
