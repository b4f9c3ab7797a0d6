"""An HTTP API behind its own host, guarded by a user pool, answered by a function."""

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
def app(account, engine):
    return deploy_web_app(account, engine.port, template(unique("app")))


@pytest.fixture(scope="module")
def stranger(account, engine):
    """Another app with a user pool of its own."""
    return deploy_web_app(account, engine.port, template(unique("app")))


@pytest.fixture(scope="module")
def token(app):
    return app.person()["access_token"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def seen(answer):
    return answer.status, answer.body


# Hosts and paths


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static/app.js",
        "/config.json",
        "/api",
        "/health",
        "/_ministack/health",
        "/login?client_id=x",
        "/logout",
        "/signup",
        "/oauth2/authorize",
        "/oauth2/userInfo",
        "/.well-known/openid-configuration",
        "/v2/email/identities",
        "/iceberg/v1/config",
        "/2015-03-31/functions",
        "/bucket/key.jpg",
        "/static/",
        "/a//b/",
        "/$default/x",
    ],
)
def test_every_path_of_the_host_is_the_apis(app, path):
    event = app.get(path).json()
    assert event["rawPath"] == path.partition("?")[0]
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["apiId"] == app.api


@pytest.mark.parametrize("path", ["/login", "/oauth2/token", "/signup", "/_ministack/reset", "/v2/email/identities"])
def test_a_post_to_a_path_of_another_service_is_the_apis(app, path):
    assert seen(app.send("POST", path, "{}")) == NOT_FOUND


def test_nothing_was_reset(app):
    assert app.get("/").status == 200


def test_the_host_of_the_app_is_the_api_of_the_stack(account, engine):
    empty = send(engine.port, "GET", "/", host="app.localhost")
    assert empty.status == 404
    assert APP_API_NAME in empty.body.decode()
    app = deploy_web_app(account, engine.port, template(APP_API_NAME))
    event = send(engine.port, "GET", "/static/app.js?v=1", host="app.localhost").json()
    assert event["requestContext"]["apiId"] == app.api
    assert event["requestContext"]["domainName"] == "app.localhost"
    assert event["headers"]["host"] == f"app.localhost:{engine.port}"
    assert seen(send(engine.port, "GET", "/api/me", host="app.localhost")) == UNAUTHORIZED
    assert send(engine.port, "GET", "/health", host="app.localhost").json()["rawPath"] == "/health"
    assert send(engine.port, "GET", "/oauth2/authorize", host="app.localhost").json()["rawPath"] == "/oauth2/authorize"


def test_other_hosts_are_as_before(engine):
    assert "services" in send(engine.port, "GET", "/_ministack/health").json()
    assert send(engine.port, "GET", "/", host="nobody.execute-api.localhost").status in (403, 404)


@pytest.mark.parametrize("path", ["/api/photos", "/api/photos/", "/api/a/b/c", "/api//x"])
def test_a_guarded_path_is_guarded_below(app, token, path):
    assert seen(app.get(path)) == UNAUTHORIZED
    event = app.get(path, **bearer(token)).json()
    assert (event["rawPath"], event["routeKey"]) == (path, "ANY /api/{proxy+}")
    assert event["pathParameters"] == {"proxy": path.removeprefix("/api/")}


@pytest.mark.parametrize("path", ["//api/photos", "/api/%70hotos", "/%61pi/photos"])
def test_no_spelling_of_a_guarded_path_gets_round_the_authorizer(app, path):
    assert seen(app.get(path)) == UNAUTHORIZED


@pytest.mark.parametrize(("method", "path"), [("POST", "/"), ("HEAD", "/"), ("DELETE", "/static/x"), ("POST", "/api")])
def test_a_method_without_a_route_is_not_found(app, method, path):
    answer = app.send(method, path)
    assert answer.status == 404
    assert answer.body == (b"" if method == "HEAD" else NOT_FOUND[1])


def test_options_is_a_method_like_any_other_without_cors(app, token):
    origin = f"http://app.localhost:{app.port}"
    assert seen(app.send("OPTIONS", "/api/photos", Origin=origin)) == UNAUTHORIZED
    assert seen(app.send("OPTIONS", "/", Origin=origin)) == NOT_FOUND
    assert app.send("OPTIONS", "/api/photos", **bearer(token)).json()["requestContext"]["http"]["method"] == "OPTIONS"


@pytest.mark.parametrize("path", ["/", "/api/me", "/api/photos?x=1"])
def test_no_answer_lets_another_origin_in(app, token, path):
    for headers in ({}, bearer(token)):
        answer = app.get(path, Origin="http://elsewhere.localhost", **headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


# Tokens


def test_the_claims_of_a_token_arrive_as_text(app):
    tokens = app.person()
    app.make_operator(tokens["access_token"])
    token = app.refresh(tokens["refresh_token"]).json()["access_token"]
    authorizer = app.get("/api/me", **bearer(token)).json()["requestContext"]["authorizer"]
    found, real = authorizer["jwt"]["claims"], claims(token)
    assert found["sub"] == real["sub"]
    assert found["cognito:groups"] == "[operators]"
    assert found["exp"] == str(real["exp"])
    assert set(found["scope"].split()) == {"openid", "email"}
    assert authorizer["jwt"]["scopes"] is None


def test_several_groups_are_separated_by_spaces(app):
    tokens = app.person()
    cognito = app.account.client("cognito-idp")
    cognito.create_group(UserPoolId=app.pool, GroupName="admins")
    app.make_operator(tokens["access_token"])
    name = claims(tokens["access_token"])["username"]
    cognito.admin_add_user_to_group(UserPoolId=app.pool, Username=name, GroupName="admins")
    token = app.refresh(tokens["refresh_token"]).json()["access_token"]
    found = app.get("/api/me", **bearer(token)).json()["requestContext"]["authorizer"]["jwt"]["claims"]
    assert sorted(found["cognito:groups"].strip("[]").split(" ")) == ["admins", "operators"]


def test_a_route_may_ask_for_a_scope(app, token):
    answer = app.get("/api/scoped", **bearer(token))
    assert sorted(answer.json()["requestContext"]["authorizer"]["jwt"]["scopes"]) == ["email", "openid"]
    assert seen(app.get("/api/forbidden", **bearer(token))) == (403, b'{"message":"Forbidden"}')


def test_a_public_route_has_no_claims_and_reads_no_token(app, token):
    for headers in ({}, bearer(token), bearer("x.y.z")):
        assert "authorizer" not in app.get("/config.json", **headers).json()["requestContext"]


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer x", "Bearer a.b.c", "Basic YTpi", "Bearer W10.W10.e30"])
def test_no_token_is_unauthorized(app, value):
    assert seen(app.get("/api/me", Authorization=value)) == UNAUTHORIZED


def test_a_token_in_the_wrong_place_is_unauthorized(app, token):
    assert seen(app.get(f"/api/me?access_token={token}&Authorization={token}")) == UNAUTHORIZED
    assert seen(app.get("/api/me", Cookie=f"Authorization={token}")) == UNAUTHORIZED


def test_a_token_of_a_foreign_pool_is_unauthorized(app, stranger):
    tokens = stranger.person()
    assert seen(app.get("/api/me", **bearer(tokens["access_token"]))) == UNAUTHORIZED
    assert seen(app.get("/api/me", **bearer(tokens["id_token"]))) == UNAUTHORIZED


def test_a_token_of_another_client_is_unauthorized(app):
    tokens = app.person(client_id=app.other)
    assert claims(tokens["access_token"])["client_id"] == app.other
    assert seen(app.get("/api/me", **bearer(tokens["access_token"]))) == UNAUTHORIZED
    assert seen(app.get("/api/me", **bearer(tokens["id_token"]))) == UNAUTHORIZED


def test_an_expired_token_is_unauthorized(account, engine):
    app = deploy_web_app(account, engine.port, template(unique("app")))
    account.client("cognito-idp").update_user_pool_client(
        UserPoolId=app.pool,
        ClientId=app.client,
        AccessTokenValidity=2,
        TokenValidityUnits={"AccessToken": "seconds"},
        AllowedOAuthFlows=["code"],
    )
    tokens = app.person()
    assert app.get("/api/me", **bearer(tokens["access_token"])).status == 200
    time.sleep(2.1)
    assert seen(app.get("/api/me", **bearer(tokens["access_token"]))) == UNAUTHORIZED
    assert app.get("/api/me", **bearer(app.refresh(tokens["refresh_token"]).json()["access_token"])).status == 200


def encoded(part: dict | bytes) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def header_of(token: str) -> dict:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))


def test_a_tampered_token_is_unauthorized(app, token):
    header, _, signature = token.split(".")
    another = {**claims(token), "sub": str(uuid.uuid4())}
    assert seen(app.get("/api/me", **bearer(f"{header}.{encoded(another)}.{signature}"))) == UNAUTHORIZED
    assert seen(app.get("/api/me", **bearer(f"{token[:-4]}AAAA"))) == UNAUTHORIZED
    assert seen(app.get("/api/me", **bearer(token.rpartition(".")[0] + "."))) == UNAUTHORIZED


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256"])
def test_a_token_that_somebody_made_is_unauthorized(app, token, algorithm):
    header = {**header_of(token), "alg": algorithm}
    content = f"{encoded(header)}.{encoded(claims(token) | {'iss': issuer(app.pool)})}"
    foreign = rsa.generate_private_key(65537, 2048).sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
    for signature in (b"", b"signed", foreign):
        assert seen(app.get("/api/me", **bearer(f"{content}.{encoded(signature)}"))) == UNAUTHORIZED


def test_a_refresh_token_is_no_access_token(app):
    tokens = app.person()
    assert seen(app.get("/api/me", **bearer(tokens["refresh_token"]))) == UNAUTHORIZED


# Events and answers


def test_a_request_reaches_the_function_unchanged(app, token):
    event = app.send(
        "POST",
        "/api/photos/a%2Fb%20c/%C3%A9?x=1&x=2&empty=&q=a%20b%26c",
        json.dumps({"name": "é"}),
        Content_Type="application/json",
        Idempotency_Key="abc",
        Cookie="one=1; two=2",
        **bearer(token),
    ).json()
    assert event["version"] == "2.0"
    assert event["rawPath"] == "/api/photos/a/b c/é"
    assert event["rawQueryString"] == "x=1&x=2&empty=&q=a%20b%26c"
    assert event["queryStringParameters"] == {"x": "1,2", "empty": "", "q": "a b&c"}
    assert (event["body"], event["isBase64Encoded"]) == (json.dumps({"name": "é"}), False)
    assert event["headers"]["idempotency-key"] == "abc"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["cookies"] == ["one=1", "two=2"]
    assert "cookie" not in event["headers"]
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert abs(event["requestContext"]["timeEpoch"] / 1000 - time.time()) < 30


def test_a_field_without_a_value_is_left_out(app):
    event = app.get("/").json()
    assert not {"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} & set(event)


def test_a_binary_body_arrives_in_base64(app, token):
    content = bytes(range(256))
    event = app.send("PUT", "/api/x", content, Content_Type="image/jpeg", **bearer(token)).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == content


def test_a_body_may_have_ten_megabytes(app, token):
    assert (
        app.send("POST", "/api/x", b"x" * (4 * 1024 * 1024), Content_Type="text/plain", **bearer(token)).status == 200
    )
    answer = app.send("POST", "/api/x", b"x" * (10 * 1024 * 1024 + 1), Content_Type="text/plain", **bearer(token))
    assert seen(answer) == (413, b'{"message":"Request Entity Too Large"}')


def answered(app, result, method="GET", **headers):
    return app.send(method, "/page", x_answer=json.dumps(result), **headers)


def test_status_headers_and_cookies_of_the_function_are_the_answer(app):
    answer = answered(
        app,
        {
            "statusCode": 201,
            "headers": {"Location": "/x", "content-type": "text/html", "Content-Security-Policy": "default-src 'none'"},
            "cookies": ["a=1; HttpOnly", "b=2"],
            "body": "<p>é</p>",
        },
    )
    assert (answer.status, answer.body.decode()) == (201, "<p>é</p>")
    assert answer.header("location") == "/x"
    assert answer.headers["content-type"] == ["text/html"]
    assert answer.headers["content-security-policy"] == ["default-src 'none'"]
    assert answer.headers["set-cookie"] == ["a=1; HttpOnly", "b=2"]
    assert answer.header("apigw-requestid")


def test_a_binary_answer_is_decoded(app):
    content = bytes(range(256))
    body = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(content).decode()}
    answer = answered(app, {**body, "headers": {"content-type": "image/png"}})
    assert (answer.body, answer.header("content-type")) == (content, "image/png")
    assert answer.header("content-length") == "256"


def test_a_head_is_answered_without_the_body(app, token):
    answer = app.send("HEAD", "/api/me", x_answer='{"statusCode": 200, "body": "twelve bytes"}', **bearer(token))
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_has_none(app, status):
    answer = answered(app, {"statusCode": status, "headers": {"etag": '"1"'}})
    assert (answer.status, answer.body, answer.header("etag")) == (status, b"", '"1"')


def test_a_result_without_a_status_is_the_body(app):
    answer = answered(app, {"album": "Rome"})
    assert (answer.status, answer.json(), answer.header("content-type")) == (200, {"album": "Rome"}, "application/json")


@pytest.mark.parametrize(
    "result",
    [{"statusCode": "many"}, {"statusCode": 9999, "body": ""}, {"statusCode": 200, "body": {"a": 1}}],
)
def test_a_result_that_is_no_answer_is_an_internal_error(app, result):
    assert seen(answered(app, result)) == (500, b'{"message":"Internal Server Error"}')


def test_a_function_that_fails_is_an_internal_error_that_tells_nothing(app):
    assert seen(app.get("/page", x_answer="raise")) == (500, b'{"message":"Internal Server Error"}')


def test_a_function_that_did_not_permit_it_is_not_invoked(account, engine):
    app = deploy_web_app(account, engine.port, template(unique("app"), permission=False))
    assert seen(app.get("/")) == (500, b'{"message":"Internal Server Error"}')


# Throttling


def test_a_route_lets_so_many_requests_through(account, engine):
    limits = {"ThrottlingBurstLimit": 3, "ThrottlingRateLimit": 0.001}
    routes = {"GET /": {"ThrottlingBurstLimit": 0, "ThrottlingRateLimit": 0}}
    stage = {"DefaultRouteSettings": limits, "RouteSettings": routes}
    app = deploy_web_app(account, engine.port, template(unique("app"), stage=stage))
    answers = [app.get("/static/app.js") for _ in range(5)]
    assert [answer.status for answer in answers[:3]] == [200] * 3
    assert seen(answers[-1]) == (429, b'{"message":"Too Many Requests"}')
    assert app.get("/api/me").status == 401
    assert app.get("/").status == 429


def test_what_a_route_lets_through_comes_back_with_time():
    bucket = Bucket(tokens=2, updated_at=0)
    taken = [bucket.take(rate=1, burst=2, now=now) for now in (0, 0.1, 0.2, 1.3, 60, 60, 60)]
    assert taken == [True, True, False, True, True, True, False]
