"""The order in which CloudFormation creates and updates resources, where their services need one."""

import itertools

import pytest

from tests.template.cloudformation import listed, references


@pytest.fixture(scope="session")
def earlier(expanded):
    """What each resource waits for, directly or not."""
    waits = {
        name: {*listed(one.get("DependsOn", []))}
        | {reference.partition(".")[0] for _, reference in references([one["Properties"], one.get("UpdatePolicy")])}
        for name, one in expanded.items()
    }

    def all_before(name, seen):
        for one in waits[name] & expanded.keys() - seen:
            seen.add(one)
            all_before(one, seen)
        return seen

    return {name: all_before(name, set()) for name in expanded}


@pytest.fixture(scope="session")
def children(expanded):
    of_api_gateway = {name: one for name, one in expanded.items() if one["Type"].startswith("AWS::ApiGatewayV2::")}
    return [name for name, one in of_api_gateway.items() if one["Properties"].get("ApiId") == {"Ref": "Api"}]


def test_parts_of_the_api_change_one_after_another(children, earlier):
    # API Gateway answers ConflictException to changes of one API at the same time:
    # https://github.com/hashicorp/terraform-provider-aws/issues/18018
    pairs = [*itertools.combinations(children, 2)]
    assert pairs
    assert [(one, other) for one, other in pairs if one not in earlier[other] and other not in earlier[one]] == []


def test_stage_waits_for_all_parts_of_the_api(children, earlier):
    assert {*children} - {"ApiStage"} <= earlier["ApiStage"]


@pytest.mark.parametrize(
    ("later", "first"), [("ApiIntegration", "ApiPermission"), ("ReadBulkBucketsPolicy", "ValidRules")]
)
def test_resource_waits_for_what_permits_or_validates_it(earlier, later, first):
    assert first in earlier[later]
