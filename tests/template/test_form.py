"""How the template reads: in sections, each resource with its reason where its name does not say it."""

import re

import pytest

from tests.template.cloudformation import TEMPLATE, load

LINES = TEMPLATE.read_text().splitlines()
RESOURCES = load(TEMPLATE.read_text())["Resources"]
BANNER = re.compile(r"  # ─{20,}")
# Their names and what they refer to say it.
SELF_EVIDENT = {
    "AWS::ApiGatewayV2::Route",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}


@pytest.mark.parametrize("name", [name for name, one in RESOURCES.items() if one["Type"] not in SELF_EVIDENT])
def test_resource_says_why_it_exists(name):
    above = LINES[LINES.index(f"  {name}:") - 1]
    assert RESOURCES[name]["Properties"].keys() & {"Description", "AlarmDescription"} or re.fullmatch(
        r"  # .*\.", above
    )


def test_every_resource_is_in_a_section_and_what_watches_is_in_the_last():
    sections = {}
    for number, line in enumerate(LINES[LINES.index("Resources:") :], LINES.index("Resources:")):
        if BANNER.fullmatch(line) and BANNER.fullmatch(LINES[number + 2]):
            names = sections.setdefault(LINES[number + 1].strip("# "), [])
        if (match := re.fullmatch(r"  (\w+):", line)) and match[1] in RESOURCES:
            names.append(match[1])
    assert [name for names in sections.values() for name in names] == list(RESOURCES)
    watching = {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"}
    *_, last = sections.values()
    assert last == [name for name, one in RESOURCES.items() if one["Type"] in watching]


def test_no_account_region_or_partition_is_written_down():
    written = [
        line
        for line in LINES
        if re.search(r"\b\d{12}\b|\b(us|eu|ap)-[a-z]+-\d\b|arn:aws:", line)
        # These say what a parameter accepts.
        if "AllowedPattern" not in line and "ConstraintDescription" not in line
    ]
    assert not written
