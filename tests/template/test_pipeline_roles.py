"""pipeline.yaml: what the pipeline and its builds may do."""

import json
import re

import pytest

from local.delivery import publish
from tests.template.cloudformation import REPOSITORY, listed, load, plain, references, resolve, walk
from tests.template.deployer import every_statement, unconditional
from tests.template.iam import PSEUDO_PARAMETERS, is_allowed
from tests.template.pipeline import DEPLOYING, EVERY_ACTION, PIPELINE, PROJECTS, RESOURCES, ROLES, TEXT


def test_what_is_imported_is_exported_for_each_stage():
    outputs = load((REPOSITORY / "docs/operations/deployer.yaml").read_text())["Outputs"].values()
    exported = {resolve(one["Export"]["Name"]) for one in outputs if "Export" in one}
    imported = {
        node["Fn::ImportValue"] for _, node in walk(RESOURCES) if isinstance(node, dict) and "Fn::ImportValue" in node
    }
    assert imported == {name.replace("${Stage}", stage) for name in exported for stage in publish.STAGES}


@pytest.mark.parametrize("statement", every_statement(RESOURCES))
def test_statement_allows_actions_by_their_names_only(statement):
    assert statement["Effect"] == "Allow"
    assert [action for action in listed(statement["Action"]) if "*" in action] == []


def test_every_resource_is_allowed_only_where_the_service_has_none_and_says_so():
    everything = {
        one.values[0]["Sid"] for one in every_statement(RESOURCES) if "*" in listed(one.values[0]["Resource"])
    }
    assert everything == {"SignInToTheRegistry", "ReadWhatInspectorFinds"}
    explained = re.findall(r"# (?:This has|These have) no resource.*\n +- Sid: (\w+)", TEXT)
    assert set(explained) == everything


@pytest.mark.parametrize("artifact", ["Source", "Package", "Model"])
@pytest.mark.parametrize("project", PROJECTS)
def test_build_writes_its_own_artifact_only(project, artifact):
    # Code of the repository runs in it, while an earlier version may wait for an approval.
    (action,) = {json.dumps(one.get("OutputArtifacts", [])) for one in EVERY_ACTION.values()
                 if one["Configuration"].get("ProjectName") == {"Ref": project}}  # fmt: skip
    role = ROLES[PROJECTS[project]["ServiceRole"]["Fn::GetAtt"][0]]
    shared = [RESOURCES[one["Ref"]]["Properties"] for one in role["ManagedPolicyArns"] if "Ref" in one]
    documents = [policy["PolicyDocument"] for policy in [*shared, *role.get("Policies", [])]]
    bucket = "arn:aws:s3:::image-recognition-pipeline-artifactbucket-1a2b3c"

    def look_up(name):
        return PSEUDO_PARAMETERS.get(name) or (bucket if name == "ArtifactBucket.Arn" else f"arn:aws:x:::{name}")

    policies = [plain(document, look_up, {"HasOwnModel": True}) for document in documents]
    # {pipeline, 20 characters}/{artifact, 10 characters}/{id}: documented nowhere, and so in many public logs.
    key = f"{bucket}/{PIPELINE['Name'][:20]}/{artifact[:10]}/1A2b3C4"
    assert is_allowed(policies, "s3:GetObject", key)
    assert is_allowed(policies, "s3:PutObject", key) == (artifact in action)


def test_build_has_a_role_of_its_own_without_a_right_to_deploy():
    # Code of the repository runs in it.
    building = sorted(project["ServiceRole"]["Fn::GetAtt"][0] for project in PROJECTS.values())
    assert building == sorted(set(ROLES) - {"PipelineRole", "PushRole"})
    documents = [policy["PolicyDocument"] for name in building for policy in ROLES[name].get("Policies", [])]
    allowed = {action for one in documents for statement in one["Statement"] for action in listed(statement["Action"])}
    assert {action.partition(":")[0] for action in allowed} <= {"s3", "ecr", "inspector2"}


def _of_pipeline(sid):
    (policy,) = ROLES["PipelineRole"]["Policies"]
    (statement,) = [one for one in unconditional(policy["PolicyDocument"]["Statement"]) if one["Sid"] == sid]
    return statement


def test_pipeline_may_start_its_builds_and_change_its_stacks_with_the_roles_of_the_stages_only():
    builds = {name.split(".")[0] for _, name in references(_of_pipeline("StartBuilds")["Resource"])}
    assert builds - {"AWS::NoValue"} == set(PROJECTS)
    changing = _of_pipeline("ChangeTheStacks")
    named = {resolve(one) for one in changing["Resource"]}
    stacks = {match[1] for one in named if (match := re.search(r":stack/([\w-]+)/\*$", one))}
    assert stacks == {one["Configuration"]["StackName"] for one in DEPLOYING.values()}
    # It shows why a stack failed:
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
    assert "cloudformation:DescribeStackEvents" in changing["Action"]
    passing = _of_pipeline("LetCloudFormationDoTheRest")
    roles = [{"Fn::ImportValue": f"image-recognition-{stage}-StackRoleArn"} for stage in publish.STAGES]
    assert passing["Resource"] == roles
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
