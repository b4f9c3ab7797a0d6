"""What breaks first: the limits of a photo, a simulated day, and the tables of docs/scale.md."""

import math
from pathlib import Path

import pytest

from benchmarks import scale
from benchmarks.cost.usage import FunctionUse, Usage

PHOTO = Usage(
    image_bytes=3e6,
    transitions=5,
    table_bytes=0,
    thumbnail_bytes=0,
    functions={"StartProcessingFunction": FunctionUse(0.01, {"write units": 20, "DetectLabels": 1})},
)
TEN = [scale.Limit("Service: narrow", 10), scale.Limit("wide", 1_000, is_parameter=True)]


def test_page_has_the_tables():
    page = Path("docs/scale.md").read_text(encoding="utf-8")
    for table in (scale.capacities(), scale.photos(), scale.bulk_runs()):
        assert "\n".join(table) in page


def test_quota_is_shared_by_what_a_photo_uses():
    allowed = {one.name: one.images_a_second for one in scale.photo_limits(scale.SMALL, PHOTO)}
    assert allowed["Step Functions: StateTransition"] == 100
    assert allowed["DynamoDB: a new table's first day"] == 200
    assert allowed["Rekognition: DetectLabels"] == 5
    assert next(iter(allowed)) == "Rekognition: DetectLabels"


@pytest.mark.parametrize(
    ("a_second", "exceeded", "waits"),
    [
        pytest.param(4.9, {}, False, id="below it at the peak"),
        pytest.param(7, {"Service: narrow": 1.4}, True, id="above it at the peak only"),
        pytest.param(10.1, {"Service: narrow": 2.02}, True, id="above it all day"),
    ],
)
def test_day_waits_when_its_peak_exceeds_the_narrowest_limit(a_second, exceeded, waits):
    day = scale.simulate(TEN, round(a_second * 86_400))
    assert day.first.name == "Service: narrow"
    assert day.exceeded == pytest.approx(exceeded, rel=0.001)
    assert (day.waiting > 0) == waits
    assert math.isinf(day.hours) == (a_second > 10)


def test_wait_is_the_backlog_at_the_rate_of_the_limit():
    # Between the two moments at which arrivals cross the limit, the surplus of a cosine of amplitude 7 around 7.
    day = scale.simulate(TEN, 7 * 86_400)
    half = math.acos(3 / 7) / (2 * math.pi) * 86_400
    surplus = 2 * (7 * math.sin(2 * math.pi * half / 86_400) * 86_400 / (2 * math.pi) - 3 * half)
    assert day.waiting == pytest.approx(surplus, rel=0.01)
    assert day.hours == pytest.approx(surplus / 10 / 3_600, rel=0.01)
