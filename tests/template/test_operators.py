"""Operators: a second factor, a trigger that asks for it, tokens that end soon, and what nobody deletes by mistake."""

import re

import pytest

from tests.template.cloudformation import REPOSITORY, plain
from tests.template.stack_calls import schema_of

# Properties whose change replaces a resource, or is refused: what they were when stacks were first deployed.
FIXED = {
    "ImageBucket": {},
    "ResultsBucket": {},
    "ImageTable": {
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    },
    "UserPool": {"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": False}},
}
# The schema of a pool names none.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cognito-userpool.html
FIXED_OF_A_POOL = {"AliasAttributes", "Schema", "UsernameAttributes", "UsernameConfiguration"}


@pytest.fixture
def pool(resources):
    return resources["UserPool"]


@pytest.fixture
def client(resources):
    return resources["UserPoolClient"]["Properties"]


def test_every_person_is_offered_an_authenticator_and_nobody_is_made_to_use_it(pool):
    properties = pool["Properties"]
    assert (properties["MfaConfiguration"], properties["EnabledMfas"]) == ("OPTIONAL", ["SOFTWARE_TOKEN_MFA"])


def test_trigger_changes_access_tokens_too(pool):
    trigger = pool["Properties"]["LambdaConfig"]
    assert trigger == {
        "PreTokenGenerationConfig": {
            "LambdaArn": {"Fn::GetAtt": ["PreTokenGenerationFunction", "Arn"]},
            "LambdaVersion": "V2_0",
        }
    }
    # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
    assert pool["Properties"]["UserPoolTier"] in ("ESSENTIALS", "PLUS")


def test_pool_names_the_trigger_only_when_it_may_invoke_it(pool):
    assert pool["DependsOn"] == "PreTokenGenerationPermission"


def test_trigger_ends_within_the_five_seconds_that_cognito_waits(resources):
    assert resources["PreTokenGenerationFunction"]["Properties"]["Timeout"] <= 5


@pytest.mark.parametrize("kind", ["AccessToken", "IdToken"])
def test_taken_away_right_ends_with_a_token_within_a_quarter_of_an_hour(client, kind):
    assert (client[f"{kind}Validity"], client["TokenValidityUnits"][kind]) == (15, "minutes")


def test_pages_say_for_how_many_minutes_a_token_works(client):
    minutes = client["AccessTokenValidity"]
    for name in ("docs/security.md", "docs/app.md", "docs/operations/people.md", "docs/operations/keys.md"):
        assert f"{minutes} minutes" in (REPOSITORY / name).read_text(encoding="utf-8"), name


def test_page_asks_for_scopes_that_the_client_may_have(client):
    script = (REPOSITORY / "functions/api/static/session.js").read_text(encoding="utf-8")
    asked = {scope for text in re.findall(r'"(openid [^"]*)"', script) for scope in text.split()}
    assert asked == set(client["AllowedOAuthScopes"])


@pytest.mark.parametrize(
    ("value", "table", "people"), [("ENABLED", "true", "ACTIVE"), ("DISABLED", "false", "INACTIVE")]
)
def test_deletion_protection_is_that_of_the_parameter(template, resources, value, table, people):
    assert template["Conditions"]["ProtectsFromDeletion"] == {"Fn::Equals": [{"Ref": "DeletionProtection"}, "ENABLED"]}
    conditions = {"ProtectsFromDeletion": value == "ENABLED"}
    assert plain(resources["ImageTable"]["Properties"]["DeletionProtectionEnabled"], {}.get, conditions) == table
    assert plain(resources["UserPool"]["Properties"]["DeletionProtection"], {}.get, conditions) == people


@pytest.mark.parametrize("name", FIXED)
def test_update_replaces_nothing_that_holds_data(resources, name):
    schema = schema_of(resources[name]["Type"])
    paths = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
    fixed = {path.split("/")[2] for path in paths} | (FIXED_OF_A_POOL if name == "UserPool" else set())
    assert {one: value for one, value in resources[name]["Properties"].items() if one in fixed} == FIXED[name]
