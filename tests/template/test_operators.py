"""Operators: a second factor, a trigger that checks it, tokens that expire soon, and protection from deletion."""

import re

import pytest

from tests.template.cloudformation import REPOSITORY, plain


@pytest.fixture
def pool(resources):
    return resources["UserPool"]


@pytest.fixture
def client(resources):
    return resources["UserPoolClient"]["Properties"]


def test_authenticator_app_is_offered_and_not_required(pool):
    assert pool["Properties"]["MfaConfiguration"] == "OPTIONAL"
    assert pool["Properties"]["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]


def test_trigger_changes_access_tokens_within_the_five_seconds_that_cognito_waits(pool, resources):
    # The second version changes access tokens too, and needs one of these plans:
    # https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
    trigger = pool["Properties"]["LambdaConfig"]["PreTokenGenerationConfig"]
    assert trigger == {"LambdaArn": {"Fn::GetAtt": ["PreTokenGenerationFunction", "Arn"]}, "LambdaVersion": "V2_0"}
    assert pool["Properties"]["UserPoolTier"] in ("ESSENTIALS", "PLUS")
    assert pool["DependsOn"] == "PreTokenGenerationPermission"
    assert resources["PreTokenGenerationFunction"]["Properties"]["Timeout"] <= 5


def test_removed_right_ends_with_a_token_after_fifteen_minutes(client):
    for kind in ("AccessToken", "IdToken"):
        assert (client[f"{kind}Validity"], client["TokenValidityUnits"][kind]) == (15, "minutes")


def test_page_requests_scopes_of_its_client(client):
    script = (REPOSITORY / "functions/api/static/session.js").read_text(encoding="utf-8")
    asked = {scope for text in re.findall(r'"(openid [^"]*)"', script) for scope in text.split()}
    assert asked == set(client["AllowedOAuthScopes"])


@pytest.mark.parametrize(
    ("value", "table", "people"), [("ENABLED", "true", "ACTIVE"), ("DISABLED", "false", "INACTIVE")]
)
def test_table_and_pool_are_protected_from_deletion_by_the_parameter(template, resources, value, table, people):
    assert template["Conditions"]["ProtectsFromDeletion"] == {"Fn::Equals": [{"Ref": "DeletionProtection"}, "ENABLED"]}
    conditions = {"ProtectsFromDeletion": value == "ENABLED"}
    assert plain(resources["ImageTable"]["Properties"]["DeletionProtectionEnabled"], {}.get, conditions) == table
    assert plain(resources["UserPool"]["Properties"]["DeletionProtection"], {}.get, conditions) == people
