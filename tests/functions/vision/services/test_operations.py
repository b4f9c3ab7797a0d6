"""The views of operators: inspections, bulk runs, and sessions with their costs."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.conftest import Refuse
from tests.functions.photo_app import PhotoApp, found
from vision.adapters import workflow
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.items import Items
from vision.adapters.photos import Photos
from vision.adapters.session_log import SessionLog
from vision.domain.bulk import bulk_run
from vision.domain.bulk.tallies import Tally
from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.inspection import results
from vision.domain.inspection.verdicts import Judgement, Verdict
from vision.domain.request_errors import Conflict, NotFound
from vision.services import operations
from vision.services.operations import InspectionQuery, Operations

DAY = date(2026, 11, 20)
REQUEST = bulk_run.Request.from_dict({"bucket": "amzn-s3-demo-bucket", "prefix": "archive/"})
OTHER = bulk_run.Request.from_dict({"bucket": "amzn-s3-demo-bucket", "prefix": "other/"})


@pytest.fixture
def desk(table_name: str, bucket: str, state_machine_arn: str) -> Operations:
    return Operations(Photos(table_name), BulkRuns(table_name), SessionLog(table_name), state_machine_arn)


@pytest.fixture
def inspected(app: PhotoApp) -> Callable[..., str]:
    """Inspect an image at a moment, and return its key."""
    numbers = itertools.count()

    def inspect(moment: str, judgement: str = "SUCCESS", moved_to: str = "", **confidences: float) -> str:
        envelope = app.put(f"images/{next(numbers):03}.jpg")
        app.table.register(envelope, moment)
        verdict = Verdict(Judgement(judgement), "garden", () if judgement == "SUCCESS" else ("Weed was found",))
        record = results.verdict_attributes(verdict, moment) | {"labels": found(**(confidences or {"Rose": 98}))}
        if moved_to:
            record["moved_to"] = {"bucket": "amzn-s3-demo-results", "key": moved_to}
        app.table.record_verdict(envelope, record, moment)
        return envelope.object.key

    return inspect


def _pages(desk: Operations, wanted: InspectionQuery, limit: int) -> list[list[str]]:
    pages, after = [], None
    for _ in range(50):
        found, following = desk.inspections(wanted, after, limit)
        pages.append([one["key"] for one in found])
        if following is None:
            return pages
        after = ListPosition.from_cursor(following.cursor())
    raise AssertionError(f"no end: {pages}")


def _keys(desk: Operations, **wanted: Any) -> list[str]:
    return _pages(desk, InspectionQuery(Span(DAY - timedelta(days=3), DAY), **wanted), 100)[0]


# Inspections


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_have_each_one_once_newest_first(desk: Operations, inspected: Callable[..., str], limit: int) -> None:
    made = [
        inspected(f"2026-11-{day}T10:0{minute}:00.000Z", judgement)
        for day, minute, judgement in (
            (18, 1, "SUCCESS"),
            (19, 1, "FAILURE"),
            (20, 1, "FAILURE"),
            (20, 2, "SUCCESS"),
            (20, 3, "FAILURE"),
        )
    ]
    pages = _pages(desk, InspectionQuery(Span(DAY - timedelta(days=3), DAY)), limit)
    assert [*itertools.chain(*pages)] == made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_inspections_of_the_same_moment_are_each_on_one_page(
    desk: Operations, inspected: Callable[..., str], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    # Bulk workers judge many images within a millisecond, and an index does not order those.
    made = {inspected("2026-11-20T10:00:00.000Z") for _ in range(8)}
    query = Items.query

    def unordered(*arguments: Any, **options: Any) -> Iterator[dict[str, Any]]:
        return iter(sorted(query(*arguments, **options), key=lambda item: item["pk"][::-1]))

    monkeypatch.setattr(Items, "query", unordered)
    pages = _pages(desk, InspectionQuery(Span(DAY, DAY)), limit)
    assert sorted(itertools.chain(*pages)) == sorted(made)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"000", "001", "002"}),
        ({"verdict": "FAILURE"}, {"001"}),
        ({"rule": "garden"}, {"000", "001", "002"}),
        ({"rule": "kitchen"}, set()),
        ({"label": "WEED"}, {"001", "002"}),
        ({"label": "weed", "min_confidence": 95}, {"001"}),
        ({"label": "weed", "min_confidence": 95.1}, set()),
        ({"label": "wee"}, set()),
        # Without a label, the confidence is that of any label.
        ({"min_confidence": 96}, {"000"}),
    ],
)
def test_inspections_are_found_by_verdict_rule_and_label(
    desk: Operations, inspected: Callable[..., str], wanted: dict[str, Any], expected: set[str]
) -> None:
    inspected("2026-11-20T10:00:00.000Z")
    inspected("2026-11-20T10:01:00.000Z", "FAILURE", Weed=95)
    inspected("2026-11-20T10:02:00.000Z", Weed=80)
    assert {key[len("images/") : -len(".jpg")] for key in _keys(desk, **wanted)} == expected


def test_inspections_of_the_first_and_last_day_are_included(desk: Operations, inspected: Callable[..., str]) -> None:
    first = [inspected(f"2026-11-{moment}Z") for moment in ("16T23:59:59.999", "17T00:00:00.000")]
    last = [inspected(f"2026-11-{moment}Z") for moment in ("20T23:59:59.999", "21T00:00:00.000")]
    assert _keys(desk) == [last[0], first[1]]


def test_query_with_few_matches_returns_short_pages_with_a_cursor(
    desk: Operations, inspected: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_EXAMINED_LIMIT", 2)
    monkeypatch.setattr(operations, "_EXAMINED_AT_ONCE", 2)
    oldest = inspected("2026-11-20T10:00:00.000Z", Weed=95)
    for minute in range(1, 5):
        inspected(f"2026-11-20T10:0{minute}:00.000Z")
    pages = _pages(desk, InspectionQuery(Span(DAY, DAY), label="weed"), 10)
    assert pages[0] == []
    assert [*itertools.chain(*pages)] == [oldest]


@pytest.mark.parametrize(
    ("moved_to", "parts"),
    [("", ["versionId="]), ("analyzed/success/rose.jpg", ["amzn-s3-demo-results.s3", "/analyzed/success/rose.jpg?"])],
)
def test_url_of_an_inspected_image_is_where_it_was_moved_or_its_version(
    desk: Operations, inspected: Callable[..., str], moved_to: str, parts: list[str]
) -> None:
    inspected("2026-11-20T10:00:00.000Z", moved_to=moved_to)
    [shown], _ = desk.inspections(InspectionQuery(Span(DAY, DAY)), None, 1)
    assert all(part in shown["image_url"] for part in parts)


# Bulk runs


def _executions(desk: Operations) -> list[dict[str, Any]]:
    return list(client("stepfunctions").list_executions(stateMachineArn=desk.run_arn)["executions"])


def test_same_name_starts_one_run_and_returns_it_after_its_end(desk: Operations) -> None:
    assert desk.start_run(REQUEST, "one") == desk.start_run(REQUEST, "one")
    with pytest.raises(Conflict, match="it has started another run; take a new key"):
        desk.start_run(OTHER, "one")
    [execution] = _executions(desk)
    client("stepfunctions").stop_execution(executionArn=execution["executionArn"])
    assert desk.start_run(REQUEST, "one")["status"] == "ABORTED"


def test_run_that_step_functions_does_not_know_yet_is_running(desk: Operations, refuse: Refuse) -> None:
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    refuse("stepfunctions", "DescribeExecution", "ExecutionDoesNotExist")
    run = desk.start_run(REQUEST, "one")
    assert (run["run_id"], run["status"], run["prefix"]) == ("one", "RUNNING", "archive/")


def test_run_shows_its_request_and_then_its_counts(desk: Operations) -> None:
    desk.start_run(REQUEST, "one")
    [run] = desk.latest_runs()
    assert (run["bucket"], run["prefix"], run["counts"]["seen"]) == ("amzn-s3-demo-bucket", "archive/", 0)
    arn = _executions(desk)[0]["executionArn"]
    assert run["execution_url"] == (
        f"https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{arn}"
    )
    desk.runs.open("one", arn, REQUEST, "2026-11-20T10:00:00.000Z")
    desk.runs.count("one", Tally(seen=5, labelled=3))
    assert desk.run("one")["counts"] == {"seen": 5, "labelled": 3, "partial": 0, "skipped": 0, "failed": 0}
    with pytest.raises(NotFound):
        desk.run("never")


def test_run_that_found_another_of_its_prefix_has_the_error_busy(
    desk: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.start_run(REQUEST, "one")
    _output(monkeypatch, {"decision": "BUSY"})
    assert desk.run("one")["error"]["name"] == "Busy"


def _output(monkeypatch: pytest.MonkeyPatch, output: dict[str, Any], **others: Any) -> None:
    """End all executions with an output, which those of moto never have."""
    find = workflow.find

    def ended(arn: str) -> Any:
        execution = find(arn)
        return execution and replace(execution, output=output, **others)

    monkeypatch.setattr(workflow, "find", ended)


@pytest.mark.parametrize(
    ("started_with", "bucket", "prefix"),
    [
        ({"myStateInput": {"Bucket": "amzn-s3-demo-other", "Prefix": "2026/"}}, "amzn-s3-demo-other", "2026/"),
        ({"s3Bucket": "amzn-s3-demo-other"}, "", ""),
        ([], "", ""),
    ],
)
def test_run_started_with_other_input_is_listed(desk: Operations, started_with: Any, bucket: str, prefix: str) -> None:
    client("stepfunctions").start_execution(stateMachineArn=desk.run_arn, input=json.dumps(started_with))
    [run] = desk.latest_runs()
    assert (run["bucket"], run["prefix"]) == (bucket, prefix)


# Sessions


def test_stack_without_a_custom_labels_model_has_no_sessions(desk: Operations) -> None:
    assert replace(desk, sessions=None).latest_sessions() == []


@pytest.fixture
def session(desk: Operations) -> str:
    """The execution of a running session with two inference units."""
    desk.start_run(REQUEST, "one")
    arn = str(_executions(desk)[0]["executionArn"])
    SessionLog(TABLE).open(arn, 2, "2026-11-20T10:00:00.000Z")
    return arn


@pytest.mark.parametrize(("minutes", "cost"), [(15, 2.0), (0, 0.0), (0.5, 0.0667)])
def test_ended_session_costs_minutes_of_its_units(desk: Operations, session: str, minutes: float, cost: float) -> None:
    [running] = desk.latest_sessions()
    assert (running["status"], running["images"], running["cost_dollars"]) == ("RUNNING", None, None)
    SessionLog(TABLE).close(session, 90, minutes, "2026-11-20T10:15:00.000Z")
    [ended] = desk.latest_sessions()
    assert (ended["images"], ended["cost_dollars"]) == (90, cost)


@pytest.mark.parametrize(
    ("status", "name", "cause"), [("FAILED", "States.Timeout", "too long"), ("ABORTED", "", "why")]
)
def test_session_that_failed_or_was_stopped_shows_its_error(
    desk: Operations, session: str, monkeypatch: pytest.MonkeyPatch, status: str, name: str, cause: str
) -> None:
    _output(monkeypatch, {}, status=status, error=name, cause=cause)
    [shown] = desk.latest_sessions()
    assert shown["error"] == {"name": name, "cause": cause}


def test_session_whose_execution_was_deleted_is_not_shown(desk: Operations, session: str, refuse: Refuse) -> None:
    refuse("stepfunctions", "DescribeExecution", "ExecutionDoesNotExist")
    assert desk.latest_sessions() == []
