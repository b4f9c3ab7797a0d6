"""Sign-up, sign-in, refresh and sign-out, as a single-page app does them with Cognito's managed login."""

import re

import pytest

from tests.local.engine.account import unique
from tests.local.engine.web_app import APP_URL, PASSWORD, claims, deploy_web_app, new_email, query_of, send, template

pytestmark = pytest.mark.local

ELSEWHERE = "http://elsewhere.localhost/"
STATE = "back to /#/albums & <more>"


@pytest.fixture(scope="module")
def closed(account, engine):
    """An app in which only administrators create users."""
    only_admins = {"AllowAdminCreateUserOnly": True}
    return deploy_web_app(account, engine.port, template(unique("app"), AdminCreateUserConfig=only_admins))


def test_sign_up_redirects_with_a_code_for_tokens_of_a_confirmed_user(app):
    name = new_email()
    redirect = app.sign_up(name)
    assert redirect.header("location").startswith(f"{APP_URL}?code=")
    assert query_of(redirect)["state"] == STATE
    tokens = app.redeem(redirect).json()
    identity, access = claims(tokens["id_token"]), claims(tokens["access_token"])
    assert (identity["email"], identity["email_verified"], identity["nonce"]) == (name, True, "once")
    assert access["client_id"] == app.client
    assert access["sub"] == identity["sub"]
    assert tokens["expires_in"] == 30 * 60
    info = send(app.port, "GET", "/oauth2/userInfo", Authorization=f"Bearer {tokens['access_token']}").json()
    assert info["sub"] == access["sub"]
    assert info["email"] == name

    user = app.account.client("cognito-idp").admin_get_user(UserPoolId=app.pool, Username=name)
    attributes = {attribute["Name"]: attribute["Value"] for attribute in user["UserAttributes"]}
    assert user["UserStatus"] == "CONFIRMED"
    assert (attributes["email"], attributes["email_verified"]) == (name, "true")
    again = app.redeem(redirect)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


def test_password_against_the_policy_or_a_user_name_that_is_no_address_is_refused(app):
    name = new_email()
    for password, reason in {
        "short": "length greater than or equal to 8",
        "all-lower-case-7": "uppercase",
        "No-Digits-Here": "numeric",
    }.items():
        page = app.sign_up(name, password).body.decode()
        assert re.search(rf'role="alert">[^<]*{reason}', page)
        assert f'value="{name}"' in page
        assert password not in page
    for no_address in ("", "ada", '"><script>alert(1)</script>'):
        page = app.sign_up(no_address).body.decode()
        assert "Username should be an email." in page
        assert "<script" not in page


def test_sign_up_page_states_the_password_policy_unless_the_pool_is_closed(app, closed):
    page = app.page("/signup").body.decode()
    for part in ("8 characters", "upper-case", "lower-case", "digit", "symbol", "No email is sent"):
        assert part in page
    assert "/signup" not in closed.page("/oauth2/authorize").body.decode()
    assert "SignUp is not permitted" in closed.sign_up(new_email()).body.decode()


def test_invited_person_chooses_a_password(closed):
    name = new_email()
    closed.account.client("cognito-idp").admin_create_user(
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


def test_user_name_ignores_case_but_the_password_does_not_until_the_person_is_disabled(app):
    name = new_email()
    tokens = app.person(name)
    for spelling in (name, name.upper()):
        assert app.redeem(app.sign_in(spelling)).status == 200
        assert "User already exists." in app.sign_up(spelling).body.decode()
    for password in ("", "wrong", PASSWORD.lower()):
        page = app.sign_in(name, password)
        assert page.status == 200
        assert "Incorrect username or password." in page.body.decode()
    app.account.client("cognito-idp").admin_disable_user(UserPoolId=app.pool, Username=name)
    assert app.sign_in(name).status == 200
    assert app.refresh(tokens["refresh_token"]).status == 400


def test_pages_link_to_each_other_with_the_same_request(app):
    sign_in = app.page("/oauth2/authorize").body.decode()
    [to_sign_up] = re.findall(r'href="(/signup\?[^"]+)"', sign_in)
    sign_up = send(app.port, "GET", to_sign_up.replace("&amp;", "&"))
    [to_sign_in] = re.findall(r'href="(/login\?[^"]+)"', sign_up.body.decode())
    assert send(app.port, "GET", to_sign_in.replace("&amp;", "&")).body.decode() == sign_in
    assert 'value="back to /#/albums &amp; &lt;more&gt;"' in sign_in


@pytest.mark.parametrize("path", ["/signup", "/login", "/oauth2/authorize"])
def test_invalid_request_shows_no_form(app, path):
    for change, status in [
        ({"client_id": "nobody"}, 400),
        *(({"redirect_uri": address}, 400) for address in (ELSEWHERE, APP_URL.rstrip("/"))),
        ({"response_type": "token"}, 400),
        ({"scope": "openid photos/everything"}, 302),
        ({"code_challenge_method": "plain"}, 302),
        ({"code_challenge": "", "code_challenge_method": ""}, 302),
    ]:
        answer = app.page(path, **change)
        assert answer.status == status, change
        assert b"<form" not in answer.body
        assert "elsewhere" not in (answer.header("location") or "")


def test_form_with_another_redirect_address_or_without_a_code_challenge_is_refused(app):
    name = new_email()
    app.sign_up(name)
    for path, filled in {"/signup": {"email": new_email()}, "/login": {"username": name}}.items():
        form = app.authorize_request(redirect_uri=ELSEWHERE, password=PASSWORD, **filled)
        assert app.post(path, form).status == 400
        form = app.authorize_request(code_challenge="", code_challenge_method="", password=PASSWORD, **filled)
        assert query_of(app.post(path, form)) == {"error": "invalid_request", "state": STATE}


def test_code_is_redeemed_only_with_its_verifier_redirect_and_client(app):
    for change in ({"code_verifier": "guessed" * 7}, {"code_verifier": ""}, {"redirect_uri": ""}):
        answer = app.redeem(app.sign_up(new_email()), **change)
        assert (answer.status, answer.json()["error"]) == (400, "invalid_grant")
    assert app.redeem(app.sign_up(new_email()), client_id=app.other).status == 400


def test_refreshed_token_has_the_same_person_scope_and_current_groups(app):
    tokens = app.person()
    app.make_operator(tokens["access_token"])
    refreshed = app.refresh(tokens["refresh_token"]).json()
    before, access = claims(tokens["access_token"]), claims(refreshed["access_token"])
    assert access["sub"] == before["sub"]
    assert access["scope"] == before["scope"]
    assert access["cognito:groups"] == claims(refreshed["id_token"])["cognito:groups"] == ["operators"]
    assert refreshed["expires_in"] == 30 * 60


def test_refresh_token_works_and_is_revoked_for_its_client_only(app):
    def revoke(**form):
        return app.post("/oauth2/revoke", form)

    tokens = app.person()
    token = tokens["refresh_token"]
    for other in (app.other, "nobody", ""):
        assert app.refresh(token, client_id=other).status == 400
    for wrong in ("", "x", "a.b.c", tokens["access_token"]):
        assert app.refresh(wrong).status == 400
    assert revoke(token=token, client_id=app.other).status == 400
    assert revoke(token=tokens["access_token"], client_id=app.client).status == 400
    assert revoke(client_id=app.client).status == 400
    assert app.refresh(token).status == 200
    revoked = revoke(token=token, client_id=app.client)
    assert (revoked.status, revoked.body) == (200, b"")
    assert app.refresh(token).status == 400


def test_page_of_the_app_may_call_the_token_endpoints(app):
    origin = f"http://app.localhost:{app.port}"
    asked = {"Method": "POST", "Headers": "content-type,authorization"}
    headers = {f"Access-Control-Request-{name}": value for name, value in asked.items()}
    for path in ("/oauth2/token", "/oauth2/revoke", "/oauth2/userInfo"):
        preflight = send(app.port, "OPTIONS", path, Origin=origin, **headers)
        answer = app.post(path, {}, Origin=origin)
        assert preflight.status in (200, 204)
        assert answer.status in (400, 401)
        for readable in (preflight, answer):
            assert readable.header("access-control-allow-origin") == origin


def test_sign_out_redirects_to_the_addresses_of_the_client_only(app):
    def sign_out(address, client=app.client):
        answer = send(app.port, "GET", f"/logout?client_id={client}&logout_uri={address}")
        return answer.status, answer.header("location")

    assert sign_out(APP_URL) == (302, APP_URL)
    for address in (ELSEWHERE, APP_URL.rstrip("/"), ""):
        assert sign_out(address) == (400, None)
    created = app.account.client("cognito-idp").create_user_pool_client(UserPoolId=app.pool, ClientName="bare")
    assert sign_out(APP_URL, created["UserPoolClient"]["ClientId"])[0] == 400
