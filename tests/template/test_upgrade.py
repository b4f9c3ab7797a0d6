"""A deployed stack upgrades in place: what the last release deployed is there under the same ids, and not replaced."""

import re
from typing import Any

import pytest

from local.stack import index_steps
from tests import last_release
from tests.template.cloudformation import REPOSITORY, TEMPLATE, expand, load, walk
from tests.template.stack_calls import schema_of

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


@pytest.fixture(scope="module", params=last_release.TEMPLATES)
def releases(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a template of the release deployed, and what it deploys now."""
    before = deployed(last_release.template(request.param))
    return before, deployed((REPOSITORY / request.param).read_text(encoding="utf-8"))


def test_recorded_release_is_that_of_the_commit() -> None:
    assert last_release.recorded_commit().startswith(last_release.COMMIT)


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


# What `make deploy` named then, and the default.
@pytest.mark.parametrize("release", ["", "20261121T083501Z-1a2b3c4"])
def test_plain_update_of_the_release_is_refused_where_the_table_needs_steps(release: str) -> None:
    before, now = load(last_release.template("template.yaml")), load(TEMPLATE.read_text(encoding="utf-8"))
    steps = index_steps.plan(index_steps.indexes_of(before), index_steps.indexes_of(now))
    parameter = now["Parameters"]["Release"]
    assert re.fullmatch(before["Parameters"]["Release"]["AllowedPattern"], release)
    if len(steps) > 1:
        assert not re.fullmatch(parameter["AllowedPattern"], release)
        assert "make deploy" in parameter["ConstraintDescription"]


# What `make deploy` and CodePipeline, whose execution ids are UUIDs, name a deployment.
@pytest.mark.parametrize("name", ["20261121T083501Z-1a2b3c4", "7f1c2e34-5b6a-4c8d-9e0f-a1b2c3d4e5f6"])
def test_release_of_a_deployment_ends_as_the_template_demands(name: str) -> None:
    template = load(TEMPLATE.read_text(encoding="utf-8"))
    for value in (index_steps.release_of(template, name), index_steps.default_release(template)):
        assert re.fullmatch(template["Parameters"]["Release"]["AllowedPattern"], value)
