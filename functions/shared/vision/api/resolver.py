"""Combine all routes, and write their OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.typing import LambdaContext

from vision.api import albums, bodies, operators, people, photos, problems, site
from vision.api.problems import problem
from vision.services.gallery import Gallery
from vision.services.operations import Operations

# Public paths, which the document does not describe.
_PUBLIC = ("/", "/config.json", "/api/openapi.json")

TITLE = "Image recognition"
VERSION = "1"
DESCRIPTION = (
    "Photos with their labels, and the views of operators. Each request needs an access token of the user pool as "
    "`Authorization: Bearer`; the token alone determines whose resources it accesses. Errors are problem details of "
    "RFC 9457. Requests that create a resource accept an `Idempotency-Key`: the same key creates one resource."
)


def build(
    gallery: Gallery, operations: Operations, page: Path, site_config: site.SiteConfig, *, links_owners: bool = False
) -> APIGatewayHttpResolver:
    """Return the resolver for the events of the HTTP API.

    Parameters
    ----------
    links_owners
        Whether owners get the console URLs of their photos' executions, as operators do.
    """
    app = APIGatewayHttpResolver(enable_validation=True, serializer=_compact)
    app.use(middlewares=[_keep_private])
    problems.install(app)
    app.include_router(people.routes(gallery))
    app.include_router(albums.routes(gallery))
    app.include_router(photos.routes(gallery, links_owners=links_owners))
    app.include_router(operators.routes(operations, gallery.bucket))
    app.include_router(site.routes(page, site_config))
    # Cached, since it takes longer than any other response, and the path is public.
    written = cache(lambda: document(app))
    app.not_found(lambda _: _unknown(app, written()))

    @app.get("/api/openapi.json", include_in_schema=False, enable_validation=False)
    def openapi() -> Response[Any]:
        return Response(200, "application/json", written())

    return app


def document(app: APIGatewayHttpResolver) -> str:
    """Return the OpenAPI document of the routes."""
    # Imported here: the models of the document take as long as everything else together, and few requests need it.
    from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer

    return app.get_openapi_json_schema(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        security_schemes={"token": HTTPBearer(bearerFormat="JWT")},
        security=[{"token": []}],
    )


def answer(app: APIGatewayHttpResolver, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer an event; refuse an unacceptable body before a route reads it."""
    read = bodies.read(event)
    if isinstance(read, Response):
        headers = {"Content-Type": problems.CONTENT_TYPE, **read.headers}
        return {"statusCode": read.status_code, "headers": headers, "body": read.body, "isBase64Encoded": False}
    return app.resolve(read, context)


def _unknown(app: APIGatewayHttpResolver, written: str) -> Response[str]:
    """Distinguish an unknown path from a method that the path does not support."""
    path = app.current_event.path
    described = json.loads(written)["paths"]
    methods = [
        method.upper()
        for address, operations in described.items()
        for method in operations
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", address), path)
    ]
    if path in _PUBLIC:
        methods = ["GET"]
    if not methods or app.current_event.http_method in methods:
        return problem(HTTPStatus.NOT_FOUND, "There is no such address; /api/openapi.json has all of them.")
    allowed = ", ".join(sorted(methods))
    answered = problem(HTTPStatus.METHOD_NOT_ALLOWED, f"This address takes {allowed} only.")
    answered.headers["Allow"] = allowed
    return answered


def _keep_private(app: APIGatewayHttpResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Add the headers that keep caches from storing a response, and browsers from rendering it as a page."""
    answered = next_middleware(app)
    answered.headers = {**problems.HEADERS, **answered.headers}
    return answered


def _compact(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
