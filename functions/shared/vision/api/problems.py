"""Errors of the API: each is a problem of RFC 9457, and reveals only what belongs to the caller."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from vision.api import forms
from vision.domain import records
from vision.domain.errors import AccessDenied, AllowanceExceeded, InvalidRun, Throttled, Transient
from vision.domain.gallery import daily_allowance
from vision.domain.request_errors import Conflict, InvalidDays, NotFound
from vision.domain.tokens import NO_SECOND_FACTOR, NOT_CHECKED

CONTENT_TYPE = "application/problem+json"

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Without includeSubDomains: a team's domain may have subdomains that do not belong to this stack.
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every response of the API: it belongs to one person, and no browser may render it as a page."""

BODY_LIMIT_BYTES = 16 * 1024
"""No request of this API needs more."""

# An invalid body can have many errors; this many are enough to begin with.
_FIELDS_LIMIT = 20

_logger = Logger(use_rfc3339=True)


class Forbidden(Exception):
    """Only operators may do this; its argument is why a member of their group is none, see `vision.domain.tokens`."""


class Unauthorized(Exception):
    """The request has no claims: API Gateway blocks such requests, but the function can also be invoked directly."""


class NotErasedYet(Exception):
    """Photos are removed from all lists, but a policy prevents the stack from deleting their objects."""


# The schedule of track_execution, which continues interrupted deletions.
_ERASED_AGAIN_SECONDS = 900


@contextmanager
def erasing() -> Iterator[None]:
    """Report a deletion that a policy denies as such: the stack has not failed, and the caller cannot change it.

    Raises
    ------
    NotErasedYet
    """
    try:
        yield
    except AccessDenied as error:
        raise NotErasedYet from error


def problem(status: HTTPStatus, detail: str, errors: list[dict[str, str]] | None = None) -> Response[str]:
    """Return a response that says what is wrong and what to do."""
    content = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body = json.dumps(content | ({"errors": errors} if errors else {}), ensure_ascii=False)
    return Response(status.value, CONTENT_TYPE, body, headers=dict(HEADERS))


def install(app: APIGatewayHttpResolver) -> None:
    """Turn every exception that leaves a route into a problem."""
    answers: dict[type[Exception], Callable[[Any], Response[str]]] = {
        RequestValidationError: _invalid,
        InvalidDays: _invalid_field,
        InvalidRun: _invalid_field,
        NotFound: _missing,
        Conflict: _conflict,
        Forbidden: _forbidden,
        Unauthorized: _unauthorized,
        AllowanceExceeded: _too_much,
        Throttled: _too_fast,
        Transient: _busy,
        NotErasedYet: _not_erased_yet,
        RecursionError: _too_deep,
        Exception: _unexpected,
    }
    for kind, answer in answers.items():
        app.exception_handler(kind)(answer)


def _invalid(error: RequestValidationError) -> Response[str]:
    errors = [_field_problem(each) for each in error.errors()[:_FIELDS_LIMIT]]
    fields = ", ".join(dict.fromkeys(each["field"] for each in errors))
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"Invalid: {fields}. See errors.", errors)


def _invalid_field(error: Exception) -> Response[str]:
    field, _, message = str(error).partition(": ")
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [{"field": field, "message": message}])


def _too_deep(_: RecursionError) -> Response[str]:
    message = "Nested deeper than any field of this API; send plain values."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"body: {message}", [{"field": "body", "message": message}])


def _missing(_: NotFound) -> Response[str]:
    return problem(HTTPStatus.NOT_FOUND, "You have no such resource; it may have been deleted.")


def _conflict(error: Conflict) -> Response[str]:
    return problem(HTTPStatus.CONFLICT, str(error))


_WHY_NO_OPERATOR = {
    NO_SECOND_FACTOR: "Operators need a second factor, and your account has none: set one up on the page, under "
    "Second factor, and sign in again with its code.",
    NOT_CHECKED: "Operators need a second factor, which could not be checked for your account; wait a minute, sign "
    "out, and sign in again.",
}


def _forbidden(error: Forbidden) -> Response[str]:
    reason = _WHY_NO_OPERATOR.get(str(error))
    return problem(
        HTTPStatus.FORBIDDEN,
        reason or "Only operators may do this; ask an administrator to add you to the group operators.",
    )


def _unauthorized(_: Unauthorized) -> Response[str]:
    return problem(HTTPStatus.UNAUTHORIZED, "Sign in first.")


def _too_much(error: AllowanceExceeded) -> Response[str]:
    return _later(HTTPStatus.TOO_MANY_REQUESTS, str(error), daily_allowance.seconds_left(records.now()))


def _too_fast(error: Throttled) -> Response[str]:
    # The service has no fault: a single caller can exceed the capacity of one item in a second.
    _logger.warning("refused", extra={"error": type(error).__name__})
    return _later(HTTPStatus.TOO_MANY_REQUESTS, "More requests than a service accepts; try again in a few seconds.", 3)


def _busy(error: Transient) -> Response[str]:
    _logger.warning("refused", extra={"error": type(error).__name__})
    return _later(HTTPStatus.SERVICE_UNAVAILABLE, "A service is not available; try again in a few seconds.", 3)


def _later(status: HTTPStatus, detail: str, seconds: int) -> Response[str]:
    answer = problem(status, detail)
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _not_erased_yet(_: NotErasedYet) -> Response[str]:
    # Operators learn of it from the dead letters of track_execution, too.
    _logger.warning("refused", extra={"error": AccessDenied.__name__})
    answer = problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A policy does not let this service delete files. They are hidden, and the deletion is repeated every 15 "
        "minutes until it succeeds. Contact the operator of this service.",
    )
    answer.headers["Retry-After"] = str(_ERASED_AGAIN_SECONDS)
    return answer


def _unexpected(error: Exception) -> Response[str]:
    _logger.exception("unexpected error", extra={"error": type(error).__name__})
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed; its log has the details. Try again later.")


def _field_problem(error: Mapping[str, object]) -> dict[str, str]:
    where = error.get("loc")
    parts = [str(part) for part in where] if isinstance(where, (list, tuple)) else []
    field = ".".join(parts[1:] or parts) or "body"
    return {"field": field, "message": _sentence(error)}


def _sentence(error: Mapping[str, object]) -> str:
    """Return a sentence that says what is wrong, without a pattern: programs find that in the OpenAPI document."""
    match error:
        case {"type": "string_pattern_mismatch", "ctx": {"pattern": forms.PRINTABLE}}:
            return (
                "Write something visible, without tabs, line ends, other control characters and marks that reverse the "
                "text."
            )
        case {"type": "string_pattern_mismatch"}:
            return "Not of the form in /api/openapi.json; send the value unchanged, as the API returned it."
    return str(error.get("msg", ""))
