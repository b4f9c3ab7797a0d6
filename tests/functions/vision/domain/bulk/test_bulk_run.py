import json
import math
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import strategies
from vision.domain.bulk import bulk_run
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.errors import InvalidEvent, InvalidRun
from vision.domain.executions import Attempt

BUCKET = "amzn-s3-demo-bucket"
ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:one"
RUN = Attempt(ARN, "2026-11-12T09:30:02.345Z")
EVERYTHING = Request.from_dict({"bucket": BUCKET})
INVENTORY = Request.from_dict({"bucket": BUCKET, "inventory": {"bucket": BUCKET, "key": "2026/manifest.json"}})
ALL_STEPS = Request.from_dict({"bucket": BUCKET, "steps": list(bulk_run.STEPS)})
requests = st.fixed_dictionaries(
    {},
    optional={
        name: strategies.json_values
        | st.sampled_from(
            ("", BUCKET, ["labels"], "full", 5, True, None, "\ud800", {"bucket": "b", "key": "manifest.json"})
        )
        for name in (*Request.__dataclass_fields__, "other")
    },
)


# Requests


@given(strategies.json_values | requests)
def test_any_input_is_a_request_or_an_invalid_run(data: Any) -> None:
    try:
        request = Request.from_dict(data)
    except InvalidRun:
        return
    assert Request.from_dict(request.as_dict()) == request
    json.dumps(request.as_dict()).encode()
    f"{request.bucket}{request.prefix}{request.inventory}".encode()


def test_only_the_bucket_is_required_and_steps_run_once_in_a_fixed_order() -> None:
    assert Request(BUCKET, "", None, ("metadata", "labels"), False, "compact", 5.0) == EVERYTHING
    assert Request.from_dict({"bucket": BUCKET, "steps": ["labels", "metadata", "labels"]}) == EVERYTHING


EXAMPLE = r'\{"bucket": "my-images", "prefix": "2026/"\}'
INVALID: dict[str, list[Any]] = {
    "bucket": ["", 5, None, f"s3://{BUCKET}", f"arn:aws:s3:::{BUCKET}", f"{BUCKET}/2026/"],
    "prefix": [1, None, "x" * 1025, "\ud800"],
    "inventory": ["manifest.json"],
    "steps": [[], "labels", ["label"], [["labels"]]],
    "force": [1],
    "record": ["short", ["full"]],
    "tolerated_failure_percentage": [101, -1, math.nan, True, "5"],
}


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({}, "bucket"),
        *(({field: value}, field) for field, values in INVALID.items() for value in values),
        ({"buckets": "a"}, "'buckets'"),
        ({"inventory": {"bucket": "b", "key": "data.csv"}}, "inventory.key"),
        ({"inventory": {"bucket": "arn:aws:s3:::b", "key": "manifest.json"}}, "inventory.bucket"),
        ({"inventory": {"bucket": "b", "key": "\udfffmanifest.json"}}, "inventory.key"),
    ],
)
def test_invalid_field_is_named(data: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRun, match=rf"^{named}: "):
        Request.from_dict({"bucket": BUCKET, **data} if data else {})


def test_input_of_another_form_is_refused_with_an_example() -> None:
    with pytest.raises(InvalidRun, match=f"^'Bucket': .*{EXAMPLE}"):
        Request.from_dict({"Bucket": BUCKET, "Prefix": "a/"})
    with pytest.raises(InvalidRun, match=f"^detail: .*{EXAMPLE}"):
        Request.from_dict({"version": "0", "source": "image-recognition", "detail": {"bucket": BUCKET}})


# Input of the older sample


@pytest.mark.parametrize(
    ("older", "prefix"),
    [
        ({"myStateInput": {"Bucket": BUCKET, "Prefix": "2026/"}}, "2026/"),
        ({"mystateinput": {"bucket": BUCKET, "PREFIX": "2026/"}}, "2026/"),
        ({"myStateInput": {"Bucket": BUCKET, "Prefix": ""}}, ""),
    ],
)
def test_input_of_the_older_sample_is_accepted_in_any_case(older: dict[str, Any], prefix: str) -> None:
    assert Request.from_dict(older) == Request.from_dict({"bucket": BUCKET, "prefix": prefix})
    # Without a prefix it does not process the whole bucket.
    with pytest.raises(InvalidRun, match=r"^prefix: .*got null"):
        Request.from_dict({"myStateInput": {"Bucket": BUCKET, "Prefix": None}})


@pytest.mark.parametrize(
    "older",
    [
        {"myStateInput": {"Bucket": BUCKET}},
        {"myStateInput": {"Bucket": BUCKET, "Prefix": "a/", "MaxItems": 5}},
        {"myStateInput": {"Bucket": BUCKET, "bucket": "another", "Prefix": "a/"}},
        {"myStateInput": {"Bucket": BUCKET, "Prefix": "a/"}, "prefix": "b/"},
        {"myStateInput": {"Bucket": BUCKET, "Prefix": "a/"}, "mystateinput": {"Bucket": BUCKET, "Prefix": "b/"}},
        {"myStateInput": None},
        {"myStateInput": [BUCKET, "a/"]},
    ],
)
def test_ambiguous_input_of_the_older_sample_is_refused_with_the_current_form(older: dict[str, Any]) -> None:
    with pytest.raises(InvalidRun, match=f"^my[sS]tate[iI]nput: .*write {EXAMPLE}"):
        Request.from_dict(older)


# Items


def _item(request: Request, key: str, **fields: Any) -> Item:
    return Item.of({"key": key, "etag": '"e1"', "size_bytes": 5, **fields}, request)


@given(strategies.keys)
def test_keys_of_a_listing_are_raw_and_of_an_inventory_encoded(key: str) -> None:
    assert _item(EVERYTHING, key).version.key == key
    for encode in (quote_plus, quote):
        assert _item(INVENTORY, encode(key)).version.key == key


@pytest.mark.parametrize("key", [*strategies.KEY_TRAPS, "strange/"])
def test_key_that_broke_older_systems_is_work(key: str) -> None:
    assert _item(EVERYTHING, key).is_work
    assert _item(INVENTORY, quote_plus(key), size_bytes="5").is_work


def test_etag_of_a_listing_is_the_identity_without_its_quotes() -> None:
    version = _item(EVERYTHING, "a.jpg").version
    assert (version.identity, version.etag, version.version_id, version.size_bytes) == ("e1", "e1", "", 5)


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("images/", {"size_bytes": 0}),
        ("private/ann/resized/id/version.jpg", {}),
        ("a.jpg", {"is_latest": "false"}),
        ("a.jpg", {"is_latest": False}),
        ("a.jpg", {"is_delete_marker": "true", "etag": "", "size_bytes": ""}),
        ("a.jpg", {"is_delete_marker": True, "etag": None, "size_bytes": None}),
    ],
)
def test_folders_thumbnails_and_deleted_objects_are_no_work(key: str, fields: dict[str, Any]) -> None:
    assert not _item(INVENTORY, key, **fields).is_work


def test_object_outside_the_prefix_or_left_out_is_no_work() -> None:
    request = Request.from_dict({"bucket": BUCKET, "prefix": "2026 a/"})
    assert _item(request, "2026 a/x.jpg").is_work
    assert not _item(request, "2026+a/x.jpg").is_work
    listed = {"etag": "e1", "size_bytes": 5}
    keys = ["private/ann/uploads/a.jpg", "privateer/a.jpg", "a/private/a.jpg"]
    assert [Item.of(listed | {"key": key}, EVERYTHING, "private/").is_work for key in keys] == [False, True, True]
    assert Item.of(listed | {"key": keys[0]}, EVERYTHING).is_work


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        # No record may say that an image is corrupt only because the inventory has no sizes.
        *(({field: ""}, f"{field}: missing; .* Size and ETag") for field in ("etag", "size_bytes")),
        ({"bucket": "amzn-s3-demo-other"}, "of the bucket amzn-s3-demo-other; ask for that one"),
    ],
)
def test_inventory_of_another_bucket_or_without_sizes_or_etags_is_refused(fields: dict[str, str], words: str) -> None:
    assert _item(INVENTORY, "a.jpg", bucket=BUCKET).is_work
    with pytest.raises(InvalidEvent, match=words):
        _item(INVENTORY, "a.jpg", **fields)


# Photos of people


@pytest.mark.parametrize("prefix", ["private/", "private/ann/uploads/"])
def test_run_over_photos_of_people_is_refused_with_the_parameter_that_allows_it(prefix: str) -> None:
    request = Request.from_dict({"bucket": BUCKET, "prefix": prefix})
    with pytest.raises(InvalidRun, match=r"^prefix: below private/ .* set the parameter BulkReadsPhotos to true"):
        bulk_run.left_out_prefix(request, BUCKET, reads_photos=False)
    assert bulk_run.left_out_prefix(request, BUCKET, reads_photos=True) == ""
    # In any other bucket it is an ordinary folder.
    assert bulk_run.left_out_prefix(request, "image-bucket", reads_photos=False) == ""


@pytest.mark.parametrize(
    ("prefix", "left_out"),
    [("", "private/"), ("p", "private/"), ("private", "private/"), ("privateer/", ""), ("images/private/", "")],
)
def test_run_over_more_than_photos_of_people_leaves_them_out(prefix: str, left_out: str) -> None:
    request = Request.from_dict({"bucket": BUCKET, "prefix": prefix})
    assert bulk_run.left_out_prefix(request, BUCKET, reads_photos=False) == left_out
    assert bulk_run.left_out_prefix(request, BUCKET, reads_photos=True) == ""


# Steps


def _record(**fields: Any) -> dict[str, Any]:
    return {"status": "SUCCEEDED", "execution_arn": "another", **fields}


METADATA, LABELS = {"width": 1}, {"detector": {"name": "rekognition"}}
DENIED, CORRUPT = {"name": "AccessDenied", "cause": "no"}, {"name": "CorruptImage", "cause": "no"}


@pytest.mark.parametrize(
    ("record", "missing"),
    [
        (None, ("metadata", "labels", "thumbnail", "verdict")),
        (_record(**METADATA), ("labels", "thumbnail", "verdict")),
        (_record(**METADATA, **LABELS), ("thumbnail", "verdict")),
        (_record(**METADATA, **LABELS, thumbnail={}, verdict="SUCCESS"), ()),
        (_record(status="FAILED", error=DENIED), ("metadata", "labels", "thumbnail", "verdict")),
        (_record(status="FAILED", error=DENIED, **METADATA), ("labels", "thumbnail", "verdict")),
        (_record(status="FAILED", error=CORRUPT), ()),
        (_record(status="PARTIAL", error=DENIED, **METADATA, thumbnail={}), ("labels", "verdict")),
        (_record(status="PARTIAL", error=CORRUPT, **METADATA, **LABELS), ("verdict",)),
        (_record(status="ABORTED", error=DENIED), ("metadata", "labels", "thumbnail", "verdict")),
        (_record(status="TIMED_OUT"), ("metadata", "labels", "thumbnail", "verdict")),
        (_record(status="PENDING"), ()),
        (_record(status="RUNNING"), ()),
        (_record(status="FAILED", error=DENIED, execution_arn=ARN), ()),
    ],
)
def test_only_missing_steps_run(record: dict[str, Any] | None, missing: tuple[str, ...]) -> None:
    assert bulk_run.missing_steps(ALL_STEPS, RUN, record) == missing


@pytest.mark.parametrize(
    ("record", "again"),
    [
        (_record(**METADATA, **LABELS), True),
        (_record(status="FAILED", error=CORRUPT), True),
        (_record(status="RUNNING"), False),
        (_record(execution_arn=ARN, **METADATA), False),
    ],
)
def test_forced_run_repeats_all_steps_once(record: dict[str, Any], again: bool) -> None:
    forced = Request.from_dict({"bucket": BUCKET, "force": True})
    assert bulk_run.missing_steps(forced, RUN, record) == (forced.steps if again else ())


# Batches


@given(st.floats(1, 5000))
def test_batch_ends_long_before_the_timeout_of_its_worker_and_workers_reach_the_rate(rate: float) -> None:
    # The function has 270 s; a batch takes a share of the rate, or as long as a worker needs by itself.
    workers, size = bulk_run.workers(rate), bulk_run.batch_size(rate)
    assert 2 <= workers <= bulk_run.WORKERS_LIMIT
    assert 1 <= size <= bulk_run.BATCH_LIMIT
    assert size / (rate / workers) <= 120
    assert size / bulk_run.IMAGES_PER_SECOND_AND_WORKER <= 120
    assert workers * bulk_run.IMAGES_PER_SECOND_AND_WORKER >= rate


@pytest.mark.parametrize(("rate", "largest", "size"), [(50, 100, 100), (50, 7, 7), (1, 100, 30), (1, 7, 7)])
def test_batch_is_no_larger_than_requested_and_takes_a_minute_at_most(rate: float, largest: int, size: int) -> None:
    assert bulk_run.batch_size(rate, largest) == size


# Names and buckets


def test_run_has_the_name_of_its_execution_and_a_thumbnail_for_each_content() -> None:
    assert bulk_run.run_id(ARN) == "one"
    assert bulk_run.results_prefix("one") == "imageLabelJobs/one/"
    keys = {bulk_run.thumbnail_key(_item(EVERYTHING, "a.jpg", etag=etag).version) for etag in ("e1", "e2")}
    assert len(keys) == 2
    assert all(key.startswith("thumbnails/") and len(key.encode()) <= 1024 for key in keys)


def test_buckets_are_accepted_as_long_as_a_policy_can_name_them() -> None:
    arns = ["arn:aws:s3:::" + "b" * 63] * (bulk_run.BUCKETS_LIMIT_CHARACTERS // 160)
    bulk_run.check_buckets(arns)
    with pytest.raises(InvalidRun, match=r"^BulkBucketArns: 34 buckets take 5,440 characters .* room for 5,400;"):
        bulk_run.check_buckets([*arns, arns[0]])
