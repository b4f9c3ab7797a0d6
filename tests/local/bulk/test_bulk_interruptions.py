"""Bulk runs that are stopped, lose workers or objects, or are refused: the rest is done, and nothing is paid twice."""

import json
import os
import signal
import time

import pytest

from tests.local.bulk.bulk_runs import OWN, Bulk
from tests.local.stack.pipeline import Pipeline, function_processes, wait_for
from vision.services.bulk_worker import THREADS

pytestmark = pytest.mark.local

# Three batches, of which two are worked on at a time.
PHOTOS = 210


def _settled(bulk: Bulk) -> int:
    """Return how many images are recorded, or 0 while workers of a stopped run record more."""
    before = len(bulk.image_records())
    time.sleep(2)
    return before if len(bulk.image_records()) == before else 0


def test_a_run_that_is_stopped_keeps_what_is_done_and_the_next_does_exactly_the_rest(bulk: Bulk) -> None:
    bulk.put_photos(PHOTOS)
    execution = bulk.start()
    bulk.wait_until_recorded()
    bulk.pipeline.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: bulk.record(execution)["status"] == "ABORTED")
    # Lambda does not hear that its caller is gone: workers that were under way end their batches.
    wait_for(lambda: bulk.map_run(execution)["status"] == "ABORTED")
    done = wait_for(lambda: _settled(bulk))
    summary = bulk.run()
    assert 0 < done < PHOTOS
    assert (summary["skipped"], summary["labelled"], summary["failed"]) == (done, PHOTOS - done, 0)
    assert bulk.calls() == len(bulk.image_records()) == PHOTOS


@pytest.mark.usefixtures("slow")
def test_a_stopped_run_has_a_summary_that_says_so(bulk: Bulk) -> None:
    bulk.put_photos(5)
    execution = bulk.start()
    wait_for(lambda: bulk.map_run(execution))
    bulk.pipeline.client("stepfunctions").stop_execution(executionArn=execution, cause="enough")
    record = wait_for(lambda: "error" in (found := bulk.record(execution)) and found)
    place = record["results"]
    written = bulk.pipeline.client("s3").get_object(Bucket=place["bucket"], Key=f"{place['prefix']}summary.json")
    told = json.loads(written["Body"].read())
    assert (told["status"], told["error"]["cause"]) == (record["status"], "enough") == ("ABORTED", "enough")
    # Its worker must not call Rekognition while the next test counts.
    wait_for(lambda: bulk.map_run(execution)["status"] == "ABORTED")


@pytest.mark.usefixtures("slow")
def test_a_worker_that_is_killed_costs_no_image_and_no_more_labels_than_were_under_way(bulk: Bulk) -> None:
    bulk.put_photos(40)
    execution = bulk.start()
    wait_for(lambda: len(bulk.image_records()) > 3)
    name = bulk.pipeline.resource_name("ProcessBatchFunction")
    for process in function_processes(bulk.pipeline.stack.endpoint_url, name):
        os.kill(process, signal.SIGKILL)
    bulk.pipeline.set_faults()
    ended = bulk.pipeline.closed(execution)
    summary = json.loads(ended["output"])
    assert (summary["seen"], summary["labelled"], summary["failed"]) == (40, 40, 0)
    assert bulk.calls() <= 40 + THREADS


def test_a_quota_that_is_ours_is_kept(bulk: Bulk) -> None:
    # Fifty would be two workers that each take the whole quota; between, calls that a busy machine delays may bunch.
    bulk.put_photos(50)
    bulk.pipeline.set_faults(throttle={"calls_per_second": 40})
    summary = bulk.run()
    assert (summary["labelled"], summary["failed"], bulk.pipeline.counters()["throttled"]) == (50, 0, 0)


def test_a_quota_that_somebody_else_uses_too_costs_time_and_no_image(bulk: Bulk) -> None:
    bulk.put_photos(20)
    bulk.pipeline.set_faults(throttle={"every": 8})
    summary = bulk.run()
    assert (summary["labelled"], summary["failed"]) == (20, 0)
    counted = bulk.pipeline.counters()
    assert counted["throttled"] > 0
    assert counted["paid"] == 20


@pytest.mark.usefixtures("slow")
def test_objects_that_vanish_during_the_run_are_told_and_harm_no_other(pipeline: Pipeline) -> None:
    # A bucket without versions: of the image bucket the version that was listed could still be read.
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
