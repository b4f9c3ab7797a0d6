"""Limits of body size and request rate, in the function and in API Gateway."""

import pytest

from tests.local.app.conftest import set_limits

pytestmark = pytest.mark.local

KILOBYTE = 1024
BURST = 3


@pytest.fixture
def few(pipeline):
    """An API with a small burst and a rate of one request in ten seconds."""
    set_limits(pipeline, BURST, 0.1)
    yield
    set_limits(pipeline, 5000, 5000)


def test_body_above_16_kilobytes_is_refused_by_the_function_and_above_10_megabytes_by_api_gateway(ann):
    answer = ann("POST", "/api/albums", b'{"name":"' + b"x" * 16 * KILOBYTE + b'"}')
    assert answer.status == 413
    assert "16,384 bytes" in answer.problem()["detail"]
    answer = ann("POST", "/api/albums", b"x" * (10 * KILOBYTE * KILOBYTE + 1))
    assert (answer.status, answer.content_type) == (413, "application/json")
    assert set(answer.json()) == {"message"}


def test_request_above_the_rate_limit_is_answered_with_429(ann, few):
    answers = [ann.get("/api/me") for _ in range(BURST + 1)]
    assert [answer.status for answer in answers] == [200] * BURST + [429]
    assert answers[-1].json() == {"message": "Too Many Requests"}
