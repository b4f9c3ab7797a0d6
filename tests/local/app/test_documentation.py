"""The examples of docs/app.md work when a shell runs them as a reader does."""

import json
import re

import pytest

from local.stack.deployment import REPOSITORY
from tests.browser.people import new_password
from tests.local.app.conftest import HOST, port_of
from tests.local.stack.conftest import aws_cli
from tests.local.stack.shell import bash, clean_environment

__all__ = ["aws_cli"]

pytestmark = pytest.mark.local

PAGE = (REPOSITORY / "docs" / "app.md").read_text(encoding="utf-8")
INVITATION, PROMOTION, REQUEST = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
ANN = "ann@example.com"


@pytest.fixture
def shell(aws_cli, pipeline):
    """Run a block with the outputs of the stack as variables, and the API's address of this copy of the stack."""
    stack = pipeline.stack
    known = {
        **stack.outputs,
        "ApiUrl": f"http://{HOST}:{port_of(pipeline)}",
        "AWS_ENDPOINT_URL": stack.endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": stack.access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.secret_access_key,
        "no_proxy": "*",
    }
    return lambda script: bash(script, clean_environment(aws_cli, **known))


def test_no_other_page_has_an_api_request():
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    assert [page.name for page in pages if re.search(r"curl .*/api/", page.read_text(encoding="utf-8"))] == ["app.md"]


def test_invited_person_calls_the_api_with_a_token(shell, pipeline):
    shell(INVITATION)
    shell(PROMOTION)
    password = new_password()
    # As Ann does at her first sign-in.
    pipeline.client("cognito-idp").admin_set_user_password(
        UserPoolId=pipeline.stack.outputs["UserPoolId"], Username=ANN, Password=password, Permanent=True
    )
    request = REQUEST.replace("PASSWORD=…", f"PASSWORD={password}")
    assert request != REQUEST
    assert json.loads(shell(request)) == {"photos": [], "cursor": None}
    me = json.loads(shell(re.sub(r'"\$ApiUrl.*"', '"$ApiUrl/api/me"', request)))
    assert me["is_operator"] is False
    assert me["operators_withheld"] == "no-second-factor"


def test_routes_of_the_page_are_in_the_openapi_document_and_the_body_of_the_deletion_is_right(new_client):
    paths = json.loads((REPOSITORY / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    named = set(re.findall(r"`(GET|POST|PATCH|DELETE) (/api/[a-z-]+)`", PAGE))
    assert named == {("POST", "/api/photos"), ("DELETE", "/api/photos")}
    assert [name for name in named if name[0].lower() not in paths[name[1]]] == []
    [(method, path, words)] = re.findall(r'`(DELETE) (/api/photos)` with\n.*?`(\{"confirm": .*?\})`', PAGE, re.DOTALL)
    assert new_client(is_operator=True)(method, path, json.loads(words)).status in (202, 204)
