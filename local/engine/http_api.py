"""HTTP APIs of API Gateway: find the API by the host of a request, and its route.

A request to an HTTP API does not pass through the engine's own dispatch, which routes by path first and sends
`/health`, `/login`, `/oauth2/token`, `/v2/email` or `/iceberg` to other services, whatever the host.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core.responses import request_scope
from ministack.core.sigv4 import decode_header_value
from ministack.services import apigateway, cognito

from local.engine.http_api_functions import Request, Response, invoke_function, refusal
from local.engine.http_api_throttling import is_throttled
from local.engine.settings import APP_HOST

logger = logging.getLogger("apigateway")

_API_HOST = re.compile(r"([a-z0-9-]+)\.execute-api\.(?:[a-z0-9-]+\.)*localhost")

# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
MAX_BODY_BYTES = 10 * 1024 * 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def install(app_api_name: str) -> None:
    """Patch the engine's API Gateway; `app.localhost` is the host of the HTTP API with this name."""
    answer_http_apis_by_their_host(app_api_name)
    read_the_keys_of_a_user_pool_in_this_process()


def answer_http_apis_by_their_host(app_api_name: str) -> None:
    """Send every path of an API's host to that API, and `app.localhost` to the API of the product.

    On AWS an API has its own host, or a custom domain. https://docs.aws.amazon.com/apigateway/latest/
    developerguide/http-api-custom-domain-names.html
    """
    engine = app.app

    async def by_host(scope: Scope, receive: Receive, send: Send) -> None:
        host = host_of(scope)
        if host == APP_HOST:
            api_id = api_named(app_api_name)
        elif (found := _API_HOST.fullmatch(host)) and is_http_api(found[1]):
            api_id = found[1]
        else:
            await engine(scope, receive, send)
            return
        try:
            response = await _answer(api_id, scope, receive) if api_id else no_api(app_api_name)
        except Exception:
            logger.exception("HTTP API %s failed", api_id)
            response = refusal(500, "Internal Server Error")
        if response is not None:
            await app._send_response(app._with_date_header(send), *response, head=scope["method"] == "HEAD")

    app.app = by_host


def read_the_keys_of_a_user_pool_in_this_process() -> None:
    """Read the signing keys of tokens from the pool in this process.

    The engine requests them from itself over HTTP, through the proxy of the developer's shell if there is one, and
    caches the response for two hours.
    """
    fetch = apigateway._fetch_jwks

    async def fetch_jwks(url: str) -> dict[str, Any]:
        here, _, rest = url.partition(f"http://{apigateway._HOST}:{apigateway._PORT}/")
        pool_id = rest.removesuffix("/.well-known/jwks.json")
        if here or cognito._get_pool_unscoped(pool_id) is None:
            return dict(await fetch(url))
        return dict(json.loads(cognito.well_known_jwks(pool_id)[2]))

    apigateway._fetch_jwks = fetch_jwks


def host_of(scope: Scope) -> str:
    """Return the host of a request without the port; an empty text when it is not an HTTP request."""
    if scope["type"] != "http":
        return ""
    hosts = [bytes(value).decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return hosts[0].partition(":")[0].lower() if hosts else ""


def is_api_host(host: str) -> bool:
    """Return whether a host, with or without a port, belongs to an HTTP API."""
    name = host.partition(":")[0]
    found = _API_HOST.fullmatch(name)
    return name == APP_HOST or (found is not None and is_http_api(found[1]))


def api_named(name: str) -> str | None:
    """Return the id of the first HTTP API with that name."""
    return next((str(api["apiId"]) for api in _http_apis() if api["name"] == name), None)


def is_http_api(api_id: str) -> bool:
    """Return whether the API exists and is neither a REST API nor a WebSocket API."""
    return any(api["apiId"] == api_id for api in _http_apis())


def _http_apis() -> list[dict[str, Any]]:
    return [api for api in apigateway._apis.all_values() if api["protocolType"] == "HTTP"]


def no_api(name: str) -> Response:
    """Return the response of `app.localhost` while nothing is deployed, with the remedy."""
    sentence = f"No HTTP API is named {name}: nothing is deployed here, or not yet; run `make up` and reload.\n"
    return 404, {"Content-Type": "text/plain; charset=utf-8"}, sentence.encode()


async def _answer(api_id: str, scope: Scope, receive: Receive) -> Response | None:
    body = await _read_body(receive)
    if body is None:
        return None
    if len(body) > MAX_BODY_BYTES:
        return refusal(413, "Request Entity Too Large")
    request = _request(scope, body)
    owner = apigateway.find_api_scope(api_id)
    if owner is None:
        return refusal(404, "Not Found")
    with request_scope(*owner):
        stage, path = stage_and_path(apigateway._stages.get(api_id, {}), request.path)
        if stage is None:
            return refusal(404, "Not Found")
        response = await _route(api_id, stage, replace(request, path=path))
    response[1].setdefault("apigw-requestid", request.request_id)
    return response


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, or its first part when it is too large; None when the client has disconnected."""
    parts: list[bytes] = []
    size = 0
    while size <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body", False):
            break
    return b"".join(parts)


def _request(scope: Scope, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), decode_header_value(value)
        headers[key] = f"{headers[key]}{'; ' if key == 'cookie' else ','}{text}" if key in headers else text
    query = scope.get("query_string", b"").decode("utf-8", "replace")
    raw_path = scope.get("raw_path") or scope["path"].encode()
    return Request(
        method=scope["method"],
        path=apigateway.decode_http_api_path(raw_path.decode("latin-1")),
        query_string=query,
        query=parse_qs(query, keep_blank_values=True),
        headers=headers,
        body=body,
        client_ip=(scope.get("client") or ("127.0.0.1",))[0],
    )


def stage_and_path(stages: MutableMapping[str, Any], path: str) -> tuple[str | None, str]:
    """Split a path of an API's host into the stage and the path within the stage.

    The stage `$default` is served from the root and has no segment. The engine drops a trailing slash there.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-stages.html

    Examples
    --------
    >>> stage_and_path({"$default": {}, "test": {}}, "/api/photos/")
    ('$default', '/api/photos/')
    >>> stage_and_path({"$default": {}, "test": {}}, "/test/api")
    ('test', '/api')
    >>> stage_and_path({"test": {}}, "/api")
    (None, '/api')
    """
    first, slash, rest = path.removeprefix("/").partition("/")
    if first in stages and first != "$default":
        return first, f"/{rest}" if slash else "/"
    return ("$default" if "$default" in stages else None), path


async def _route(api_id: str, stage: str, request: Request) -> Response:
    """Check the token of a request, and answer it by its route.

    The engine answers every OPTIONS of an API without CORS configuration with 403; for API Gateway it is a method
    like any other. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
    """
    route = apigateway._match_route(api_id, request.method, "/" + request.path.lstrip("/"))
    has_cors = bool(apigateway._apis[api_id].get("corsConfiguration"))
    if route is None and not has_cors:
        return refusal(404, "Not Found")
    if route and is_throttled(api_id, apigateway._stages[api_id][stage], route["routeKey"]):
        return refusal(429, "Too Many Requests")
    function = _function(api_id, route) if route else None
    if route is None or function is None or has_cors or route["authorizationType"] not in ("NONE", "JWT"):
        return await _by_the_engine(api_id, stage, request)
    jwt = None
    if route["authorizationType"] == "JWT":
        claims, scopes, refused = await _check_token(api_id, route, request)
        if refused:
            return refused
        jwt = {"claims": claims, "scopes": scopes if route.get("authorizationScopes") else None}
    return await invoke_function(api_id, stage, route["routeKey"], function, request, jwt)


def _function(api_id: str, route: dict[str, Any]) -> str | None:
    integration = apigateway._integrations.get(api_id, {}).get(route["target"].rpartition("/")[2])
    if integration is None or integration["integrationType"] != "AWS_PROXY":
        return None
    return str(integration["integrationUri"])


async def _check_token(
    api_id: str, route: dict[str, Any], request: Request
) -> tuple[dict[str, Any] | None, list[str] | None, Response | None]:
    """Return the claims and scopes of the token, or the refusal.

    The engine fails on a token whose header is not an object, and accepts a refresh token as an access token: it signs
    both alike, while Cognito encrypts refresh tokens.
    """
    authorizer = apigateway._authorizers.get(api_id, {}).get(route.get("authorizerId"))
    unauthorized = None, None, refusal(401, "Unauthorized")
    if authorizer is None:
        return unauthorized
    try:
        claims, scopes, refused = await apigateway._validate_jwt_authorizer(
            route, authorizer, request.headers, request.query
        )
    except (AttributeError, TypeError, ValueError):
        return unauthorized
    if claims and claims.get("token_use") == "refresh":
        return unauthorized
    return claims, scopes, refusal(refused[0], json.loads(refused[2])["message"]) if refused else None


async def _by_the_engine(api_id: str, stage: str, request: Request) -> Response:
    """Leave features that this project does not use to the engine: CORS, Lambda authorizers, HTTP integrations."""
    response: Response = await apigateway.handle_execute(
        *(api_id, stage, request.path, request.method, request.headers, request.body, request.query),
        raw_query_string=request.query_string,
    )
    return response
