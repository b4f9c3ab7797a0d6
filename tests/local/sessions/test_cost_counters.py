"""The counters of a Custom Labels session that the cost estimator reckons with, counted again."""

import pytest

from benchmarks.cost import measure, usage
from tests.local.sessions.driver import picture

pytestmark = pytest.mark.local

IMAGES = 3
[KNOWN, _] = usage.read().ways["inspection, custom-labels"]
# How often a worker looks, or is told to wait by the model, is not the image's doing.
NOT_THE_IMAGES = ("bytes of", "ReceiveMessage", "DetectCustomLabels")


@pytest.fixture(scope="module")
def counted(shared_sessions):
    shared_sessions.start_afresh()
    contents = [picture() + bytes([number]) for number in range(IMAGES + 1)]
    # The stack of these tests tells people of every verdict.
    with shared_sessions.configured("DrainQueueFunction", {"NOTIFICATIONS": "off"}):
        return measure.measure(shared_sessions.stack, measure.sessions, measure.SESSION, contents)


def _counts(found):
    requests = found.functions["DrainQueueFunction"].requests
    return {kind: count for kind, count in requests.items() if not kind.startswith(NOT_THE_IMAGES) and count}


def test_an_image_takes_the_requests_and_units_that_the_estimator_reckons_with(counted):
    assert _counts(counted) == _counts(KNOWN)


def test_each_image_is_analysed(counted):
    assert counted.request("DetectCustomLabels") >= 1


def test_what_is_kept_of_an_image_is_what_the_estimator_reckons_with(counted):
    assert counted.table_bytes == pytest.approx(KNOWN.table_bytes, rel=0.1)
