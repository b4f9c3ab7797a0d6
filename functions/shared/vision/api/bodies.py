"""Bodies of requests: none, or one object of JSON; what else comes is refused before any route reads it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from vision.api.problems import BODY_LIMIT_BYTES, problem

_JSON = "application/json"


def refusal(event: Mapping[str, Any]) -> Response[str] | None:
    """Return why the body of a request is not read, or ``None`` when there is none, or one of JSON."""
    body = str(event.get("body") or "")
    if not body:
        return None
    is_encoded = bool(event.get("isBase64Encoded"))
    size = len(body) * 3 // 4 if is_encoded else len(body.encode("utf-8", "surrogatepass"))
    if size > BODY_LIMIT_BYTES:
        detail = f"body: at most {BODY_LIMIT_BYTES:,} bytes are read; images go to S3 and not through here."
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    if _content_type(event) != _JSON:
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: only {_JSON} is read; send the body as that.")
    try:
        content = json.loads(base64.b64decode(body) if is_encoded else body)
    except (ValueError, RecursionError):
        # Also numbers of thousands of digits, and lists in lists in lists: nothing that Python would read.
        return _invalid("This is no JSON.")
    return None if isinstance(content, dict) else _invalid("Expected an object, such as {}.")


def _content_type(event: Mapping[str, Any]) -> str:
    return str(event.get("headers", {}).get("content-type", "")).partition(";")[0].strip().lower()


def _invalid(message: str) -> Response[str]:
    errors = [{"field": "body", "message": message}]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"body: {message}", errors)
