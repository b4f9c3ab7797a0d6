"""Bulk runs: started once by an operator, listed newest first, and shown with progress, cost and failures."""

import json
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.faults import Refuse
from tests.functions.http_api import Caller, each
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import Tally

RUN_ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket"


def start(operator: Caller, key: str | None = None, **form: Any) -> Any:
    answered = operator("POST", "/api/bulk-runs", {"prefix": "2026/", **form}, key=key)
    assert answered.status == 202, answered
    return answered.json()


def begin(run: dict[str, Any]) -> Request:
    """Record what the first state of the run records."""
    request = Request.from_dict({"bucket": run["bucket"], "prefix": run["prefix"]})
    BulkRuns(TABLE).open(run["run_id"], arn_of(run), request, run["started_at"])
    return request


def arn_of(run: dict[str, Any]) -> str:
    return f"{RUN_ARN}:{run['run_id']}"


def shown(operator: Caller, run: dict[str, Any]) -> Any:
    return operator.get(f"/api/bulk-runs/{run['run_id']}").json()


def listed(operator: Caller) -> Any:
    return operator.get("/api/bulk-runs").json()["runs"]


def test_run_over_the_stacks_own_bucket_is_started_and_shown(operator: Caller) -> None:
    assert listed(operator) == []
    run = start(operator)
    assert run == {
        "run_id": run["run_id"],
        "status": "RUNNING",
        "bucket": BUCKET,
        "prefix": "2026/",
        "started_at": run["started_at"],
        "ended_at": None,
        "counts": {"seen": 0, "labelled": 0, "partial": 0, "skipped": 0, "failed": 0},
        "failures": [],
        "estimated_cost_dollars": None,
        "error": None,
        "execution_url": run["execution_url"],
    }
    assert run["execution_url"].endswith(arn_of(run))
    assert shown(operator, run) == run


def test_same_idempotency_key_starts_one_execution_with_the_request(operator: Caller) -> None:
    wanted = {"bucket": "another-bucket", "prefix": "a b/é", "force": True}
    run = start(operator, key="k1", **wanted)
    assert run["bucket"] == "another-bucket"
    sent = client("stepfunctions").describe_execution(executionArn=arn_of(run))["input"]
    assert Request.from_dict(json.loads(sent)) == Request.from_dict(wanted)
    assert start(operator, key="k1", **wanted)["run_id"] == run["run_id"]
    for change in ({"prefix": "2025/"}, {"force": False}, {"bucket": BUCKET}):
        refused = operator("POST", "/api/bulk-runs", wanted | change, key="k1")
        assert refused.status == 409
        assert "take a new key" in refused.problem()["detail"]
    assert len(listed(operator)) == 1
    assert start(operator)["run_id"] != start(operator)["run_id"]


@pytest.mark.parametrize("code", ["ExecutionLimitExceeded", "ThrottlingException"])
def test_throttled_start_asks_to_retry_later(operator: Caller, refuse: Refuse, code: str) -> None:
    refuse("stepfunctions", "StartExecution", code)
    answered = operator("POST", "/api/bulk-runs", {"prefix": "2026/"}, key="k1")
    assert (answered.status, answered.headers["retry-after"]) == (429, "3")


def test_ended_run_shows_its_cost_and_failures(operator: Caller) -> None:
    run = start(operator)
    summary = {
        "status": "SUCCEEDED",
        "reasons": {"CorruptImage": 2},
        "estimated_cost_usd": {"rekognition": 1.25, "everything_else": 0.5},
    }
    BulkRuns(TABLE).close(run["run_id"], begin(run), arn_of(run), summary, "2026-11-21T10:00:00.000Z")
    assert shown(operator, run)["estimated_cost_dollars"] == 1.75
    assert shown(operator, run)["failures"] == [{"name": "CorruptImage", "images": 2}]


def test_cost_of_a_stopped_run_grows_with_its_last_batches(operator: Caller) -> None:
    run = start(operator)
    batch = Tally(seen=100, labelled=100, calls=100, writes=100, batches=1, worker_seconds=30.0)
    summary = {"status": "ABORTED", "provisional": True, "seen": 100, "estimated_cost_usd": {"rekognition": 0.1}}
    runs, request = BulkRuns(TABLE), begin(run)
    runs.count(run["run_id"], batch)
    runs.close(run["run_id"], request, arn_of(run), summary, "2026-11-21T10:00:00.000Z")
    first = shown(operator, run)["estimated_cost_dollars"]
    runs.count(run["run_id"], batch)
    assert first > 0.1
    assert shown(operator, run)["estimated_cost_dollars"] == pytest.approx(2 * first, abs=1e-5)


def test_stopped_run_is_shown_as_aborted(operator: Caller) -> None:
    run = start(operator)
    client("stepfunctions").stop_execution(executionArn=arn_of(run), error="Stopped", cause="by an operator")
    assert shown(operator, run)["status"] == "ABORTED"
    assert shown(operator, run)["ended_at"]


def test_latest_twenty_runs_are_listed_newest_first(operator: Caller) -> None:
    started = {start(operator, prefix=f"{number}/")["run_id"] for number in range(21)}
    runs = listed(operator)
    assert len(runs) == 20
    assert {run["run_id"] for run in runs} < started
    moments = [run["started_at"] for run in runs]
    assert moments == sorted(moments, reverse=True)


VALID: dict[str, list[Any]] = {
    "prefix": ["", "x" * 1024, "/", "写真/"],
    "bucket": ["abc", "x" * 63, None],
    "force": [True, False],
}
INVALID: dict[str, list[Any]] = {
    "prefix": ["x" * 1025, "é" * 1024, None, 5, ["2026/"]],
    "bucket": ["ab", "x" * 64, "", 5],
    "force": ["yes", 1, None],
    "steps": [["labels"]],
    "inventory": [{"bucket": "abc", "key": "manifest.json"}],
}


def test_field_at_its_limit_is_accepted(operator: Caller) -> None:
    for field, value in each(VALID):
        start(operator, **{field: value})


def test_invalid_field_is_rejected_by_name(operator: Caller) -> None:
    for field, value in each(INVALID):
        answered = operator("POST", "/api/bulk-runs", {"prefix": "2026/", field: value})
        assert answered.status == 422, (field, value)
        assert {error["field"] for error in answered.problem()["errors"]} == {field}
    # A missing prefix, and half of a surrogate pair.
    for body in (b"{}", b'{"prefix":"\\ud83d"}', b'{"prefix":"\\udc00x"}'):
        assert operator("POST", "/api/bulk-runs", body).status == 422, body
    assert listed(operator) == []


def test_unknown_or_malformed_run_id_is_rejected(operator: Caller) -> None:
    assert operator.get("/api/bulk-runs/never-started").status == 404
    for malformed in ("x" * 81, "a:b", "..", "a%0A", "%2F", "a b", "é", "a.b"):
        assert operator.get(f"/api/bulk-runs/{malformed}").status in (404, 422), malformed
