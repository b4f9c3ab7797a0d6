"""Routes about the caller: identity, label names, and counts of photos."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api import forms
from vision.api.answers import responses
from vision.api.caller import caller
from vision.api.parameters import Day, LabelName, days
from vision.domain import records
from vision.services.gallery import LABELS_LIMIT, Gallery

COUNTED_DAYS_LIMIT = 366
"""Most days of counts in one response, and the default."""


def routes(gallery: Gallery) -> Router:
    """Return the routes over a gallery."""
    router = Router()

    @router.get("/api/me", summary="Get the signed-in person", tags=["You"], responses=responses(forms.Me))
    def get_me() -> forms.Me:
        requester = caller(router)
        return forms.Me.model_validate(
            {
                "owner": requester.owner,
                "is_operator": requester.is_operator,
                "operators_withheld": requester.withheld or None,
            }
        )

    @router.get(
        "/api/labels",
        summary="Suggest labels of your photos",
        description=f"At most {LABELS_LIMIT}, in alphabetical order.",
        tags=["Photos"],
        responses=responses(forms.Labels),
    )
    def list_labels(prefix: Annotated[LabelName, Query()] = "") -> forms.Labels:
        return forms.Labels(labels=gallery.people.labels(caller(router).owner, prefix, LABELS_LIMIT))

    @router.get(
        "/api/counts",
        summary="Count your photos by class and day",
        description="The class of a photo is its label with the highest confidence. Days are in UTC.",
        tags=["Photos"],
        responses=responses(forms.Counts),
    )
    def list_counts(
        first: Annotated[Day | None, Query(alias="from")] = None,
        last: Annotated[Day | None, Query(alias="to")] = None,
    ) -> forms.Counts:
        asked = days(first, last, COUNTED_DAYS_LIMIT, COUNTED_DAYS_LIMIT)
        found = gallery.people.counts(caller(router).owner, asked, records.now())
        return forms.Counts(counts=[forms.Count.model_validate(count) for count in found])

    return router
