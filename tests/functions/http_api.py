"""An HTTP API in this process: requests become events of API Gateway, and results become answers."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from jsonschema_rs import Draft202012Validator

from tests.conftest import ROOT

HOST = "app.example.com"
TOKEN = "eyJraWQiOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
# Content types whose bodies API Gateway passes on as text; others are base64.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a client, with header names in lower case."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    def json(self) -> Any:
        return json.loads(self.body)

    def problem(self) -> dict[str, Any]:
        """The problem details (RFC 9457) of this answer."""
        assert self.content_type == PROBLEM, self
        found = self.json()
        assert found["status"] == self.status, found
        assert found["detail"], found
        return found


def claims(owner: str, groups: tuple[str, ...] = (), **others: str) -> dict[str, str]:
    """Claims of an access token as an HTTP API passes them on: as text."""
    listed = {"cognito:groups": f"[{' '.join(groups)}]"} if groups else {}
    return {"sub": owner, "username": owner, "token_use": "access", "scope": "openid email", **listed, **others}


def event(
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    token_claims: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The event in payload format 2.0; without claims, that of a route without an authorizer."""
    parts = urlsplit(target)
    path = "%".join(map(unquote, parts.path.split("%25"))) if "%25" not in parts.path else _decoded(parts.path)
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "a1b2c3d4e5",
        "domainName": HOST,
        "domainPrefix": "app",
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "tests"},
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "ANY /api/{proxy+}",
        "stage": "$default",
        "time": "21/Nov/2026:10:00:00 +0000",
        "timeEpoch": 1795255200000,
    }
    if token_claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(token_claims), "scopes": None}}
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": context["routeKey"],
        "rawPath": path,
        "rawQueryString": parts.query,
        "headers": {"host": HOST, "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https", **sent},
        "requestContext": context,
        "pathParameters": {"proxy": path.removeprefix("/api/")},
        "isBase64Encoded": False,
    }
    if query := parse_qs(parts.query, keep_blank_values=True):
        made["queryStringParameters"] = {name: ",".join(values) for name, values in query.items()}
    if body:
        is_text = sent.get("content-type", "").startswith(_TEXT)
        made["isBase64Encoded"] = not is_text
        made["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return made


def _decoded(path: str) -> str:
    # API Gateway decodes all but the per cent sign itself.
    return "%25".join(map(unquote, path.split("%25")))


def answer_of(result: Mapping[str, Any]) -> Answer:
    """The answer that API Gateway makes of the result of a function."""
    body = result.get("body") or ""
    if result.get("isBase64Encoded"):
        body = base64.b64decode(body).decode("latin-1")
    headers = {name.lower(): value for name, value in (result.get("headers") or {}).items()}
    assert not result.get("cookies"), result
    return Answer(int(result["statusCode"]), headers, body)


@dataclass(frozen=True, slots=True)
class Caller:
    """A client of the API with or without a token; each answer is validated against the OpenAPI document."""

    handler: Callable[[dict[str, Any]], Any]
    claims: Mapping[str, Any] | None
    sent: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """Send a request; `body` is JSON unless it is bytes, `key` its Idempotency-Key, a trailing _ is not sent."""
        target = path + (f"?{urlencode({name.rstrip('_'): value for name, value in query.items()})}" if query else "")
        sent = dict(self.sent)
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        if key is not None:
            sent["Idempotency-Key"] = key
        answer = answer_of(self.handler(event(method, target, content, sent | dict(headers or {}), self.claims)))
        conform(method, path, answer)
        return answer

    def get(self, path: str, **query: Any) -> Answer:
        return self("GET", path, **query)


@cache
def document() -> dict[str, Any]:
    """The published OpenAPI document."""
    return dict(json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")))


Api = Callable[..., Caller]
"""Return a client for a person, such as ``api("ann")``."""

OPERATIONS = [
    (method.upper(), path) for path, methods in document()["paths"].items() for method in methods if method != "servers"
]
"""Method and path of every operation."""


GOOD_BODIES: dict[str, dict[str, Any]] = {
    "AlbumForm": {"name": "mine"},
    "PhotoForm": {"name": "mine.jpg", "content_type": "image/jpeg", "size_bytes": 5},
    "RunForm": {"prefix": ""},
    "Confirmation": {"confirm": "delete all photos of everyone"},
}
"""One valid body for each form; the tests of tenants fail for a form without one."""


def each(values: Mapping[str, Sequence[Any]]) -> list[tuple[str, Any]]:
    """Each value of each field or parameter, with its name."""
    return [(name, value) for name in values for value in values[name]]


def form_of(method: str, path: str) -> str:
    """The name of the form of an operation, `""` if it has none."""
    content = (operation(method, path) or {}).get("requestBody", {}).get("content", {})
    return str(content["application/json"]["schema"]["$ref"]).rpartition("/")[2] if content else ""


def good_body(method: str, path: str) -> dict[str, Any] | None:
    """A body that an operation accepts, if it has one."""
    form = form_of(method, path)
    return GOOD_BODIES[form] if form else None


def operation(method: str, path: str) -> dict[str, Any] | None:
    """The operation of a request, if the document has it."""
    methods = document()["paths"].get(template(path), {})
    return methods.get(method.lower())


def template(path: str) -> str:
    """The path template of a path in the document, or the path itself."""
    segments = path.split("/")
    for known in document()["paths"]:
        parts = known.split("/")
        fits = len(parts) == len(segments) and all(
            part == segment or (part.startswith("{") and segment) for part, segment in zip(parts, segments, strict=True)
        )
        if fits:
            return str(known)
    return path


def filled(path: str, **ids: str) -> str:
    """A path with its parameters filled in, encoded."""
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    return path


def conform(method: str, path: str, answer: Answer) -> None:
    """Validate an answer against the document."""
    described = operation(method, path)
    if described is None:
        return
    responses = described["responses"]
    assert str(answer.status) in responses, f"{method} {path}: {answer.status} is not in the document"
    content = responses[str(answer.status)].get("content", {})
    if not content:
        assert not answer.body, f"{method} {path}: {answer.status} should have no body, got {answer.body:.200}"
        return
    assert answer.content_type in content, f"{method} {path}: {answer.status} is {answer.content_type}"
    _validator(json.dumps(content[answer.content_type]["schema"])).validate(answer.json())


@cache
def _validator(schema: str) -> Draft202012Validator:
    whole = {**json.loads(schema), "components": document()["components"]}
    return Draft202012Validator(whole, validate_formats=True)
