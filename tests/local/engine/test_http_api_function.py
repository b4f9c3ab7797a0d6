"""What an HTTP API hands to its function, and what it makes of the answer."""

import base64
import json
import time

import pytest

from tests.local.engine.account import unique
from tests.local.engine.web_app import deploy_web_app, template

pytestmark = pytest.mark.local

INTERNAL_ERROR = (500, b'{"message":"Internal Server Error"}')
MEGABYTE = 1024 * 1024
BINARY = bytes(range(256))


@pytest.fixture(scope="module")
def authorized(app):
    return {"Authorization": f"Bearer {app.person()['access_token']}"}


def seen(answer):
    return answer.status, answer.body


def answered(app, result):
    """Return what the API answers when the function returns `result`."""
    return app.get("/page", x_answer=json.dumps(result))


def test_request_reaches_the_function_unchanged(app, authorized):
    event = app.send(
        "POST",
        "/api/photos/a%2Fb%20c/%C3%A9?x=1&x=2&empty=&q=a%20b%26c",
        json.dumps({"name": "é"}),
        Content_Type="application/json",
        Idempotency_Key="abc",
        Cookie="one=1; two=2",
        **authorized,
    ).json()
    assert event["version"] == "2.0"
    assert event["rawPath"] == "/api/photos/a/b c/é"
    assert event["rawQueryString"] == "x=1&x=2&empty=&q=a%20b%26c"
    assert event["queryStringParameters"] == {"x": "1,2", "empty": "", "q": "a b&c"}
    assert event["body"] == json.dumps({"name": "é"})
    assert event["isBase64Encoded"] is False
    assert event["headers"]["idempotency-key"] == "abc"
    assert event["headers"]["x-forwarded-proto"] == "http"
    assert event["cookies"] == ["one=1", "two=2"]
    assert "cookie" not in event["headers"]
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert abs(event["requestContext"]["timeEpoch"] / 1000 - time.time()) < 30


def test_fields_without_a_value_are_left_out_and_a_binary_body_is_in_base64(app, authorized):
    event = app.get("/").json()
    assert not {"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} & set(event)
    event = app.send("PUT", "/api/x", BINARY, Content_Type="image/jpeg", **authorized).json()
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == BINARY


def test_body_above_10_mb_is_refused(app, authorized):
    def post(size):
        return app.send("POST", "/api/x", b"x" * size, Content_Type="text/plain", **authorized)

    assert post(4 * MEGABYTE).status == 200
    assert seen(post(10 * MEGABYTE + 1)) == (413, b'{"message":"Request Entity Too Large"}')


def test_answer_has_status_headers_and_cookies_of_the_function(app):
    headers = {"Location": "/x", "content-type": "text/html", "Content-Security-Policy": "default-src 'none'"}
    cookies = ["a=1; HttpOnly", "b=2"]
    answer = answered(app, {"statusCode": 201, "headers": headers, "cookies": cookies, "body": "<p>é</p>"})
    assert seen(answer) == (201, "<p>é</p>".encode())
    assert answer.header("location") == "/x"
    assert answer.headers["content-type"] == ["text/html"]
    assert answer.headers["content-security-policy"] == ["default-src 'none'"]
    assert answer.headers["set-cookie"] == cookies
    assert answer.header("apigw-requestid")


def test_binary_answer_is_decoded(app):
    result = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(BINARY).decode()}
    answer = answered(app, {**result, "headers": {"content-type": "image/png"}})
    assert answer.body == BINARY
    assert answer.header("content-type") == "image/png"
    assert answer.header("content-length") == "256"


def test_head_204_and_304_are_answered_without_a_body(app, authorized):
    head = app.send("HEAD", "/api/me", x_answer='{"statusCode": 200, "body": "twelve bytes"}', **authorized)
    assert seen(head) == (200, b"")
    for status in (204, 304):
        answer = answered(app, {"statusCode": status, "headers": {"etag": '"1"'}})
        assert seen(answer) == (status, b"")
        assert answer.header("etag") == '"1"'


def test_result_without_a_status_is_the_body(app):
    answer = answered(app, {"album": "Rome"})
    assert (answer.status, answer.json()) == (200, {"album": "Rome"})
    assert answer.header("content-type") == "application/json"


def test_invalid_result_or_failed_invocation_is_an_internal_error_without_details(app, account, engine):
    for result in ({"statusCode": "many"}, {"statusCode": 9999, "body": ""}, {"statusCode": 200, "body": {"a": 1}}):
        assert seen(answered(app, result)) == INTERNAL_ERROR
    assert seen(app.get("/page", x_answer="raise")) == INTERNAL_ERROR
    not_permitted = deploy_web_app(account, engine.port, template(unique("app"), permission=False))
    assert seen(not_permitted.get("/")) == INTERNAL_ERROR
