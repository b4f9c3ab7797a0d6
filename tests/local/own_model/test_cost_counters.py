"""The requests of an own model in the cost estimator, counted again with the model of these tests."""

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
# Only these: this model has one label and not five, and requests once a batch weigh more in a small batch.
KINDS = ("Invoke", "DetectLabels", "GetObject", "GetObject, a part", "PutObject", "HeadObject", "UpdateItem PHOTO")


@pytest.mark.parametrize("name", WAYS)
def test_image_takes_the_requests_of_the_estimator(name, shared_pipeline):
    way, functions = WAYS[name]
    contents = [BLUE + bytes([number]) for number in range(4)]
    counted = measure.measure(shared_pipeline.stack, way, (*functions, CLASSIFIER), contents)
    [known, _] = KNOWN[f"{name}, own-model"]
    # How many images share an invocation of a bulk run depends on timing.
    kinds = set(KINDS) - ({"Invoke"} if name == "bulk" else set())
    assert {kind: counted.request(kind) for kind in kinds} == {kind: known.request(kind) for kind in kinds}
