"""The pipeline, created in the CodePipeline of moto: the SDK and moto accept it."""

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


def reference(name):
    """Return the value of a reference: the ARN of a role when an ARN is asked for, otherwise a name."""
    if name in NAMES:
        return NAMES[name]
    is_role = name.endswith((".Arn", "RoleArn"))
    return f"arn:aws:iam::123456789012:role/{name.removesuffix('.Arn')}" if is_role else name.lower()


def as_in_the_api(node, key=""):
    """Return a declaration with the names of the API, which begin in lower case; a configuration keeps its names."""
    if isinstance(node, dict):
        keep = key == "Configuration"
        return {
            name if keep else name[0].lower() + name[1:]: as_in_the_api(value, name) for name, value in node.items()
        }
    return [as_in_the_api(one) for one in node] if isinstance(node, list) else node


@pytest.mark.parametrize(("has_own_model", "has_codecommit"), [(True, False), (False, True)])
def test_codepipeline_accepts_the_pipeline_with_or_without_an_own_model(aws, has_own_model, has_codecommit):
    conditions = {"HasOwnModel": has_own_model, "HasCodeCommit": has_codecommit, "AsksBeforeProduction": True}
    # moto needs the role.
    trust = {"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    boto3.client("iam").create_role(RoleName="PipelineRole", AssumeRolePolicyDocument=policy)
    codepipeline = boto3.client("codepipeline")
    codepipeline.create_pipeline(pipeline=as_in_the_api(plain(PIPELINE, reference, conditions)))

    pipeline = codepipeline.get_pipeline(name=PIPELINE["Name"])["pipeline"]
    assert [stage["name"] for stage in pipeline["stages"]] == ["Source", "Build", "Test", "Production"]
    assert pipeline["artifactStore"] == {"type": "S3", "location": "artifactbucket"}
    actions = [action for stage in pipeline["stages"] for action in stage["actions"]]
    assert ({"Image", "DeployModel"} <= {action["name"] for action in actions}) is has_own_model
    # https://docs.aws.amazon.com/codepipeline/latest/APIReference/API_ActionDeclaration.html
    settings = [value for action in actions for value in action["configuration"].values()]
    assert settings
    assert all(isinstance(value, str) and 0 < len(value) <= 50_000 for value in settings)
