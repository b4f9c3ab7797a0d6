"""Batches of a bulk run: each image has its own outcome, and what is recorded is not done again."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import Hook, Refuse
from tests.functions.vision.services.bulk_worker.conftest import FORTY, Bulk, counts
from vision.adapters import rekognition
from vision.adapters.aws_sdk import client
from vision.adapters.rekognition import Detection
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.bulk import bulk_run
from vision.domain.bulk.bulk_run import Item
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidImage, Throttled
from vision.domain.executions import Attempt
from vision.domain.objects import ObjectVersion
from vision.services import bulk_worker


class Killed(BaseException):
    """The worker dies in the middle of a batch."""


def _statuses(bulk: Bulk, items: list[Item]) -> set[str]:
    return {bulk.record(item)["status"] for item in items}


def test_each_image_of_a_batch_is_labelled_and_recorded_once(bulk: Bulk) -> None:
    items = bulk.put(*FORTY)
    tally = bulk.work(items)
    assert counts(tally, "calls", "writes") == {"seen": 40, "labelled": 40, "calls": 40, "writes": 40}
    assert tally.batches == 1
    assert not tally.is_system_failure
    assert _statuses(bulk, items) == {"SUCCEEDED"}
    assert counts(bulk.work([])) == {}


def test_unusable_images_fail_alone_and_are_not_tried_by_the_next_run(bulk: Bulk) -> None:
    bulk.detector.errors["00.jpg"] = [InvalidImage("refused")]
    refused, *good = bulk.put(*FORTY)
    unusable = [
        refused,
        *bulk.put("text.jpg", content=b"not an image"),
        *bulk.put("empty.jpg", content=b""),
        *bulk.put("cut.jpg", content=bulk.photo[:200]),
    ]
    items = [*good[:20], *unusable, *good[20:]]
    tally = bulk.work(items)
    assert counts(tally) == {"seen": 43, "labelled": 39, "failed": 4}
    assert _statuses(bulk, unusable) == {"FAILED"}
    assert {one["key"] for one in tally.failures} == {item.version.key for item in unusable}
    assert not tally.is_system_failure
    bulk.detector.errors.clear()
    assert counts(bulk.next_run().work(items)) == {"seen": 43, "skipped": 43}


def test_unexpected_error_or_rejected_record_fails_its_image_alone(bulk: Bulk, hook: Hook) -> None:
    bulk.detector.errors["01.jpg"] = [RuntimeError("unexpected")]
    items = bulk.put(*FORTY)
    photo_id = Envelope.of(items[0].version).photo_id

    def reject(params: dict[str, Any], **_: Any) -> None:
        if params["Key"]["pk"]["S"].endswith(photo_id):
            raise RuntimeError("ValidationException: the item is too large")

    hook("dynamodb", "provide-client-params.SERVICE.UpdateItem", reject)
    assert counts(bulk.work(items)) == {"seen": 40, "labelled": 38, "failed": 2}


def test_throttled_image_is_retried_until_it_succeeds(bulk: Bulk) -> None:
    bulk.detector.errors["00.jpg"] = [Throttled("slow down")]
    worker = bulk.worker()

    def sleep(seconds: float) -> None:
        bulk.slept.append(seconds)
        if len(bulk.slept) == 3:
            bulk.detector.errors.clear()

    worker.sleep = sleep
    assert counts(worker.work(bulk.put("00.jpg", "01.jpg"))) == {"seen": 2, "labelled": 2}
    assert len(bulk.slept) == 3


def test_image_that_stays_throttled_is_completed_by_the_next_run(bulk: Bulk) -> None:
    bulk.detector.errors["00.jpg"] = [Throttled("slow down")]
    items = bulk.put("00.jpg", "01.jpg")
    assert counts(bulk.work(items)) == {"seen": 2, "labelled": 1, "failed": 1}
    assert bulk.record(items[0])["error"]["name"] == "Throttled"
    assert bulk.record(items[0])["width"] == 640
    waits = zip(bulk.slept, bulk_worker._WAITS_SECONDS, strict=True)
    assert all(longest / 2 <= slept <= longest for slept, longest in waits)
    bulk.detector.errors.clear()
    assert counts(bulk.next_run().work(items)) == {"seen": 2, "skipped": 1, "labelled": 1}
    assert "error" not in bulk.record(items[0])


def test_deleted_and_replaced_objects_fail_without_a_paid_call(bulk: Bulk) -> None:
    items = bulk.put("00.jpg", "01.jpg", "02.jpg")
    client("s3").delete_object(Bucket=BUCKET, Key="archive/00.jpg")
    newer = bulk.put("01.jpg", content=bulk.photo + b"newer")
    tally = bulk.work(items)
    assert counts(tally, "reasons") == {"seen": 3, "labelled": 1, "failed": 2, "reasons": {"ObjectNotFound": 2}}
    assert set(bulk.detector.bought) == {"02.jpg"}
    assert counts(bulk.next_run().work(newer)) == {"seen": 1, "labelled": 1}


def test_rekognition_analyzes_the_version_that_was_checked(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    items = bulk.put("00.jpg")
    [version] = client("s3").list_object_versions(Bucket=BUCKET)["Versions"]
    seen = []
    detect = bulk.detector.detect
    monkeypatch.setattr(rekognition, "detect_labels", lambda one, *rest: (seen.append(one), detect(one, *rest))[1])
    bulk.work(items)
    assert [one.version_id for one in seen] == [version["VersionId"]]


def test_table_that_throttles_within_a_batch_loses_no_image(bulk: Bulk, refuse: Refuse) -> None:
    items = bulk.put(*FORTY)
    refuse("dynamodb", "UpdateItem", "ProvisionedThroughputExceededException", calls=(5, 6, 7, 8, 9, 20, 21, 22))
    assert counts(bulk.work(items)) == {"seen": 40, "labelled": 40}
    assert _statuses(bulk, items) == {"SUCCEEDED"}


def test_worker_that_cannot_read_the_table_makes_no_paid_call(bulk: Bulk, refuse: Refuse) -> None:
    items = bulk.put("00.jpg")
    refuse("dynamodb", "BatchGetItem", "ThrottlingException")
    with pytest.raises(Throttled):
        bulk.work(items)
    assert bulk.detector.asked == []


@pytest.mark.parametrize("recorded", [0, 1, 7, 20, 39])
def test_next_worker_buys_only_what_a_killed_worker_did_not_record(bulk: Bulk, recorded: int) -> None:
    class Dying(Table):
        written = 0
        lock = threading.Lock()

        def advance(self, *arguments: Any) -> bool:
            with self.lock:
                if self.written == recorded:
                    raise Killed
                self.written += 1
                return super().advance(*arguments)

    items = bulk.put(*FORTY)
    with pytest.raises(Killed):
        replace(bulk, table=Dying("image-table")).work(items)
    missing = {item.version.key.rpartition("/")[2] for item in items if not bulk.record(item)}
    assert len(missing) == 40 - recorded
    # A call without a record is paid again.
    bulk.detector.calls_per_image = 2
    bought = Counter(bulk.detector.bought)
    tally = bulk.work(items)
    # A recorded image counts as it ended, with its call and its write.
    assert counts(tally, "calls", "writes") == {"seen": 40, "labelled": 40, "calls": 40, "writes": 40}
    assert (bulk.detector.bought - bought).keys() == missing


def test_forced_run_buys_all_labels_again_but_only_once(bulk: Bulk) -> None:
    items = bulk.put("00.jpg", "01.jpg")
    bulk.work(items)
    forced = bulk.asking(force=True).next_run()
    for _ in range(2):
        assert counts(forced.work(items)) == {"seen": 2, "labelled": 2}
    bulk.detector.calls_per_image = 2
    assert bulk.detector.bought == {"00.jpg": 2, "01.jpg": 2}


def test_concurrent_workers_of_one_batch_leave_whole_records(bulk: Bulk) -> None:
    bulk.detector.calls_per_image = 2
    items = bulk.put(*FORTY[:20])
    with ThreadPoolExecutor(2) as pool:
        tallies = list(pool.map(lambda _: bulk.worker().work(items), range(2)))
    for tally in tallies:
        assert tally.seen == 20
        assert tally.failed == tally.partial == 0
    assert _statuses(bulk, items) == {"SUCCEEDED"}
    assert all(len(bulk.record(item)["labels"]) == 10 for item in items)


def test_object_that_is_listed_twice_is_processed_once_and_differs_by_key_and_content(bulk: Bulk) -> None:
    items = bulk.put("00.jpg", "01.jpg", content=bulk.photo)
    tally = bulk.work([*items, *items])
    assert counts(tally, "calls") == {"seen": 4, "skipped": 2, "labelled": 2, "calls": 2}
    assert counts(bulk.next_run().work([*items, *items])) == {"seen": 4, "skipped": 4}
    older = bulk.put("02.jpg")
    newer = bulk.put("02.jpg", content=bulk.photo + b"newer")
    assert counts(bulk.work([*older, *newer])) == {"seen": 2, "labelled": 1, "failed": 1}
    assert bulk.record(newer[0])["status"] == "SUCCEEDED"


def test_image_that_the_photo_workflow_has_labelled_is_skipped(bulk: Bulk) -> None:
    [item] = bulk.put("00.jpg")
    head = client("s3").head_object(Bucket=BUCKET, Key=item.version.key)
    seen = Envelope.of(replace(item.version, version_id=head["VersionId"], sequencer="1".ljust(64, "0")))
    bulk.table.register(seen, records.now())
    changes = {"status": "SUCCEEDED", "width": 640, "detector": {"name": "rekognition"}}
    bulk.table.advance(seen, Attempt("another", "2026-11-12T09:00:00.000Z"), changes, records.now())
    assert counts(bulk.work([item])) == {"seen": 1, "skipped": 1}


def test_worker_without_time_starts_and_records_nothing(bulk: Bulk) -> None:
    items = bulk.put("00.jpg", "01.jpg")
    tally = replace(bulk, remaining=lambda: 19.0).work(items)
    assert counts(tally, "reasons") == {"seen": 2, "failed": 2, "reasons": {"ServiceUnavailable": 2}}
    assert tally.is_system_failure
    assert bulk.detector.asked == []
    assert bulk.record(items[0]) == {}


def test_image_is_not_retried_when_time_is_short(bulk: Bulk) -> None:
    bulk.detector.errors["00.jpg"] = [Throttled("slow down")]
    left = iter([100.0, 100.0])
    tally = replace(bulk, remaining=lambda: next(left, 10.0)).work(bulk.put("00.jpg"))
    assert tally.failed == len(bulk.detector.asked) == 1
    assert bulk.slept == []


def test_call_slot_after_the_end_of_the_worker_is_left_to_the_next_run(bulk: Bulk) -> None:
    items = bulk.put("00.jpg")
    worker = bulk.worker()
    worker.reserve = lambda calls: [4e9] * calls
    tally = worker.work(items)
    assert counts(tally, "reasons") == {"seen": 1, "failed": 1, "reasons": {"ServiceUnavailable": 1}}
    assert bulk.slept == []
    assert "no time left" in bulk.record(items[0])["error"]["cause"]
    assert counts(bulk.next_run().work(items)) == {"seen": 1, "labelled": 1}


def test_more_throttled_images_than_threads_block_no_other(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each is throttled once: a waiting call must not hold a thread that another call needs.
    names = [f"{number:03}.jpg" for number in range(3 * bulk_worker.THREADS)]
    items = bulk.put(*names)
    throttled: set[str] = set()
    detect = bulk.detector.detect

    def once(version: ObjectVersion, *rest: Any) -> Detection:
        with bulk.detector.lock:
            first = version.key not in throttled
            throttled.add(version.key)
        if first:
            raise Throttled("slow down")
        return detect(version, *rest)

    monkeypatch.setattr(rekognition, "detect_labels", once)
    tally = bulk.asking(steps=list(bulk_run.STEPS[:3])).work(items)
    assert counts(tally, "thumbnails") == {"seen": len(names), "labelled": len(names), "thumbnails": len(names)}
