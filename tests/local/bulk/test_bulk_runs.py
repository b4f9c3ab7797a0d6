"""Bulk runs from the real template in the local AWS: what they label, skip, record and refuse."""

import hashlib
import uuid
from typing import Any

import pytest

from tests.local.bulk.bulk_runs import Bulk, photo
from tests.local.stack.pipeline import Pipeline
from tests.local.stack.record_form import violations
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

# The keys of ../shared/traps.md, raw as a listing has them.
KEYS = [
    "photo (1).png",
    "café.jpg",
    "a+b.png",
    "50%.jpg",
    "a%20b.jpg",
    "my.photo.jpg",
    "my.other.jpg",
    "x/y/z.png",
    "é" * 500,
]


def shape(value: Any) -> Any:
    """What a record is made of, whatever its values are."""
    match value:
        case dict():
            return {name: shape(part) for name, part in value.items()}
        case list():
            return [shape(value[0])] if value else []
    return type(value).__name__


def test_every_image_under_a_prefix_is_labelled_and_recorded(bulk: Bulk) -> None:
    bulk.put_photos(12)
    summary = bulk.run()
    assert (summary["seen"], summary["labelled"], summary["calls"]) == (12, 12, 12)
    records = bulk.image_records()
    assert [record["status"] for record in records] == ["SUCCEEDED"] * 12
    assert all("labels" in record and record["width"] == 160 for record in records)


def test_a_second_run_pays_for_nothing(bulk: Bulk) -> None:
    bulk.put_photos(6)
    bulk.run()
    bulk.calls()
    summary = bulk.run()
    assert (summary["skipped"], summary["calls"], bulk.calls()) == (6, 0, 0)


def test_only_what_is_new_is_labelled(bulk: Bulk) -> None:
    bulk.put_photos(3)
    bulk.run()
    bulk.put({"0001.jpg": photo(1001), "new.jpg": photo(1002)})
    summary = bulk.run()
    assert (summary["skipped"], summary["labelled"]) == (2, 2)


def test_with_force_everything_is_labelled_again(bulk: Bulk) -> None:
    bulk.put_photos(3)
    bulk.run()
    assert bulk.run(force=True)["labelled"] == 3


def test_a_further_step_is_done_without_buying_labels_again(bulk: Bulk) -> None:
    bulk.put_photos(3)
    bulk.run()
    summary = bulk.run(steps=["labels", "thumbnail"])
    assert (summary["labelled"], summary["calls"], summary["thumbnails"]) == (3, 0, 3)
    [first, *_] = bulk.image_records()
    assert bulk.pipeline.client("s3").head_object(Bucket=first["thumbnail"]["bucket"], Key=first["thumbnail"]["key"])


def test_a_key_is_what_it_is(bulk: Bulk) -> None:
    bulk.put({key: photo(number) for number, key in enumerate(KEYS)})
    assert bulk.run()["labelled"] == len(KEYS)
    recorded = [record["object"]["key"] for record in bulk.image_records()]
    assert sorted(recorded) == sorted(f"{bulk.prefix}{key}" for key in KEYS)


def test_what_is_no_image_is_an_outcome_and_harms_nobody(bulk: Bulk) -> None:
    bulk.put({"a.jpg": photo(1), "text.jpg": b"no image", "empty.jpg": b"", "folder/": b"", "cut.jpg": photo(2)[:300]})
    summary = bulk.run(tolerated_failure_percentage=80)
    assert (summary["labelled"], summary["failed"], summary["skipped"]) == (1, 3, 1)
    assert summary["reasons"]["NotSupportedImageType"] == 1
    assert sum(summary["reasons"].values()) == 3


def test_above_the_tolerated_share_the_run_fails_and_names_what_led(bulk: Bulk) -> None:
    bulk.put({"a.jpg": photo(1), "text.jpg": b"no image", "more.jpg": b"nor this"})
    error, cause = bulk.refused(tolerated_failure_percentage=50)
    assert error == "TooManyImagesFailed"
    assert cause.startswith(
        "2 of 3 images failed, 66.7 % where 50 % are tolerated: NotSupportedImageType 2; fix these and run again"
    )


def test_a_prefix_without_objects_is_told_and_no_failure(bulk: Bulk) -> None:
    summary = bulk.run()
    assert (summary["seen"], summary["status"]) == (0, "SUCCEEDED")
    assert summary["note"].startswith("no object has a key that starts with this prefix")


def test_a_request_that_cannot_be_fulfilled_fails_in_words(bulk: Bulk) -> None:
    error, cause = bulk.refused(bucket="somebody-elses")
    assert error == "InvalidRun"
    assert cause.startswith("bucket: somebody-elses is none of ")


def test_what_the_photo_workflow_has_labelled_is_not_labelled_again(pipeline: Pipeline) -> None:
    owner = f"owner-{uuid.uuid4().hex[:8]}"
    version = pipeline.upload(f"private/{owner}/uploads/rose.jpg", jpeg_of(gradients(320, 240)))
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    bulk = Bulk(pipeline, f"private/{owner}/", pipeline.bucket)
    bulk.calls()
    summary = bulk.run()
    # The photo, and its thumbnail beside it.
    assert (summary["seen"], summary["skipped"], bulk.calls()) == (2, 2, 0)


def test_full_records_are_made_as_those_of_the_photo_workflow(pipeline: Pipeline, bulk: Bulk) -> None:
    content = jpeg_of(gradients(320, 240))
    uploaded = pipeline.finished(pipeline.upload(f"private/{bulk.prefix}uploads/a.jpg", content))
    bulk.put({"a.jpg": content})
    bulk.run(record="full", steps=["metadata", "labels", "thumbnail"])
    [recorded] = bulk.image_records()
    assert violations(recorded) == []
    # What is no upload belongs to nobody.
    assert shape(recorded) == {name: part for name, part in shape(uploaded).items() if name != "owner"}
    assert recorded["labels"] == uploaded["labels"]


def test_a_compact_record_has_names_and_confidences(bulk: Bulk) -> None:
    bulk.put({"a.jpg": jpeg_of(gradients(320, 240))})
    bulk.run()
    [recorded] = bulk.image_records()
    assert {frozenset(label) for label in recorded["labels"]} <= {frozenset({"name", "confidence"})}
    assert recorded["object"]["etag"] == hashlib.md5(jpeg_of(gradients(320, 240)), usedforsecurity=False).hexdigest()


def test_objects_that_are_no_images_cost_nothing_at_rekognition(bulk: Bulk) -> None:
    bulk.put({f"{number}.txt": f"line {number}".encode() for number in range(150)})
    error, cause = bulk.refused()
    assert (error, bulk.calls()) == ("TooManyImagesFailed", 0)
    assert "150 of 150 images failed" in cause
    assert "NotSupportedImageType 150" in cause
    assert bulk.run()["skipped"] == 150
