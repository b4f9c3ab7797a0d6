"""The operators' use cases: list inspections, start and list bulk runs, list sessions of the Custom Labels model."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from vision.adapters import storage, workflow
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.photos import Photos
from vision.adapters.session_log import SessionLog
from vision.adapters.workflow import Execution
from vision.domain import display, prices, table_keys
from vision.domain.bulk import bulk_run
from vision.domain.bulk.summaries import estimated_cost
from vision.domain.bulk.tallies import Tally
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.inspection.verdicts import Judgement
from vision.domain.labels import has_label
from vision.domain.records import Record
from vision.domain.request_errors import Conflict, NotFound
from vision.domain.session.decisions import timeline

DAYS_LIMIT = 92
"""Most days in one request for inspections: each day takes one query for each verdict."""

DAYS_SHOWN = 31
"""Days in a request that names none."""

RUNS_SHOWN = 20
SESSIONS_SHOWN = 10

_EXAMINED_LIMIT = 400
_EXAMINED_AT_ONCE = 50
_SHOWN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class InspectionQuery:
    """A query of inspections; ``""`` and 0 do not filter."""

    days: Span
    verdict: str = ""
    rule: str = ""
    label: str = ""
    min_confidence: float = 0

    @property
    def judgements(self) -> list[str]:
        """The verdicts to query."""
        return [self.verdict] if self.verdict else [str(judgement) for judgement in Judgement]

    def admits(self, record: Record) -> bool:
        """Return whether the query admits the record of an inspection; the index has matched its day and verdict."""
        is_of_rule = not self.rule or record.get("rule") == self.rule
        return is_of_rule and has_label(record.get("labels", ()), self.label, self.min_confidence)


@dataclass(frozen=True, slots=True)
class Operations:
    """The operations of one stack.

    Attributes
    ----------
    sessions
        ``None`` if the stack uses no Custom Labels model.
    run_arn
        ARN of the state machine of bulk runs.
    """

    photos: Photos
    runs: BulkRuns
    sessions: SessionLog | None
    run_arn: str

    def inspections(
        self, wanted: InspectionQuery, after: ListPosition | None, limit: int
    ) -> tuple[list[Record], ListPosition | None]:
        """Return a page of inspections, newest first, and the list position after which the next page begins."""
        positions = self._judged(wanted, after)
        found: list[Record] = []
        looks, last = 0, None
        while looks < _EXAMINED_LIMIT and (some := list(islice(positions, _EXAMINED_AT_ONCE))):
            looks += len(some)
            there = self.photos.records_at(some)
            for last in some:
                record = there.get(last, {})
                if "verdict" in record and wanted.admits(record):
                    found.append(_inspection(record))
                if len(found) == limit:
                    return found, last
        return found, last if looks >= _EXAMINED_LIMIT else None

    def start_run(self, request: bulk_run.Request, name: str) -> Record:
        """Start a bulk run; a repeated call with the same name starts no second one.

        Raises
        ------
        Conflict
            The name has started a different run.
        """
        execution = workflow.start_once(self.run_arn, name, request.as_dict())
        if execution is None or execution.input != request.as_dict():
            raise Conflict("Idempotency-Key: it has started another run; take a new key")
        return self._run(execution, self.runs.read(name))

    def latest_runs(self) -> list[Record]:
        """Return the latest runs, newest first, each with its progress."""
        return [
            self._run(execution, self.runs.read(bulk_run.run_id(execution.arn)))
            for execution in workflow.latest(self.run_arn, RUNS_SHOWN)
        ]

    def run(self, run_id: str) -> Record:
        """Return a run.

        Raises
        ------
        NotFound
        """
        execution = workflow.find(f"{self.run_arn.replace(':stateMachine:', ':execution:', 1)}:{run_id}")
        if execution is None:
            raise NotFound
        return self._run(execution, self.runs.read(run_id))

    def latest_sessions(self) -> list[Record]:
        """Return the latest sessions of the model, newest first, each with its cost."""
        noted = self.sessions.latest(SESSIONS_SHOWN) if self.sessions else []
        found = [(workflow.find(record["execution_arn"]), record) for record in noted]
        return [_session(execution, record) for execution, record in found if execution]

    def _judged(self, wanted: InspectionQuery, after: ListPosition | None) -> Iterator[ListPosition]:
        for day in wanted.days.days():
            lists = [
                _in_order(
                    self.photos.list_positions(
                        table_keys.verdict_listing(verdict, day.isoformat()), Span(day, day), after, _EXAMINED_AT_ONCE
                    )
                )
                for verdict in wanted.judgements
            ]
            yield from heapq.merge(*lists, reverse=True)

    def _run(self, execution: Execution, record: Record | None) -> Record:
        if record is None:
            # The run has not begun yet, was refused, or found another run at its prefix: only its execution says which.
            execution = workflow.find(execution.arn) or execution
        record = record or {}
        request: Mapping[str, Any] = record.get("request") or bulk_run.in_present_form(execution.input)
        is_provisional = record.get("provisional", False)
        cost = estimated_cost(Tally.of_progress(record)) if is_provisional else record.get("estimated_cost_usd")
        return {
            "run_id": bulk_run.run_id(execution.arn),
            "status": execution.status,
            "bucket": str(request.get("bucket", "")),
            "prefix": str(request.get("prefix", "")),
            "started_at": execution.started_at,
            "ended_at": execution.ended_at,
            "counts": {name: record.get(name, 0) for name in ("seen", "labelled", "partial", "skipped", "failed")},
            "failures": [{"name": name, "images": images} for name, images in record.get("reasons", {}).items()],
            "estimated_cost_dollars": cost["rekognition"] + cost["everything_else"] if cost else None,
            "error": record.get("error") or _busy(execution) or _error(execution),
            "execution_url": console_url(execution.arn),
        }


def _in_order(listed: Iterator[ListPosition]) -> Iterator[ListPosition]:
    """Sort list positions of the same moment, newest first: the index has no order for them, and cursors need one."""
    for _, same_time in groupby(listed, key=lambda position: position.listing_sk):
        yield from sorted(same_time, reverse=True)


def console_url(execution_arn: str) -> str:
    """Return the URL of an execution in the Step Functions console."""
    region = execution_arn.split(":")[3]
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution_arn}"


def _inspection(record: Record) -> Record:
    where = record.get("moved_to") or record["object"]
    image_format = record.get("format")
    return {
        **{name: record[name] for name in ("photo_id", "verdict", "rule", "reasons", "inspected_at")},
        "bucket": record["object"]["bucket"],
        "key": record["object"]["key"],
        "labels": [{"name": label["name"], "confidence": label["confidence"]} for label in record.get("labels", [])],
        "image_url": storage.presigned_url(
            where["bucket"],
            where["key"],
            content_type=display.content_type(image_format),
            disposition=display.disposition(record["object"]["key"], image_format),
            version_id=where.get("version_id", ""),
            valid_seconds=_SHOWN_SECONDS,
        ),
    }


def _session(execution: Execution, record: Record) -> Record:
    minutes = record.get("model_minutes")
    hours = None if minutes is None else minutes / 60 * record["units"]
    milestones = timeline(workflow.entered(execution.arn))
    return {
        "session_id": execution.arn.rsplit(":", 1)[-1],
        "status": execution.status,
        "started_at": execution.started_at,
        "ended_at": execution.ended_at,
        "images": record.get("images"),
        "model_minutes": minutes,
        "cost_dollars": None if hours is None else round(hours * prices.CUSTOM_LABELS_UNIT_HOUR, 4),
        "timeline": [{"at": at, "state": state} for at, state in milestones],
        "error": _error(execution),
        "execution_url": console_url(execution.arn),
    }


def _error(execution: Execution) -> Record | None:
    # StopExecution accepts a cause without an error:
    # https://docs.aws.amazon.com/cli/latest/reference/stepfunctions/stop-execution.html
    has_reason = execution.error or execution.cause
    return {"name": execution.error, "cause": execution.cause} if has_reason else None


def _busy(execution: Execution) -> Record | None:
    if execution.output.get("decision") != "BUSY":
        return None
    return {"name": "Busy", "cause": "Another run works on this bucket and prefix; start it again when that has ended."}
