"""The operations guide: a page for each alarm, and names that exist."""

import re

import pytest

from tests.template.cloudformation import REPOSITORY, TEMPLATE, load

GUIDE = REPOSITORY / "docs" / "operations"
INDEX = REPOSITORY / "docs" / "operations.md"
PAGES = [INDEX, *sorted(GUIDE.rglob("*.md"))]
OWN_MODEL = load((REPOSITORY / "own-model.yaml").read_text())["Resources"]
ALARMS = {
    name: one["Properties"]
    for name, one in (load(TEMPLATE.read_text())["Resources"] | OWN_MODEL).items()
    if one["Type"] == "AWS::CloudWatch::Alarm"
}
PERIODS = {300: "five minutes", 900: "a quarter of an hour", 86_400: "a day"}


def _text(path):
    return path.read_text(encoding="utf-8")


def test_each_alarm_has_a_page_and_each_page_an_alarm():
    assert sorted(path.stem for path in (GUIDE / "alarms").glob("*.md")) == sorted(ALARMS)


@pytest.mark.parametrize("name", ALARMS)
def test_alarm_names_its_page_which_says_when_it_sounds_what_it_means_and_what_to_do(name):
    alarm, written = ALARMS[name], _text(GUIDE / f"alarms/{name}.md")
    assert alarm["AlarmDescription"].endswith(f" See docs/operations/alarms/{name}.md.")
    found = re.findall(r"^\*\*(Sounds when|Means|Look at|Do)\b", written, re.MULTILINE)
    assert found == ["Sounds when", "Means", "Look at", "Do"]
    threshold = alarm["Threshold"]
    limit = f"`{threshold['Ref']}`" if isinstance(threshold, dict) else threshold
    assert (
        f"**Sounds when** `{alarm['MetricName']}` of `{alarm['Namespace']}` is above {limit} within "
        f"{PERIODS[alarm['Period']]} ({alarm['Statistic'].lower()})." in written
    )


@pytest.mark.parametrize("path", sorted(GUIDE.rglob("*.md")), ids=lambda path: path.stem)
def test_page_of_the_guide_is_found_from_its_index_and_leads_back(path):
    assert f"](operations/{path.relative_to(GUIDE)})" in _text(INDEX)
    way = "../" * len(path.relative_to(INDEX.parent).parts[1:])
    shell = f"the commands need [a shell that is set up]({way}operations.md#set-up-a-shell)"
    assert _text(path).split("\n\n")[1] == f"[Operations]({way}operations.md) · {shell}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_guide_names_resources_that_exist_and_its_variables_that_are_not_the_readers_are_outputs(
    path, expanded, template
):
    assert set(re.findall(r"\bresource (\w+)\)", _text(path))) <= set(expanded) | set(OWN_MODEL)
    found = {name for name in re.findall(r"\$\{?([A-Z]\w+)", _text(path)) if not name.isupper()}
    assert found - {"FunctionLogs"} <= set(template["Outputs"])
