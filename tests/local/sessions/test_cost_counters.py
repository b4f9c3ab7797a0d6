"""The requests of a Custom Labels session that the cost estimator assumes, measured again."""

import pytest

from benchmarks.cost import measure, usage
from tests.local.sessions.driver import picture

pytestmark = pytest.mark.local

IMAGES = 3
[KNOWN, _] = usage.read().ways["inspection, custom-labels"]
# The image does not determine how often a worker polls, or how often the model throttles it.
NOT_THE_IMAGES = ("bytes of", "ReceiveMessage", "DetectCustomLabels")


@pytest.fixture(scope="module")
def counted(shared_sessions):
    shared_sessions.start_afresh()
    contents = [picture() + bytes([number]) for number in range(IMAGES + 1)]
    # The stack of these tests sends a notification for every verdict.
    with shared_sessions.configured("DrainQueueFunction", {"NOTIFICATIONS": "off"}):
        return measure.measure(shared_sessions.stack, measure.sessions, measure.SESSION, contents)


def _counts(found):
    requests = found.functions["DrainQueueFunction"].requests
    return {kind: count for kind, count in requests.items() if not kind.startswith(NOT_THE_IMAGES) and count}


def test_image_takes_the_estimated_requests_units_and_bytes(counted):
    assert _counts(counted) == _counts(KNOWN)
    assert counted.request("DetectCustomLabels") >= 1
    assert counted.table_bytes == pytest.approx(KNOWN.table_bytes, rel=0.1)
