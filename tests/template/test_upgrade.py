"""A deployed stack upgrades in place: what commit 6c9c4cd deployed is still there under the same ids, and not replaced.

`python -m tests.template.test_upgrade COMMIT` records what the templates of a commit deploy.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.template.cloudformation import REPOSITORY, expand, load, walk
from tests.template.stack_calls import schema_of

RECORDED = Path(__file__).with_name("deployed.json")
TEMPLATES = ("template.yaml", "own-model.yaml", "pipeline.yaml", "docs/operations/deployer.yaml")
# The schema of a pool names none.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cognito-userpool.html
FIXED_OF_A_POOL = {"AliasAttributes", "Schema", "UsernameAttributes", "UsernameConfiguration"}
# SAM makes a new one of these for each release, with a digest in its id.
RELEASED = ("AWS::Lambda::Version", "AWS::Lambda::LayerVersion")
# Replacing one of these loses nothing: the reason is beside it.
REPLACED = {"BuildPolicy": "a policy without a name; its description says what it allows now"}


def _create_only(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the properties whose change makes CloudFormation replace a resource."""
    schema = schema_of(resource["Type"])
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    names = {path.split("/")[2] for path in paths}
    if resource["Type"] == "AWS::Cognito::UserPool":
        names |= FIXED_OF_A_POOL
    return {name: value for name, value in resource.get("Properties", {}).items() if name in names}


def deployed(text: str) -> dict[str, Any]:
    """Return what a template deploys, as far as an upgrade must keep it."""
    template = load(text)
    expanded = expand(template)
    resources = {
        name: {"Type": one["Type"], "Replaces": _create_only(one)}
        for name, one in expanded["Resources"].items()
        if one["Type"] not in RELEASED
    }
    metrics = {value for path, value in walk(expanded["Resources"]) if path[-1:] == ("MetricName",)}
    return {
        "Resources": resources,
        "Parameters": sorted(template.get("Parameters", {})),
        "Outputs": sorted(template.get("Outputs", {})),
        "Metrics": sorted(metric for metric in metrics if isinstance(metric, str)),
    }


@pytest.fixture(scope="module", params=TEMPLATES)
def releases(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a template of the commit deployed, and what it deploys now."""
    before = json.loads(RECORDED.read_text(encoding="utf-8"))[request.param]
    return before, deployed((REPOSITORY / request.param).read_text(encoding="utf-8"))


def test_no_resource_goes_or_changes_its_type(releases: Any) -> None:
    before, now = releases
    types = {name: one["Type"] for name, one in now["Resources"].items()}
    lost = {name for name, one in before["Resources"].items() if types.get(name) != one["Type"]}
    assert lost - set(REPLACED) == set()


def test_no_resource_is_replaced(releases: Any) -> None:
    before, now = releases
    changed = {
        name: (one["Replaces"], now["Resources"][name]["Replaces"])
        for name, one in before["Resources"].items()
        if name in now["Resources"] and one["Replaces"] != now["Resources"][name]["Replaces"]
    }
    assert set(changed) - set(REPLACED) == set(), changed


@pytest.mark.parametrize("kind", ["Parameters", "Outputs", "Metrics"])
def test_names_that_people_use_stay(releases: Any, kind: str) -> None:
    before, now = releases
    assert set(before[kind]) - set(now[kind]) == set()


if __name__ == "__main__":
    recorded = {
        template: deployed(subprocess.check_output(["git", "show", f"{sys.argv[1]}:{template}"], text=True))
        for template in TEMPLATES
    }
    RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n", encoding="utf-8")
