"""What everybody may see of a deployed stack, and no more: it only reads, so it is tried in production too."""

import pytest

pytestmark = pytest.mark.cloud


def test_the_page_is_there(stack):
    answer = stack.request("GET", "/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<title>" in answer.body


def test_the_page_runs_and_loads_nothing_from_elsewhere(stack):
    policy = stack.request("GET", "/").headers["content-security-policy"]
    directives = dict(one.strip().split(" ", 1) for one in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"


def test_the_page_knows_the_client_that_people_sign_in_with(stack):
    config = stack.request("GET", "/config.json").json()
    assert config["client_id"] == stack.outputs["UserPoolClientId"]


def test_the_api_describes_itself(stack):
    assert "/api/photos" in stack.request("GET", "/api/openapi.json").json()["paths"]


@pytest.mark.parametrize("token", ["", "a.made.up"], ids=["none", "made-up"])
def test_the_api_lets_nobody_in_without_a_token_of_its_own(stack, token):
    assert stack.request("GET", "/api/albums", token=token).status == 401
