"""What operators see: every inspection once, runs that start once, sessions and what they cost."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.conftest import TABLE
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
from vision.domain.refusals import Conflict, NotFound
from vision.services import operations
from vision.services.operations import Inspected, Operations

DAY = date(2026, 11, 20)
REQUEST = bulk_run.Request.from_dict({"bucket": "amzn-s3-demo-bucket", "prefix": "archive/"})
OTHER = bulk_run.Request.from_dict({"bucket": "amzn-s3-demo-bucket", "prefix": "other/"})


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


@pytest.fixture
def desk(table_name: str, bucket: str, state_machine_arn: str) -> Operations:
    return Operations(Photos(table_name), BulkRuns(table_name), SessionLog(table_name), state_machine_arn)


@pytest.fixture
def inspected(app: PhotoApp) -> Callable[..., str]:
    """Inspect an image at a moment; return its key."""
    numbers = itertools.count()

    def inspect(moment: str, judgement: str = "SUCCESS", moved_to: str = "", **confidences: float) -> str:
        envelope = app.put(f"images/{next(numbers):03}.jpg")
        app.table.register(envelope, moment)
        verdict = Verdict(Judgement(judgement), "garden", () if judgement == "SUCCESS" else ("Weed was found",))
        record = results.verdict_attributes(verdict, moment) | {"labels": found(**(confidences or {"Rose": 98}))}
        if moved_to:
            record["moved_to"] = {"bucket": "amzn-s3-demo-results", "key": moved_to}
        app.table.judge(envelope, record, moment)
        return envelope.object.key

    return inspect


def _pages(desk: Operations, wanted: Inspected, limit: int) -> list[list[str]]:
    pages, after = [], None
    for _ in range(50):
        found, following = desk.inspections(wanted, after, limit)
        pages.append([one["key"] for one in found])
        if following is None:
            return pages
        after = ListPosition.from_cursor(following.cursor())
    raise AssertionError(f"no end: {pages}")


def _keys(desk: Operations, **wanted: Any) -> list[str]:
    return _pages(desk, Inspected(Span(DAY - timedelta(days=3), DAY), **wanted), 100)[0]


# Inspections


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_have_every_inspection_once_newest_first(
    desk: Operations, inspected: Callable[..., str], limit: int
) -> None:
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
    pages = _pages(desk, Inspected(Span(DAY - timedelta(days=3), DAY)), limit)
    assert [*itertools.chain(*pages)] == made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_inspections_of_the_same_moment_are_on_one_page_each(
    desk: Operations, inspected: Callable[..., str], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    # The workers of a bulk run judge many images within a millisecond, and an index does not order those.
    made = {inspected("2026-11-20T10:00:00.000Z") for _ in range(8)}
    query = Items.query

    def unordered(*arguments: Any, **options: Any) -> Iterator[dict[str, Any]]:
        return iter(sorted(query(*arguments, **options), key=lambda item: item["pk"][::-1]))

    monkeypatch.setattr(Items, "query", unordered)
    pages = _pages(desk, Inspected(Span(DAY, DAY)), limit)
    assert sorted(itertools.chain(*pages)) == sorted(made)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, {"000", "001", "002"}),
        ({"verdict": "FAILURE"}, {"001"}),
        ({"rule": "garden"}, {"000", "001", "002"}),
        ({"rule": "kitchen"}, set()),
        ({"label": "WEED"}, {"001", "002"}),
        ({"label": "weed", "min_confidence": 90}, {"001"}),
        ({"label": "tulip"}, set()),
    ],
)
def test_inspections_are_found_by_verdict_rule_and_label(
    desk: Operations, inspected: Callable[..., str], wanted: dict[str, Any], expected: set[str]
) -> None:
    inspected("2026-11-20T10:00:00.000Z")
    inspected("2026-11-20T10:01:00.000Z", "FAILURE", Weed=95)
    inspected("2026-11-20T10:02:00.000Z", Weed=80)
    assert {key[len("images/") : -len(".jpg")] for key in _keys(desk, **wanted)} == expected


@pytest.mark.parametrize(
    ("moment", "is_found"),
    [
        ("2026-11-16T23:59:59.999Z", False),
        ("2026-11-17T00:00:00.000Z", True),
        ("2026-11-20T23:59:59.999Z", True),
        ("2026-11-21T00:00:00.000Z", False),
    ],
)
def test_the_days_of_inspections_are_both_included(
    desk: Operations, inspected: Callable[..., str], moment: str, is_found: bool
) -> None:
    inspected(moment)
    assert bool(_keys(desk)) is is_found


def test_a_look_at_inspections_that_few_match_answers_with_less_and_a_place_to_go_on(
    desk: Operations, inspected: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_LOOKS_LIMIT", 2)
    monkeypatch.setattr(operations, "_LOOKS_AT_ONCE", 2)
    oldest = inspected("2026-11-20T10:00:00.000Z", Weed=95)
    for minute in range(1, 5):
        inspected(f"2026-11-20T10:0{minute}:00.000Z")
    pages = _pages(desk, Inspected(Span(DAY, DAY), label="weed"), 10)
    assert (pages[0], [*itertools.chain(*pages)]) == ([], [oldest])


def test_an_inspected_image_is_shown_where_it_was_moved_to(desk: Operations, inspected: Callable[..., str]) -> None:
    inspected("2026-11-20T10:00:00.000Z", moved_to="analyzed/success/rose.jpg")
    [shown], _ = desk.inspections(Inspected(Span(DAY, DAY)), None, 1)
    assert "amzn-s3-demo-results.s3" in shown["image_url"]
    assert "/analyzed/success/rose.jpg?" in shown["image_url"]


def test_an_inspected_image_that_stayed_is_shown_in_its_version(
    desk: Operations, inspected: Callable[..., str]
) -> None:
    inspected("2026-11-20T10:00:00.000Z")
    [shown], _ = desk.inspections(Inspected(Span(DAY, DAY)), None, 1)
    assert "versionId=" in shown["image_url"]


# Bulk runs


def _executions(desk: Operations) -> list[dict[str, Any]]:
    return list(client("stepfunctions").list_executions(stateMachineArn=desk.run_arn)["executions"])


def test_the_same_name_starts_a_run_once(desk: Operations) -> None:
    runs = [desk.start_run(REQUEST, "one") for _ in range(2)]
    assert (runs[0], len(_executions(desk))) == (runs[1], 1)


def test_the_same_name_gives_a_run_that_has_ended(desk: Operations) -> None:
    desk.start_run(REQUEST, "one")
    client("stepfunctions").stop_execution(executionArn=_executions(desk)[0]["executionArn"])
    assert desk.start_run(REQUEST, "one")["status"] == "ABORTED"


def test_the_same_name_for_another_run_is_refused(desk: Operations) -> None:
    desk.start_run(REQUEST, "one")
    with pytest.raises(Conflict, match="it has started another run; take a new key"):
        desk.start_run(OTHER, "one")
    assert len(_executions(desk)) == 1


def test_a_run_that_began_a_moment_ago_is_not_known_everywhere_and_no_conflict(
    desk: Operations, refuse: Callable[..., None]
) -> None:
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    refuse("stepfunctions", "DescribeExecution", "ExecutionDoesNotExist")
    run = desk.start_run(REQUEST, "one")
    assert (run["run_id"], run["status"], run["prefix"]) == ("one", "RUNNING", "archive/")


def test_a_run_says_how_far_it_is(desk: Operations) -> None:
    desk.start_run(REQUEST, "one")
    desk.runs.open("one", _executions(desk)[0]["executionArn"], REQUEST, "2026-11-20T10:00:00.000Z")
    tally = Tally()
    tally.seen, tally.labelled = 5, 3
    desk.runs.count("one", tally)
    assert desk.run("one")["counts"] == {"seen": 5, "labelled": 3, "partial": 0, "skipped": 0, "failed": 0}


def test_a_run_that_has_not_begun_is_known_by_its_request(desk: Operations) -> None:
    desk.start_run(REQUEST, "one")
    [run] = desk.latest_runs()
    assert (run["bucket"], run["prefix"], run["counts"]["seen"]) == ("amzn-s3-demo-bucket", "archive/", 0)


def test_a_run_that_found_another_at_its_prefix_says_so(desk: Operations, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.start_run(REQUEST, "one")
    _output(monkeypatch, {"decision": "BUSY"})
    assert desk.run("one")["error"]["name"] == "Busy"


def _output(monkeypatch: pytest.MonkeyPatch, output: dict[str, Any], **others: Any) -> None:
    """Let the executions end with an output, as moto's never do."""
    find = workflow.find

    def ended(arn: str) -> Any:
        execution = find(arn)
        return execution and replace(execution, output=output, **others)

    monkeypatch.setattr(workflow, "find", ended)


@pytest.mark.parametrize(
    ("started_with", "shown"),
    [
        ({"myStateInput": {"Bucket": "amzn-s3-demo-other", "Prefix": "2026/"}}, ("amzn-s3-demo-other", "2026/")),
        ({"s3Bucket": "amzn-s3-demo-other"}, ("", "")),
        ([], ("", "")),
    ],
)
def test_a_run_that_was_started_with_other_input_is_listed(
    desk: Operations, started_with: Any, shown: tuple[str, str]
) -> None:
    client("stepfunctions").start_execution(stateMachineArn=desk.run_arn, input=json.dumps(started_with))
    [run] = desk.latest_runs()
    assert (run["bucket"], run["prefix"]) == shown


def test_a_run_that_never_was_is_not_found(desk: Operations) -> None:
    with pytest.raises(NotFound):
        desk.run("never")


def test_the_latest_runs_have_their_pages_in_the_console(desk: Operations) -> None:
    desk.start_run(REQUEST, "one")
    arn = _executions(desk)[0]["executionArn"]
    assert desk.latest_runs()[0]["execution_url"] == (
        f"https://eu-west-1.console.aws.amazon.com/states/home?region=eu-west-1#/v2/executions/details/{arn}"
    )


# Sessions


def test_without_a_custom_labels_model_there_are_no_sessions(desk: Operations) -> None:
    assert replace(desk, sessions=None).latest_sessions() == []


@pytest.fixture
def session(desk: Operations) -> str:
    """The execution of a session of two inference units that runs."""
    desk.start_run(REQUEST, "one")
    arn = str(_executions(desk)[0]["executionArn"])
    SessionLog(TABLE).open(arn, 2, "2026-11-20T10:00:00.000Z")
    return arn


def test_a_session_that_runs_has_no_cost_yet(desk: Operations, session: str) -> None:
    [shown] = desk.latest_sessions()
    assert (shown["status"], shown["images"], shown["cost_dollars"]) == ("RUNNING", None, None)


@pytest.mark.parametrize(("minutes", "cost"), [(15, 2.0), (0, 0.0), (0.5, 0.0667)])
def test_a_session_costs_what_its_units_are_paid_for(
    desk: Operations, session: str, minutes: float, cost: float
) -> None:
    SessionLog(TABLE).close(session, 90, minutes, "2026-11-20T10:15:00.000Z")
    [shown] = desk.latest_sessions()
    assert (shown["images"], shown["cost_dollars"]) == (90, cost)


def test_a_session_that_failed_says_why(desk: Operations, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _output(monkeypatch, {}, status="FAILED", error="States.Timeout", cause="too long")
    [shown] = desk.latest_sessions()
    assert shown["error"] == {"name": "States.Timeout", "cause": "too long"}


def test_a_session_that_was_stopped_with_a_cause_alone_says_why(
    desk: Operations, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _output(monkeypatch, {}, status="ABORTED", error="", cause="why")
    [shown] = desk.latest_sessions()
    assert shown["error"] == {"name": "", "cause": "why"}


def test_a_session_that_step_functions_has_forgotten_is_not_shown(
    desk: Operations, session: str, refuse: Callable[..., None]
) -> None:
    refuse("stepfunctions", "DescribeExecution", "ExecutionDoesNotExist")
    assert desk.latest_sessions() == []


def test_the_timeline_of_an_execution_has_the_states_that_it_entered(aws: None) -> None:
    at = datetime(2026, 11, 20, 10, tzinfo=UTC)
    events = [
        {"timestamp": at, "type": "ExecutionStarted", "id": 1},
        {"timestamp": at, "type": "TaskStateEntered", "id": 2, "stateEnteredEventDetails": {"name": "StartModel"}},
        {"timestamp": at, "type": "TaskStateExited", "id": 3},
    ]
    with Stubber(client("stepfunctions")) as states:
        states.add_response("get_execution_history", {"events": events})
        assert workflow.entered("arn") == [("2026-11-20T10:00:00.000Z", "StartModel")]
