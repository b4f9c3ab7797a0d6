"""A web app after a restart of the engine: people, their tokens and the API are as before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.engine.settings import APP_API_NAME
from tests.local.engine.account import Account, engine_in
from tests.local.engine.web_app import WebApp, claims, deploy_web_app, send, template

pytestmark = pytest.mark.local

EMAIL = "ada@example.com"


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[tuple[WebApp, dict[str, Any]]]:
    """An app on an engine that was restarted, and the tokens of an operator who signed in before."""
    with engine_in(tmp_path) as process:
        app = deploy_web_app(Account(process.client_arguments), process.port, template(APP_API_NAME))
        tokens = app.person(EMAIL)
        app.make_operator(tokens["access_token"])
        process.stop()
        process.start()
        process.wait_until_healthy()
        app.account = Account(process.client_arguments)
        yield app, tokens


def test_tokens_people_and_the_api_are_as_before(restarted):
    app, tokens = restarted
    sub = claims(tokens["access_token"])["sub"]
    event = app.get("/api/me", Authorization=f"Bearer {tokens['access_token']}").json()
    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"] == sub
    assert app.get("/api/me").status == 401
    event = send(app.port, "GET", "/static/app.js", host="app.localhost").json()
    assert event["requestContext"]["apiId"] == app.api

    refreshed = app.refresh(tokens["refresh_token"]).json()["access_token"]
    assert claims(refreshed)["cognito:groups"] == ["operators"]
    assert app.get("/api/me", Authorization=f"Bearer {refreshed}").status == 200

    again = app.redeem(app.sign_in(EMAIL)).json()
    assert claims(again["access_token"])["sub"] == sub
    assert "already exists" in app.sign_up(EMAIL).body.decode()
    assert app.redeem(app.sign_up("grace@example.com")).status == 200
