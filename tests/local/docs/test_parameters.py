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


NEW_PAGE = """# Parameters

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


def test_page_is_that_of_the_template_and_says_when_to_change_each_parameter():
    written = parameters.PAGE.read_text(encoding="utf-8")
    assert written == parameters.text(), "write it again with `make docs`"
    assert set(parameters.advice(written)) == set(parameters.names(parameters.TEMPLATE.read_text(encoding="utf-8")))


def test_facts_come_from_the_template_and_advice_moves_with_its_parameter():
    assert parameters.text(TEMPLATE, PAGE) == NEW_PAGE
    assert parameters.text(TEMPLATE, NEW_PAGE) == NEW_PAGE


def test_advice_of_a_parameter_that_is_gone_is_not_dropped_silently():
    with pytest.raises(SystemExit, match=r"template.yaml has no Lost: .*move"):
        parameters.text(TEMPLATE, PAGE + "\n### `Lost`\n\n*Change it* to find it.\n")


@pytest.mark.parametrize(
    ("default", "constraint", "fields", "expected"),
    [
        ("", "must be empty or an ARN.", {}, "Default empty; must be empty or an ARN."),
        (3, "must be a period.", {"AllowedValues": [1, 3]}, "Default `3`; must be a period: 1, 3."),
        ("b", "must be a or b.", {"AllowedValues": ["a", "b"]}, "Default `b`; must be a or b."),
        (
            2,
            "must be a number from 1 to 5.",
            {"MinValue": 1, "MaxValue": 5},
            "Default `2`; must be a number from 1 to 5.",
        ),
    ],
)
def test_facts_name_values_that_the_constraint_leaves_out(default, constraint, fields, expected):
    assert parameters.facts({"Default": default, "ConstraintDescription": constraint, **fields}) == expected
