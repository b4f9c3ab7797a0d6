"""The counters of an own model that the cost estimator reckons with, counted again with a model of the test."""

import pytest

from benchmarks.cost import measure, usage
from benchmarks.cost.bill import CLASSIFIER
from tests.local.own_model.conftest import BLUE

pytestmark = pytest.mark.local

KNOWN = usage.read().ways
WAYS = {
    "photo": (measure.photos, measure.PHOTO),
    "inspection": (measure.inspections, measure.INSPECTION),
    "bulk": (measure.bulk, measure.BULK),
}
# One label of the test's model is not five of the default one, and what a batch does once weighs more in a small one.
KINDS = ("Invoke", "DetectLabels", "GetObject", "GetObject, a part", "PutObject", "HeadObject", "UpdateItem PHOTO")


@pytest.mark.parametrize("name", WAYS)
def test_an_image_takes_the_requests_that_the_estimator_reckons_with(name, shared_pipeline):
    way, functions = WAYS[name]
    contents = [BLUE + bytes([number]) for number in range(4)]
    counted = measure.measure(shared_pipeline.stack, way, (*functions, CLASSIFIER), contents)
    [known, _] = KNOWN[f"{name}, own-model"]
    # How many images meet in an invocation of a bulk run is a matter of moments.
    kinds = set(KINDS) - ({"Invoke"} if name == "bulk" else set())
    assert {kind: counted.request(kind) for kind in kinds} == {kind: known.request(kind) for kind in kinds}
