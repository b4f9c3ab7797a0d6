"""docs/delivery.md: its commands, variables and names are those of the workflows and templates."""

import re

import pytest

from local.delivery import actionlint, stages
from tests.template.cloudformation import REPOSITORY, load

PAGE = (REPOSITORY / "docs/delivery.md").read_text(encoding="utf-8")
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^\.PHONY: (\S+)", MAKEFILE, re.MULTILINE))


def _table(heading):
    below = PAGE.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("| `")]
    return [[re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")] for line in lines]


def _sam_deployments():
    text = PAGE.replace("\\\n", " ")
    return [
        pytest.param(line.strip(), id=line.split()[5])
        for line in re.findall(r"sam deploy --template-file [^\n]+", text)
    ]


def test_every_make_target_exists():
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))
    named = {name for code in blocks + spans for name in re.findall(r"\bmake ([a-z-]+)", code)}
    assert {"deploy", "smoke", "sbom", "audit"} <= named <= TARGETS


@pytest.mark.parametrize("command", _sam_deployments())
def test_deployment_names_a_template_and_parameters_that_it_has(command):
    template = load((REPOSITORY / re.search(r"--template-file (\S+)", command)[1]).read_text())
    given = dict(word.split("=", 1) for word in command.partition("--parameter-overrides ")[2].split())
    assert set(given) <= set(template["Parameters"])
    required = {name for name, one in template["Parameters"].items() if "Default" not in one}
    assert required <= set(given)


def test_variables_to_set_are_those_that_the_workflows_read():
    read = {
        name for path in actionlint.WORKFLOWS.glob("*.yml") for name in re.findall(r"vars\.(\w+)", path.read_text())
    }
    assert {row[0][0] for row in _table("## With GitHub")} == read


def test_trust_policy_is_that_of_the_template():
    role = load((REPOSITORY / "docs/operations/deployer.yaml").read_text())["Resources"]["GitHubRole"]
    (statement,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    written = PAGE.partition("```json\n")[2].partition("```")[0]
    for name, value in statement["Condition"]["StringEquals"].items():
        text = value if isinstance(value, str) else value["Fn::Sub"]
        named = text.replace("${GitHubRepository}", "owner@123456/name@456789").replace("${Stage}", "test")
        assert f'"{name}": "{named}"' in written


def test_settings_of_the_model_are_those_that_are_read(tmp_path):
    settings = tmp_path / "samconfig.toml"
    settings.write_text(PAGE.partition("```toml\n")[2].partition("```")[0])
    assert (stages.model_folder(settings), stages.memory_size(settings)) == ("mine", 3072)


def test_variable_of_the_shell_has_a_value_before_it_is_used():
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    # A line may begin with several of them.
    setting = re.compile(r"^\s*[A-Z_]+=.*$", re.MULTILINE)
    known, unknown = set(), set()
    for line in "".join(blocks).splitlines():
        unknown |= set(re.findall(r"\$\{?([A-Z][A-Z_]+)", line)) - known
        known |= set(re.findall(r"\b([A-Z][A-Z_]+)=", line)) if setting.match(line) else set()
    assert unknown == set()


def test_page_has_each_shifted_function_with_its_alarms():
    resources = {
        name: one
        for template in ("template.yaml", "own-model.yaml")
        for name, one in load((REPOSITORY / template).read_text())["Resources"].items()
    }
    shifted = {
        re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower(): [
            alarm["Ref"] for alarm in one["Properties"]["DeploymentPreference"]["Alarms"]
        ]
        for name, one in resources.items()
        if "DeploymentPreference" in one.get("Properties", {})
    }
    assert {row[0][0]: row[2] for row in _table("## Gradual shift and roll-back")} == shifted
