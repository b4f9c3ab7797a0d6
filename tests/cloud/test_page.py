"""The public part of a deployed stack. These tests only read, so they also run in production."""

import pytest

pytestmark = pytest.mark.cloud


def test_page_is_served_and_loads_only_its_own_scripts(stack):
    answer = stack.request("GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>" in answer.body
    policy = answer.headers["content-security-policy"]
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    expected = {"default-src": "'none'", "script-src": "'self'", "frame-ancestors": "'none'"}
    assert directives.items() >= expected.items()


def test_page_has_the_client_of_its_user_pool(stack):
    config = stack.request("GET", "/config.json").json()
    assert config["client_id"] == stack.outputs["UserPoolClientId"]


def test_api_serves_its_description(stack):
    assert "/api/photos" in stack.request("GET", "/api/openapi.json").json()["paths"]


@pytest.mark.parametrize("token", ["", "a.made.up"], ids=["none", "made-up"])
def test_api_refuses_requests_without_a_token_of_its_user_pool(stack, token):
    assert stack.request("GET", "/api/albums", token=token).status == 401
