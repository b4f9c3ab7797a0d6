"""The trigger that Cognito invokes before it generates a token."""

import json

import pytest

from tests.local.engine.account import resources, unique
from tests.local.engine.web_app import PASSWORD, claims, deploy_web_app, new_email, template

pytestmark = pytest.mark.local

# Removes the group `operators`, adds a claim, and fails for addresses that begin with "broken".
TRIGGER = """
import time
def handler(event, context):
    if event["request"]["userAttributes"]["email"].startswith("broken"):
        raise ValueError("out of order")
    configuration = event["request"]["groupConfiguration"]
    kept = [name for name in configuration["groupsToOverride"] if name != "operators"]
    added = {"claimsToAddOrOverride": {"asked": f"{event['triggerSource']} {event['version']} {time.time_ns()}"}}
    details = {"idTokenGeneration": added, "accessTokenGeneration": added}
    details["groupOverrideDetails"] = {**configuration, "groupsToOverride": kept}
    return {**event, "response": {"claimsAndScopeOverrideDetails": details}}
"""


FUNCTION = unique("trigger")


@pytest.fixture(scope="module")
def app(account, engine):
    """An app whose user pool invokes the trigger."""
    trigger = {"LambdaArn": {"Fn::GetAtt": ["Trigger", "Arn"]}, "LambdaVersion": "V2_0"}
    body = template(unique("app"), LambdaConfig={"PreTokenGenerationConfig": trigger})
    made = body["Resources"]
    made["Client"]["Properties"]["ExplicitAuthFlows"] = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    code = {"Code": {"ZipFile": TRIGGER}, "FunctionName": FUNCTION}
    permission = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "Trigger"},
        "Principal": "cognito-idp.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
        "SourceArn": {"Fn::Sub": "arn:aws:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/*"},
    }
    made |= resources(
        Trigger=("Lambda::Function", made["Function"]["Properties"] | code),
        TriggerPermission=("Lambda::Permission", permission),
    )
    return deploy_web_app(account, engine.port, body)


@pytest.fixture
def cognito(account):
    return account.client("cognito-idp")


def error_of(answer):
    """Return the error of a refused request for tokens."""
    assert answer.status == 400
    assert "access_token" not in answer.json()
    return json.dumps(answer.json())


def test_trigger_changes_groups_and_claims_of_both_tokens_in_one_call(app):
    name = new_email()
    app.make_operator(app.person(name)["access_token"])
    tokens = app.redeem(app.sign_in(name)).json()
    access, identity = claims(tokens["access_token"]), claims(tokens["id_token"])
    assert "cognito:groups" not in access
    assert "cognito:groups" not in identity
    assert access["asked"].startswith("TokenGeneration_HostedAuth 2 ")
    assert access["asked"] == identity["asked"]


def test_trigger_is_invoked_on_refresh_and_other_groups_stay(app, cognito):
    tokens = app.person()
    cognito.create_group(UserPoolId=app.pool, GroupName="guests")
    app.make_operator(tokens["access_token"])
    refreshed = claims(app.refresh(tokens["refresh_token"]).json()["access_token"])
    assert refreshed["asked"].startswith("TokenGeneration_RefreshTokens 2 ")
    assert "cognito:groups" not in refreshed
    app.add_to_group("guests", tokens["access_token"])
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["access_token"])["cognito:groups"] == ["guests"]
    assert claims(refreshed["id_token"])["cognito:groups"] == ["guests"]


def test_sign_in_fails_when_the_trigger_fails(app, cognito):
    name = f"broken-{new_email()}"
    assert "out of order" in error_of(app.redeem(app.sign_up(name)))
    with pytest.raises(cognito.exceptions.UserLambdaValidationException, match="out of order"):
        cognito.admin_initiate_auth(
            UserPoolId=app.pool,
            ClientId=app.client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )


def test_refresh_fails_while_the_trigger_is_throttled_or_may_not_be_invoked(app, account):
    tokens, functions, named = app.person(), account.client("lambda"), {"FunctionName": FUNCTION}
    functions.put_function_concurrency(**named, ReservedConcurrentExecutions=0)
    try:
        assert "Rate Exceeded" in error_of(app.refresh(tokens["refresh_token"]))
    finally:
        functions.delete_function_concurrency(**named)
    assert app.refresh(tokens["refresh_token"]).status == 200
    [statement] = json.loads(functions.get_policy(**named)["Policy"])["Statement"]
    permission = {**named, "StatementId": statement["Sid"]}
    functions.remove_permission(**permission)
    try:
        assert "AccessDenied" in error_of(app.refresh(tokens["refresh_token"]))
    finally:
        functions.add_permission(**permission, Action="lambda:InvokeFunction", Principal="cognito-idp.amazonaws.com")
