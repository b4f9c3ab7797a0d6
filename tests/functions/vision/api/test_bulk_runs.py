"""Bulk runs: started once by an operator, listed newest first, looked at."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET, TABLE
from tests.functions.http_api import Caller
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import Tally

RUN_ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket"
ABSENT = "nobody-started-this"


@pytest.fixture
def operator(api: Callable[..., Caller]) -> Caller:
    return api("olga", "operators")


def start(operator: Caller, key: str | None = None, **form: Any) -> Any:
    answered = operator("POST", "/api/bulk-runs", {"prefix": "2026/", **form}, key=key)
    assert answered.status == 202, answered
    return answered.json()


def begin(run: dict[str, Any]) -> Request:
    """Record what the first state of the run records."""
    request = Request.from_dict({"bucket": run["bucket"], "prefix": run["prefix"]})
    BulkRuns(TABLE).open(run["run_id"], f"{RUN_ARN}:{run['run_id']}", request, run["started_at"])
    return request


def test_without_runs_the_list_is_empty(operator: Caller) -> None:
    assert operator.get("/api/bulk-runs").json() == {"runs": []}


def test_a_run_is_started_over_the_own_bucket(operator: Caller) -> None:
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
    assert run["execution_url"].endswith(f"{RUN_ARN}:{run['run_id']}")


def test_a_run_is_started_over_another_bucket(operator: Caller) -> None:
    assert start(operator, bucket="another-bucket")["bucket"] == "another-bucket"


def test_the_execution_gets_what_was_asked_for(operator: Caller) -> None:
    run = start(operator, prefix="a b/é", force=True)
    asked = client("stepfunctions").describe_execution(executionArn=f"{RUN_ARN}:{run['run_id']}")["input"]
    wanted = {"bucket": BUCKET, "prefix": "a b/é", "force": True}
    assert Request.from_dict(json.loads(asked)) == Request.from_dict(wanted)


def test_a_run_is_looked_at_by_its_id(operator: Caller) -> None:
    run = start(operator)
    assert operator.get(f"/api/bulk-runs/{run['run_id']}").json() == run


def test_a_run_tells_how_far_it_is(operator: Caller) -> None:
    run = start(operator)
    begin(run)
    BulkRuns(TABLE).count(run["run_id"], Tally(seen=9, labelled=5, partial=1, skipped=1, failed=2))
    counts = operator.get(f"/api/bulk-runs/{run['run_id']}").json()["counts"]
    assert counts == {"seen": 9, "labelled": 5, "partial": 1, "skipped": 1, "failed": 2}


def test_a_run_that_ended_tells_cost_and_failures(operator: Caller) -> None:
    run = start(operator)
    summary = {
        "status": "SUCCEEDED",
        "reasons": {"CorruptImage": 2},
        "estimated_cost_usd": {"rekognition": 1.25, "everything_else": 0.5},
    }
    BulkRuns(TABLE).close(run["run_id"], begin(run), f"{RUN_ARN}:{run['run_id']}", summary, "2026-11-21T10:00:00.000Z")
    found = operator.get(f"/api/bulk-runs/{run['run_id']}").json()
    assert (found["estimated_cost_dollars"], found["failures"]) == (1.75, [{"name": "CorruptImage", "images": 2}])


def test_cost_of_a_stopped_run_goes_on_with_its_batches(operator: Caller) -> None:
    run = start(operator)
    batch = Tally(seen=100, labelled=100, calls=100, writes=100, batches=1, worker_seconds=30.0)
    summary = {"status": "ABORTED", "provisional": True, "seen": 100, "estimated_cost_usd": {"rekognition": 0.1}}
    runs, request = BulkRuns(TABLE), begin(run)
    runs.count(run["run_id"], batch)
    runs.close(run["run_id"], request, f"{RUN_ARN}:{run['run_id']}", summary, "2026-11-21T10:00:00.000Z")
    costs = []
    for _ in range(2):
        costs.append(operator.get(f"/api/bulk-runs/{run['run_id']}").json()["estimated_cost_dollars"])
        runs.count(run["run_id"], batch)
    assert costs[0] > 0.1
    assert costs[1] == pytest.approx(2 * costs[0], abs=1e-5)


def test_a_run_that_was_stopped_says_so(operator: Caller) -> None:
    run = start(operator)
    client("stepfunctions").stop_execution(
        executionArn=f"{RUN_ARN}:{run['run_id']}", error="Stopped", cause="by an operator"
    )
    found = operator.get(f"/api/bulk-runs/{run['run_id']}").json()
    assert (found["status"], bool(found["ended_at"])) == ("ABORTED", True)


def test_runs_are_listed_newest_first(operator: Caller) -> None:
    made = [start(operator, prefix=f"{number}/")["run_id"] for number in range(3)]
    listed = operator.get("/api/bulk-runs").json()["runs"]
    assert sorted(run["run_id"] for run in listed) == sorted(made)
    moments = [run["started_at"] for run in listed]
    assert moments == sorted(moments, reverse=True)


def test_at_most_twenty_runs_are_listed(operator: Caller) -> None:
    for number in range(21):
        start(operator, prefix=f"{number}/")
    assert len(operator.get("/api/bulk-runs").json()["runs"]) == 20


def test_the_same_key_starts_one_run(operator: Caller) -> None:
    assert start(operator, key="k1")["run_id"] == start(operator, key="k1")["run_id"]
    assert len(operator.get("/api/bulk-runs").json()["runs"]) == 1


@pytest.mark.parametrize("change", [{"prefix": "2025/"}, {"force": True}, {"bucket": "another-bucket"}])
def test_a_key_that_started_a_run_starts_no_other(operator: Caller, change: dict[str, Any]) -> None:
    start(operator, key="k1")
    refused = operator("POST", "/api/bulk-runs", {"prefix": "2026/", **change}, key="k1")
    assert (refused.status, "take a new key" in refused.problem()["detail"]) == (409, True)


def test_without_a_key_each_request_starts_a_run(operator: Caller) -> None:
    assert start(operator)["run_id"] != start(operator)["run_id"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prefix", ""),
        ("prefix", "x" * 1024),
        ("prefix", "/"),
        ("prefix", "写真/"),
        ("bucket", "abc"),
        ("bucket", "x" * 63),
        ("bucket", None),
        ("force", True),
        ("force", False),
    ],
)
def test_a_field_at_its_limit_is_taken(operator: Caller, field: str, value: Any) -> None:
    start(operator, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prefix", "x" * 1025),
        ("prefix", "é" * 1024),
        ("prefix", None),
        ("prefix", 5),
        ("prefix", ["2026/"]),
        ("bucket", "ab"),
        ("bucket", "x" * 64),
        ("bucket", ""),
        ("bucket", 5),
        ("force", "yes"),
        ("force", 1),
        ("force", None),
        ("steps", ["labels"]),
        ("inventory", {"bucket": "abc", "key": "manifest.json"}),
    ],
)
def test_a_field_beyond_its_limit_is_refused_by_its_name(operator: Caller, field: str, value: Any) -> None:
    answered = operator("POST", "/api/bulk-runs", {"prefix": "2026/", field: value})
    assert (answered.status, {error["field"] for error in answered.problem()["errors"]}) == (422, {field})
    assert operator.get("/api/bulk-runs").json() == {"runs": []}


def test_a_prefix_is_needed(operator: Caller) -> None:
    answered = operator("POST", "/api/bulk-runs", {})
    assert answered.problem()["errors"] == [{"field": "prefix", "message": "Field required"}]


@pytest.mark.parametrize("escape", ["\\ud83d", "\\udc00x"])
def test_half_of_a_surrogate_pair_is_no_prefix(operator: Caller, escape: str) -> None:
    assert operator("POST", "/api/bulk-runs", f'{{"prefix":"{escape}"}}'.encode()).status == 422


def test_there_is_no_run_that_was_never_started(operator: Caller) -> None:
    assert operator.get(f"/api/bulk-runs/{ABSENT}").status == 404


@pytest.mark.parametrize("run_id", ["x" * 81, "a:b", "..", "a%0A", "%2F", "a b", "é", "a.b"])
def test_an_id_of_another_form_is_refused(operator: Caller, run_id: str) -> None:
    assert operator.get(f"/api/bulk-runs/{run_id}").status in (404, 422)


@pytest.mark.parametrize("code", ["ExecutionLimitExceeded", "ThrottlingException"])
def test_a_busy_service_asks_to_come_again(operator: Caller, refuse: Callable[..., None], code: str) -> None:
    refuse("stepfunctions", "StartExecution", code)
    answered = operator("POST", "/api/bulk-runs", {"prefix": "2026/"}, key="k1")
    assert (answered.status, answered.headers["retry-after"]) == (429, "3")
