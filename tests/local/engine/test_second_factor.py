"""Codes of an authenticator app, and the trigger before a token is made, as Cognito has them."""

import json
import time

import pytest

from local import totp
from tests.local.engine.account import unique
from tests.local.engine.web_app import PASSWORD, claims, deploy_web_app, query_of, template

pytestmark = pytest.mark.local

ADMIN_SCOPE = "openid email aws.cognito.signin.user.admin"

# Takes the operators out of the groups; whose address begins with "broken" gets an error.
TRIGGER = """
import time
def handler(event, context):
    if event["request"]["userAttributes"]["email"].startswith("broken"):
        raise ValueError("out of order")
    configuration = event["request"]["groupConfiguration"]
    kept = [name for name in configuration["groupsToOverride"] if name != "operators"]
    told = {"claimsToAddOrOverride": {"asked": f"{event['triggerSource']} {event['version']} {time.time_ns()}"}}
    details = {"idTokenGeneration": told, "accessTokenGeneration": told}
    details["groupOverrideDetails"] = {**configuration, "groupsToOverride": kept}
    return {**event, "response": {"claimsAndScopeOverrideDetails": details}}
"""


def _template(**pool):
    body = template(unique("app"), MfaConfiguration="OPTIONAL", EnabledMfas=["SOFTWARE_TOKEN_MFA"], **pool)
    body["Resources"]["Client"]["Properties"] |= {
        "AllowedOAuthScopes": ADMIN_SCOPE.split(),
        "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"],
    }
    return body


@pytest.fixture(scope="module")
def app(account, engine):
    return deploy_web_app(account, engine.port, _template(DeletionProtection="ACTIVE"))


@pytest.fixture(scope="module")
def triggered(account, engine):
    """An app whose pool asks a function before it makes a token, and the name of the function."""
    function = {"Fn::GetAtt": ["Trigger", "Arn"]}
    config = {"PreTokenGenerationConfig": {"LambdaArn": function, "LambdaVersion": "V2_0"}}
    body = _template(LambdaConfig=config)
    name = unique("trigger")
    made = body["Resources"]["Function"]["Properties"] | {"Code": {"ZipFile": TRIGGER}, "FunctionName": name}
    body["Resources"]["Trigger"] = {"Type": "AWS::Lambda::Function", "Properties": made}
    body["Resources"]["TriggerPermission"] = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "Trigger"},
            "Principal": "cognito-idp.amazonaws.com",
            "SourceAccount": {"Ref": "AWS::AccountId"},
            "SourceArn": {"Fn::Sub": "arn:aws:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/*"},
        },
    }
    return deploy_web_app(account, engine.port, body), name


@pytest.fixture
def cognito(account):
    return account.client("cognito-idp")


def email(who="ada"):
    return f"{unique(who)}@example.com"


def now():
    return totp.step(time.time())


def enrol(app, cognito, name):
    """Set a second factor up as the page does, with the code of the half minute before; return the secret."""
    token = app.person(name, scope=ADMIN_SCOPE)["access_token"]
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=totp.code(secret, now() - 1))
    cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True})
    return secret


@pytest.fixture
def enrolled(app, cognito):
    """Somebody with a second factor: the address, and the secret."""
    name = email()
    return name, enrol(app, cognito, name)


def wrong(secret):
    """A code that is none of those around now."""
    taken = {totp.code(secret, now() + offset) for offset in range(-3, 4)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444") if code not in taken)


# On the pages


def test_page_asks_for_the_code_after_the_password(app, enrolled):
    name, secret = enrolled
    page = app.sign_in(name)
    assert page.status == 200
    assert "Enter your code" in page.body.decode()
    redirect = app.submit(page, software_token_code=totp.code(secret, now()))
    assert claims(app.redeem(redirect).json()["id_token"])["email"] == name


def test_person_without_a_second_factor_is_not_asked(app):
    name = email()
    app.sign_up(name)
    assert "code" in query_of(app.sign_in(name))


def test_page_refuses_a_wrong_code_and_asks_again(app, enrolled):
    name, secret = enrolled
    page = app.submit(app.sign_in(name), software_token_code=wrong(secret))
    assert "Invalid code received for user" in page.body.decode()
    assert app.submit(page, software_token_code=totp.code(secret, now())).status == 302


def test_page_refuses_a_code_that_was_used(app, enrolled):
    name, secret = enrolled
    code = totp.code(secret, now())
    assert app.submit(app.sign_in(name), software_token_code=code).status == 302
    page = app.submit(app.sign_in(name), software_token_code=code)
    # A new half minute may have begun, in which the old code is too old all the same.
    assert "already been used once" in page.body.decode()


def test_page_refuses_a_code_older_than_the_last(app, enrolled):
    name, secret = enrolled
    assert app.submit(app.sign_in(name), software_token_code=totp.code(secret, now())).status == 302
    page = app.submit(app.sign_in(name), software_token_code=totp.code(secret, now() - 1))
    assert page.status == 200


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６"])
def test_what_is_no_code_is_refused(app, enrolled, code):
    page = app.submit(app.sign_in(enrolled[0]), software_token_code=code)
    assert "Invalid code received for user" in page.body.decode()


def test_code_without_the_password_signs_nobody_in(app, enrolled):
    form = {"second_factor": "guessed", "software_token_code": totp.code(enrolled[1], now())}
    assert app.post("/login", form).status == 400


def test_wrong_password_is_refused_before_a_code_is_asked_for(app, enrolled):
    page = app.sign_in(enrolled[0], "Wrong-Horse-7").body.decode()
    assert "Incorrect username or password." in page


# By the API


def begin(app, cognito, name):
    answer = cognito.admin_initiate_auth(
        UserPoolId=app.pool,
        ClientId=app.client,
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )
    assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    return {
        "UserPoolId": app.pool,
        "ClientId": app.client,
        "ChallengeName": answer["ChallengeName"],
        "Session": answer["Session"],
    }, answer["ChallengeParameters"]["USER_ID_FOR_SRP"]


def respond(cognito, challenge, user, code):
    answers = {"USERNAME": user, "SOFTWARE_TOKEN_MFA_CODE": code}
    return cognito.admin_respond_to_auth_challenge(**challenge, ChallengeResponses=answers)


def test_script_answers_the_challenge(app, cognito, enrolled):
    name, secret = enrolled
    answer = respond(cognito, *begin(app, cognito, name), totp.code(secret, now()))
    assert claims(answer["AuthenticationResult"]["IdToken"])["email"] == name


def test_script_gets_nothing_for_a_wrong_code_and_may_try_again(app, cognito, enrolled):
    name, secret = enrolled
    challenge, user = begin(app, cognito, name)
    with pytest.raises(cognito.exceptions.CodeMismatchException):
        respond(cognito, challenge, user, wrong(secret))
    assert "AuthenticationResult" in respond(cognito, challenge, user, totp.code(secret, now()))


def test_script_uses_a_code_once(app, cognito, enrolled):
    name, secret = enrolled
    code = totp.code(secret, now())
    respond(cognito, *begin(app, cognito, name), code)
    with pytest.raises(cognito.exceptions.ExpiredCodeException):
        respond(cognito, *begin(app, cognito, name), code)


def test_session_of_a_password_serves_once_and_its_person_only(app, cognito, enrolled):
    name, secret = enrolled
    challenge, user = begin(app, cognito, name)
    other = email()
    other_secret = enrol(app, cognito, other)
    _, other_user = begin(app, cognito, other)
    for session, who, code in [
        ("guessed-guessed-guessed", user, totp.code(secret, now())),
        (challenge["Session"], other_user, totp.code(other_secret, now())),
    ]:
        with pytest.raises(cognito.exceptions.NotAuthorizedException):
            respond(cognito, challenge | {"Session": session}, who, code)
    respond(cognito, challenge, user, totp.code(secret, now()))
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        respond(cognito, challenge, user, totp.code(secret, now() + 1))


# Setting it up


def test_ordinary_token_may_not_change_the_second_factor(app, cognito):
    token = app.person(email())["access_token"]
    for change in (
        lambda: cognito.associate_software_token(AccessToken=token),
        lambda: cognito.verify_software_token(AccessToken=token, UserCode="123456"),
        lambda: cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": False}),
        lambda: cognito.global_sign_out(AccessToken=token),
        lambda: cognito.get_user(AccessToken=token),
    ):
        with pytest.raises(cognito.exceptions.NotAuthorizedException, match="required scopes"):
            change()


def test_second_factor_counts_once_it_is_verified_and_enabled(app, cognito):
    name = email()
    token = app.person(name, scope=ADMIN_SCOPE)["access_token"]
    enable = {"AccessToken": token, "SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
    with pytest.raises(cognito.exceptions.InvalidParameterException, match="not verified"):
        cognito.set_user_mfa_preference(**enable)
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    with pytest.raises(cognito.exceptions.EnableSoftwareTokenMFAException):
        cognito.verify_software_token(AccessToken=token, UserCode=wrong(secret))
    assert "code" in query_of(app.sign_in(name))
    cognito.verify_software_token(AccessToken=token, UserCode=totp.code(secret, now() - 1))
    assert (
        "UserMFASettingList" not in cognito.get_user(AccessToken=token)
        or not cognito.get_user(AccessToken=token)["UserMFASettingList"]
    )
    cognito.set_user_mfa_preference(**enable)
    user = cognito.admin_get_user(UserPoolId=app.pool, Username=name)
    assert user["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
    assert "Enter your code" in app.sign_in(name).body.decode()


def test_code_that_verified_signs_nobody_in(app, cognito):
    name = email()
    token = app.person(name, scope=ADMIN_SCOPE)["access_token"]
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    code = totp.code(secret, now())
    cognito.verify_software_token(AccessToken=token, UserCode=code)
    cognito.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True})
    assert app.submit(app.sign_in(name), software_token_code=code).status == 200


def test_administrator_takes_a_lost_second_factor_away(app, cognito, enrolled):
    name, _ = enrolled
    off = {"SoftwareTokenMfaSettings": {"Enabled": False}}
    cognito.admin_set_user_mfa_preference(UserPoolId=app.pool, Username=name, **off)
    assert "code" in query_of(app.sign_in(name))


def test_protected_pool_is_not_deleted(app, cognito):
    with pytest.raises(cognito.exceptions.InvalidParameterException, match="deletion protection"):
        cognito.delete_user_pool(UserPoolId=app.pool)
    assert cognito.describe_user_pool(UserPoolId=app.pool)["UserPool"]["DeletionProtection"] == "ACTIVE"


# The trigger


def test_trigger_changes_groups_and_claims_of_both_tokens_and_is_asked_once(triggered):
    app, _ = triggered
    name = email()
    app.make_operator(app.person(name)["access_token"])
    tokens = app.redeem(app.sign_in(name)).json()
    access, identity = claims(tokens["access_token"]), claims(tokens["id_token"])
    assert "cognito:groups" not in access
    assert "cognito:groups" not in identity
    assert access["asked"].startswith("TokenGeneration_HostedAuth 2 ")
    assert access["asked"] == identity["asked"]


def test_trigger_is_asked_when_a_token_is_refreshed(triggered):
    app, _ = triggered
    tokens = app.person()
    app.make_operator(tokens["access_token"])
    refreshed = claims(app.refresh(tokens["refresh_token"]).json()["access_token"])
    assert refreshed["asked"].startswith("TokenGeneration_RefreshTokens 2 ")
    assert "cognito:groups" not in refreshed


def test_groups_that_the_trigger_leaves_stay(triggered, cognito):
    app, _ = triggered
    tokens = app.person()
    name = claims(tokens["access_token"])["username"]
    for group in ("guests", "operators"):
        if group == "guests":
            cognito.create_group(UserPoolId=app.pool, GroupName=group)
        cognito.admin_add_user_to_group(UserPoolId=app.pool, Username=name, GroupName=group)
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["access_token"])["cognito:groups"] == ["guests"]
    assert claims(refreshed["id_token"])["cognito:groups"] == ["guests"]


def test_sign_in_fails_when_the_trigger_fails(triggered, cognito):
    app, _ = triggered
    name = email("broken")
    redirect = app.sign_up(name)
    answer = app.redeem(redirect)
    assert (answer.status, "access_token" in answer.json()) == (400, False)
    assert "out of order" in json.dumps(answer.json())
    with pytest.raises(cognito.exceptions.UserLambdaValidationException, match="out of order"):
        cognito.admin_initiate_auth(
            UserPoolId=app.pool,
            ClientId=app.client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )


def test_sign_in_fails_while_the_trigger_is_throttled(triggered, account):
    app, function = triggered
    tokens, functions = app.person(), account.client("lambda")
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        answer = app.refresh(tokens["refresh_token"])
    finally:
        functions.delete_function_concurrency(FunctionName=function)
    assert (answer.status, "Rate Exceeded" in json.dumps(answer.json())) == (400, True)
    assert app.refresh(tokens["refresh_token"]).status == 200


def test_sign_in_fails_when_the_trigger_may_not_be_invoked(triggered, account):
    app, function = triggered
    tokens, functions = app.person(), account.client("lambda")
    [statement] = json.loads(functions.get_policy(FunctionName=function)["Policy"])["Statement"]
    functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    try:
        answer = app.refresh(tokens["refresh_token"])
    finally:
        functions.add_permission(
            FunctionName=function,
            StatementId=statement["Sid"],
            Action="lambda:InvokeFunction",
            Principal="cognito-idp.amazonaws.com",
        )
    assert (answer.status, "AccessDenied" in json.dumps(answer.json())) == (400, True)
