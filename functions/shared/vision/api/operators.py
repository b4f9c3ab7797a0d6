"""Routes for operators: inspections, bulk runs, sessions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter as Router

from vision.api import forms
from vision.api.answers import IdempotencyKey, responses
from vision.api.audit import operator_changing
from vision.api.caller import require_operator_reading
from vision.api.parameters import Cursor, Day, LabelName, Limit, RuleName, days, list_position
from vision.domain.gallery import pending_uploads
from vision.services.operations import DAYS_LIMIT, DAYS_SHOWN, InspectionQuery, Operations

_TAGS = ["Operators"]


def routes(operations: Operations, image_bucket: str) -> Router:
    """Return the routes over the operations of a stack."""
    router = Router()

    @router.get(
        "/api/inspections",
        summary="List or search inspections, newest first",
        description=f"By default the last month; at most {DAYS_LIMIT} days. URLs of images are valid for an hour.",
        tags=_TAGS,
        responses=responses(forms.Inspections),
    )
    def list_inspections(
        verdict: Annotated[forms.Verdict | None, Query()] = None,
        rule: Annotated[RuleName, Query()] = "",
        label: Annotated[LabelName, Query()] = "",
        first: Annotated[Day | None, Query(alias="from")] = None,
        last: Annotated[Day | None, Query(alias="to")] = None,
        min_confidence: Annotated[forms.Confidence, Query()] = 0,
        limit: Annotated[Limit, Query()] = 50,
        cursor: Annotated[Cursor, Query()] = "",
    ) -> forms.Inspections:
        require_operator_reading(router)
        within = days(first, last, DAYS_SHOWN, DAYS_LIMIT)
        wanted = InspectionQuery(within, verdict or "", rule, label, min_confidence)
        found, following = operations.inspections(wanted, list_position(cursor), limit)
        return forms.Inspections(
            inspections=[forms.Inspection.model_validate(one) for one in found],
            cursor=following.cursor() if following else None,
        )

    @router.get("/api/bulk-runs", summary="List the latest bulk runs", tags=_TAGS, responses=responses(forms.Runs))
    def list_runs() -> forms.Runs:
        require_operator_reading(router)
        return forms.Runs(runs=[forms.Run.model_validate(run) for run in operations.latest_runs()])

    @router.post(
        "/api/bulk-runs",
        summary="Start a bulk run over a prefix",
        tags=_TAGS,
        responses=responses(forms.Run, HTTPStatus.ACCEPTED),
        status_code=HTTPStatus.ACCEPTED,
    )
    def start_run(
        form: Annotated[forms.RunForm, Body()], idempotency_key: Annotated[IdempotencyKey, Header()] = ""
    ) -> forms.Run:
        with operator_changing(router) as (requester, ids):
            name = pending_uploads.idempotent_id(requester.owner, idempotency_key and f"run\n{idempotency_key}")
            ids.append(name)
            return forms.Run.model_validate(operations.start_run(forms.bulk_request(form, image_bucket), name))

    @router.get("/api/bulk-runs/<run_id>", summary="Get a bulk run", tags=_TAGS, responses=responses(forms.Run))
    def get_run(run_id: Annotated[forms.RunName, Path()]) -> forms.Run:
        require_operator_reading(router)
        return forms.Run.model_validate(operations.run(run_id))

    @router.get(
        "/api/sessions",
        summary="List the latest Custom Labels sessions",
        tags=_TAGS,
        responses=responses(forms.Sessions),
    )
    def list_sessions() -> forms.Sessions:
        require_operator_reading(router)
        found = operations.latest_sessions()
        return forms.Sessions(sessions=[forms.Session.model_validate(session) for session in found])

    return router
