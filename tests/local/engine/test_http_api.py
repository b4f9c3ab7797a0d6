"""An HTTP API behind its own host: its paths, the tokens that it accepts, and its throttling."""

import base64
import json
import time
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from local.engine.http_api_throttling import Bucket
from local.engine.settings import APP_API_NAME
from tests.local.engine.account import unique
from tests.local.engine.web_app import claims, deploy_web_app, issuer, send, template

pytestmark = pytest.mark.local

UNAUTHORIZED = (401, b'{"message":"Unauthorized"}')
NOT_FOUND = (404, b'{"message":"Not Found"}')


@pytest.fixture(scope="module")
def other_app(account, engine):
    """Another app with its own user pool."""
    return deploy_web_app(account, engine.port, template(unique("app")))


@pytest.fixture(scope="module")
def token(app):
    return app.person()["access_token"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def seen(answer):
    return answer.status, answer.body


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/static/app.js", "/config.json", "/api", "/health", "/static/", "/a//b/", "/$default/x"),
        # Paths of other services of the engine.
        *("/_ministack/health", "/login?client_id=x", "/logout", "/signup", "/oauth2/authorize", "/oauth2/userInfo"),
        *("/.well-known/openid-configuration", "/v2/email/identities", "/iceberg/v1/config"),
        *("/2015-03-31/functions", "/bucket/key.jpg"),
    ],
)
def test_each_path_of_the_host_reaches_the_api(app, path):
    event = app.get(path).json()
    assert event["rawPath"] == path.partition("?")[0]
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["apiId"] == app.api


def test_post_to_a_path_of_another_service_reaches_the_api(app):
    for path in ("/login", "/signup", "/oauth2/token", "/_ministack/reset", "/v2/email/identities"):
        assert seen(app.send("POST", path, "{}")) == NOT_FOUND
    # Nothing was reset.
    assert app.get("/").status == 200


def test_host_of_the_app_reaches_the_api_of_the_stack(account, engine):
    def get(path):
        return send(engine.port, "GET", path, host="app.localhost")

    empty = get("/")
    assert empty.status == 404
    assert APP_API_NAME in empty.body.decode()
    app = deploy_web_app(account, engine.port, template(APP_API_NAME))
    event = get("/static/app.js?v=1").json()
    assert event["requestContext"]["apiId"] == app.api
    assert event["requestContext"]["domainName"] == "app.localhost"
    assert event["headers"]["host"] == f"app.localhost:{engine.port}"
    assert seen(get("/api/me")) == UNAUTHORIZED
    for path in ("/health", "/oauth2/authorize"):
        assert get(path).json()["rawPath"] == path


def test_other_hosts_do_not_reach_the_api(engine):
    assert "services" in send(engine.port, "GET", "/_ministack/health").json()
    assert send(engine.port, "GET", "/", host="nobody.execute-api.localhost").status in (403, 404)


def test_paths_below_a_guarded_path_need_a_token(app, token):
    for path in ("/api/photos", "/api/photos/", "/api/a/b/c", "/api//x"):
        assert seen(app.get(path)) == UNAUTHORIZED
        event = app.get(path, **bearer(token)).json()
        assert (event["rawPath"], event["routeKey"]) == (path, "ANY /api/{proxy+}")
        assert event["pathParameters"] == {"proxy": path.removeprefix("/api/")}


def test_other_spelling_of_a_guarded_path_needs_a_token_and_a_method_its_route(app):
    for path in ("//api/photos", "/api/%70hotos", "/%61pi/photos"):
        assert seen(app.get(path)) == UNAUTHORIZED
    for method, path in (("POST", "/"), ("DELETE", "/static/x"), ("POST", "/api")):
        assert seen(app.send(method, path)) == NOT_FOUND
    assert seen(app.send("HEAD", "/")) == (404, b"")


def test_options_needs_a_route_and_a_token_without_cors(app, token):
    origin = f"http://app.localhost:{app.port}"
    assert seen(app.send("OPTIONS", "/api/photos", Origin=origin)) == UNAUTHORIZED
    assert seen(app.send("OPTIONS", "/", Origin=origin)) == NOT_FOUND
    assert app.send("OPTIONS", "/api/photos", **bearer(token)).json()["requestContext"]["http"]["method"] == "OPTIONS"


def test_no_answer_is_readable_by_another_origin(app, token):
    for path in ("/", "/api/me", "/api/photos?x=1"):
        for headers in ({}, bearer(token)):
            answer = app.get(path, Origin="http://elsewhere.localhost", **headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_claims_of_a_token_arrive_as_text_with_spaces_between_groups(app):
    tokens = app.person()
    app.account.client("cognito-idp").create_group(UserPoolId=app.pool, GroupName="admins")
    for group, expected in {"operators": ["operators"], "admins": ["admins", "operators"]}.items():
        app.add_to_group(group, tokens["access_token"])
        token = app.refresh(tokens["refresh_token"]).json()["access_token"]
        event = app.get("/api/me", **bearer(token)).json()
        found, real = event["requestContext"]["authorizer"]["jwt"]["claims"], claims(token)
        assert (found["sub"], found["exp"]) == (real["sub"], str(real["exp"]))
        assert set(found["scope"].split()) == {"openid", "email"}
        groups = found["cognito:groups"]
        assert groups == f"[{groups[1:-1]}]"
        assert sorted(groups[1:-1].split(" ")) == expected


def test_route_with_scopes_accepts_tokens_that_have_one(app, token):
    def scopes(path):
        return app.get(path, **bearer(token)).json()["requestContext"]["authorizer"]["jwt"]["scopes"]

    assert scopes("/api/me") is None
    assert sorted(scopes("/api/scoped")) == ["email", "openid"]
    assert seen(app.get("/api/forbidden", **bearer(token))) == (403, b'{"message":"Forbidden"}')


def test_public_route_ignores_tokens(app, token):
    for headers in ({}, bearer(token), bearer("x.y.z")):
        assert "authorizer" not in app.get("/config.json", **headers).json()["requestContext"]


def test_invalid_token_or_one_outside_its_header_is_unauthorized(app, token):
    for value in ("", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Bearer W10.W10.e30"):
        assert seen(app.get("/api/me", Authorization=value)) == UNAUTHORIZED
    assert seen(app.get(f"/api/me?access_token={token}&Authorization={token}")) == UNAUTHORIZED
    assert seen(app.get("/api/me", Cookie=f"Authorization={token}")) == UNAUTHORIZED


def test_token_of_another_pool_or_client_or_kind_is_unauthorized(app, other_app):
    of_other_client = app.person(client_id=app.other)
    assert claims(of_other_client["access_token"])["client_id"] == app.other
    for tokens in (other_app.person(), of_other_client):
        assert seen(app.get("/api/me", **bearer(tokens["access_token"]))) == UNAUTHORIZED
        assert seen(app.get("/api/me", **bearer(tokens["id_token"]))) == UNAUTHORIZED
    assert seen(app.get("/api/me", **bearer(app.person()["refresh_token"]))) == UNAUTHORIZED


def test_expired_token_is_unauthorized(account, other_app):
    account.client("cognito-idp").update_user_pool_client(
        UserPoolId=other_app.pool,
        ClientId=other_app.client,
        AccessTokenValidity=2,
        TokenValidityUnits={"AccessToken": "seconds"},
        AllowedOAuthFlows=["code"],
    )
    tokens = other_app.person()
    assert other_app.get("/api/me", **bearer(tokens["access_token"])).status == 200
    time.sleep(2.1)
    assert seen(other_app.get("/api/me", **bearer(tokens["access_token"]))) == UNAUTHORIZED
    refreshed = other_app.refresh(tokens["refresh_token"]).json()["access_token"]
    assert other_app.get("/api/me", **bearer(refreshed)).status == 200


def encoded(part: dict | bytes) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def test_changed_token_is_unauthorized(app, token):
    header, _, signature = token.split(".")
    another = {**claims(token), "sub": str(uuid.uuid4())}
    for changed in (f"{header}.{encoded(another)}.{signature}", f"{token[:-4]}AAAA", token.rpartition(".")[0] + "."):
        assert seen(app.get("/api/me", **bearer(changed))) == UNAUTHORIZED
    for algorithm in ("none", "None", "HS256", "RS256"):
        signed = json.loads(base64.urlsafe_b64decode(header + "==")) | {"alg": algorithm}
        content = f"{encoded(signed)}.{encoded(claims(token) | {'iss': issuer(app.pool)})}"
        foreign = rsa.generate_private_key(65537, 2048).sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
        for part in (b"", b"signed", foreign):
            assert seen(app.get("/api/me", **bearer(f"{content}.{encoded(part)}"))) == UNAUTHORIZED, algorithm


def test_requests_above_the_limit_of_a_route_are_throttled(account, engine):
    limits = {"ThrottlingBurstLimit": 3, "ThrottlingRateLimit": 0.001}
    routes = {"GET /": {"ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0}}
    stage = {"DefaultRouteSettings": limits, "RouteSettings": routes}
    app = deploy_web_app(account, engine.port, template(unique("app"), stage=stage))
    answers = [app.get("/static/app.js") for _ in range(5)]
    assert [answer.status for answer in answers[:3]] == [200] * 3
    assert seen(answers[-1]) == (429, b'{"message":"Too Many Requests"}')
    assert app.get("/api/me").status == 401
    assert app.get("/").status == 429


def test_token_bucket_fills_with_time():
    bucket = Bucket(tokens=2, updated_at=0)
    taken = [bucket.take(rate=1, burst=2, now=now) for now in (0, 0.1, 0.2, 1.3, 60, 60, 60)]
    assert taken == [True, True, False, True, True, True, False]
