"""Shared by these tests: one running stack, people with tokens, and requests as a browser sends them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.demo.sample_photos import PHOTOS_DIR
from local.stack.local_stack import StackFiles
from tests.browser.people import make_person, tokens_of
from tests.functions.http_api import Answer, conform
from tests.local.engine import web_app
from tests.local.stack.conftest import LocalStacks, copy_of_deployed, deployed, local_stacks
from tests.local.stack.pipeline import Pipeline

__all__ = ["copy_of_deployed", "deployed", "local_stacks"]

HOST = "app.localhost"


def port_of(pipeline: Pipeline) -> int:
    return int(pipeline.stack.endpoint_url.rpartition(":")[2])


@dataclass(frozen=True)
class Client:
    """Requests of one person to the API; each answer is validated against the OpenAPI document."""

    pipeline: Pipeline
    token: str | None

    def __call__(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        """Send a request; `body` is JSON unless it is bytes."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        found = web_app.send(port_of(self.pipeline), method, target, content, HOST, **sent | headers)
        answer = Answer(found.status, {name: values[0] for name, values in found.headers.items()}, found.body.decode())
        conform(method, target.partition("?")[0], answer)
        return answer

    def get(self, target: str) -> Answer:
        return self("GET", target)


def post_form(pipeline: Pipeline, url: str, fields: dict[str, str], file: bytes) -> int:
    """Send a form with a file as a browser does; return the status code."""
    host, _, path = url.partition("://")[2].partition("/")
    body, content_type = web_app.form(fields, file)
    sent = {"Content-Type": content_type}
    return web_app.send(port_of(pipeline), "POST", f"/{path}", body, host.partition(":")[0], **sent).status


def set_limits(pipeline: Pipeline, burst: int, per_second: float) -> None:
    """Change the burst and rate limits of each route of the API."""
    pipeline.client("apigatewayv2").update_stage(
        ApiId=pipeline.stack.outputs["ApiId"],
        StageName="$default",
        DefaultRouteSettings={"ThrottlingBurstLimit": burst, "ThrottlingRateLimit": per_second},
    )


@pytest.fixture(scope="session")
def pipeline(
    local_stacks: LocalStacks,
    copy_of_deployed: Callable[[Path], StackFiles],
    tmp_path_factory: pytest.TempPathFactory,
) -> Pipeline:
    """The running stack of this test process, with rate limits that tests do not reach."""
    running = local_stacks.up(copy_of_deployed(tmp_path_factory.mktemp("app") / "stack"))
    set_limits(running, burst=5000, per_second=5000)
    return running


@pytest.fixture(scope="session")
def new_client(pipeline: Pipeline) -> Callable[..., Client]:
    """Make an account and a client for it."""

    def make(*, is_operator: bool = False) -> Client:
        return Client(pipeline, tokens_of(pipeline, make_person(pipeline, is_operator=is_operator))["access_token"])

    return make


# Access tokens end after 15 minutes, and all files together may take longer.
@pytest.fixture(scope="module")
def ann(new_client: Callable[..., Client]) -> Client:
    return new_client()


@pytest.fixture(scope="module")
def bob(new_client: Callable[..., Client]) -> Client:
    return new_client()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A photo whose labels the local Rekognition finds."""
    return (PHOTOS_DIR / "rocket.jpg").read_bytes()
