"""The requests that the cost estimator assumes, measured again on the deployed stack."""

import pytest

from benchmarks.cost import measure, usage
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

IMAGES = 3
BATCHED = 12
KNOWN = usage.read().ways
# Another machine, or a busy one, is slower than that; a mistake is larger.
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
    """The requests of each function that AWS bills one by one."""
    return {
        name: {kind: count for kind, count in use.requests.items() if not kind.startswith("bytes of") and count}
        for name, use in counted.functions.items()
    }


@pytest.mark.parametrize("name", measure.PHOTO)
def test_photo_takes_the_estimated_requests_and_units(name, photo):
    assert _counts(photo)[name] == _counts(KNOWN["photo, rekognition"][0])[name]


def test_photo_takes_the_estimated_state_transitions(photo):
    assert photo.transitions == KNOWN["photo, rekognition"][0].transitions


def test_inspected_image_takes_the_estimated_requests_and_units(inspection):
    assert _counts(inspection) == _counts(KNOWN["inspection, rekognition"][0])


# Requests that a batch makes once weigh more in the small batch of this test.
@pytest.mark.parametrize("kind", ["DetectLabels", "GetObject", "GetObject, a part", "PutObject", "UpdateItem PHOTO"])
def test_image_in_bulk_takes_the_estimated_requests_and_units(kind, bulk):
    known = KNOWN["bulk, rekognition"][0]
    assert bulk.request(kind) == known.request(kind)
    assert bulk.request("write units") == pytest.approx(known.request("write units"), abs=0.5)


@pytest.mark.parametrize("way", ["photo", "inspection", "bulk"])
def test_stored_bytes_and_compute_time_are_as_estimated(way, request):
    known, counted = KNOWN[f"{way}, rekognition"][0], request.getfixturevalue(way)
    assert counted.table_bytes == pytest.approx(known.table_bytes, rel=0.1)
    limits = {name: LEAST_SECONDS + TIMES_SLOWER * known.functions[name].cpu_seconds for name in counted.functions}
    slow = {name: use.cpu_seconds for name, use in counted.functions.items() if use.cpu_seconds > limits[name]}
    assert slow == {}
