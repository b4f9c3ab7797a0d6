"""How much at once, and how often: what the function and what API Gateway itself refuse."""

from collections.abc import Iterator

import pytest

from tests.local.app.conftest import Client
from tests.local.stack.pipeline import Pipeline

pytestmark = pytest.mark.local

KILOBYTE = 1024
BURST = 3


@pytest.fixture
def few(pipeline: Pipeline) -> Iterator[None]:
    """An API that takes a few requests at once and then one in a while."""
    gateway, api = pipeline.client("apigatewayv2"), pipeline.stack.outputs["ApiId"]
    usual = gateway.get_stage(ApiId=api, StageName="$default")["DefaultRouteSettings"]
    limits = {"ThrottlingBurstLimit": BURST, "ThrottlingRateLimit": 0.1}
    gateway.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings=usual | limits)
    yield
    gateway.update_stage(ApiId=api, StageName="$default", DefaultRouteSettings=usual)


def test_a_body_of_more_than_sixteen_kilobytes_is_refused_as_a_problem(ann: Client) -> None:
    answer = ann("POST", "/api/albums", b'{"name":"' + b"x" * 16 * KILOBYTE + b'"}')
    assert (answer.status, "16,384 bytes" in answer.problem()["detail"]) == (413, True)


def test_a_body_that_api_gateway_does_not_take_is_refused_by_it(ann: Client) -> None:
    answer = ann("POST", "/api/albums", b"x" * (10 * KILOBYTE * KILOBYTE + 1))
    assert (answer.status, answer.content_type, set(answer.json())) == (413, "application/json", {"message"})


def test_one_request_too_many_is_told_so_and_others_are_not(ann: Client, few: None) -> None:
    answers = [ann.get("/api/me") for _ in range(BURST + 1)]
    assert [answer.status for answer in answers] == [200] * BURST + [429]
    assert answers[-1].json() == {"message": "Too Many Requests"}
