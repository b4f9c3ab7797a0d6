"""pipeline.yaml: the way of a push to production, who may do what on it, and that what it runs exists."""

import json
import re
import tomllib

import pytest
import yaml

from local.delivery import keep_image, publish, stages
from tests.template.cloudformation import REPOSITORY, listed, load, plain, references, refusals, resolve, walk
from tests.template.deployer import unconditional
from tests.template.iam import PSEUDO_PARAMETERS, is_allowed

FILES = ("pipeline.yaml", "docs/operations/deployer.yaml", "docs/operations/boundary.yaml")
TEXT = {name: (REPOSITORY / name).read_text() for name in FILES}
TEMPLATE = load(TEXT["pipeline.yaml"])
RESOURCES = TEMPLATE["Resources"]
MAKEFILE = (REPOSITORY / "Makefile").read_text()
PROJECTS = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::CodeBuild::Project"}
ROLES = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
PIPELINE = RESOURCES["Pipeline"]["Properties"]
BOUNDARY = {"Fn::If": ["HasPermissionsBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}


def actions(stage, with_own_model=True):
    """Return the actions of a stage by their names, those that are there under a condition too."""
    (found,) = [one for one in PIPELINE["Stages"] if one["Name"] == stage]
    chosen = [one["Fn::If"][1] if "Fn::If" in one else one for one in found["Actions"]]
    return {one["Name"]: one for one in chosen if with_own_model or "Model" not in json.dumps(one)}


def every_action():
    return {
        f"{one['Name']}-{name}": action for one in PIPELINE["Stages"] for name, action in actions(one["Name"]).items()
    }


EVERY_ACTION = every_action()
DEPLOYING = {name: one for name, one in EVERY_ACTION.items() if one["ActionTypeId"]["Provider"] == "CloudFormation"}


def buildspec(project):
    return yaml.safe_load(project["Source"]["BuildSpec"])


def commands(project):
    return [command for phase in buildspec(project)["phases"].values() for command in phase.get("commands", [])]


def statements():
    for name, one in RESOURCES.items():
        if not one["Type"].startswith("AWS::IAM::"):
            continue
        documents = [policy["PolicyDocument"] for policy in one["Properties"].get("Policies", [])]
        documents += [one["Properties"]["PolicyDocument"]] if "PolicyDocument" in one["Properties"] else []
        for document in documents:
            for statement in unconditional(document["Statement"]):
                yield pytest.param(statement, id=f"{name}-{statement['Sid']}")


# How it reads


@pytest.mark.parametrize("file", TEXT)
def test_a_resource_says_why_it_exists(file):
    lines = TEXT[file].splitlines()
    silent = [
        name
        for name in load(TEXT[file])["Resources"]
        if not re.fullmatch(r"  # .*\.", lines[lines.index(f"  {name}:") - 1])
    ]
    assert silent == []


# What is kept


def test_artifacts_are_encrypted_versioned_and_nobody_elses():
    bucket = RESOURCES["ArtifactBucket"]["Properties"]
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}


def test_artifacts_are_not_reached_without_tls():
    (statement,) = RESOURCES["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_artifacts_go_after_a_month_and_what_was_deployed_after_a_year():
    rules = RESOURCES["ArtifactBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    kept = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    # CodePipeline keeps artifacts below the first twenty characters of the pipeline's name.
    assert kept == {f"{PIPELINE['Name'][:20]}/": 30, f"{publish.PREFIX}/": 400}


def test_an_image_is_scanned_as_it_comes():
    repository = RESOURCES["ModelRepository"]
    assert repository["Condition"] == "HasOwnModel"
    assert repository["Properties"]["ImageScanningConfiguration"] == {"ScanOnPush": True}


KEPT = json.loads(RESOURCES["ModelRepository"]["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])


def test_the_rule_that_comes_first_has_the_tags_of_what_production_runs_and_never_expires_them():
    first, last = sorted((rule for rule in KEPT["rules"]), key=lambda rule: rule["rulePriority"])
    (prefix,) = first["selection"]["tagPrefixList"]
    tags = {keep_image.RUNS, keep_image.RAN_BEFORE}
    assert {tag for tag in tags if tag.startswith(prefix)} == tags
    # A tag is on one image, so that there are never more than this.
    assert first["selection"]["countNumber"] == len(tags)
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
    assert last["selection"]["tagStatus"] == "any"


def test_the_page_keeps_the_same_images_in_the_repository_made_by_hand():
    page = (REPOSITORY / "docs/delivery.md").read_text()
    (policy,) = re.findall(r"--lifecycle-policy-text '([^']+)'", page)
    assert json.loads(policy) == KEPT


def test_what_production_runs_is_kept_once_it_runs_and_tried_whether_that_goes_well_or_not():
    order = {name: one["RunOrder"] for name, one in actions("Production").items()}
    # Actions of the same order run side by side, and when one fails the other goes on:
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-retry.html
    assert order["DeployModel"] < order["KeepModel"] == order["Smoke"]
    configuration = actions("Production")["KeepModel"]["Configuration"]
    assert configuration == {"ProjectName": {"Ref": "KeepProject"}, "PrimarySource": "Source"}


def test_who_keeps_images_may_do_what_that_takes():
    (policy,) = ROLES["KeepRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    called = re.findall(r"ecr\.(\w+)\(", (REPOSITORY / "local/delivery/keep_image.py").read_text())
    assert sorted(statement["Action"]) == sorted(
        f"ecr:{''.join(part.title() for part in name.split('_'))}" for name in called
    )


# What is run


@pytest.mark.parametrize("name", PROJECTS)
def test_a_build_runs_make_targets_that_exist(name):
    run = commands(PROJECTS[name])
    assert run
    targets = {word for command in run for word in command.split()[1:] if "=" not in word}
    assert {command.split()[0] for command in run} == {"make"}
    assert targets <= set(re.findall(r"^\.PHONY: (\S+)", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("name", PROJECTS)
def test_a_build_has_every_variable_that_its_commands_use(name):
    used = {variable for command in commands(PROJECTS[name]) for variable in re.findall(r"\$(\w+)", command)}
    of_project = {one["Name"] for one in PROJECTS[name]["Environment"].get("EnvironmentVariables", [])}
    starting = [one for one in EVERY_ACTION.values() if one["Configuration"].get("ProjectName") == {"Ref": name}]
    assert starting
    for action in starting:
        of_action = {one["name"] for one in json.loads(action["Configuration"].get("EnvironmentVariables", "[]"))}
        # Where CodeBuild puts what comes beside the source:
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
        beside = {one["Name"] for one in action["InputArtifacts"]} - {"Source"}
        assert used == of_project | of_action | {f"CODEBUILD_SRC_DIR_{artifact}" for artifact in beside}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_make_target_takes_the_variables_that_it_is_given(name):
    given = {word.split("=")[0] for command in commands(PROJECTS[name]) for word in command.split() if "=" in word}
    assert all(f"$({variable})" in MAKEFILE for variable in given - {"TESTS"})


@pytest.mark.parametrize("name", PROJECTS)
def test_a_build_uses_the_python_of_lambda(name):
    runtime = load((REPOSITORY / "template.yaml").read_text())["Parameters"]["LambdaRuntime"]["Default"]
    given = buildspec(PROJECTS[name])["phases"]["install"]["runtime-versions"]
    assert given["python"] == runtime.removeprefix("python")


def test_build_that_runs_the_tests_has_npm():
    # With runtimes that are named, CodeBuild provides only those:
    # https://docs.aws.amazon.com/codebuild/latest/userguide/available-runtimes.html
    testing = [one for one in PROJECTS.values() if any(re.search(r"make .*\btest\b", line) for line in commands(one))]
    assert testing
    assert all("nodejs" in buildspec(one)["phases"]["install"]["runtime-versions"] for one in testing)


@pytest.mark.parametrize(("project", "build"), [("PackageProject", publish.STACK), ("ImageProject", publish.OWN_MODEL)])
def test_what_a_build_publishes_is_what_it_hands_on(project, build):
    artifacts = buildspec(PROJECTS[project])["artifacts"]
    assert REPOSITORY / artifacts["base-directory"] == build.release
    # A list: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
    assert artifacts["files"] == ["**/*"]


@pytest.mark.parametrize("name", ["Test-Smoke", "Production-Smoke"])
def test_the_tests_that_are_run_exist(name):
    variables = {
        one["name"]: one["value"] for one in json.loads(EVERY_ACTION[name]["Configuration"]["EnvironmentVariables"])
    }
    assert (REPOSITORY / variables["TESTS"]).exists()


# The order of it


def test_it_is_a_pipeline_of_the_second_type_that_cuts_nothing_off():
    assert (PIPELINE["PipelineType"], PIPELINE["ExecutionMode"]) == ("V2", "QUEUED")


def _sources():
    """Return the source action of each kind of source."""
    (conditional,) = PIPELINE["Stages"][0]["Actions"]
    condition, codecommit, connection = conditional["Fn::If"]
    assert condition == "HasCodeCommit"
    return codecommit, connection


def test_the_source_comes_by_a_code_connection_or_from_codecommit():
    codecommit, connection = _sources()
    assert connection["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert connection["Configuration"]["ConnectionArn"] == {"Ref": "ConnectionArn"}
    assert codecommit["ActionTypeId"]["Provider"] == "CodeCommit"
    assert codecommit["Configuration"]["RepositoryName"] == {"Ref": "CodeCommitRepository"}
    for source in (codecommit, connection):
        assert source["Configuration"]["BranchName"] == {"Ref": "BranchName"}
        assert source["OutputArtifacts"] == [{"Name": "Source"}]


def test_a_push_to_codecommit_starts_the_pipeline_once():
    codecommit, _ = _sources()
    # Else CodePipeline polls as well:
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeCommit.html
    assert codecommit["Configuration"]["PollForSourceChanges"] == "false"
    rule = RESOURCES["PushRule"]["Properties"]
    # https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
    assert rule["EventPattern"] == {
        "source": ["aws.codecommit"],
        "detail-type": ["CodeCommit Repository State Change"],
        "resources": [{"Fn::Sub": REPOSITORY_ARN}],
        "detail": {
            "event": ["referenceCreated", "referenceUpdated"],
            "referenceType": ["branch"],
            "referenceName": [{"Ref": "BranchName"}],
        },
    }
    (target,) = rule["Targets"]
    (policy,) = ROLES["PushRole"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert target["RoleArn"] == {"Fn::GetAtt": ["PushRole", "Arn"]}
    assert (statement["Action"], statement["Resource"]) == ("codepipeline:StartPipelineExecution", target["Arn"])


REPOSITORY_ARN = "arn:${AWS::Partition}:codecommit:${AWS::Region}:${AWS::AccountId}:${CodeCommitRepository}"


def test_nothing_of_codecommit_is_there_with_a_connection():
    assert {name for name, one in RESOURCES.items() if one.get("Condition") == "HasCodeCommit"} == {
        "PushRule",
        "PushRole",
    }
    (policy,) = ROLES["PipelineRole"]["Policies"]
    ways = [one["Fn::If"] for one in policy["PolicyDocument"]["Statement"] if "Fn::If" in one]
    (way,) = ways
    assert way[0] == "HasCodeCommit"
    assert way[1]["Resource"] == {"Fn::Sub": REPOSITORY_ARN}
    assert {action.partition(":")[0] for action in way[1]["Action"]} == {"codecommit"}
    assert resolve(way[2]["Resource"]) == "${ConnectionArn}"


CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    "source",
    [{"ConnectionArn": CONNECTION, "RepositoryId": "owner/name"}, {"CodeCommitRepository": "image-recognition"}],
    ids=["connection", "codecommit"],
)
def test_one_source_is_taken(source):
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


def test_nothing_is_deployed_before_every_check_and_nothing_to_people_before_it_was_tried():
    assert [one["Name"] for one in PIPELINE["Stages"]] == ["Source", "Build", "Test", "Production"]
    assert "Check" in actions("Build")


@pytest.mark.parametrize(
    ("stage", "order"),
    [
        ("Test", ["Deploy", "DeployModel", "Smoke"]),
        ("Production", ["Prepare", "Approve", "Deploy", "DeployModel", "Smoke"]),
    ],
)
def test_what_a_stage_deploys_and_tries_comes_one_after_the_other(stage, order):
    found = {name: one["RunOrder"] for name, one in actions(stage).items() if name != "KeepModel"}
    assert sorted(found, key=found.get) == order
    assert len(set(found.values())) == len(order)


def test_whoever_agrees_has_seen_the_change_set_that_is_executed():
    prepare, deploy = (actions("Production")[name]["Configuration"] for name in ("Prepare", "Deploy"))
    assert (prepare["ActionMode"], deploy["ActionMode"]) == ("CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE")
    assert {name: prepare[name] for name in ("StackName", "ChangeSetName")} == {
        name: deploy[name] for name in ("StackName", "ChangeSetName")
    }


def test_nothing_of_an_own_model_is_there_without_one():
    conditional = {
        one["Fn::If"][1]["Name"]
        for stage in PIPELINE["Stages"]
        for one in stage["Actions"]
        if "Fn::If" in one and one["Fn::If"][0] == "HasOwnModel"
    }
    assert conditional == {"Image", "DeployModel", "KeepModel"}
    of_model = {name for name, one in RESOURCES.items() if one.get("Condition") == "HasOwnModel"}
    assert of_model == {"ModelRepository", "ImageProject", "ImageRole", "KeepProject", "KeepRole"}


# What is deployed, and how


@pytest.mark.parametrize(("action", "stage"), [("Test-Deploy", "test"), ("Production-Prepare", "prod")])
def test_a_stack_is_deployed_as_samconfig_says(action, stage):
    configuration = DEPLOYING[action]["Configuration"]
    assert configuration["StackName"] == stages.read(stage).stack_name
    assert configuration["TemplateConfiguration"] == f"Package::{stage}.json"
    assert stage in publish.STAGES


def test_production_shifts_gradually_and_each_time_with_another_release():
    assert stages.read("prod").parameters["GradualDeployments"] == "true"
    overrides = json.loads(DEPLOYING["Production-Prepare"]["Configuration"]["ParameterOverrides"])
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html
    assert overrides == {"Release": "#{codepipeline.PipelineExecutionId}"}


@pytest.mark.parametrize(("action", "stage"), [("Test-DeployModel", "test"), ("Production-DeployModel", "prod")])
def test_a_model_reads_the_images_of_its_own_stage(action, stage):
    deploying = actions("Test" if stage == "test" else "Production")["Deploy"]
    assert deploying["Namespace"] == stage
    overrides = json.loads(resolve(DEPLOYING[action]["Configuration"]["ParameterOverrides"]))
    assert overrides["ImageBucketArns"] == f"arn:${{AWS::Partition}}:s3:::#{{{stage}.ImageBucketName}}"
    assert "ImageBucketName" in load((REPOSITORY / "template.yaml").read_text())["Outputs"]


@pytest.mark.parametrize("action", ["Test-DeployModel", "Production-DeployModel"])
def test_a_model_is_deployed_each_time_with_another_release(action):
    overrides = json.loads(resolve(DEPLOYING[action]["Configuration"]["ParameterOverrides"]))
    assert overrides["Release"] == "#{codepipeline.PipelineExecutionId}"


@pytest.mark.parametrize("stage", publish.STAGES)
def test_a_model_is_deployed_with_parameters_that_its_template_has(stage):
    declared = load((REPOSITORY / "own-model.yaml").read_text())["Parameters"]
    assert set(stages.read(stage).own_model_parameters()) <= set(declared)
    assert set(stages.OF_THE_OWN_MODEL) <= set(declared)


def test_the_memory_of_a_model_has_the_default_and_the_limits_of_its_template():
    parameter = load((REPOSITORY / "own-model.yaml").read_text())["Parameters"]["MemorySize"]
    limits = (stages.MEMORY_SIZES[0], stages.MEMORY_SIZES[-1])
    assert (stages.DEFAULT_MEMORY_SIZE, limits) == (
        parameter["Default"],
        (parameter["MinValue"], parameter["MaxValue"]),
    )


@pytest.mark.parametrize(("action", "stage"), [("Test-DeployModel", "test"), ("Production-DeployModel", "prod")])
def test_a_model_is_deployed_with_the_settings_of_its_stage(action, stage):
    assert DEPLOYING[action]["Configuration"]["TemplateConfiguration"] == f"Model::{stage}.json"


def test_a_model_shifts_gradually_in_production_too():
    assert stages.read("prod").own_model_parameters()["GradualDeployments"] == "true"


@pytest.mark.parametrize("name", [name for name, one in DEPLOYING.items() if "RoleArn" in one["Configuration"]])
def test_cloudformation_deploys_with_the_role_of_the_stage(name):
    configuration = DEPLOYING[name]["Configuration"]
    stage = "test" if name.startswith("Test") else "prod"
    assert configuration["RoleArn"] == {"Fn::ImportValue": f"image-recognition-{stage}-StackRoleArn"}


@pytest.mark.parametrize("name", [name for name, one in DEPLOYING.items() if "TemplatePath" in one["Configuration"]])
def test_cloudformation_may_expand_what_sam_writes(name):
    assert DEPLOYING[name]["Configuration"]["Capabilities"] == "CAPABILITY_IAM,CAPABILITY_AUTO_EXPAND"


@pytest.mark.parametrize("name", EVERY_ACTION)
def test_an_action_gets_what_an_earlier_one_hands_on(name):
    order = list(EVERY_ACTION)
    earlier = [EVERY_ACTION[one] for one in order[: order.index(name)]]
    handed_on = {one["Name"] for action in earlier for one in action.get("OutputArtifacts", [])}
    assert {one["Name"] for one in EVERY_ACTION[name].get("InputArtifacts", [])} <= handed_on


# Who may do what


def test_what_is_imported_is_exported_for_each_stage():
    outputs = load(TEXT["docs/operations/deployer.yaml"])["Outputs"].values()
    exported = {resolve(one["Export"]["Name"]) for one in outputs if "Export" in one}
    imported = {
        node["Fn::ImportValue"] for _, node in walk(RESOURCES) if isinstance(node, dict) and "Fn::ImportValue" in node
    }
    assert imported == {name.replace("${Stage}", stage) for name in exported for stage in publish.STAGES}


@pytest.mark.parametrize("statement", list(statements()))
def test_a_statement_only_allows_actions_by_their_names(statement):
    assert statement["Effect"] == "Allow"
    assert [action for action in listed(statement["Action"]) if "*" in action] == []


def test_every_resource_is_used_only_where_the_service_has_none():
    everything = {one.values[0]["Sid"] for one in statements() if "*" in listed(one.values[0]["Resource"])}
    assert everything == {"SignInToTheRegistry", "ReadWhatInspectorFinds"}
    told = re.findall(r"# (?:This has|These have) no resource.*\n +- Sid: (\w+)", TEXT["pipeline.yaml"])
    assert set(told) == everything


@pytest.mark.parametrize("artifact", ["Source", "Package", "Model"])
@pytest.mark.parametrize("project", PROJECTS)
def test_a_build_writes_no_artifact_but_its_own(project, artifact):
    # Code of the repository runs in it, while an earlier version may wait for somebody who agrees.
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


@pytest.mark.parametrize("name", ROLES)
def test_a_role_has_the_permissions_boundary(name):
    assert ROLES[name]["PermissionsBoundary"] == BOUNDARY


@pytest.mark.parametrize("name", ROLES)
def test_a_role_is_assumed_for_this_account_only(name):
    (statement,) = ROLES[name]["AssumeRolePolicyDocument"]["Statement"]
    service = {"PipelineRole": "codepipeline", "PushRole": "events"}.get(name, "codebuild")
    assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_build_has_a_role_of_its_own():
    roles = [project["ServiceRole"]["Fn::GetAtt"][0] for project in PROJECTS.values()]
    assert sorted(roles) == sorted(set(ROLES) - {"PipelineRole", "PushRole"})


def _of_pipeline(sid):
    (policy,) = ROLES["PipelineRole"]["Policies"]
    (statement,) = [one for one in unconditional(policy["PolicyDocument"]["Statement"]) if one["Sid"] == sid]
    return statement


def test_the_pipeline_may_start_exactly_its_builds():
    named = {name.split(".")[0] for _, name in references(_of_pipeline("StartBuilds")["Resource"])}
    assert named - {"AWS::NoValue"} == set(PROJECTS)


def test_the_pipeline_may_change_exactly_its_stacks():
    named = {resolve(one) for one in _of_pipeline("ChangeTheStacks")["Resource"]}
    stacks = {match[1] for one in named if (match := re.search(r":stack/([\w-]+)/\*$", one))}
    assert stacks == {one["Configuration"]["StackName"] for one in DEPLOYING.values()}


def test_the_pipeline_may_tell_why_a_stack_failed():
    # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
    assert "cloudformation:DescribeStackEvents" in _of_pipeline("ChangeTheStacks")["Action"]


def test_the_pipeline_hands_only_the_roles_of_the_stages_to_cloudformation_only():
    statement = _of_pipeline("LetCloudFormationDoTheRest")
    assert statement["Resource"] == [
        {"Fn::ImportValue": f"image-recognition-{stage}-StackRoleArn"} for stage in publish.STAGES
    ]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}


def test_code_of_the_repository_runs_with_no_right_to_deploy():
    building = {name for name in ROLES if name not in ("PipelineRole", "PushRole")}
    allowed = {action for name, role in ROLES.items() if name in building for policy in role.get("Policies", [])
               for one in policy["PolicyDocument"]["Statement"] for action in listed(one["Action"])}  # fmt: skip
    assert {action.partition(":")[0] for action in allowed} <= {"s3", "ecr", "inspector2"}


def test_somebody_hears_of_failures_and_of_what_waits():
    notified = RESOURCES["PipelineNotifications"]["Properties"]["EventTypeIds"]
    assert notified == [
        "codepipeline-pipeline-pipeline-execution-failed",
        "codepipeline-pipeline-manual-approval-needed",
    ]


def test_a_stage_of_the_pipeline_is_one_that_samconfig_has():
    assert set(publish.STAGES) <= set(tomllib.loads((REPOSITORY / "samconfig.toml").read_text()))
