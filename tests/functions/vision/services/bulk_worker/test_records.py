"""Records of a bulk run: the steps that were asked for, compact or full."""

import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from tests.functions.conftest import Listing, Refuse
from tests.functions.vision.services.bulk_worker.conftest import LABELS, Bulk, counts
from vision.domain.inspection.rules import Rule, parse


def _rules(rule: str) -> tuple[Rule, ...]:
    [parsed] = parse(f'[{{"name": "clean", "prefix": "images/", {rule}}}]')
    return (replace(parsed, prefix="archive/"),)


def _label(name: str, confidence: float) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "parents": [], "instances": []}


def test_later_run_does_only_the_missing_step(bulk: Bulk, results: Listing) -> None:
    items = bulk.put("00.jpg")
    bulk.work(items)
    before = bulk.record(items[0])
    tally = bulk.asking(steps=["metadata", "labels", "thumbnail"]).next_run().work(items)
    after = bulk.record(items[0])
    assert counts(tally, "calls", "thumbnails") == {"seen": 1, "labelled": 1, "calls": 0, "thumbnails": 1}
    assert after["labels"] == before["labels"]
    assert after["detector"] == before["detector"]
    assert results() == [after["thumbnail"]["key"]]


def test_run_for_metadata_alone_makes_no_paid_call_and_a_later_full_one_keeps_parents_and_boxes(bulk: Bulk) -> None:
    items = bulk.put("00.jpg")
    assert counts(bulk.asking(steps=["metadata"]).work(items)) == {"seen": 1, "labelled": 1}
    assert bulk.detector.asked == []
    assert bulk.record(items[0])["camera_make"] == "Apple"
    bulk.asking(record="full").next_run().work(items)
    assert bulk.record(items[0])["labels"] == LABELS


def test_labels_are_kept_when_the_thumbnail_fails(bulk: Bulk, refuse: Refuse) -> None:
    items = bulk.put("00.jpg")
    refuse("s3", "PutObject", "AccessDenied")
    tally = bulk.asking(steps=["metadata", "labels", "thumbnail"]).work(items)
    assert counts(tally, "reasons") == {"seen": 1, "partial": 1, "reasons": {"AccessDenied": 1}}
    assert len(bulk.record(items[0])["labels"]) == 10


def test_labels_are_kept_when_no_rule_covers_the_image(bulk: Bulk) -> None:
    rules = parse('[{"name": "clean", "prefix": "images/", "any_of": ["Person"]}]')
    items = bulk.put("00.jpg")
    tally = replace(bulk.asking(steps=["labels", "verdict"]), rules=rules).work(items)
    assert counts(tally, "reasons") == {"seen": 1, "partial": 1, "reasons": {"NoRule": 1}}
    assert len(bulk.record(items[0])["labels"]) == 10


def test_verdict_considers_all_labels_and_the_record_keeps_the_best(bulk: Bulk) -> None:
    rules = _rules('"min_confidence": 50, "any_of": ["Person"], "none_of": ["Weed"]')
    bulk.detector.labels = [*LABELS, *(_label(f"Label {number}", 70.0) for number in range(90)), _label("Weed", 51.0)]
    items = bulk.put("00.jpg")
    replace(bulk.asking(steps=["labels", "verdict"]), rules=rules).work(items)
    record = bulk.record(items[0])
    assert record["verdict"] == "FAILURE"
    assert len(record["labels"]) == 11
    assert record["labels"][-1]["name"] == "Weed"
    assert min(label["confidence"] for label in record["labels"][:10]) >= 60
    assert bulk.detector.asked == [("00.jpg", 1000, 50.0)]


def test_verdict_asks_again_for_labels_that_a_full_list_omits(bulk: Bulk) -> None:
    bulk.detector.labels = [*(_label(f"Label {number}", 95.0) for number in range(1000)), _label("Weed", 91.0)]
    bulk.detector.calls_per_image = 2
    items = bulk.put("00.jpg")
    rules = _rules('"min_confidence": 50, "none_of": ["Weed"]')
    tally = replace(bulk.asking(steps=["verdict"]), rules=rules).work(items)
    record = bulk.record(items[0])
    assert record["verdict"] == "FAILURE"
    assert record["labels"][-1]["name"] == "Weed"
    assert bulk.detector.asked == [("00.jpg", 1000, 50.0), ("00.jpg", 100, 50.0)]
    assert counts(tally, "calls", "reads") == {"seen": 1, "labelled": 1, "calls": 2, "reads": 3}


def _item_size(value: Any) -> int:
    """Return the bytes of a value as DynamoDB counts them; of an item, the value is its map of attributes.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case int() | float():
            digits = str(value).lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1 + (value < 0)
        case dict():
            return 3 + sum(len(name.encode()) + 1 + _item_size(one) for name, one in value.items())
        case list():
            return 3 + sum(1 + _item_size(one) for one in value)
    raise AssertionError(value)


# 1 KB is a write unit.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
WRITE_UNIT_BYTES = 1024
LONG_NAME = "2026/11/customer-0815/session-2026-11-20-brandenburg-gate/DSC_20261120_104501_0001.jpg"


@pytest.mark.parametrize(("has_exif", "write_units"), [(False, 1), (True, 1.25)])
def test_compact_record_takes_one_write_unit_or_two_with_exif(bulk: Bulk, has_exif: bool, write_units: float) -> None:
    plain = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).save(plain, "JPEG")
    items = bulk.put(LONG_NAME, content=None if has_exif else plain.getvalue())
    bulk.work(items)
    record = bulk.record(items[0])
    assert record["labels"] == [{"name": one["name"], "confidence": one["confidence"]} for one in LABELS]
    assert "listing_pk" not in record
    size = sum(len(attribute.encode()) + _item_size(value) for attribute, value in record.items())
    assert size <= write_units * WRITE_UNIT_BYTES
