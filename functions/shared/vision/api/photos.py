"""Routes of photos: announce, list and search, get, delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api import forms
from vision.api.answers import IdempotencyKey, accepted, no_content, responses
from vision.api.audit import operator_changing
from vision.api.caller import caller
from vision.api.parameters import Cursor, Day, LabelName, Limit, list_position, span
from vision.api.problems import erasing
from vision.domain import records
from vision.domain.gallery.photo_query import PhotoQuery
from vision.domain.gallery.photos import Photo
from vision.services.gallery import Gallery
from vision.services.operations import console_url

_TAGS = ["Photos"]


def routes(gallery: Gallery, *, links_owners: bool) -> Router:
    """Return the routes over a gallery; ``links_owners`` as in :func:`vision.api.resolver.build`."""
    router = Router()

    @router.post(
        "/api/photos",
        summary="Announce an upload, and get its form",
        tags=_TAGS,
        responses=responses(forms.Announced, HTTPStatus.CREATED),
        status_code=HTTPStatus.CREATED,
    )
    def announce_photo(
        form: Annotated[forms.PhotoForm, Body()], idempotency_key: Annotated[IdempotencyKey, Header()] = ""
    ) -> forms.Announced:
        photo, upload = gallery.announce(
            caller(router).owner,
            form.name,
            form.content_type,
            form.size_bytes,
            form.album_id or "",
            idempotency_key,
        )
        return forms.Announced(
            photo=_photo(gallery, photo),
            upload=forms.Upload(url=upload.url, fields=upload.fields, expires_at=upload.expires_at),
        )

    @router.get(
        "/api/photos",
        summary="List or search your photos, newest first",
        description="URLs of thumbnails are valid for an hour. A page can have fewer photos than its limit; only an "
        "empty cursor marks the last page.",
        tags=_TAGS,
        responses=responses(forms.Photos),
    )
    def list_photos(
        album_id: Annotated[forms.Identifier | None, Query()] = None,
        label: Annotated[LabelName, Query()] = "",
        class_name: Annotated[LabelName, Query(alias="class")] = "",
        first: Annotated[Day | None, Query(alias="from")] = None,
        last: Annotated[Day | None, Query(alias="to")] = None,
        min_confidence: Annotated[forms.Confidence, Query()] = 0,
        limit: Annotated[Limit, Query()] = 50,
        cursor: Annotated[Cursor, Query()] = "",
    ) -> forms.Photos:
        wanted = PhotoQuery(
            caller(router).owner,
            album_id or "",
            label,
            class_name,
            min_confidence,
            span(first, last),
        )
        found, following = gallery.find(wanted, list_position(cursor), limit)
        return forms.Photos(
            photos=[_photo(gallery, photo) for photo in found], cursor=following.cursor() if following else None
        )

    @router.get(
        "/api/photos/<photo_id>",
        summary="Get a photo",
        description="The URLs of image and thumbnail are valid for an hour.",
        tags=_TAGS,
        responses=responses(forms.PhotoDetail),
    )
    def get_photo(photo_id: Annotated[forms.Identifier, Path()]) -> forms.PhotoDetail:
        requester = caller(router)
        photo = gallery.photo(requester.owner, photo_id)
        execution_arn = photo.record.get("execution_arn") if requester.is_operator or links_owners else None
        return forms.PhotoDetail.model_validate(
            {
                **photo.details(records.now()),
                "thumbnail": _thumbnail(gallery, photo),
                "image_url": gallery.image_url(photo),
                "execution_url": console_url(execution_arn) if execution_arn else None,
            }
        )

    @router.delete(
        "/api/photos/<photo_id>",
        summary="Delete a photo with its objects",
        tags=_TAGS,
        responses=responses(None, or_no_content=True),
    )
    def delete_photo(photo_id: Annotated[forms.Identifier, Path()]) -> Response[Any]:
        with erasing():
            gallery.delete(caller(router).owner, photo_id)
        return no_content()

    @router.delete(
        "/api/photos",
        summary="Delete the photos of all people; repeat with the cursor until the response is 204",
        tags=["Operators"],
        responses=responses(forms.Deleted, HTTPStatus.ACCEPTED, or_no_content=True),
    )
    def delete_everything(form: Annotated[forms.Confirmation, Body()]) -> Response[Any]:
        with operator_changing(router) as (_, ids), erasing():
            following = gallery.delete_some_of_everyone(list_position(form.cursor or ""), ids)
        if following is None:
            return no_content()
        return accepted(forms.Deleted(deleted=len(ids), cursor=following.cursor()))

    return router


def _photo(gallery: Gallery, photo: Photo) -> forms.Photo:
    return forms.Photo.model_validate({**photo.as_dict(records.now()), "thumbnail": _thumbnail(gallery, photo)})


def _thumbnail(gallery: Gallery, photo: Photo) -> forms.Thumbnail | None:
    url, thumbnail = gallery.thumbnail_url(photo), photo.record.get("thumbnail")
    if not url or not thumbnail:
        return None
    return forms.Thumbnail(url=url, width=thumbnail["width"], height=thumbnail["height"])
