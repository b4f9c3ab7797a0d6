"""The price model: the older systems as the spike had them, ours row by row, and goal P12 on exact counts."""

import pytest

from benchmarks.bulk import costs
from benchmarks.bulk.counted import Counts, item_bytes, units
from benchmarks.bulk.simulation import Load, simulate
from vision.domain import prices

RUN = simulate(Load(100_000, 50, 0.05))


def _counts(**changes: object) -> Counts:
    requests = {"GetObject": 100, "GetObject, a part": 100, "PutObject": 100, "UpdateItem PHOTO": 100}
    usual = {
        "images": 100,
        "requests": requests | {"UpdateItem PACE": 10, "BatchGetItem": 2, "DetectLabels": 100},
        "paid": 100,
        "transitions": 7,
        "history_events": 20,
        "children": 1,
        "result_bytes": 216,
        "record_bytes": [900] * 100,
        "index_bytes": [520] * 100,
        "labels": [4] * 100,
        "label_bytes": 40.0,
        "summary": {},
    }
    return Counts(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bill", "dollars"),
    [
        (costs.photo_sharing(), 262),
        (costs.photo_sharing(express=True), 90),
        (costs.older_bulk(), 32),
        (costs.custom_labels_batch(), 16.8),
    ],
)
def test_an_older_system_costs_what_the_spike_found(bill, dollars):
    assert bill.dollars == pytest.approx(dollars, rel=0.005)


def test_a_thumbnail_is_half_of_the_bill():
    bill = costs.ours(_counts(), RUN, max_labels=4)

    assert bill.rows["S3: PUT of thumbnails"] == pytest.approx(5.0)
    assert 0.4 < 5.0 / bill.dollars < 0.7


def test_a_second_write_for_each_image_adds_its_write_units():
    once = costs.ours(_counts(), RUN, max_labels=4)
    twice = costs.ours(_counts(requests={**_counts().requests, "UpdateItem PHOTO": 200}), RUN, max_labels=4)

    assert twice.dollars - once.dollars == pytest.approx(prices.DYNAMODB_WRITE_UNIT * costs.MILLION)


def test_labels_that_aws_would_find_count_though_the_local_model_found_fewer():
    counts = _counts()

    assert (counts.record_units(4), counts.record_units(10)) == (1, 2)


def test_the_goal_holds_even_with_records_of_two_write_units():
    bill = costs.ours(_counts(), RUN, max_labels=10)

    assert bill.dollars <= costs.GOAL_DOLLARS == 12
    assert bill.dollars <= costs.OF_PHOTO_SHARING * costs.photo_sharing().dollars


def test_without_thumbnails_their_put_and_their_get_are_saved():
    saved = -costs.options(_counts(), 10)["no thumbnails"]

    assert saved == pytest.approx((prices.S3_PUT + prices.S3_GET) * costs.MILLION)


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (1_024, 1), (1_025, 2)])
def test_a_write_unit_is_a_kibibyte_begun(size, expected):
    assert units(size) == expected


def test_an_item_is_measured_as_dynamodb_bills_it():
    item = {
        "pk": {"S": "grün"},
        "n": {"N": "1234"},
        "l": {"L": [{"S": "ab"}]},
        "m": {"M": {"x": {"BOOL": True}}},
    }

    assert item_bytes(item) == (2 + 5) + (1 + 3) + (1 + 3 + 1 + 2) + (1 + 3 + 1 + 1 + 1)
