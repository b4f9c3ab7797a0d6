"""The pipeline itself, made at moto's CodePipeline: what it takes is what the SDK and moto accept."""

import json

import boto3
import pytest

from tests.template.cloudformation import REPOSITORY, load, plain

PIPELINE = load((REPOSITORY / "pipeline.yaml").read_text())["Resources"]["Pipeline"]["Properties"]
NAMES = {
    "AWS::Partition": "aws",
    "ConnectionArn": "arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-0000-0000-000000000000",
    "RepositoryId": "owner/name",
    "CodeCommitRepository": "image-recognition",
    "BranchName": "main",
}


def _made_elsewhere(name):
    """Return a name for what is made elsewhere, the ARN of a role for what is asked for by its ARN."""
    if name in NAMES:
        return NAMES[name]
    is_role = name.endswith((".Arn", "RoleArn"))
    return f"arn:aws:iam::123456789012:role/{name.removesuffix('.Arn')}" if is_role else name.lower()


def _as_the_api_has_it(node, key=""):
    """Return it with the names of the API, which begin in lower case; those of a configuration are the actions'."""
    if isinstance(node, dict):
        keep = key == "Configuration"
        return {
            name if keep else name[0].lower() + name[1:]: _as_the_api_has_it(value, name)
            for name, value in node.items()
        }
    return [_as_the_api_has_it(one) for one in node] if isinstance(node, list) else node


@pytest.fixture(params=[(True, False), (False, True)], ids=["own-model", "codecommit"])
def conditions(request):
    has_own_model, has_codecommit = request.param
    return {"HasOwnModel": has_own_model, "HasCodeCommit": has_codecommit, "AsksBeforeProduction": True}


@pytest.fixture
def made(aws, conditions):
    """The pipeline, as CodePipeline gives it back."""
    declaration = _as_the_api_has_it(plain(PIPELINE, _made_elsewhere, conditions))
    # moto wants the role to exist.
    trust = {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
    boto3.client("iam").create_role(
        RoleName="PipelineRole",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    codepipeline = boto3.client("codepipeline")
    codepipeline.create_pipeline(pipeline=declaration)
    return codepipeline.get_pipeline(name=PIPELINE["Name"])["pipeline"]


def test_codepipeline_takes_the_stages_as_they_are(made):
    assert [stage["name"] for stage in made["stages"]] == ["Source", "Build", "Test", "Production"]


def test_the_model_travels_along_only_where_there_is_one(made, conditions):
    names = {action["name"] for stage in made["stages"] for action in stage["actions"]}
    assert ({"Image", "DeployModel"} <= names) is conditions["HasOwnModel"]


def test_the_bucket_of_the_stack_keeps_the_artifacts(made):
    assert made["artifactStore"] == {"type": "S3", "location": "artifactbucket"}


def test_every_setting_of_an_action_is_text(made):
    # https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html
    settings = [
        value for stage in made["stages"] for action in stage["actions"] for value in action["configuration"].values()
    ]
    assert settings
    assert all(isinstance(value, str) and 0 < len(value) <= 50_000 for value in settings)
