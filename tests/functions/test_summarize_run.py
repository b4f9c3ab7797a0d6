import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import ENVIRONMENT, RESULTS, Event, Hook, Listing, Start
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.table import Table
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.bulk.tallies import Tally
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidRun
from vision.domain.executions import Attempt

End = Callable[..., Any]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:first"
NOW = "2026-11-12T09:30:03.000Z"
REQUEST = Request.from_dict({"bucket": BUCKET, "prefix": "private/"})
WHOLE_BUCKET = Request.from_dict({"bucket": BUCKET, "prefix": ""})


@pytest.fixture
def end(function: Start, results: Listing, runs: BulkRuns, event: Event) -> End:
    """Summarize a run whose Map wrote these rows as its results."""
    client("events").create_event_bus(Name=ENVIRONMENT["VISION_EVENT_BUS_NAME"])

    def put(name: str, content: str) -> dict[str, Any]:
        key = f"imageLabelJobs/first/uuid/{name}"
        client("s3").put_object(Bucket=RESULTS, Key=key, Body=content.encode())
        return {"Key": key, "Size": len(content)}

    def summarize(
        sample: str, *rows: Any, name: str = "SUCCEEDED_0.jsonl", before_redrive: tuple[dict[str, Any], ...] = ()
    ) -> Any:
        runs.acquire(REQUEST, ARN, "", NOW)
        runs.open("first", ARN, REQUEST, NOW)
        if before_redrive:
            put("FAILED_0.jsonl", "\n".join(map(json.dumps, before_redrive)))
        if rows:
            # https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
            files: dict[str, list[Any]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
            files[name.partition("_")[0]].append(put(name, "\n".join(map(json.dumps, rows))))
            put("manifest.json", json.dumps({"DestinationBucket": RESULTS, "MapRunArn": ARN, "ResultFiles": files}))
        return function("summarize_run")(event(sample))

    return summarize


@pytest.fixture
def lose(end: End) -> Callable[..., Any]:
    """Summarize a run with one batch that ended with an error."""

    def summarize(error: str, *items: dict[str, Any]) -> Any:
        lost = {"Input": json.dumps({"Items": items}), "Error": error}
        return end("summarize_run_failed", lost, name="FAILED_0.jsonl")

    return summarize


def _batch(**counts: int) -> dict[str, Any]:
    reasons = {"AccessDenied": counts["failed"]} if counts.get("failed") else {}
    return Tally(batches=1, worker_seconds=12.5, **counts).as_dict() | {"reasons": reasons, "in_vain": False}


def _summary_file() -> Any:
    body = client("s3").get_object(Bucket=RESULTS, Key="imageLabelJobs/first/summary.json")["Body"].read()
    return json.loads(body)


def _assert_has(found: dict[str, Any] | None, **expected: Any) -> None:
    assert {name: (found or {}).get(name) for name in expected} == expected


# Results of batches


def test_summary_adds_up_the_batches_and_releases_the_prefix(end: End, runs: BulkRuns) -> None:
    rows = [_batch(seen=100, labelled=99, failed=1, calls=99, reads=300, writes=100)] * 3
    # The field Output is text where results are written without a transformation.
    summary = end("summarize_run", *rows[:2], json.dumps(rows[2]))
    _assert_has(summary, status="SUCCEEDED", seen=300, labelled=297, failed=3, failures=None)
    assert summary["estimated_cost_usd"]["rekognition"] == pytest.approx(0.297)
    assert 0 < summary["estimated_cost_usd"]["everything_else"] < 0.01
    _assert_has(runs.read("first"), status="SUCCEEDED", seen=300, failed=3, reasons={"AccessDenied": 3})
    assert _summary_file()["seen"] == 300
    assert runs.holder(REQUEST) == ""


def test_summary_is_sent_as_an_event(end: End, hook: Hook) -> None:
    put: list[dict[str, Any]] = []
    hook("events", "provide-client-params.SERVICE.PutEvents", lambda params, **_: put.extend(params["Entries"]))
    summary = end("summarize_run", _batch(seen=1, labelled=1))
    [entry] = put
    _assert_has(entry, Source="image-recognition", DetailType="Bulk Run Ended")
    assert json.loads(entry["Detail"]) == summary
    # An event may have 256 KB.
    assert len(entry["Detail"]) < 10_000


def test_too_many_failed_images_fail_the_run_with_their_reasons(end: End) -> None:
    summary = end("summarize_run", _batch(seen=100, labelled=94, failed=6))
    assert (summary["status"], summary["error"]["name"]) == ("FAILED", "TooManyImagesFailed")
    assert "6 of 100 images failed, 6.0 % where 5 % are tolerated: AccessDenied 6" in summary["error"]["cause"]


@pytest.mark.parametrize(
    ("error", "items"), [("States.Timeout", [{}] * 40), ("InvalidEvent", [{"key": "private/a.jpg"}, {}])]
)
def test_lost_batch_counts_all_its_images_as_failed(lose: End, error: str, items: list[dict[str, Any]]) -> None:
    _assert_has(lose(error, *items), seen=len(items), failed=len(items), reasons={error: len(items)})


def test_images_of_a_lost_batch_count_as_their_records_say(lose: End, table: Table) -> None:
    items = [{"key": f"private/{name}.jpg", "etag": f'"{name}"', "size_bytes": 5} for name in ("done", "bad", "left")]
    done, bad, _ = (Item.of(item, WHOLE_BUCKET).version for item in items)
    labels = {"status": "SUCCEEDED", "labels": [], "detector": {"name": "rekognition", "version": "3.0"}}
    refused = {"status": "FAILED", "error": {"name": "CorruptImage", "cause": "cut"}}
    for version, outcome in ((done, labels), (bad, refused)):
        table.advance(Envelope.of(version), Attempt(ARN, NOW), outcome, NOW)
    folder = items[0] | {"size_bytes": 0, "key": "private/folder/"}
    summary = lose("Runtime.ExitError", *items, folder)
    _assert_has(summary, seen=4, labelled=1, skipped=1, failed=2, calls=1, writes=2)
    assert summary["reasons"] == {"CorruptImage": 1, "Runtime.ExitError": 1}


def test_photos_that_the_run_leaves_out_are_skipped_in_a_lost_batch(lose: End, runs: BulkRuns) -> None:
    runs.open("first", ARN, WHOLE_BUCKET, NOW, left_out="private/")
    items = [{"key": key, "etag": '"1"', "size_bytes": 5} for key in ("private/a.jpg", "private/b.jpg", "2026/c.jpg")]
    _assert_has(lose("States.Timeout", *items), seen=3, skipped=2, reasons={"States.Timeout": 1})


def test_batch_that_failed_before_a_redrive_counts_once(end: End) -> None:
    lost = {"Input": json.dumps({"Items": [{}] * 100}), "Error": "States.Timeout"}
    summary = end("summarize_run", _batch(seen=100, labelled=100), before_redrive=(lost,))
    _assert_has(summary, status="SUCCEEDED", seen=100, failed=0)


# Runs without results


def test_run_without_result_files_refers_to_the_records(end: End, runs: BulkRuns) -> None:
    runs.open("first", ARN, REQUEST, NOW)
    runs.count("first", Tally(seen=50, failed=50, batches=1))
    cause = end("summarize_run_failed")["error"]["cause"]
    assert "50 of 50 images failed" in cause
    assert "their records say why" in cause


def test_summary_notes_that_photos_were_skipped_and_the_parameter(end: End, runs: BulkRuns) -> None:
    runs.open("first", ARN, WHOLE_BUCKET, NOW, "private/")
    note = end("summarize_run", _batch(seen=2, labelled=1, skipped=1))["note"]
    assert "private/" in note
    assert "BulkReadsPhotos" in note


def test_empty_prefix_is_a_success_with_a_note(end: End) -> None:
    summary = end("summarize_run")
    _assert_has(summary, status="SUCCEEDED", seen=0)
    assert "prefix" in summary["note"]


@pytest.fixture
def stopped(end: End, runs: BulkRuns, hook: Hook) -> dict[str, Any]:
    """The summary of a stopped run; one batch ends while it is summarized, another one afterwards."""
    batch = Tally(seen=50, labelled=50, calls=50, writes=50, batches=1, worker_seconds=12.5)
    runs.open("first", ARN, REQUEST, NOW)
    runs.count("first", batch)
    hook("s3", "before-call.SERVICE.PutObject", lambda **_: runs.count("first", batch))
    summary = end("summarize_run_aborted")
    runs.count("first", batch)
    return dict(summary)


def test_stopped_run_has_a_provisional_summary_and_counts_late_batches(stopped: dict[str, Any], runs: BulkRuns) -> None:
    _assert_has(stopped, status="ABORTED", provisional=True, seen=50, labelled=50)
    assert _summary_file() == stopped
    _assert_has(runs.read("first"), status="ABORTED", seen=150, labelled=150, calls=150, worker_seconds=37.5)
    assert runs.holder(REQUEST) == ""


def test_redriven_run_has_its_final_sums_and_no_error(stopped: dict[str, Any], end: End, runs: BulkRuns) -> None:
    assert "error" in (runs.read("first") or {})
    end("summarize_run", _batch(seen=120, labelled=120, calls=100))
    record = runs.read("first") or {}
    _assert_has(record, status="SUCCEEDED", seen=120, calls=100)
    assert record["estimated_cost_usd"]["rekognition"] == 0.1
    assert record.keys().isdisjoint({"error", "provisional"})


def test_summarized_or_unopened_run_is_not_closed_by_its_status_change(function: Start, end: End, event: Event) -> None:
    assert function("summarize_run")(event("summarize_run_aborted")) is None
    assert end("summarize_run")["status"] == "SUCCEEDED"
    assert function("summarize_run")(event("summarize_run_aborted")) is None


@pytest.mark.parametrize("sample", ["summarize_run", "summarize_run_failed"])
def test_run_without_a_record_is_invalid(function: Start, runs: BulkRuns, event: Event, sample: str) -> None:
    with pytest.raises(InvalidRun, match=r"run first: .*start the run again$"):
        function("summarize_run")(event(sample))
