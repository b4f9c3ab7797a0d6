"""Bulk runs in the table: the lease of a prefix, the record of a run, and its progress."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from vision.adapters.bulk_runs import BulkRuns
from vision.domain import records
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import PROGRESS, Tally

BUCKET = "amzn-s3-demo-bucket"
REQUEST = Request.from_dict({"bucket": BUCKET, "prefix": "archive/"})
OTHER = Request.from_dict({"bucket": BUCKET, "prefix": "archive/2026/"})
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:one"
NOW, LATER = "2026-11-12T09:31:00.000Z", "2026-11-12T11:00:00.000Z"


@pytest.fixture
def runs(table_name: str) -> BulkRuns:
    return BulkRuns(table_name)


def test_one_of_many_concurrent_executions_takes_a_prefix(runs: BulkRuns, one_call_at_a_time: None) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: runs.acquire(REQUEST, f"execution-{n}", "", NOW), range(8)))
    assert taken.count(True) == 1
    assert runs.holder(REQUEST) == f"execution-{taken.index(True)}"


def test_holder_takes_its_prefix_again_and_is_replaced_once(runs: BulkRuns) -> None:
    assert runs.acquire(REQUEST, "one", "", NOW)
    assert runs.acquire(REQUEST, "one", "", NOW)
    # Another prefix is free.
    assert runs.acquire(OTHER, "two", "", NOW)
    assert [runs.acquire(REQUEST, name, "one", NOW) for name in ("two", "three")] == [True, False]


def test_closed_run_releases_its_own_prefix_and_not_that_of_its_successor(runs: BulkRuns) -> None:
    runs.acquire(REQUEST, ARN, "", NOW)
    runs.open("one", ARN, REQUEST, NOW)
    runs.close("one", REQUEST, ARN, {"status": "SUCCEEDED"}, NOW)
    assert runs.holder(REQUEST) == ""
    assert runs.acquire(REQUEST, "two", "", NOW)
    runs.close("one", REQUEST, ARN, {"status": "ABORTED"}, NOW)
    assert runs.holder(REQUEST) == "two"


def test_record_of_a_run_holds_its_request_and_the_time_of_its_first_start(runs: BulkRuns) -> None:
    runs.open("one", ARN, REQUEST, NOW)
    runs.open("one", ARN, REQUEST, LATER)
    record = runs.read("one") or {}
    assert Request.from_dict(record["request"]) == REQUEST
    assert (record["listing_pk"], record["status"], record["record_type"]) == ("RUNS", "RUNNING", "bulk_run")
    assert records.now() > record["listing_sk"][: len(NOW)]
    assert (record["started_at"], record["updated_at"]) == (NOW, LATER)


def test_progress_of_concurrent_batches_adds_up(runs: BulkRuns, one_call_at_a_time: None) -> None:
    runs.open("one", ARN, REQUEST, NOW)
    tally = Tally(seen=3, skipped=1, labelled=2, calls=2, reads=4, writes=2, batches=1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: runs.count("one", tally), range(10)))
    record = runs.read("one") or {}
    assert {name: record[name] for name in PROGRESS} == {name: 10 * getattr(tally, name) for name in PROGRESS}


def test_batch_of_a_run_that_was_never_opened_makes_no_record(runs: BulkRuns) -> None:
    runs.count("one", Tally(seen=3, batches=1))
    assert runs.read("one") is None
