"""Which hosts, origins and administrative paths the engine answers, and which origins may read an answer."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.engine.origins import answer, refusal_of

PAGE, ENGINE = "http://app.localhost:4566", "127.0.0.1:4566"
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
IMAGE = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
SIGNED, FOREIGN_ORIGIN = "X-Amz-Signature=0", "is not the page of this stack"


def request(method: str = "GET", path: str = "/", query: str = "", host: str = ENGINE, **more: Any) -> dict[str, Any]:
    headers = {"host": host, **more}
    named = [(name.encode(), value.encode()) for name, value in headers.items() if value is not None]
    return {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": named}


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example:4566", "127.0.0.1.evil.example", "127.0.0.1.nip.io:4566", "localhost.evil.example"),
        *("app.localhost.:4566", "evil.example/.localhost", "evil.example\\.localhost"),
        *("127.0.0.2:4566", "192.168.1.5:4566", "0.0.0.0:4566", "[::1]:4566", "", None),
    ],
)
def test_foreign_host_is_refused(host):
    assert "answers as 127.0.0.1, localhost and *.localhost" in (refusal_of(request(host=host)) or "")


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://localhost:8888", "http://127.0.0.1:8888", "http://app.localhost:8888"),
        *("http://app.localhost", "https://app.localhost:4566", "http://app.localhost:4566.evil.example"),
        *("http://evil.app.localhost:4566", "null", ""),
    ],
)
def test_foreign_origin_is_refused_whatever_sec_fetch_site_says(origin):
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        for site in (None, "none", "same-origin", "same-site", "cross-site"):
            sent = request(method, query=SIGNED, origin=origin, **{"sec-fetch-site": site})
            assert FOREIGN_ORIGIN in (refusal_of(sent) or "")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        *((host, None) for host in (ENGINE, "localhost:4566", "LOCALHOST", "app.localhost")),
        ("a1b2.execute-api.localhost:4566", None),
        # The page may send to a bucket, to the sign-in and to the API.
        *((host, PAGE) for host in (ENGINE, "localhost:4566", "app.localhost:4566")),
        ("app.localhost", "http://app.localhost"),
        # The form of the sign-in.
        ("localhost:4566", "http://localhost:4566"),
    ],
)
def test_own_host_and_origin_are_answered(host, origin):
    assert refusal_of(request("POST", host=host, origin=origin)) is None


def test_only_links_and_signed_images_are_answered_across_sites():
    for query, fetch in (("code=1", LINK), (SIGNED, IMAGE)):
        assert refusal_of(request(query=query, **fetch)) is None
    frame, none = LINK | {"sec-fetch-dest": "iframe"}, {"sec-fetch-site": "cross-site"}
    # An image without a signature, a frame, a form without an origin, and anything else.
    for method, query, fetch in (("GET", "", IMAGE), ("GET", "", frame), ("POST", SIGNED, LINK), ("GET", "", none)):
        for site in ("cross-site", "same-site"):
            sent = request(method, query=query, **fetch | {"sec-fetch-site": site})
            assert "a page of another origin may link here" in (refusal_of(sent) or "")


@pytest.mark.parametrize(
    "path",
    [
        *("/_ministack/reset", "/_ministack/ready", "/_ministack/sqs/messages", "/_ministack/ses/messages"),
        *("/_ministack/sns/sms-messages", "/_ministack/lambda-code/function", "/_ministack/rds/iam-auth"),
        *("/_ministack/lambda-layers/layer/1/content", "/_ministack/cfn-signal/token", "/_ministack/something/new"),
        *("/_localstack/health", "/v2/_catalog", "/v2/model/manifests/latest"),
    ],
)
def test_administrative_path_is_closed_except_as_a_path_of_the_api(path):
    assert "is closed" in (refusal_of(request("POST", path)) or "")
    assert refusal_of(request("POST", path, host="app.localhost:4566")) is None


def test_websocket_of_a_foreign_origin_is_refused():
    sent = request(origin="https://evil.example") | {"type": "websocket"}
    del sent["method"]
    assert FOREIGN_ORIGIN in (refusal_of(sent) or "")


def answer_of(engine: Any, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body that a client receives when the engine is this application."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    # In a thread of its own: a browser of other tests may have an event loop in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, answer(engine, request(**headers), None, send)).result()
    start, *parts = sent
    found = {name.decode(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(part["body"] for part in parts)


async def readable_by_all(_scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"access-control-allow-origin", b"*"), (b"etag", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"content"})


def test_answer_for_all_origins_is_readable_by_the_requesting_one_only():
    _, headers, body = answer_of(readable_by_all, origin=PAGE)
    assert headers == {"access-control-allow-origin": PAGE, "vary": "Origin", "etag": "1"}
    assert body == b"content"
    assert answer_of(readable_by_all)[1] == {"etag": "1"}


def test_exception_of_the_engine_becomes_an_internal_failure_that_names_it():
    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError("a fault")

    status, headers, body = answer_of(failing)
    assert status == 500
    assert headers["content-type"] == "application/json"
    assert json.loads(body)["__type"] == "InternalFailure"
    assert "a fault" in json.loads(body)["message"]
