"""What bulk runs keep in the table, and read and write besides: paces, leases, runs, what is known."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from vision.adapters import event_bus, storage
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.items import Items
from vision.adapters.rate_limiter import SHARE_OF_QUOTA, RateLimiter
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import PROGRESS, Tally
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, ObjectNotFound, ServiceUnavailable, Throttled
from vision.domain.executions import Attempt
from vision.domain.objects import ObjectVersion

BUCKET = "amzn-s3-demo-bucket"
REQUEST = Request.from_dict({"bucket": BUCKET, "prefix": "archive/"})
OTHER = Request.from_dict({"bucket": BUCKET, "prefix": "archive/2026/"})
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:one"
RUN = Attempt(ARN, "2026-11-12T09:30:02.345Z")
NOW = "2026-11-12T09:31:00.000Z"
FAULTS = [
    ("ThrottlingException", 400, Throttled),
    ("AccessDeniedException", 400, AccessDenied),
    ("InternalServerError", 500, ServiceUnavailable),
]


@pytest.fixture(autouse=True)
def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto, which is not made for threads, answer one call after the other, as each write of DynamoDB is atomic."""
    lock, send = threading.RLock(), BaseClient._make_api_call

    def serial(self: BaseClient, *arguments: Any) -> Any:
        with lock:
            return send(self, *arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", serial)


# Moments


@pytest.fixture
def pace(table_name: str) -> Callable[[float], RateLimiter]:
    return lambda rate: RateLimiter(table_name, "DetectLabels", rate)


def _gaps(moments: list[float]) -> list[float]:
    ordered = sorted(moments)
    return [later - earlier for earlier, later in itertools.pairwise(ordered)]


def test_moments_are_spaced_a_little_below_the_quota(pace: Callable[[float], RateLimiter]) -> None:
    moments = pace(50).reserve(10)
    assert moments == sorted(moments)
    assert _gaps(moments) == pytest.approx([1 / (50 * SHARE_OF_QUOTA)] * 9, abs=2e-6)


def test_no_moment_lies_in_the_past(pace: Callable[[float], RateLimiter]) -> None:
    one = pace(50)
    one.reserve(1)
    time.sleep(0.2)
    before = time.time()
    assert one.reserve(5)[0] >= before - 1e-5


def test_workers_that_do_not_know_of_each_other_never_get_the_same_moment(pace: Callable[[float], RateLimiter]) -> None:
    # More calls than pass while they ask, so that every block comes after the one before.
    workers = [pace(5) for _ in range(8)]

    def reserve(worker: RateLimiter) -> list[float]:
        return [moment for calls in (10, 1, 3) for moment in worker.reserve(calls)]

    with ThreadPoolExecutor(8) as pool:
        moments = [moment for reserved in pool.map(reserve, workers) for moment in reserved]
    assert len(moments) == 8 * 14
    assert min(_gaps(moments)) >= 1 / (5 * SHARE_OF_QUOTA) - 2e-6


def test_a_block_begins_where_the_last_one_ended(pace: Callable[[float], RateLimiter]) -> None:
    first, second = pace(2).reserve(3), pace(2).reserve(3)
    assert second[0] - first[-1] == pytest.approx(1 / (2 * SHARE_OF_QUOTA), abs=2e-6)


@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
def test_a_pace_that_cannot_be_kept_says_why(
    pace: Callable[[float], RateLimiter], code: str, http_status: int, kind: type[Exception]
) -> None:
    with Stubber(client("dynamodb")) as stub:
        stub.add_client_error("update_item", code, http_status_code=http_status)
        with pytest.raises(kind):
            pace(5).reserve(1)


# Runs and their leases


@pytest.fixture
def runs(table_name: str) -> BulkRuns:
    return BulkRuns(table_name)


def test_one_of_many_takes_a_prefix(runs: BulkRuns) -> None:
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: runs.acquire(REQUEST, f"execution-{n}", "", NOW), range(8)))
    assert taken.count(True) == 1
    assert runs.holder(REQUEST) == f"execution-{taken.index(True)}"


def test_who_has_a_prefix_may_take_it_again(runs: BulkRuns) -> None:
    assert runs.acquire(REQUEST, "one", "", NOW)
    assert runs.acquire(REQUEST, "one", "", NOW)


def test_a_dead_owner_is_replaced_once(runs: BulkRuns) -> None:
    runs.acquire(REQUEST, "dead", "", NOW)
    assert [runs.acquire(REQUEST, name, "dead", NOW) for name in ("two", "three")] == [True, False]


def test_another_prefix_is_another_matter(runs: BulkRuns) -> None:
    assert [runs.acquire(request, name, "", NOW) for request, name in ((REQUEST, "one"), (OTHER, "two"))] == [
        True,
        True,
    ]


def test_a_run_that_ends_leaves_its_prefix_to_the_next(runs: BulkRuns) -> None:
    runs.acquire(REQUEST, ARN, "", NOW)
    runs.open("one", ARN, REQUEST, NOW)
    runs.close("one", REQUEST, ARN, {"status": "SUCCEEDED"}, NOW)
    assert runs.holder(REQUEST) == ""
    assert runs.acquire(REQUEST, "two", "", NOW)


def test_a_run_that_ends_late_takes_nothing_from_its_successor(runs: BulkRuns) -> None:
    runs.acquire(REQUEST, "two", "", NOW)
    runs.close("one", REQUEST, ARN, {"status": "ABORTED"}, NOW)
    assert runs.holder(REQUEST) == "two"


def test_a_run_that_is_opened_again_keeps_its_beginning(runs: BulkRuns) -> None:
    runs.open("one", ARN, REQUEST, NOW)
    runs.open("one", ARN, REQUEST, "2026-11-12T11:00:00.000Z")
    record = runs.read("one") or {}
    assert (record["started_at"], record["updated_at"]) == (NOW, "2026-11-12T11:00:00.000Z")
    assert Request.from_dict(record["request"]) == REQUEST


def test_the_progress_of_a_run_adds_up_whoever_counts(runs: BulkRuns) -> None:
    runs.open("one", ARN, REQUEST, NOW)
    tally = Tally(seen=3, skipped=1, labelled=2, calls=2, reads=4, writes=2, batches=1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: runs.count("one", tally), range(10)))
    record = runs.read("one") or {}
    assert {name: record[name] for name in PROGRESS} == {name: 10 * getattr(tally, name) for name in PROGRESS}


def test_run_that_nobody_opened_has_no_record_after_a_batch_either(runs: BulkRuns) -> None:
    runs.count("one", Tally(seen=3, batches=1))
    assert runs.read("one") is None


# Items


@pytest.fixture
def items(table_name: str) -> Items:
    return Items(table_name)


def _key(number: int) -> dict[str, Any]:
    return {"pk": f"PHOTO#{number:03}", "sk": "CURRENT"}


def test_many_items_are_read_whatever_a_request_may_hold(items: Items) -> None:
    for number in range(0, 250, 2):
        items.put_once(_key(number) | {"status": "PENDING", "secret": number})
    found = items.get_many([_key(number) for number in range(250)], ("status",))
    assert sorted(item["pk"] for item in found) == [_key(number)["pk"] for number in range(0, 250, 2)]
    assert all(item.keys() == {"pk", "sk", "status"} for item in found)


def test_none_of_none_items_is_read(items: Items) -> None:
    assert items.get_many([], ("status",)) == []


def _marshalled(key: dict[str, Any]) -> dict[str, Any]:
    return {name: {"S": value} for name, value in key.items()}


def test_what_was_not_processed_is_asked_for_again(items: Items, table_name: str) -> None:
    keys = [_marshalled(_key(number)) for number in range(2)]
    with Stubber(client("dynamodb")) as stub:
        left = {table_name: {"Keys": keys[1:]}}
        stub.add_response("batch_get_item", {"Responses": {table_name: keys[:1]}, "UnprocessedKeys": left})
        stub.add_response("batch_get_item", {"Responses": {table_name: keys[1:]}, "UnprocessedKeys": {}})
        assert items.get_many([_key(0), _key(1)], ()) == [_key(0), _key(1)]
        stub.assert_no_pending_responses()


def test_a_table_that_processes_nothing_is_not_asked_in_a_circle(items: Items, table_name: str) -> None:
    left = {table_name: {"Keys": [_marshalled(_key(0))]}}
    with Stubber(client("dynamodb")) as stub:
        stub.add_response("batch_get_item", {"Responses": {}, "UnprocessedKeys": left})
        with pytest.raises(Throttled):
            items.get_many([_key(0)], ())


@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
def test_what_dynamodb_refuses_of_many_has_a_name(
    items: Items, code: str, http_status: int, kind: type[Exception]
) -> None:
    with Stubber(client("dynamodb")) as stub:
        stub.add_client_error("batch_get_item", code, http_status_code=http_status)
        with pytest.raises(kind, match=r"^records: "):
            items.get_many([_key(0)], ())


def test_numbers_are_added_and_returned(items: Items) -> None:
    assert (items.add(_key(0), {"seen": 2, "failed": 0}) or {})["seen"] == 2
    assert (items.add(_key(0), {"seen": 3}) or {})["seen"] == 5


def test_nothing_is_added_where_the_condition_does_not_hold(items: Items) -> None:
    items.add(_key(0), {"seen": 2})
    assert items.add(_key(0), {"seen": 2}, condition="#seen > :least", values={":least": 2}) is None
    assert items.get(_key(0)) == _key(0) | {"seen": 2}


# What is known


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


def _listed(key: str = "archive/a.jpg", etag: str = "e1") -> ObjectVersion:
    return ObjectVersion(BUCKET, key, "", etag, "", 5)


def _seen(etag: str = "e1", sequencer: str = "1", version_id: str = "v1") -> Envelope:
    return Envelope.of(ObjectVersion(BUCKET, "archive/a.jpg", version_id, etag, sequencer.ljust(64, "0"), 5))


def test_of_a_new_object_nothing_is_known(table: Table) -> None:
    assert table.recorded_versions([_listed()]) == {}


def test_the_record_of_the_etag_is_known(table: Table) -> None:
    table.advance(Envelope.of(_listed()), RUN, {"status": "SUCCEEDED", "width": 5, "labels": []}, NOW)
    [(version, record)] = table.recorded_versions([_listed()]).values()
    assert (version, record["status"], record["width"], record["execution_arn"]) == (_listed(), "SUCCEEDED", 5, ARN)
    assert "labels" not in record


def test_the_photo_workflows_record_of_the_same_content_is_known(table: Table) -> None:
    table.register(_seen(), NOW)
    table.advance(_seen(), RUN, {"status": "SUCCEEDED", "detector": {"name": "rekognition"}}, NOW)
    [(listed, (version, record))] = table.recorded_versions([_listed()]).items()
    assert (listed, version, record["status"]) == (_listed(), _seen().object, "SUCCEEDED")


def test_content_that_the_photo_workflow_waits_for_is_known(table: Table) -> None:
    table.register(_seen(), NOW)
    [(_, record)] = table.recorded_versions([_listed()]).values()
    assert record["status"] == "PENDING"


def test_other_content_of_the_same_key_is_new(table: Table) -> None:
    table.register(_seen("e0"), NOW)
    table.advance(Envelope.of(_listed(etag="e0")), RUN, {"status": "SUCCEEDED"}, NOW)
    assert table.recorded_versions([_listed()]) == {}


def test_a_key_that_comes_twice_is_asked_for_once(table: Table) -> None:
    table.advance(Envelope.of(_listed()), RUN, {"status": "SUCCEEDED"}, NOW)
    found = table.recorded_versions([_listed(), _listed(), _listed(etag="e2")])
    assert list(found) == [_listed()]


def test_each_of_many_objects_is_known_by_its_own_record(table: Table) -> None:
    versions = [_listed(f"archive/{number}.jpg") for number in range(130)]
    for version in versions[::3]:
        table.advance(Envelope.of(version), RUN, {"status": "SUCCEEDED", "owner": version.key}, NOW)
    found = table.recorded_versions(versions)
    assert found.keys() == set(versions[::3])
    assert all(record["owner"] == version.key for version, (_, record) in found.items())


# Objects, results and events


@pytest.fixture
def s3(bucket: str) -> Iterator[Any]:
    with Stubber(client("s3")) as stubber:
        yield stubber


def _put(bucket: str, key: str, content: bytes) -> ObjectVersion:
    put = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return ObjectVersion(bucket, key, "", put["ETag"].strip('"'), "", len(content))


def test_a_part_tells_the_version_that_it_is_of(bucket: str) -> None:
    listed = _put(bucket, "a+b 50%.jpg", b"photograph")
    [version] = client("s3").list_object_versions(Bucket=bucket)["Versions"]
    assert storage.read_part(listed, 2, 5) == (b"oto", version["VersionId"])
    assert storage.read_part(listed, 8, 50) == (b"ph", version["VersionId"])
    assert storage.read_part(listed, 50, 60) == (b"", "")


def test_a_part_of_a_bucket_without_versions_tells_none(aws: None) -> None:
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert storage.read_part(_put(BUCKET, "a.jpg", b"photo"), 0, 2) == (b"ph", "")


def test_a_part_of_replaced_content_is_not_read(bucket: str) -> None:
    listed = _put(bucket, "a.jpg", b"photo")
    _put(bucket, "a.jpg", b"other")
    with pytest.raises(ObjectNotFound, match="replaced"):
        storage.read_part(listed, 0, 2)


def test_keys_are_listed_over_all_pages_and_up_to_a_limit(bucket: str) -> None:
    for number in range(1, 12):
        _put(bucket, f"in/{number:02}", b"")
    _put(bucket, "out/01", b"")
    assert list(storage.keys(bucket, "in/")) == [f"in/{number:02}" for number in range(1, 12)]
    assert list(storage.keys(bucket, "in/", 1)) == ["in/01"]
    assert list(storage.keys(bucket, "none/")) == []


def test_a_bucket_that_is_not_there_is_not_listed(aws: None) -> None:
    with pytest.raises(ObjectNotFound):
        next(storage.keys("amzn-s3-demo-missing", ""))


def test_lines_come_whole_however_long(bucket: str) -> None:
    lines = [b"x" * 100_000, b"short", "写真".encode() * 50_000]
    _put(bucket, "lines", b"\n".join(lines))
    assert list(storage.lines(bucket, "lines")) == lines


@pytest.mark.parametrize(("code", "http_status", "kind"), FAULTS)
@pytest.mark.parametrize("operation", ["list_objects_v2", "get_object"])
def test_what_s3_refuses_of_results_has_a_name(
    s3: Stubber, operation: str, code: str, http_status: int, kind: type[Exception]
) -> None:
    s3.add_client_error(operation, code, http_status_code=http_status)
    with pytest.raises(kind):
        next(storage.keys(BUCKET, "") if operation == "list_objects_v2" else storage.lines(BUCKET, "key"))


def test_an_event_that_the_bus_does_not_take_is_tried_again(aws: None) -> None:
    with Stubber(client("events")) as stub:
        refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
        stub.add_response("put_events", refused)
        with pytest.raises(ServiceUnavailable, match="InternalFailure"):
            event_bus.put("bus", "Bulk Run Ended", {"run_id": "one"})


def test_clients_that_threads_ask_for_at_once_are_made_one_after_the_other(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vision.adapters import aws_sdk

    making, most, lock = 0, 0, threading.Lock()

    class Session:
        def create_client(self, service: str, config: Any) -> str:
            nonlocal making, most
            with lock:
                making += 1
                most = max(most, making)
            time.sleep(0.02)
            with lock:
                making -= 1
            return service

    aws_sdk.client.cache_clear()
    monkeypatch.setattr(aws_sdk, "_session", Session)
    names = ["s3", "rekognition", "dynamodb"] * 4
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(aws_sdk.client, names)) == names
    assert most == 1
    aws_sdk.client.cache_clear()


def test_a_record_of_a_run_holds_its_request_and_is_found_under_runs(runs: BulkRuns, items: Items) -> None:
    runs.open("one", ARN, REQUEST, NOW)
    record = runs.read("one") or {}
    assert (record["listing_pk"], record["status"], record["record_type"]) == ("RUNS", "RUNNING", "bulk_run")
    assert records.now() > record["listing_sk"][: len(NOW)]
