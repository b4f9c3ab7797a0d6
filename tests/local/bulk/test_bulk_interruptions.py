"""Stopped runs, killed workers, deleted objects and throttling: the rest is processed, and nothing is paid twice."""

import json

import pytest

from tests.local.bulk.bulk_runs import OWN, Bulk
from tests.local.stack.pipeline import wait_for
from vision.services.bulk_worker import THREADS

pytestmark = pytest.mark.local

# Three batches, of which two are worked on at a time.
PHOTOS = 210


def _finished(bulk: Bulk, execution: str) -> int:
    """Return how many images are recorded, or 0 while workers of a stopped run are still recording more."""
    # A worker adds its batch to the run's counts when it ends.
    counted, recorded = bulk.record(execution).get("labelled", 0), len(bulk.image_records())
    return recorded if recorded == counted else 0


def test_run_after_a_stopped_one_processes_exactly_the_rest(bulk):
    bulk.put_photos(PHOTOS)
    execution = bulk.start()
    bulk.wait_until_recorded()
    bulk.pipeline.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: bulk.record(execution)["status"] == "ABORTED")
    # Lambda does not notice that its caller is gone: running workers complete their batches.
    wait_for(lambda: bulk.map_run(execution)["status"] == "ABORTED")
    done = wait_for(lambda: _finished(bulk, execution))
    summary = bulk.run()
    assert 0 < done < PHOTOS
    assert summary["skipped"] == done
    assert summary["labelled"] == summary["calls"] == PHOTOS - done
    assert summary["failed"] == 0
    assert len(bulk.image_records()) == PHOTOS
    # The SDK repeats a call that a busy machine does not answer in time.
    assert PHOTOS <= bulk.calls() < PHOTOS + done


@pytest.mark.usefixtures("slow")
def test_stopped_run_has_an_aborted_summary(bulk):
    bulk.put_photos(5)
    execution = bulk.start()
    wait_for(lambda: bulk.map_run(execution))
    bulk.pipeline.client("stepfunctions").stop_execution(executionArn=execution, cause="enough")
    record = wait_for(lambda: "error" in (found := bulk.record(execution)) and found)
    summary = bulk.summary_file(record)
    assert summary["status"] == record["status"] == "ABORTED"
    assert summary["error"]["cause"] == "enough"
    # Its worker must not call Rekognition while the next test counts.
    wait_for(lambda: bulk.map_run(execution)["status"] == "ABORTED")


@pytest.mark.usefixtures("slow")
def test_killed_worker_loses_no_image_and_repeats_only_calls_in_flight(bulk):
    bulk.put_photos(40)
    execution = bulk.start()
    wait_for(lambda: len(bulk.image_records()) > 3)
    bulk.pipeline.kill("ProcessBatchFunction")
    bulk.pipeline.set_faults()
    ended = bulk.pipeline.closed(execution)
    summary = json.loads(ended["output"])
    assert summary["seen"] == summary["labelled"] == 40
    assert summary["failed"] == 0
    assert bulk.calls() <= 40 + THREADS


def test_run_stays_within_its_own_quota(bulk):
    # Below 50, the rate at which two workers each use the whole quota; calls that a busy machine delays may bunch.
    bulk.put_photos(50)
    bulk.pipeline.set_faults(throttle={"calls_per_second": 40})
    summary = bulk.run()
    assert summary["labelled"] == 50
    assert summary["failed"] == bulk.pipeline.counters()["throttled"] == 0


def test_throttled_run_labels_every_image_once(bulk):
    bulk.put_photos(20)
    bulk.pipeline.set_faults(throttle={"every": 8})
    summary = bulk.run()
    assert summary["labelled"] == 20
    assert summary["failed"] == 0
    counted = bulk.pipeline.counters()
    assert counted["throttled"] > 0
    assert counted["paid"] == 20


@pytest.mark.usefixtures("slow")
def test_objects_deleted_during_the_run_fail_as_not_found(pipeline):
    # A bucket without versions: in the image bucket, the listed version would still be readable.
    bulk, s3 = Bulk.of(pipeline, OWN), pipeline.client("s3")
    bulk.put_photos(30)
    execution = bulk.start(tolerated_failure_percentage=100)
    bulk.wait_until_recorded()
    for number in range(30):
        s3.delete_object(Bucket=OWN, Key=f"{bulk.prefix}{number:04}.jpg")
    summary = json.loads(pipeline.closed(execution)["output"])
    assert summary["labelled"] + summary["failed"] == 30
    assert summary["failed"] > 0
    assert summary["reasons"] == {"ObjectNotFound": summary["failed"]}
