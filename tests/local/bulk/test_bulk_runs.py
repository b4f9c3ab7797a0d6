"""Bulk runs of the deployed template: labelled, skipped, recorded and refused images."""

import hashlib
import uuid
from typing import Any

import pytest

from tests.local.bulk.bulk_runs import Bulk, photo
from tests.local.stack.pipeline import UNUSUAL_NAMES
from tests.local.stack.record_form import violations
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

KEYS = [*UNUSUAL_NAMES, "my.other.jpg", "é" * 500]


def shape(value: Any) -> Any:
    """Attributes and types of a record, without values."""
    match value:
        case dict():
            return {name: shape(part) for name, part in value.items()}
        case list():
            return [shape(value[0])] if value else []
    return type(value).__name__


def test_run_labels_every_image_and_the_next_run_only_new_ones(bulk):
    bulk.put_photos(12)
    summary = bulk.run()
    assert summary["seen"] == summary["labelled"] == summary["calls"] == 12
    records = bulk.image_records()
    assert [record["status"] for record in records] == ["SUCCEEDED"] * 12
    assert all("labels" in record and record["width"] == 160 for record in records)
    bulk.calls()
    summary = bulk.run()
    assert summary["skipped"] == 12
    assert summary["calls"] == bulk.calls() == 0
    bulk.put({"0001.jpg": photo(1001), "new.jpg": photo(1002)})
    summary = bulk.run()
    assert summary["skipped"] == 11
    assert summary["labelled"] == 2


def test_further_step_makes_no_calls_and_force_labels_everything_again(bulk):
    bulk.put_photos(3)
    bulk.run()
    summary = bulk.run(steps=["labels", "thumbnail"])
    assert summary["labelled"] == summary["thumbnails"] == 3
    assert summary["calls"] == 0
    [first, *_] = bulk.image_records()
    assert bulk.pipeline.client("s3").head_object(Bucket=first["thumbnail"]["bucket"], Key=first["thumbnail"]["key"])
    assert bulk.run(force=True)["calls"] == 3


def test_unusual_keys_are_recorded_unchanged(bulk):
    bulk.put({key: photo(number) for number, key in enumerate(KEYS)})
    assert bulk.run()["labelled"] == len(KEYS)
    recorded = [record["object"]["key"] for record in bulk.image_records()]
    assert sorted(recorded) == sorted(f"{bulk.prefix}{key}" for key in KEYS)


def test_invalid_files_fail_without_affecting_others(bulk):
    bulk.put({"a.jpg": photo(1), "text.jpg": b"no image", "empty.jpg": b"", "folder/": b"", "cut.jpg": photo(2)[:300]})
    summary = bulk.run(tolerated_failure_percentage=80)
    assert summary["labelled"] == summary["skipped"] == 1
    assert summary["failed"] == sum(summary["reasons"].values()) == 3
    assert summary["reasons"]["NotSupportedImageType"] == 1


def test_prefix_without_objects_succeeds_with_a_note_and_an_unknown_bucket_fails(bulk):
    summary = bulk.run()
    assert summary["seen"] == 0
    assert summary["status"] == "SUCCEEDED"
    assert summary["note"].startswith("no object has a key that starts with this prefix")
    error, cause = bulk.refused(bucket="somebody-elses")
    assert error == "InvalidRun"
    assert cause.startswith("bucket: somebody-elses is none of ")


def test_photos_of_the_photo_workflow_are_not_labelled_again(pipeline):
    owner = f"owner-{uuid.uuid4().hex[:8]}"
    version = pipeline.upload(f"private/{owner}/uploads/rose.jpg", jpeg_of(gradients(320, 240)))
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    bulk = Bulk(pipeline, f"private/{owner}/", pipeline.bucket)
    bulk.calls()
    summary = bulk.run()
    # The photo and its thumbnail.
    assert summary["seen"] == summary["skipped"] == 2
    assert bulk.calls() == 0


def test_full_record_equals_that_of_the_photo_workflow(pipeline, bulk):
    content = jpeg_of(gradients(320, 240))
    uploaded = pipeline.finished(pipeline.upload(f"private/{bulk.prefix}uploads/a.jpg", content))
    bulk.put({"a.jpg": content})
    bulk.run(record="full", steps=["metadata", "labels", "thumbnail"])
    [recorded] = bulk.image_records()
    assert violations(recorded) == []
    # Only uploads have an owner.
    assert shape(recorded) == {name: part for name, part in shape(uploaded).items() if name != "owner"}
    assert recorded["labels"] == uploaded["labels"]


def test_compact_record_has_names_and_confidences(bulk):
    bulk.put({"a.jpg": jpeg_of(gradients(320, 240))})
    bulk.run()
    [recorded] = bulk.image_records()
    assert {frozenset(label) for label in recorded["labels"]} <= {frozenset({"name", "confidence"})}
    assert recorded["object"]["etag"] == hashlib.md5(jpeg_of(gradients(320, 240)), usedforsecurity=False).hexdigest()


def test_run_above_the_tolerated_share_names_the_reasons_and_text_files_cost_no_calls(bulk):
    bulk.put({f"{number}.txt": f"line {number}".encode() for number in range(150)} | {"a.jpg": photo(1)})
    error, cause = bulk.refused(tolerated_failure_percentage=50)
    assert error == "TooManyImagesFailed"
    for words in ("150 of 151 images failed, 99.3 %", "50 %", "NotSupportedImageType 150", "run again"):
        assert words in cause
    assert bulk.calls() == 1
    assert bulk.run()["skipped"] == 151
