"""Routes of albums."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api import forms
from vision.api.answers import IdempotencyKey, accepted, no_content, responses
from vision.api.caller import caller
from vision.api.problems import erasing
from vision.domain.records import Record
from vision.services.gallery import Gallery

_TAGS = ["Albums"]


def routes(gallery: Gallery) -> Router:
    """Return the routes over a gallery."""
    router = Router()

    @router.get("/api/albums", summary="List your albums", tags=_TAGS, responses=responses(forms.Albums))
    def list_albums() -> forms.Albums:
        return forms.Albums(albums=[_album(album) for album in gallery.albums.of_owner(caller(router).owner)])

    @router.post(
        "/api/albums",
        summary="Create an album",
        tags=_TAGS,
        responses=responses(forms.Album, HTTPStatus.CREATED),
        status_code=HTTPStatus.CREATED,
    )
    def make_album(
        form: Annotated[forms.AlbumForm, Body()], idempotency_key: Annotated[IdempotencyKey, Header()] = ""
    ) -> forms.Album:
        return _album(gallery.make_album(caller(router).owner, form.name, idempotency_key))

    @router.patch("/api/albums/<album_id>", summary="Rename an album", tags=_TAGS, responses=responses(forms.Album))
    def rename_album(
        album_id: Annotated[forms.Identifier, Path()], form: Annotated[forms.AlbumForm, Body()]
    ) -> forms.Album:
        return _album(gallery.rename_album(caller(router).owner, album_id, form.name))

    @router.delete(
        "/api/albums/<album_id>",
        summary="Delete an album with its photos; repeat until the response is 204",
        tags=_TAGS,
        responses=responses(forms.Deleted, HTTPStatus.ACCEPTED, or_no_content=True),
    )
    def delete_album(album_id: Annotated[forms.Identifier, Path()]) -> Response[Any]:
        with erasing():
            deleted = gallery.delete_album(caller(router).owner, album_id)
        return accepted(forms.Deleted(deleted=deleted)) if deleted else no_content()

    return router


def _album(album: Record) -> forms.Album:
    return forms.Album(**{name: album[name] for name in ("album_id", "name", "created_at")})
