"""Codes of an authenticator app, as Cognito checks them on its pages and by its API."""

import time

import pytest

from local import totp
from tests.local.engine.account import unique
from tests.local.engine.web_app import PASSWORD, claims, deploy_web_app, new_email, query_of, template

pytestmark = pytest.mark.local

ADMIN_SCOPE = "openid email aws.cognito.signin.user.admin"
ENABLED = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}


@pytest.fixture(scope="module")
def app(account, engine):
    mfa = {"MfaConfiguration": "OPTIONAL", "EnabledMfas": ["SOFTWARE_TOKEN_MFA"]}
    body = template(unique("app"), DeletionProtection="ACTIVE", **mfa)
    body["Resources"]["Client"]["Properties"] |= {
        "AllowedOAuthScopes": ADMIN_SCOPE.split(),
        "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_ADMIN_USER_PASSWORD_AUTH"],
    }
    return deploy_web_app(account, engine.port, body)


@pytest.fixture
def cognito(account):
    return account.client("cognito-idp")


def code(secret, offset=0):
    """Return the code of this half minute, or of one before or after it."""
    return totp.code(secret, totp.step(time.time()) + offset)


def wrong_code(secret):
    taken = {code(secret, offset) for offset in range(-3, 4)}
    return next(one for one in ("000000", "111111", "222222", "333333", "444444") if one not in taken)


def enrol(app, cognito):
    """Set up a second factor with the code of the half minute before; return address and secret."""
    name = new_email()
    token = app.person(name, scope=ADMIN_SCOPE)["access_token"]
    secret = cognito.associate_software_token(AccessToken=token)["SecretCode"]
    cognito.verify_software_token(AccessToken=token, UserCode=code(secret, -1))
    cognito.set_user_mfa_preference(AccessToken=token, **ENABLED)
    return name, secret


@pytest.fixture
def person(app, cognito):
    return enrol(app, cognito)


def test_page_asks_for_the_code_after_the_password_until_it_is_right_and_new(app, person):
    name, secret = person
    page = app.sign_in(name)
    assert page.status == 200
    assert "Enter your code" in page.body.decode()
    for refused in ("", "12345", "1234567", "abcdef", "１２３４５６", wrong_code(secret)):
        page = app.submit(page, software_token_code=refused)
        assert "Invalid code received for user" in page.body.decode()
    used = code(secret)
    redirect = app.submit(page, software_token_code=used)
    assert claims(app.redeem(redirect).json()["id_token"])["email"] == name
    page = app.submit(app.sign_in(name), software_token_code=used)
    # A new half minute may have begun, in which the old code is too old all the same.
    assert "already been used once" in page.body.decode()
    assert app.submit(app.sign_in(name), software_token_code=code(secret, -1)).status == 200


def test_code_without_the_password_is_refused(app, person):
    name, secret = person
    form = {"second_factor": "guessed", "software_token_code": code(secret)}
    assert app.post("/login", form).status == 400
    assert "Incorrect username or password." in app.sign_in(name, "Wrong-Horse-7").body.decode()


@pytest.fixture
def begin(app, cognito):
    """Sign in with the password; return the challenge and the user's id."""

    def challenged(name):
        pool = {"UserPoolId": app.pool, "ClientId": app.client}
        parameters = {"USERNAME": name, "PASSWORD": PASSWORD}
        answer = cognito.admin_initiate_auth(**pool, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=parameters)
        challenge = {**pool, "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": answer["Session"]}
        assert answer["ChallengeName"] == challenge["ChallengeName"]
        return challenge, answer["ChallengeParameters"]["USER_ID_FOR_SRP"]

    return challenged


@pytest.fixture
def respond(cognito):
    return lambda challenge, user, code: cognito.admin_respond_to_auth_challenge(
        **challenge, ChallengeResponses={"USERNAME": user, "SOFTWARE_TOKEN_MFA_CODE": code}
    )


def test_api_accepts_a_code_once_and_another_after_a_wrong_one(begin, respond, cognito, person):
    name, secret = person
    challenge, user = begin(name)
    with pytest.raises(cognito.exceptions.CodeMismatchException):
        respond(challenge, user, wrong_code(secret))
    used = code(secret)
    answer = respond(challenge, user, used)
    assert claims(answer["AuthenticationResult"]["IdToken"])["email"] == name
    with pytest.raises(cognito.exceptions.ExpiredCodeException):
        respond(*begin(name), used)


def test_session_of_a_password_works_once_and_for_its_person_only(begin, respond, app, cognito):
    (name, secret), (other, other_secret) = enrol(app, cognito), enrol(app, cognito)
    challenge, user = begin(name)
    _, other_user = begin(other)
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        respond(challenge | {"Session": "guessed-guessed-guessed"}, user, code(secret))
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        respond(challenge, other_user, code(other_secret))
    respond(challenge, user, code(secret))
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        respond(challenge, user, code(secret, 1))


def test_ordinary_token_may_not_change_the_second_factor(app, cognito):
    token = {"AccessToken": app.person()["access_token"]}
    for call, arguments in {
        "associate_software_token": {},
        "verify_software_token": {"UserCode": "123456"},
        "set_user_mfa_preference": {"SoftwareTokenMfaSettings": {"Enabled": False}},
        "global_sign_out": {},
        "get_user": {},
    }.items():
        with pytest.raises(cognito.exceptions.NotAuthorizedException, match="required scopes"):
            getattr(cognito, call)(**token, **arguments)


def test_second_factor_counts_once_it_is_verified_and_enabled(app, cognito):
    name = new_email()
    token = {"AccessToken": app.person(name, scope=ADMIN_SCOPE)["access_token"]}
    with pytest.raises(cognito.exceptions.InvalidParameterException, match="not verified"):
        cognito.set_user_mfa_preference(**token, **ENABLED)
    secret = cognito.associate_software_token(**token)["SecretCode"]
    with pytest.raises(cognito.exceptions.EnableSoftwareTokenMFAException):
        cognito.verify_software_token(**token, UserCode=wrong_code(secret))
    assert "code" in query_of(app.sign_in(name))
    used = code(secret, -1)
    cognito.verify_software_token(**token, UserCode=used)
    assert not cognito.get_user(**token).get("UserMFASettingList")
    cognito.set_user_mfa_preference(**token, **ENABLED)
    user = cognito.admin_get_user(UserPoolId=app.pool, Username=name)
    assert user["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
    page = app.sign_in(name)
    assert "Enter your code" in page.body.decode()
    # The code that verified the second factor is used up.
    assert app.submit(page, software_token_code=used).status == 200


def test_administrator_disables_a_lost_second_factor_but_cannot_delete_a_protected_pool(app, cognito, person):
    name, _ = person
    disabled = {"SoftwareTokenMfaSettings": {"Enabled": False}}
    cognito.admin_set_user_mfa_preference(UserPoolId=app.pool, Username=name, **disabled)
    assert "code" in query_of(app.sign_in(name))
    with pytest.raises(cognito.exceptions.InvalidParameterException, match="deletion protection"):
        cognito.delete_user_pool(UserPoolId=app.pool)
    assert cognito.describe_user_pool(UserPoolId=app.pool)["UserPool"]["DeletionProtection"] == "ACTIVE"
