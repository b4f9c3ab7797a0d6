"""Signing up, in, on and out, as a single page app does with Cognito's managed login."""

import re

import pytest

from tests.local.engine.account import unique
from tests.local.engine.web_app import APP_URL, PASSWORD, claims, deploy_web_app, query_of, send, template

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def app(account, engine):
    return deploy_web_app(account, engine.port, template(unique("app")))


@pytest.fixture(scope="module")
def closed(account, engine):
    """An app whose accounts are made by administrators."""
    only_admins = {"AllowAdminCreateUserOnly": True}
    return deploy_web_app(account, engine.port, template(unique("app"), AdminCreateUserConfig=only_admins))


def email() -> str:
    return f"{unique('ada')}@example.com"


def test_a_person_who_signs_up_is_back_in_the_app_with_a_code(app):
    redirect = app.sign_up(email())
    assert redirect.header("location").startswith(f"{APP_URL}?code=")
    assert query_of(redirect)["state"] == "back to /#/albums & <more>"


def test_the_code_of_a_sign_up_becomes_tokens(app):
    name = email()
    tokens = app.redeem(app.sign_up(name)).json()
    assert claims(tokens["id_token"])["email"] == name
    assert claims(tokens["id_token"])["email_verified"] is True
    assert claims(tokens["id_token"])["nonce"] == "once"
    assert claims(tokens["access_token"])["client_id"] == app.client
    assert claims(tokens["access_token"])["sub"] == claims(tokens["id_token"])["sub"]
    assert tokens["expires_in"] == 30 * 60


def test_a_person_who_signed_up_signs_in(app):
    name = email()
    app.sign_up(name)
    assert app.redeem(app.sign_in(name)).status == 200


def test_the_capitals_of_an_address_do_not_matter(app):
    name = email()
    app.sign_up(name)
    assert app.redeem(app.sign_in(name.upper())).status == 200
    assert "User already exists." in app.sign_up(name.upper()).body.decode()


def test_the_user_is_confirmed_in_the_pool(app):
    name = email()
    app.sign_up(name)
    user = app.account.client("cognito-idp").admin_get_user(UserPoolId=app.pool, Username=name)
    attributes = {attribute["Name"]: attribute["Value"] for attribute in user["UserAttributes"]}
    assert user["UserStatus"] == "CONFIRMED"
    assert (attributes["email"], attributes["email_verified"]) == (name, "true")


@pytest.mark.parametrize(
    ("password", "reason"),
    [("short", "length greater than or equal to 8"), ("all-lower-case-7", "uppercase"), ("No-Digits-Here", "numeric")],
)
def test_a_password_against_the_policy_is_refused_with_the_reason(app, password, reason):
    name = email()
    page = app.sign_up(name, password)
    assert page.status == 200
    assert re.search(rf'role="alert">[^<]*{reason}', page.body.decode())
    assert f'value="{name}"' in page.body.decode()
    assert password not in page.body.decode()


def test_an_address_is_taken_once(app):
    name = email()
    app.sign_up(name)
    assert "User already exists." in app.sign_up(name).body.decode()


@pytest.mark.parametrize("name", ["", "ada", '"><script>alert(1)</script>'])
def test_a_name_that_is_no_address_is_refused(app, name):
    page = app.sign_up(name)
    assert "Username should be an email." in page.body.decode()
    assert "<script" not in page.body.decode()


def test_the_pages_lead_to_each_other_with_the_same_request(app):
    sign_in = app.page("/oauth2/authorize").body.decode()
    [to_sign_up] = re.findall(r'href="(/signup\?[^"]+)"', sign_in)
    sign_up = send(app.port, "GET", to_sign_up.replace("&amp;", "&"))
    [to_sign_in] = re.findall(r'href="(/login\?[^"]+)"', sign_up.body.decode())
    assert send(app.port, "GET", to_sign_in.replace("&amp;", "&")).body.decode() == sign_in
    assert 'value="back to /#/albums &amp; &lt;more&gt;"' in sign_in


def test_the_sign_up_page_says_what_a_password_needs_and_that_no_email_is_sent(app):
    page = app.page("/signup").body.decode()
    assert "At least 8 characters, with an upper-case letter, a lower-case letter, a digit and a symbol." in page
    assert "No email is sent" in page


@pytest.mark.parametrize("path", ["/signup", "/login", "/oauth2/authorize"])
@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_id": "nobody"}, 400),
        ({"redirect_uri": "http://elsewhere.localhost/"}, 400),
        ({"redirect_uri": APP_URL.rstrip("/")}, 400),
        ({"response_type": "token"}, 400),
        ({"scope": "openid photos/everything"}, 302),
        ({"code_challenge_method": "plain"}, 302),
        ({"code_challenge": "", "code_challenge_method": ""}, 302),
    ],
)
def test_a_request_that_cognito_refuses_shows_no_form(app, path, change, status):
    answer = app.page(path, **change)
    assert answer.status == status
    assert b"<form" not in answer.body
    assert "elsewhere" not in (answer.header("location") or "")


def test_a_form_with_a_foreign_address_leads_nowhere(app):
    form = app.authorize_request(redirect_uri="http://elsewhere.localhost/", email=email(), password=PASSWORD)
    assert app.post("/signup", form).status == 400
    name = email()
    app.sign_up(name)
    form = app.authorize_request(redirect_uri="http://elsewhere.localhost/", username=name, password=PASSWORD)
    assert app.post("/login", form).status == 400


def test_a_pool_of_administrators_has_no_sign_up(closed):
    assert "/signup" not in closed.page("/oauth2/authorize").body.decode()
    assert "SignUp is not permitted" in closed.sign_up(email()).body.decode()


def test_somebody_whom_an_administrator_invited_chooses_a_password(closed):
    name, cognito = email(), closed.account.client("cognito-idp")
    cognito.admin_create_user(
        UserPoolId=closed.pool,
        Username=name,
        TemporaryPassword="Temporary-1",
        MessageAction="SUPPRESS",
        UserAttributes=[{"Name": "email", "Value": name}, {"Name": "email_verified", "Value": "true"}],
    )
    choice = closed.sign_in(name, "Temporary-1")
    weak = closed.submit(choice, new_password="weak", confirm_password="weak")
    assert "did not conform with policy" in weak.body.decode()
    redirect = closed.submit(weak, new_password=PASSWORD, confirm_password=PASSWORD)
    assert claims(closed.redeem(redirect).json()["id_token"])["email"] == name
    assert closed.redeem(closed.sign_in(name)).status == 200


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.lower()])
def test_a_wrong_password_does_not_sign_in(app, password):
    name = email()
    app.sign_up(name)
    page = app.sign_in(name, password)
    assert page.status == 200
    assert "Incorrect username or password." in page.body.decode()


def test_a_code_is_redeemed_once(app):
    redirect = app.sign_up(email())
    assert app.redeem(redirect).status == 200
    again = app.redeem(redirect)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("path", ["/signup", "/login"])
def test_form_without_a_challenge_signs_nobody_in(app, path):
    name = email()
    app.sign_up(name)
    filled = {"/signup": {"email": email()}, "/login": {"username": name}}[path]
    form = app.authorize_request(code_challenge="", code_challenge_method="", password=PASSWORD, **filled)
    assert query_of(app.post(path, form)) == {"error": "invalid_request", "state": "back to /#/albums & <more>"}


@pytest.mark.parametrize("change", [{"code_verifier": "guessed" * 7}, {"code_verifier": ""}, {"redirect_uri": ""}])
def test_a_code_is_redeemed_only_by_who_asked_for_it(app, change):
    answer = app.redeem(app.sign_up(email()), **change)
    assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_is_redeemed_only_by_its_client(app):
    assert app.redeem(app.sign_up(email()), client_id=app.other).status == 400


def test_a_refreshed_token_is_of_the_same_person_and_groups(app):
    tokens = app.person()
    app.make_operator(tokens["access_token"])
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["access_token"])["sub"] == claims(tokens["access_token"])["sub"]
    assert claims(refreshed["access_token"])["cognito:groups"] == ["operators"]
    assert claims(refreshed["access_token"])["scope"] == claims(tokens["access_token"])["scope"]
    assert claims(refreshed["id_token"])["cognito:groups"] == ["operators"]
    assert refreshed["expires_in"] == 30 * 60


def test_a_refresh_token_serves_its_client_only(app):
    tokens = app.person()
    for other in (app.other, "nobody", ""):
        assert app.refresh(tokens["refresh_token"], client_id=other).status == 400


@pytest.mark.parametrize("token", ["", "x", "a.b.c"])
def test_what_is_no_refresh_token_refreshes_nothing(app, token):
    assert app.refresh(token).status == 400
    assert app.refresh(app.person()["access_token"]).status == 400


def test_a_revoked_refresh_token_refreshes_nothing(app):
    tokens = app.person()
    revoked = app.post("/oauth2/revoke", {"token": tokens["refresh_token"], "client_id": app.client})
    assert (revoked.status, revoked.body) == (200, b"")
    assert app.refresh(tokens["refresh_token"]).status == 400


def test_a_refresh_token_is_revoked_by_its_client_only(app):
    tokens = app.person()
    assert app.post("/oauth2/revoke", {"token": tokens["refresh_token"], "client_id": app.other}).status == 400
    assert app.post("/oauth2/revoke", {"token": tokens["access_token"], "client_id": app.client}).status == 400
    assert app.post("/oauth2/revoke", {"client_id": app.client}).status == 400
    assert app.refresh(tokens["refresh_token"]).status == 200


def test_a_disabled_person_neither_signs_in_nor_refreshes(app):
    name = email()
    tokens = app.person(name)
    app.account.client("cognito-idp").admin_disable_user(UserPoolId=app.pool, Username=name)
    assert app.sign_in(name).status == 200
    assert app.refresh(tokens["refresh_token"]).status == 400


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo"])
def test_the_page_of_the_app_may_ask_for_tokens(app, path):
    origin = f"http://app.localhost:{app.port}"
    preflight = send(
        app.port,
        "OPTIONS",
        path,
        Origin=origin,
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="content-type,authorization",
    )
    assert preflight.status in (200, 204)
    assert preflight.header("access-control-allow-origin") == origin
    answer = app.post(path, {}, Origin=origin)
    assert answer.status in (400, 401)
    assert answer.header("access-control-allow-origin") == origin


def test_the_user_info_has_the_address(app):
    name = email()
    tokens = app.person(name)
    info = send(app.port, "GET", "/oauth2/userInfo", Authorization=f"Bearer {tokens['access_token']}").json()
    assert (info["sub"], info["email"]) == (claims(tokens["access_token"])["sub"], name)


def test_signing_out_goes_back_to_the_app(app):
    answer = send(app.port, "GET", f"/logout?client_id={app.client}&logout_uri={APP_URL}")
    assert (answer.status, answer.header("location")) == (302, APP_URL)


@pytest.mark.parametrize("address", ["http://elsewhere.localhost/", APP_URL.rstrip("/"), ""])
def test_signing_out_goes_nowhere_else(app, address):
    answer = send(app.port, "GET", f"/logout?client_id={app.client}&logout_uri={address}")
    assert answer.status == 400
    assert answer.header("location") is None


def test_a_client_without_sign_out_addresses_redirects_nowhere(app):
    cognito = app.account.client("cognito-idp")
    client = cognito.create_user_pool_client(UserPoolId=app.pool, ClientName="bare")["UserPoolClient"]["ClientId"]
    assert send(app.port, "GET", f"/logout?client_id={client}&logout_uri={APP_URL}").status == 400
