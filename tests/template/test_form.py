"""How the template reads: in the order of the data, each resource with its reason."""

import re

import pytest

from tests.template.cloudformation import TEMPLATE, load

LINES = TEMPLATE.read_text().splitlines()
RESOURCES = load(TEMPLATE.read_text())["Resources"]
BANNER = re.compile(r"  # ─{20,}")


@pytest.fixture
def sections():
    """The names of the resources by their section's title."""
    found, title = {}, None
    for number, line in enumerate(LINES[LINES.index("Resources:") :], LINES.index("Resources:")):
        if BANNER.fullmatch(line) and BANNER.fullmatch(LINES[number + 2]):
            title = LINES[number + 1].strip("# ")
            found[title] = []
        if (match := re.fullmatch(r"  (\w+):", line)) and match[1] in RESOURCES:
            found[title].append(match[1])
    return found


@pytest.mark.parametrize("name", RESOURCES)
def test_a_resource_says_why_it_exists(name):
    above = LINES[LINES.index(f"  {name}:") - 1]
    says_so_itself = "AlarmDescription" in RESOURCES[name]["Properties"]
    assert says_so_itself or re.fullmatch(r"  # .*\.", above)


def test_sections_follow_an_image_on_its_way(sections):
    assert list(sections) == [
        "What every function carries",
        "An image arrives",
        "The image is processed",
        "The record",
        "An image is inspected",
        "A Custom Labels session",
        "Everything under a prefix",
        "People: the page and its API",
        "Somebody watches",
    ]


def test_every_resource_is_in_a_section(sections):
    assert [name for names in sections.values() for name in names] == list(RESOURCES)


def test_alarms_and_dashboard_come_last(sections):
    watching = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}
    assert sections["Somebody watches"] == [name for name, one in RESOURCES.items() if one["Type"] in watching]


def test_parts_of_the_template_come_in_the_order_of_cloudformation():
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
    parts = [line[:-1] for line in LINES if re.fullmatch(r"[A-Z]\w+:", line)]
    assert parts == ["Metadata", "Parameters", "Rules", "Conditions", "Globals", "Resources", "Outputs"]


def test_no_account_region_or_partition_is_written_down():
    written = [
        line
        for line in LINES
        if re.search(r"\b\d{12}\b|\b(us|eu|ap)-[a-z]+-\d\b|arn:aws:", line)
        # A pattern, and an example of what it takes, are for whoever fills in a parameter.
        if "AllowedPattern" not in line and "ConstraintDescription" not in line
    ]
    assert not written
