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


@given(strategies.json_values | requests)
def test_whatever_is_asked_for_is_a_request_or_names_what_is_wrong(data: Any) -> None:
    try:
        request = Request.from_dict(data)
    except InvalidRun:
        return
    assert Request.from_dict(request.as_dict()) == request
    json.dumps(request.as_dict()).encode()
    f"{request.bucket}{request.prefix}{request.inventory}".encode()


def test_a_bucket_is_all_that_must_be_said() -> None:
    assert Request(BUCKET, "", None, ("metadata", "labels"), False, "compact", 5.0) == EVERYTHING


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, "bucket"),
        ({"bucket": ""}, "bucket"),
        ({"bucket": 5}, "bucket"),
        ({"bucket": None}, "bucket"),
        ({"bucket": f"s3://{BUCKET}"}, "bucket"),
        ({"bucket": f"arn:aws:s3:::{BUCKET}"}, "bucket"),
        ({"bucket": f"{BUCKET}/2026/"}, "bucket"),
        ({"prefix": 1}, "prefix"),
        ({"prefix": None}, "prefix"),
        ({"prefix": "x" * 1025}, "prefix"),
        ({"prefix": "\ud800"}, "prefix"),
        ({"buckets": "a"}, "'buckets'"),
        ({"inventory": "manifest.json"}, "inventory"),
        ({"inventory": {"bucket": "b", "key": "data.csv"}}, "inventory.key"),
        ({"inventory": {"bucket": "arn:aws:s3:::b", "key": "manifest.json"}}, "inventory.bucket"),
        ({"inventory": {"bucket": "b", "key": "\udfffmanifest.json"}}, "inventory.key"),
        ({"steps": []}, "steps"),
        ({"steps": "labels"}, "steps"),
        ({"steps": ["label"]}, "steps"),
        ({"steps": [["labels"]]}, "steps"),
        ({"force": 1}, "force"),
        ({"record": "short"}, "record"),
        ({"record": ["full"]}, "record"),
        ({"tolerated_failure_percentage": 101}, "tolerated_failure_percentage"),
        ({"tolerated_failure_percentage": -1}, "tolerated_failure_percentage"),
        ({"tolerated_failure_percentage": math.nan}, "tolerated_failure_percentage"),
        ({"tolerated_failure_percentage": True}, "tolerated_failure_percentage"),
        ({"tolerated_failure_percentage": "5"}, "tolerated_failure_percentage"),
    ],
)
def test_what_cannot_be_done_is_refused_by_the_name_of_the_field(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRun, match=rf"^{named}: "):
        Request.from_dict({"bucket": BUCKET, **wrong} if wrong else {})


@pytest.mark.parametrize(
    "older",
    [
        {"myStateInput": {"Bucket": BUCKET, "Prefix": "2026/"}},
        {"mystateinput": {"bucket": BUCKET, "PREFIX": "2026/"}},
    ],
)
def test_input_of_the_older_sample_is_taken_in_any_case(older: dict[str, Any]) -> None:
    assert Request.from_dict(older) == Request.from_dict({"bucket": BUCKET, "prefix": "2026/"})


def test_older_input_without_a_prefix_does_not_take_the_whole_bucket() -> None:
    with pytest.raises(InvalidRun, match=r"^prefix: .*got null"):
        Request.from_dict({"myStateInput": {"Bucket": BUCKET, "Prefix": None}})


@pytest.mark.parametrize(
    ("data", "named"),
    [
        ({"Bucket": BUCKET, "Prefix": "a/"}, "'Bucket'"),
        ({"version": "0", "source": "image-recognition", "detail": {"bucket": BUCKET}}, "detail"),
    ],
)
def test_input_of_another_form_is_refused_with_an_example(data: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRun, match=rf'^{named}: .*\{{"bucket": "my-images", "prefix": "2026/"\}}'):
        Request.from_dict(data)


def test_empty_prefix_of_the_older_sample_is_the_whole_bucket() -> None:
    assert Request.from_dict({"myStateInput": {"Bucket": BUCKET, "Prefix": ""}}) == EVERYTHING


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
def test_ambiguous_input_of_the_older_sample_is_refused_with_the_present_form(older: dict[str, Any]) -> None:
    with pytest.raises(InvalidRun, match=r'^my[sS]tate[iI]nput: .*write \{"bucket": "my-images", "prefix": "2026/"\}'):
        Request.from_dict(older)


@pytest.mark.parametrize(("rate", "largest", "size"), [(50, 100, 100), (50, 7, 7), (1, 100, 30), (1, 7, 7)])
def test_batch_is_no_larger_than_asked_and_takes_a_minute_at_most(rate: float, largest: int, size: int) -> None:
    assert bulk_run.batch_size(rate, largest) == size


def test_steps_run_in_one_order_and_once() -> None:
    assert Request.from_dict({"bucket": BUCKET, "steps": ["labels", "metadata", "labels"]}).steps == (
        "metadata",
        "labels",
    )


def _of(request: Request, key: str, **fields: Any) -> Item:
    return Item.of({"key": key, "etag": '"e1"', "size_bytes": 5, **fields}, request)


@given(strategies.keys)
def test_a_listing_names_raw_keys(key: str) -> None:
    assert _of(EVERYTHING, key).version.key == key


@given(strategies.keys)
@pytest.mark.parametrize("encode", [quote_plus, quote])
def test_an_inventory_names_encoded_keys(encode: Any, key: str) -> None:
    assert _of(INVENTORY, encode(key)).version.key == key


@pytest.mark.parametrize("key", strategies.KEY_TRAPS)
def test_a_key_that_broke_older_systems_is_work(key: str) -> None:
    assert _of(EVERYTHING, key).is_work
    assert _of(INVENTORY, quote_plus(key), size_bytes="5").is_work


def test_the_etag_of_a_listing_is_the_identity_without_its_quotes() -> None:
    version = _of(EVERYTHING, "a.jpg").version
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
def test_folders_thumbnails_and_what_is_gone_are_no_work(key: str, fields: dict[str, Any]) -> None:
    assert not _of(INVENTORY, key, **fields).is_work


def test_what_is_not_under_the_prefix_is_no_work() -> None:
    request = Request.from_dict({"bucket": BUCKET, "prefix": "2026 a/"})
    assert _of(request, "2026 a/x.jpg").is_work
    assert not _of(request, "2026+a/x.jpg").is_work


@pytest.mark.parametrize("prefix", ["private/", "private/ann/uploads/"])
def test_run_over_photos_of_people_is_refused_with_the_parameter_that_allows_it(prefix: str) -> None:
    asked = Request.from_dict({"bucket": BUCKET, "prefix": prefix})
    with pytest.raises(InvalidRun, match=r"^prefix: below private/ .* set the parameter BulkReadsPhotos to true"):
        bulk_run.left_out_prefix(asked, BUCKET, reads_photos=False)
    assert bulk_run.left_out_prefix(asked, BUCKET, reads_photos=True) == ""
    # In any other bucket it is a folder like another.
    assert bulk_run.left_out_prefix(asked, "image-bucket", reads_photos=False) == ""


@pytest.mark.parametrize(
    ("prefix", "left_out"),
    [("", "private/"), ("p", "private/"), ("private", "private/"), ("privateer/", ""), ("images/private/", "")],
)
def test_run_over_more_than_photos_of_people_leaves_them_out(prefix: str, left_out: str) -> None:
    asked = Request.from_dict({"bucket": BUCKET, "prefix": prefix})
    assert bulk_run.left_out_prefix(asked, BUCKET, reads_photos=False) == left_out
    assert bulk_run.left_out_prefix(asked, BUCKET, reads_photos=True) == ""


def test_object_that_a_run_leaves_out_is_no_work() -> None:
    listed = {"etag": "e1", "size_bytes": 5}
    keys = ["private/ann/uploads/a.jpg", "privateer/a.jpg", "a/private/a.jpg"]
    assert [Item.of(listed | {"key": key}, EVERYTHING, "private/").is_work for key in keys] == [False, True, True]
    assert Item.of(listed | {"key": keys[0]}, EVERYTHING).is_work


def test_an_object_in_a_folder_that_has_content_is_work() -> None:
    assert _of(EVERYTHING, "strange/", size_bytes=5).is_work


@pytest.mark.parametrize("field", ["etag", "size_bytes"])
def test_an_inventory_without_sizes_or_etags_is_refused(field: str) -> None:
    # No record may say that an image is broken for good because nobody told its size.
    with pytest.raises(InvalidEvent, match=f"{field}: missing; let the inventory have the fields Size and ETag"):
        _of(INVENTORY, "a.jpg", **{field: ""})


def test_an_inventory_of_another_bucket_is_refused_before_anything_is_recorded() -> None:
    assert _of(INVENTORY, "a.jpg", bucket=BUCKET).is_work
    with pytest.raises(InvalidEvent, match="of the bucket amzn-s3-demo-other; ask for that one"):
        _of(INVENTORY, "a.jpg", bucket="amzn-s3-demo-other")


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
def test_only_what_is_missing_is_done(record: dict[str, Any] | None, missing: tuple[str, ...]) -> None:
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
def test_with_force_all_is_done_again_but_not_twice_by_the_same_run(record: dict[str, Any], again: bool) -> None:
    forced = Request.from_dict({"bucket": BUCKET, "force": True})
    assert bulk_run.missing_steps(forced, RUN, record) == (forced.steps if again else ())


RATES = [1, 2, 5, 5.5, 8, 10, 25, 50, 100, 500, 1000, 5000]


@pytest.mark.parametrize("rate", RATES)
def test_a_batch_ends_long_before_its_worker_must(rate: float) -> None:
    # 270 s are the function's; a batch takes a share of the rate, or as long as a worker needs by itself.
    workers, size = bulk_run.workers(rate), bulk_run.batch_size(rate)
    assert 2 <= workers <= bulk_run.WORKERS_LIMIT
    assert 1 <= size <= bulk_run.BATCH_LIMIT
    assert size / (rate / workers) <= 120
    assert size / bulk_run.IMAGES_PER_SECOND_AND_WORKER <= 120


@given(st.floats(1, 5000))
def test_workers_together_keep_up_with_the_rate(rate: float) -> None:
    assert bulk_run.workers(rate) * bulk_run.IMAGES_PER_SECOND_AND_WORKER >= rate


def test_a_thumbnail_of_a_run_has_a_name_for_each_content() -> None:
    keys = {bulk_run.thumbnail_key(_of(EVERYTHING, "a.jpg", etag=etag).version) for etag in ("e1", "e2")}
    assert len(keys) == 2
    assert all(key.startswith("thumbnails/") and len(key.encode()) <= 1024 for key in keys)


def test_a_run_has_the_name_of_its_execution() -> None:
    assert bulk_run.run_id(ARN) == "one"
    assert bulk_run.results_prefix("one") == "imageLabelJobs/one/"


def test_buckets_that_a_policy_can_name_are_taken() -> None:
    bulk_run.check_buckets(["arn:aws:s3:::" + "b" * 63] * (bulk_run.BUCKETS_LIMIT_CHARACTERS // 160))


def test_one_bucket_too_many_is_refused_with_the_limit() -> None:
    arns = ["arn:aws:s3:::" + "b" * 63] * (bulk_run.BUCKETS_LIMIT_CHARACTERS // 160 + 1)
    with pytest.raises(InvalidRun, match=r"^BulkBucketArns: 34 buckets take 5,440 characters .* room for 5,400;"):
        bulk_run.check_buckets(arns)
