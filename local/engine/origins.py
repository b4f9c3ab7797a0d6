"""Refuse requests for other hosts, and requests of a browser from other pages.

Any web page that is open in a browser on this machine can send requests to loopback, or let a domain name of its own
resolve to loopback. Such a request is refused before any service sees it.
"""

from __future__ import annotations

import json
import logging
import re
from typing import Any

from ministack import app
from ministack.services import s3

from local.engine.control import CONFIGURATION_PATH
from local.engine.http_api import Receive, Scope, Send, is_api_host
from local.engine.settings import APP_HOST

logger = logging.getLogger("engine")

# The port is not compared: a proxy in front of the engine has another one, and no DNS server can take over these names.
_OWN_HOST = re.compile(r"(?:127\.0\.0\.1|(?:[a-z0-9_-]+\.)*localhost)(?P<port>:\d+)?")

HEALTH_PATH = "/_ministack/health"
_ADMINISTRATION = re.compile(r"/_(?:ministack|localstack)/")
# The first reports that the engine is healthy, the second requires the signature of root (`signatures`), and the URL of
# the third is known only to the custom resource that CloudFormation waits for.
_OPEN_PATHS = (HEALTH_PATH, CONFIGURATION_PATH, "/_ministack/cfn-response/")

_REFUSED = "RequestRefused"


def install() -> None:
    """Run the check before every other handler; call this last."""
    engine = app.app

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await engine(scope, receive, send)
        elif reason := refusal_of(scope):
            logger.warning("refused %s %s: %s", scope.get("method", "WebSocket"), scope["path"], reason)
            await _refuse(scope, send, reason)
        else:
            await answer(engine, scope, receive, send)

    app.app = check


def refusal_of(scope: Scope) -> str | None:
    """Return why a request is refused, or None when the engine answers it.

    Every request of a page has an `Origin`, except a GET whose content the page shows but cannot read;
    `Sec-Fetch-Site` is in those too. A program that is not a browser sends neither.
    https://www.w3.org/TR/fetch-metadata/
    """
    headers = _headers(scope)
    host = headers.get("host", "").lower()
    own = _OWN_HOST.fullmatch(host)
    if own is None:
        return f"the local AWS answers as 127.0.0.1, localhost and *.localhost, not as {host or 'no host'}"
    origin = headers.get("origin")
    if origin is not None:
        is_welcome = origin in (f"http://{host}", f"http://{APP_HOST}{own['port'] or ''}")
        if not is_welcome and not _is_left_to_a_bucket(scope, headers):
            return f"the origin {origin} is not the page of this stack, which is http://{APP_HOST}{own['port'] or ''}"
    elif headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _is_harmless(scope, headers):
        return "a page of another origin may link here and show signed objects, and nothing else"
    if _is_closed(scope["path"]) and not is_api_host(host):
        return f"{scope['path']} is closed; of the engine's own paths only {HEALTH_PATH} answers"
    return None


def _is_closed(path: str) -> bool:
    """Return whether a path is ministack's administration or its container registry: both require no signature."""
    is_administration = _ADMINISTRATION.match(path) and not path.startswith(_OPEN_PATHS)
    return bool(is_administration or app._is_ecr_registry_path(path))


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _is_left_to_a_bucket(scope: Scope, headers: dict[str, str]) -> bool:
    """Return whether a bucket's CORS configuration allows the origin, or decides on the preflight request."""
    target = app._s3_cors_target(headers["host"], scope["path"])
    if target is None:
        return False
    method = scope.get("method", "")
    return method == "OPTIONS" or bool(s3.cors_response_headers(target[0], method, headers))


def _is_harmless(scope: Scope, headers: dict[str, str]) -> bool:
    """Return whether a page only navigates here, as from sign-in to the app, or shows an object by its signature."""
    is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return scope.get("method") in ("GET", "HEAD") and (is_link or b"X-Amz-Signature=" in scope["query_string"])


async def _refuse(scope: Scope, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
    else:
        await _send_error(send, 403, _REFUSED, reason)


async def answer(engine: Any, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the engine answer, for the requesting origin instead of for all, and return the error if it fails."""
    origin = _headers(scope).get("origin", "").encode("latin-1")
    has_begun = False

    async def send_to_the_origin(message: Any) -> None:
        nonlocal has_begun
        has_begun = True
        if "headers" in message:
            message = {**message, "headers": _narrowed(message["headers"], origin)}
        await send(message)

    try:
        await engine(scope, receive, send_to_the_origin)
    except Exception as error:
        logger.exception("%s %s failed", scope.get("method", "WebSocket"), scope["path"])
        if has_begun or scope["type"] != "http":
            raise
        await _send_error(send, 500, "InternalFailure", f"the local AWS failed: {error!r}; its log says where")


def _narrowed(headers: Any, origin: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response with the origin in place of `*`, which would let every origin read it."""
    kept = []
    for name, value in headers:
        if name.lower() != b"access-control-allow-origin" or value != b"*":
            kept.append((name, value))
        elif origin:
            kept += [(name, origin), (b"vary", b"Origin")]
    return kept


async def _send_error(send: Send, status: int, code: str, message: str) -> None:
    content = json.dumps({"__type": code, "message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
