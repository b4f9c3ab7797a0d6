"""When a session starts, and which session uses the model."""

from collections.abc import Callable

import pytest

from tests.conftest import TABLE
from tests.functions.conftest import Refuse
from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease, expiry
from vision.adapters.session_log import SessionLog
from vision.domain import records
from vision.domain.errors import AccessDenied, LeaseLost
from vision.domain.session.decisions import Round, SessionPolicy
from vision.services.session_admission import SessionAdmission

Fill = Callable[[int], None]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-CustomModelSession:other"
LONG_AGO = "2020-01-01T00:00:00.000Z"
SLACK = Round(inspected=130, seconds=240.0, units=1)


@pytest.fixture
def admission(lease: Lease, inspection_queue: str) -> SessionAdmission:
    policy = SessionPolicy(20, 3600, minimum_units=1, maximum_units=4, drain_seconds=2, maximum_seconds=7200)
    return SessionAdmission(inspection_queue, lease, SessionLog(TABLE), policy, workers_per_unit=2)


@pytest.fixture
def fill(inspection_queue: str) -> Fill:
    """Send messages to the queue."""

    def send(count: int) -> None:
        for number in range(count):
            client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=f"image {number}")

    return send


@pytest.mark.parametrize("messages", [0, 1])
def test_few_images_wait_and_the_lease_is_released(admission: SessionAdmission, fill: Fill, messages: int) -> None:
    fill(messages)
    assert admission.start_session("one") == {"decision": "WAIT", "messages": messages}
    assert admission.lease.read().holder == ""
    assert admission.log.latest(1) == []


def test_enough_images_start_a_session_that_holds_the_lease(admission: SessionAdmission, fill: Fill) -> None:
    fill(20)
    started = {"decision": "START", "messages": 20, "units": 2, "workers": [1, 2, 3, 4], "seconds": 7200}
    assert admission.start_session("one") == started
    assert admission.lease.read().holder == "one"
    assert admission.lease.read().is_held(records.now())
    assert [(session["execution_arn"], session["units"]) for session in admission.log.latest(2)] == [("one", 2)]
    assert admission.start_session(OTHER) == {"decision": "BUSY"}


def test_image_starts_a_session_alone_once_it_has_waited_long_enough(admission: SessionAdmission, fill: Fill) -> None:
    fill(1)
    admission.start_session("one")
    first = admission.lease.read().waiting_since
    assert first
    admission.start_session("one")
    assert admission.lease.read().waiting_since == first
    admission.lease.note_waiting(LONG_AGO, records.now())
    assert admission.start_session("one")["decision"] == "START"


def test_retry_after_an_uncounted_queue_starts(admission: SessionAdmission, fill: Fill, refuse: Refuse) -> None:
    fill(20)
    refuse("sqs", "GetQueueAttributes", "AccessDenied", calls=(1,))
    with pytest.raises(AccessDenied):
        admission.start_session("one")
    assert admission.start_session("one")["decision"] == "START"


@pytest.mark.parametrize(
    ("messages", "last", "decision"), [(0, None, "EMPTY"), (1, None, "DRAIN"), (3, None, "DRAIN"), (3, SLACK, "SLACK")]
)
def test_session_extends_its_lease_and_ends_with_an_empty_queue_or_a_slack_round(
    admission: SessionAdmission, fill: Fill, held: Lease, messages: int, last: Round | None, decision: str
) -> None:
    held.note_waiting(LONG_AGO, records.now())
    before, now = held.read(), records.now()
    fill(messages)
    assert admission.continue_session(before.holder, last) == {"decision": decision, "messages": messages}
    after = held.read()
    assert after.expires_at > before.expires_at
    # The images that waited before have had their turn.
    assert after.waiting_since >= now if messages else after.waiting_since == ""


@pytest.mark.parametrize("holder", ["", OTHER])
def test_session_that_has_lost_its_lease_ends(admission: SessionAdmission, holder: str) -> None:
    if holder:
        assert admission.lease.acquire(holder, records.now(), expiry(60))
    with pytest.raises(LeaseLost, match="leaves the model alone"):
        admission.continue_session("one", None)
    assert admission.lease.read().holder == holder
