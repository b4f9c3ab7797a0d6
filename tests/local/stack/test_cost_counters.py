"""The counters that the cost estimator reckons with, counted again on the deployed stack."""

import pytest

from benchmarks.cost import measure, usage
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

IMAGES = 3
BATCHED = 12
KNOWN = usage.read().ways
# Another machine, or a busy one, is slower; a mistake would be larger.
TIMES_SLOWER = 4
LEAST_SECONDS = 0.02


def _photos(count):
    return [jpeg_of(gradients(400, 300 + number)) for number in range(count + 1)]


@pytest.fixture(scope="module")
def photo(shared_pipeline):
    return measure.measure(shared_pipeline.stack, measure.photos, measure.PHOTO, _photos(IMAGES))


@pytest.fixture(scope="module")
def inspection(shared_pipeline):
    return measure.measure(shared_pipeline.stack, measure.inspections, measure.INSPECTION, _photos(IMAGES))


@pytest.fixture(scope="module")
def bulk(shared_pipeline):
    return measure.measure(shared_pipeline.stack, measure.bulk, measure.BULK, _photos(BATCHED))


def _counts(counted):
    """What AWS bills by the piece, of each function."""
    return {
        name: {kind: count for kind, count in use.requests.items() if not kind.startswith("bytes of") and count}
        for name, use in counted.functions.items()
    }


@pytest.mark.parametrize("name", measure.PHOTO)
def test_a_photo_takes_the_requests_and_units_that_the_estimator_reckons_with(name, photo):
    assert _counts(photo)[name] == _counts(KNOWN["photo, rekognition"][0])[name]


def test_a_photo_takes_the_transitions_that_the_estimator_reckons_with(photo):
    assert photo.transitions == KNOWN["photo, rekognition"][0].transitions


def test_an_inspected_image_takes_the_requests_and_units_that_the_estimator_reckons_with(inspection):
    assert _counts(inspection) == _counts(KNOWN["inspection, rekognition"][0])


# What a batch does once weighs more in the small batch of this test.
@pytest.mark.parametrize("kind", ["DetectLabels", "GetObject", "GetObject, a part", "PutObject", "UpdateItem PHOTO"])
def test_an_image_in_bulk_takes_the_requests_that_the_estimator_reckons_with(kind, bulk):
    assert bulk.request(kind) == KNOWN["bulk, rekognition"][0].request(kind)


def test_an_image_in_bulk_takes_the_units_that_the_estimator_reckons_with(bulk):
    assert bulk.request("write units") == pytest.approx(KNOWN["bulk, rekognition"][0].request("write units"), abs=0.5)


@pytest.mark.parametrize("way", ["photo", "inspection", "bulk"])
def test_what_is_kept_of_an_image_is_what_the_estimator_reckons_with(way, request):
    kept = request.getfixturevalue(way).table_bytes
    assert kept == pytest.approx(KNOWN[f"{way}, rekognition"][0].table_bytes, rel=0.1)


@pytest.mark.parametrize("way", ["photo", "inspection", "bulk"])
def test_no_function_computes_much_longer_than_the_estimator_reckons_with(way, request):
    known = KNOWN[f"{way}, rekognition"][0].functions
    counted = request.getfixturevalue(way).functions
    slow = {
        name: use.cpu_seconds
        for name, use in counted.items()
        if use.cpu_seconds > LEAST_SECONDS + TIMES_SLOWER * known[name].cpu_seconds
    }
    assert slow == {}
