"""docs/parameters.md: what template.yaml says, and beside it what is written by hand."""

import pytest

from local.docs import parameters

TEMPLATE = """
Metadata:
  AWS::CloudFormation::Interface:
    ParameterGroups:
      - Label: { default: "What is found" }
        Parameters: [Most, Least]
Parameters:
  Least: { Type: Number, Default: 1, Description: The least., ConstraintDescription: must be a number. }
  Most: { Default: 9, MaxValue: 10, Description: The most., ConstraintDescription: must be a number of at least 1. }
Resources:
  Bucket: { Type: "AWS::S3::Bucket", Properties: { BucketName: !Ref Least } }
"""

PAGE = """# Parameters

Set one so.

## Old group

### `Least`

Default `3`; must be small.

Old words.

*Change it* when less is enough.

Twice if need be.

### `Most`

*Change it* never.
"""


def test_page_is_that_of_the_template():
    written = parameters.PAGE.read_text(encoding="utf-8")
    assert written == parameters.text(), "write it again with `make docs`"


def test_each_parameter_says_when_to_change_it():
    described = parameters.text()
    names = parameters.names(parameters.TEMPLATE.read_text(encoding="utf-8"))
    assert set(parameters.advice(described)) == set(names)


def test_facts_come_from_the_template_and_advice_moves_with_its_parameter():
    assert (
        parameters.text(TEMPLATE, PAGE)
        == """# Parameters

Set one so.

## What is found

### `Most`

Default `9`; must be a number of at least 1, and of at most 10.

The most.

*Change it* never.

### `Least`

Default `1`; must be a number.

The least.

*Change it* when less is enough.

Twice if need be.
"""
    )


def test_page_that_is_written_again_stays_the_same():
    once = parameters.text(TEMPLATE, PAGE)
    assert parameters.text(TEMPLATE, once) == once


def test_advice_of_a_parameter_that_is_gone_is_not_dropped_silently():
    with pytest.raises(SystemExit, match=r"template.yaml has no Lost: .*move"):
        parameters.text(TEMPLATE, PAGE + "\n### `Lost`\n\n*Change it* to find it.\n")


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (
            {"Default": "", "ConstraintDescription": "must be empty or an ARN."},
            "Default empty; must be empty or an ARN.",
        ),
        (
            {"Default": 3, "AllowedValues": [1, 3], "ConstraintDescription": "must be a period."},
            "Default `3`; must be a period: 1, 3.",
        ),
        (
            {"Default": "b", "AllowedValues": ["a", "b"], "ConstraintDescription": "must be a or b."},
            "Default `b`; must be a or b.",
        ),
        (
            {"Default": 2, "MinValue": 1, "MaxValue": 5, "ConstraintDescription": "must be a number from 1 to 5."},
            "Default `2`; must be a number from 1 to 5.",
        ),
    ],
)
def test_facts_name_values_that_the_constraint_leaves_out(parameter, expected):
    assert parameters.facts(parameter) == expected
