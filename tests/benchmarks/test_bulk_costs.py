"""The price model of bulk runs: the older systems, the rows of this one, and goal P12 on exact counts."""

import pytest

from benchmarks.bulk import costs
from benchmarks.bulk.counted import Counts, item_bytes, units
from benchmarks.bulk.simulation import Load, simulate
from vision.domain import prices

RUN = simulate(Load(100_000, 50, 0.05))
REQUESTS = {
    "GetObject": 100,
    "GetObject, a part": 100,
    "PutObject": 100,
    "UpdateItem PHOTO": 100,
    "UpdateItem PACE": 10,
    "BatchGetItem": 2,
    "DetectLabels": 100,
}
COUNTS = Counts(
    images=100,
    requests=REQUESTS,
    paid=100,
    transitions=7,
    history_events=20,
    children=1,
    result_bytes=216,
    record_bytes=[900] * 100,
    labels=[4] * 100,
    label_bytes=40.0,
    summary={},
)


@pytest.mark.parametrize(
    ("bill", "dollars"),
    [
        (costs.photo_sharing(), 262),
        (costs.photo_sharing(express=True), 90),
        (costs.older_bulk(), 32),
        (costs.custom_labels_batch(), 16.8),
    ],
)
def test_cost_of_an_older_system_is_that_of_the_spike(bill, dollars):
    assert bill.dollars == pytest.approx(dollars, rel=0.005)


def test_thumbnail_is_half_of_the_bill():
    bill = costs.ours(COUNTS, RUN, max_labels=4)
    assert bill.rows["S3: PUT of thumbnails"] == pytest.approx(5.0)
    assert 0.4 < 5.0 / bill.dollars < 0.7


def test_second_write_of_each_image_adds_its_write_units():
    twice = Counts(**(vars(COUNTS) | {"requests": REQUESTS | {"UpdateItem PHOTO": 200}}))
    added = costs.ours(twice, RUN, max_labels=4).dollars - costs.ours(COUNTS, RUN, max_labels=4).dollars
    assert added == pytest.approx(prices.DYNAMODB_WRITE_UNIT * costs.MILLION)


def test_goal_holds_with_records_of_two_write_units():
    # AWS may find more labels than the local model.
    assert (COUNTS.record_units(4), COUNTS.record_units(10)) == (1, 2)
    bill = costs.ours(COUNTS, RUN, max_labels=10)
    assert bill.dollars <= costs.GOAL_DOLLARS == 12
    assert bill.dollars <= costs.OF_PHOTO_SHARING * costs.photo_sharing().dollars


def test_run_without_thumbnails_saves_their_put_and_get():
    saved = -costs.options(COUNTS, 10)["no thumbnails"]
    assert saved == pytest.approx((prices.S3_PUT + prices.S3_GET) * costs.MILLION)


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (1_024, 1), (1_025, 2)])
def test_write_unit_is_each_started_kibibyte(size, expected):
    assert units(size) == expected


def test_item_is_measured_as_dynamodb_bills_it():
    item = {
        "pk": {"S": "grün"},
        "n": {"N": "1234"},
        "l": {"L": [{"S": "ab"}]},
        "m": {"M": {"x": {"BOOL": True}}},
    }
    assert item_bytes(item) == (2 + 5) + (1 + 3) + (1 + 3 + 1 + 2) + (1 + 3 + 1 + 1 + 1)
