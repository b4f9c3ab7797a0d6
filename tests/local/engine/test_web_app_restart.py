"""A web app after a restart of the engine: people, their tokens and the API are as before."""

from collections.abc import Iterator
from typing import Any

import pytest

from local.engine.process import EngineProcess
from local.engine.settings import APP_API_NAME
from tests.local.engine.account import CONCURRENCY, WAIT_SCALE, Account, free_port
from tests.local.engine.web_app import WebApp, claims, deploy_web_app, send, template

pytestmark = pytest.mark.local

EMAIL = "ada@example.com"


@pytest.fixture(scope="module")
def restarted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebApp, dict[str, Any]]]:
    """An app on an engine that was stopped and started again, and the tokens of somebody who was signed in."""
    folder = tmp_path_factory.mktemp("restarted")
    process = EngineProcess(free_port(), folder / "state", folder / "engine.log", WAIT_SCALE, CONCURRENCY)
    with process:
        app = deploy_web_app(Account(process.client_arguments), process.port, template(APP_API_NAME))
        tokens = app.person(EMAIL)
        app.make_operator(tokens["access_token"])
        process.stop()
        process.start()
        process.wait_until_healthy()
        app.account = Account(process.client_arguments)
        yield app, tokens


def authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_access_token_still_opens_the_api(restarted):
    app, tokens = restarted
    event = app.get("/api/me", **authorization(tokens["access_token"])).json()
    sub = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    assert sub == claims(tokens["access_token"])["sub"]
    assert app.get("/api/me").status == 401


def test_the_app_is_still_at_its_host(restarted):
    app, _ = restarted
    event = send(app.port, "GET", "/static/app.js", host="app.localhost").json()
    assert event["requestContext"]["apiId"] == app.api


def test_a_person_refreshes_as_an_operator(restarted):
    app, tokens = restarted
    refreshed = app.refresh(tokens["refresh_token"]).json()
    assert claims(refreshed["access_token"])["cognito:groups"] == ["operators"]
    assert app.get("/api/me", **authorization(refreshed["access_token"])).status == 200


def test_a_person_signs_in_as_before(restarted):
    app, tokens = restarted
    again = app.redeem(app.sign_in(EMAIL)).json()
    assert claims(again["access_token"])["sub"] == claims(tokens["access_token"])["sub"]
    assert "already exists" in app.sign_up(EMAIL).body.decode()


def test_another_person_signs_up(restarted):
    app, _ = restarted
    assert app.redeem(app.sign_up("grace@example.com")).status == 200
