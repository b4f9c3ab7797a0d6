"""Request bodies: none, or one JSON object; any other body is refused before a route reads it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from vision.api.problems import BODY_LIMIT_BYTES, problem

_JSON = "application/json"


def read(event: dict[str, Any]) -> dict[str, Any] | Response[str]:
    """Return the event with its body as plain text, as routes expect it, or the response that refuses the body.

    An accepted body is missing or one JSON object in UTF-8, and its content type has one spelling: later readers need
    not guess.
    """
    body = str(event.get("body") or "")
    if not body:
        return event
    is_encoded = bool(event.get("isBase64Encoded"))
    size = len(body) * 3 // 4 if is_encoded else len(body.encode("utf-8", "surrogatepass"))
    if size > BODY_LIMIT_BYTES:
        detail = f"body: at most {BODY_LIMIT_BYTES:,} bytes are read; images go to S3 and not through here."
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    if _content_type(event) != _JSON:
        return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: only {_JSON} is read; send the body as that.")
    try:
        text = base64.b64decode(body).decode() if is_encoded else body
        content = json.loads(text)
    except (ValueError, RecursionError):
        # Also refuses numbers of thousands of digits and deeply nested lists, which Python does not parse.
        return _invalid("This is no JSON in UTF-8.")
    if not isinstance(content, dict):
        return _invalid("Expected an object, such as {}.")
    return {**event, "headers": {**event["headers"], "content-type": _JSON}, "body": text, "isBase64Encoded": False}


def _content_type(event: Mapping[str, Any]) -> str:
    return str(event.get("headers", {}).get("content-type", "")).partition(";")[0].strip().lower()


def _invalid(message: str) -> Response[str]:
    errors = [{"field": "body", "message": message}]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"body: {message}", errors)
