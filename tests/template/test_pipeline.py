"""pipeline.yaml: how a push gets to production, and that what runs on the way exists."""

import json
import re
import tomllib

import pytest
import yaml

from local.delivery import keep_image, publish, stages
from local.stack import index_steps
from tests.template.cloudformation import REPOSITORY, load, refusals, resolve
from tests.template.pipeline import DEPLOYING, EVERY_ACTION, PIPELINE, PROJECTS, RESOURCES, ROLES, TEMPLATE, actions

MAKEFILE = (REPOSITORY / "Makefile").read_text()


def buildspec(project):
    return yaml.safe_load(project["Source"]["BuildSpec"])


def commands(project):
    return [command for phase in buildspec(project)["phases"].values() for command in phase.get("commands", [])]


@pytest.mark.parametrize("file", ["pipeline.yaml", "docs/operations/deployer.yaml", "docs/operations/boundary.yaml"])
def test_resource_says_why_it_exists(file):
    text = (REPOSITORY / file).read_text()
    lines, names = text.splitlines(), load(text)["Resources"]
    assert [name for name in names if not re.fullmatch(r"  # .*\.", lines[lines.index(f"  {name}:") - 1])] == []


# What is kept


def test_artifacts_are_private_encrypted_and_versioned_and_expire():
    bucket = RESOURCES["ArtifactBucket"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (statement,) = RESOURCES["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    kept = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    # CodePipeline stores artifacts below the first twenty characters of the pipeline's name. What was deployed is kept
    # longer.
    assert kept == {f"{PIPELINE['Name'][:20]}/": 30, f"{publish.PREFIX}/": 400}


KEPT = json.loads(RESOURCES["ModelRepository"]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])


def test_images_that_production_runs_never_expire():
    assert RESOURCES["ModelRepository"]["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}
    first, last = sorted((rule for rule in KEPT["rules"]), key=lambda rule: rule["rulePriority"])
    (prefix,) = first["selection"]["tagPrefixList"]
    tags = {keep_image.RUNS, keep_image.RAN_BEFORE}
    assert {tag for tag in tags if tag.startswith(prefix)} == tags
    # A tag is on one image.
    assert first["selection"]["countNumber"] == len(tags)
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    assert last["selection"]["tagStatus"] == "any"


def test_lifecycle_policy_of_the_page_is_the_same():
    page = (REPOSITORY / "docs/delivery.md").read_text()
    (policy,) = re.findall(r"--lifecycle-policy-text '([^']+)'", page)
    assert json.loads(policy) == KEPT


def test_image_is_kept_once_production_runs_it_whether_the_smoke_test_succeeds_or_not():
    order = {name: one["RunOrder"] for name, one in actions("Production").items()}
    # Actions of the same order run side by side, and when one fails the other goes on:
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-retry.html
    assert order["DeployModel"] < order["KeepModel"] == order["Smoke"]
    configuration = actions("Production")["KeepModel"]["Configuration"]
    assert configuration == {"ProjectName": {"Ref": "KeepProject"}, "PrimarySource": "Source"}
    # Its role may do what its code does.
    (policy,) = ROLES["KeepRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    called = re.findall(r"ecr\.(\w+)\(", (REPOSITORY / "local/delivery/keep_image.py").read_text())
    assert sorted(statement["Action"]) == sorted(
        f"ecr:{''.join(part.title() for part in name.split('_'))}" for name in called
    )


# What is run


@pytest.mark.parametrize("name", PROJECTS)
def test_build_runs_make_targets_that_exist_with_variables_that_they_read_by_the_python_of_lambda(name):
    run = commands(PROJECTS[name])
    assert run
    assert {command.split()[0] for command in run} == {"make"}
    words = [word for command in run for word in command.split()[1:]]
    assert {one for one in words if "=" not in one} <= set(re.findall(r"^\.PHONY: (\S+)", MAKEFILE, re.MULTILINE))
    given = {word.split("=")[0] for word in words if "=" in word}
    assert all(f"$({variable})" in MAKEFILE for variable in given - {"TESTS"})
    runtime = load((REPOSITORY / "template.yaml").read_text())["Parameters"]["LambdaRuntime"]["Default"]
    versions = buildspec(PROJECTS[name])["phases"]["install"]["runtime-versions"]
    assert versions["python"] == runtime.removeprefix("python")
    # With runtimes that are named, CodeBuild provides only those, and the tests need npm:
    # https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
    assert "test" not in words or "nodejs" in versions


@pytest.mark.parametrize("name", PROJECTS)
def test_build_has_every_variable_that_its_commands_use(name):
    used = {variable for command in commands(PROJECTS[name]) for variable in re.findall(r"\$(\w+)", command)}
    of_project = {one["Name"] for one in PROJECTS[name]["Environment"].get("EnvironmentVariables", [])}
    starting = [one for one in EVERY_ACTION.values() if one["Configuration"].get("ProjectName") == {"Ref": name}]
    assert starting
    for action in starting:
        of_action = {one["name"] for one in json.loads(action["Configuration"].get("EnvironmentVariables", "[]"))}
        # CodeBuild puts further inputs there:
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
        beside = {one["Name"] for one in action["InputArtifacts"]} - {"Source"}
        assert used == of_project | of_action | {f"CODEBUILD_SRC_DIR_{artifact}" for artifact in beside}


@pytest.mark.parametrize(("project", "build"), [("PackageProject", publish.STACK), ("ImageProject", publish.OWN_MODEL)])
def test_output_of_a_build_is_what_it_publishes(project, build):
    artifacts = buildspec(PROJECTS[project])["artifacts"]
    assert REPOSITORY / artifacts["base-directory"] == build.release
    # A list: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
    assert artifacts["files"] == ["**/*"]


# The way


def _sources():
    """Return the source action of each kind of source."""
    (conditional,) = PIPELINE["Stages"][0]["Actions"]
    condition, codecommit, connection = conditional["Fn::If"]
    assert condition == "HasCodeCommit"
    return codecommit, connection


def test_push_to_codecommit_starts_the_pipeline_once():
    codecommit, _ = _sources()
    # Otherwise CodePipeline polls too:
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html
    assert codecommit["Configuration"]["PollForSourceChanges"] == "false"
    rule = RESOURCES["PushRule"]["Properties"]
    detail = rule["EventPattern"]["detail"]
    assert detail["referenceName"] == [codecommit["Configuration"]["BranchName"]]
    (target,) = rule["Targets"]
    (policy,) = ROLES["PushRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert target["RoleArn"] == {"Fn::GetAtt": ["PushRole", "Arn"]}
    assert (statement["Action"], statement["Resource"]) == ("codepipeline:StartPipelineExecution", target["Arn"])


REPOSITORY_ARN = "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${CodeCommitRepository}"


def test_pipeline_reads_the_chosen_source_only():
    (policy,) = ROLES["PipelineRole"]["Policies"]
    ((condition, codecommit, connection),) = [
        one["Fn::If"] for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one
    ]
    assert condition == "HasCodeCommit"
    assert codecommit["Resource"] == {"Fn::Sub": REPOSITORY_ARN}
    assert {action.partition(":")[0] for action in codecommit["Action"]} == {"codecommit"}
    assert resolve(connection["Resource"]) == "${ConnectionArn}"


CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "source",
    [{"ConnectionArn": CONNECTION, "RepositoryId": "owner/name"}, {"CodeCommitRepository": "image-recognition"}],
    ids=["connection", "codecommit"],
)
def test_one_source_is_accepted(source):
    assert refusals(TEMPLATE, **source) == []
    assert all(re.fullmatch(TEMPLATE["Parameters"][name]["AllowedPattern"], value) for name, value in source.items())


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"ConnectionArn": CONNECTION},
        {"RepositoryId": "owner/name"},
        {"RepositoryId": "owner/name", "CodeCommitRepository": "image-recognition"},
        {"ConnectionArn": CONNECTION, "RepositoryId": "owner/name", "CodeCommitRepository": "image-recognition"},
    ],
    ids=["none", "connection-alone", "repository-alone", "repository-and-codecommit", "both"],
)
def test_half_a_source_or_two_are_refused(source):
    (sentence,) = refusals(TEMPLATE, **source)
    assert re.search("ConnectionArn and RepositoryId.* or CodeCommitRepository", sentence)


def test_stages_follow_each_other_and_no_execution_is_cancelled():
    assert (PIPELINE["PipelineType"], PIPELINE["ExecutionMode"]) == ("V2", "QUEUED")
    assert [one["Name"] for one in PIPELINE["Stages"]] == ["Source", "Build", "Test", "Production"]
    assert "Check" in actions("Build")


@pytest.mark.parametrize(
    ("stage", "order"),
    [
        ("Test", ["Deploy", "DeployModel", "Smoke"]),
        ("Production", ["Prepare", "Approve", "Deploy", "DeployModel", "Smoke"]),
    ],
)
def test_actions_of_a_stage_follow_each_other(stage, order):
    found = {name: one["RunOrder"] for name, one in actions(stage).items() if name != "KeepModel"}
    assert sorted(found, key=found.get) == order
    assert len(set(found.values())) == len(order)


def test_change_set_that_is_approved_is_the_one_that_is_executed():
    prepare, deploy = (actions("Production")[name]["Configuration"] for name in ("Prepare", "Deploy"))
    assert (prepare["ActionMode"], deploy["ActionMode"]) == ("CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE")
    assert all(prepare[name] == deploy[name] for name in ("StackName", "ChangeSetName"))


# What is deployed, and how


@pytest.mark.parametrize(("action", "stage"), [("Test-Deploy", "test"), ("Production-Prepare", "prod")])
def test_stack_is_deployed_as_samconfig_says(action, stage):
    assert stage in tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    configuration = DEPLOYING[action]["Configuration"]
    assert configuration["StackName"] == stages.read(stage).stack_name
    assert configuration["TemplateConfiguration"] == f"Package::{stage}.json"
    assert stage in publish.STAGES


def test_production_shifts_gradually_with_another_release_each_time():
    assert stages.read("prod").parameters["GradualDeployments"] == "true"
    assert stages.read("prod").own_model_parameters()["GradualDeployments"] == "true"
    overrides = json.loads(DEPLOYING["Production-Prepare"]["Configuration"]["ParameterOverrides"])
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
    stack = load((REPOSITORY / "template.yaml").read_text())
    assert overrides == {"Release": index_steps.release_of(stack, "#{codepipeline.PipelineExecutionId}")}
    assert DEPLOYING["Test-Deploy"]["Configuration"]["ParameterOverrides"] == json.dumps(overrides)


@pytest.mark.parametrize(("stage", "section"), [("Test", "test"), ("Production", "prod")])
def test_model_is_deployed_for_the_images_and_with_the_settings_of_its_stage(stage, section):
    assert actions(stage)["Deploy"]["Namespace"] == section
    configuration = DEPLOYING[f"{stage}-DeployModel"]["Configuration"]
    assert configuration["TemplateConfiguration"] == f"Model::{section}.json"
    overrides = json.loads(resolve(configuration["ParameterOverrides"]))
    assert overrides["ImageBucketArns"] == f"arn:${{AWS::Partition}}:s3:::#{{{section}.ImageBucketName}}"
    assert "ImageBucketName" in load((REPOSITORY / "template.yaml").read_text())["Outputs"]
    assert overrides["Release"] == "#{codepipeline.PipelineExecutionId}"
    declared = load((REPOSITORY / "own-model.yaml").read_text())["Parameters"]
    assert {*stages.read(section).own_model_parameters(), *stages.OF_THE_OWN_MODEL} <= declared.keys()


def test_memory_of_a_model_has_the_default_and_the_limits_of_its_template():
    parameter = load((REPOSITORY / "own-model.yaml").read_text())["Parameters"]["MemorySize"]
    assert parameter["Default"] == stages.DEFAULT_MEMORY_SIZE
    assert (parameter["MinValue"], parameter["MaxValue"]) == (stages.MEMORY_SIZES[0], stages.MEMORY_SIZES[-1])


@pytest.mark.parametrize("name", DEPLOYING)
def test_cloudformation_deploys_with_the_role_of_the_stage_and_may_expand_what_sam_writes(name):
    configuration = DEPLOYING[name]["Configuration"]
    if "RoleArn" in configuration:
        stage = "test" if name.startswith("Test") else "prod"
        assert configuration["RoleArn"] == {"Fn::ImportValue": f"image-recognition-{stage}-StackRoleArn"}
    if "TemplatePath" in configuration:
        assert configuration["Capabilities"] == "CAPABILITY_IAM,CAPABILITY_AUTO_EXPAND"


@pytest.mark.parametrize("name", EVERY_ACTION)
def test_input_of_an_action_is_the_output_of_an_earlier_one(name):
    order = list(EVERY_ACTION)
    earlier = [EVERY_ACTION[one] for one in order[: order.index(name)]]
    handed_on = {one["Name"] for action in earlier for one in action.get("OutputArtifacts", [])}
    assert {one["Name"] for one in EVERY_ACTION[name].get("InputArtifacts", [])} <= handed_on
