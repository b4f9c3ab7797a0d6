"""HTTP APIs of API Gateway: the event of a function, and the response from its result."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.concurrency import run_reentrant
from ministack.core.responses import get_account_id, get_region
from ministack.services import apigateway, lambda_svc

from local.engine.iam import may_service_invoke

logger = logging.getLogger("apigateway")

SERVICE_PRINCIPAL = "apigateway.amazonaws.com"

Headers = dict[str, Any]
Response = tuple[int, Headers, bytes]


def _request_id() -> str:
    return base64.b64encode(os.urandom(11)).decode()


@dataclass(frozen=True)
class Request:
    """A request of a client: header names in lower case, the path decoded except for `%25`."""

    method: str
    path: str
    query_string: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    client_ip: str
    request_id: str = field(default_factory=_request_id)


def refusal(status: int, message: str) -> Response:
    """Return a response of API Gateway itself."""
    body = json.dumps({"message": message}, separators=(",", ":"))
    return status, {"Content-Type": "application/json"}, body.encode()


async def invoke_function(
    api_id: str, stage: str, route_key: str, function: str, request: Request, jwt: dict[str, Any] | None
) -> Response:
    """Invoke the function of a route with payload 2.0 and return its result as a response.

    The engine returns the error and stack trace of a failed function, passes cookies as a header, uses the local
    time as UTC, and ignores the resource policy. https://docs.aws.amazon.com/apigateway/latest/developerguide/
    http-api-develop-integrations-lambda.html

    Parameters
    ----------
    function
        The `IntegrationUri`: an ARN of a function, or the ARN of API Gateway around it.
    jwt
        `claims` and `scopes` of the token; None for a route without an authorizer.
    """
    reference = apigateway._extract_lambda_ref_from_integration_uri(function)
    data, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        reference, account_id=get_account_id(), region=get_region()
    )
    if data is None or config is None:
        logger.error("HTTP API %s: the target of %s is %s, which is not a function", api_id, route_key, function)
        return refusal(500, "Internal Server Error")
    source_arn = _source_arn(api_id, stage, route_key, request.method)
    if not may_service_invoke(SERVICE_PRINCIPAL, reference, source_arn):
        logger.error(
            "HTTP API: the resource policy of %s does not allow %s for %s; add the permission to the template",
            *(reference, SERVICE_PRINCIPAL, source_arn),
        )
        return refusal(500, "Internal Server Error")
    result = await run_reentrant(
        lambda_svc._execute_function_with_config_scope,
        lambda_svc._execution_record_for_config(data, config),
        event(api_id, stage, route_key, request, jwt),
        thread_name="http-api",
    )
    if result.get("throttle"):
        return refusal(503, "Service Unavailable")
    if result.get("error"):
        logger.error("HTTP API: %s %s failed in %s: %s", request.method, request.path, reference, result.get("body"))
        return refusal(500, "Internal Server Error")
    answer = answer_of(result.get("body"))
    if answer is None:
        logger.error("HTTP API: %s returned an invalid response: %.200r", reference, result.get("body"))
        return refusal(500, "Internal Server Error")
    return answer


def _source_arn(api_id: str, stage: str, route_key: str, method: str) -> str:
    path = route_key.partition(" ")[2]
    resource = f"{method}{path}" if path else route_key
    return f"arn:aws:execute-api:{get_region()}:{get_account_id()}:{api_id}/{stage}/{resource}"


def event(api_id: str, stage: str, route_key: str, request: Request, jwt: dict[str, Any] | None) -> dict[str, Any]:
    """Return the event of payload format 2.0; a field without a value is left out."""
    now = time.time()
    host = request.headers.get("host", "")
    domain = host.partition(":")[0]
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    context: dict[str, Any] = {
        "accountId": get_account_id(),
        "apiId": api_id,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.client_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request.request_id,
        "routeKey": route_key,
        "stage": stage,
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }
    if jwt is not None:
        claims = {name: claim_text(value) for name, value in jwt["claims"].items() if value is not None}
        context["authorizer"] = {"jwt": {"claims": claims, "scopes": jwt["scopes"]}}
    fields: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path if stage == "$default" else f"/{stage}{request.path}",
        "rawQueryString": request.query_string,
        "headers": {
            **headers,
            "x-forwarded-for": request.client_ip,
            "x-forwarded-port": host.partition(":")[2] or "80",
            "x-forwarded-proto": "http",
        },
        "requestContext": context,
        "isBase64Encoded": False,
    }
    if "cookie" in request.headers:
        fields["cookies"] = request.headers["cookie"].split("; ")
    if request.query:
        fields["queryStringParameters"] = {name: ",".join(values) for name, values in request.query.items()}
    if parameters := apigateway._extract_path_params(route_key.partition(" ")[2], "/" + request.path.lstrip("/")):
        fields["pathParameters"] = parameters
    if variables := apigateway._get_stage_variables(api_id, stage):
        fields["stageVariables"] = variables
    if request.body:
        is_text = apigateway._v2_request_body_is_text(request.headers.get("content-type"))
        fields["isBase64Encoded"] = not is_text
        fields["body"] = request.body.decode("utf-8", "replace") if is_text else base64.b64encode(request.body).decode()
    return fields


def claim_text(value: object) -> str:
    """Return a claim as API Gateway passes it to a function: a list becomes its items in brackets, with spaces between.

    Examples
    --------
    >>> claim_text(["operators", "admins"]), claim_text(1_700_000_000), claim_text(True)
    ('[operators admins]', '1700000000', 'true')
    """
    return str(apigateway._jwt_claim_to_string(value))


def answer_of(result: object) -> Response | None:
    """Convert a function's result to a response; None when it is not a valid one.

    A result without `statusCode` is the body of a response with status 200, in JSON.

    Examples
    --------
    >>> answer_of({"statusCode": 201, "headers": {"Location": "/a"}, "body": "made"})
    (201, {'Content-Type': 'text/plain;charset=UTF-8', 'Location': '/a'}, b'made')
    >>> answer_of({"album": "Rome"})
    (200, {'Content-Type': 'application/json'}, b'{"album": "Rome"}')
    >>> answer_of({"statusCode": "many"}) is None
    True
    """
    if isinstance(result, (str, bytes)):
        result = _parsed(result)
    if not isinstance(result, dict) or "statusCode" not in result:
        body = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return 200, {"Content-Type": "application/json"}, body.encode()
    headers, cookies = result.get("headers") or {}, result.get("cookies") or []
    try:
        status = int(result["statusCode"])
        body = result.get("body") or ""
        content = base64.b64decode(body) if result.get("isBase64Encoded") else body.encode()
        fields: Headers = {str(name): _header_text(value) for name, value in headers.items()}
    except (AttributeError, TypeError, ValueError, binascii.Error):
        return None
    if not 100 <= status <= 599:
        return None
    if "content-type" not in {name.lower() for name in fields} and content:
        fields = {"Content-Type": "text/plain;charset=UTF-8", **fields}
    if cookies:
        inline = [fields.pop(name) for name in list(fields) if name.lower() == "set-cookie"]
        fields["Set-Cookie"] = [*cookies, *inline]
    return status, fields, content


def _parsed(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _header_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
