"""Parts that responses share: errors in the OpenAPI document, and the two responses without a form."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import BaseModel, StringConstraints

from vision.api import forms
from vision.api.problems import CONTENT_TYPE

IdempotencyKey = Annotated[str, StringConstraints(max_length=64, pattern=r"^[\x21-\x7e]*$")]
"""Chosen by the client: requests with the same key create one resource."""

_REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "The token is missing, expired or from another user pool.",
    HTTPStatus.FORBIDDEN: "Only operators may do this.",
    HTTPStatus.NOT_FOUND: "You have no such resource.",
    HTTPStatus.CONFLICT: "The request conflicts with the existing resource.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The Content-Type of the body is not JSON.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A field is invalid.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests, or no upload left for today; wait as Retry-After says.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The service failed.",
    HTTPStatus.SERVICE_UNAVAILABLE: "A service is not available; try again in a few seconds.",
}
# API Gateway itself returns these statuses too, with a message in place of a problem.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-lambda.html
_OF_GATEWAY = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def responses(
    form: type[BaseModel] | None, status: HTTPStatus = HTTPStatus.OK, *, or_no_content: bool = False
) -> dict[int, OpenAPIResponse]:
    """Return all responses of a route: its form, 204 if ``or_no_content``, and every error."""
    found: dict[int, Any] = {}
    if form is not None:
        found[status.value] = {
            "description": (form.__doc__ or "").strip(),
            "content": {"application/json": {"model": form}},
        }
    if or_no_content:
        found[HTTPStatus.NO_CONTENT.value] = {"description": "The resource is deleted.", "content": {}}
    for refusal, description in _REFUSALS.items():
        message = {"application/json": {"model": forms.Message}} if refusal in _OF_GATEWAY else {}
        content = {CONTENT_TYPE: {"model": forms.Problem}, **message}
        found[refusal.value] = {"description": description, "content": content}
    return found


def no_content() -> Response[Any]:
    """Return the response to a completed deletion."""
    return Response(HTTPStatus.NO_CONTENT.value)


def accepted(form: BaseModel) -> Response[Any]:
    """Return the response to a request of which a part is done."""
    return Response(HTTPStatus.ACCEPTED.value, "application/json", form.model_dump_json())
