"""check_queue and start_model: when a session starts, with how many units, and which session uses the model."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Event, Refuse, Start
from tests.functions.sample_events import Model
from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease, expiry
from vision.domain import records
from vision.domain.errors import AccessDenied, LeaseLost, ModelFailed, ModelNotUsable, Throttled

Send = Callable[..., Any]
Fill = Callable[[int], None]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-CustomModelSession:other"
LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def check(function: Start, event: Event, lease: Lease, inspection_queue: str) -> Send:
    """Send a sample event to check_queue, with some fields changed."""
    handler = function("check_queue")
    return lambda name, **fields: handler(event(f"check_queue_{name}") | fields)


@pytest.fixture
def start(function: Start, event: Event, held: Lease, model: Model) -> Send:
    """Send the sample event to start_model, for the session that holds the lease."""
    handler = function("start_model")
    return lambda **fields: handler(event("start_model") | fields)


@pytest.fixture
def fill(inspection_queue: str) -> Fill:
    """Send messages to the queue."""

    def send(count: int) -> None:
        for number in range(count):
            client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=f"image {number}")

    return send


# Before a session


@pytest.mark.parametrize("messages", [0, 1])
def test_few_images_wait_and_the_lease_is_released(check: Send, fill: Fill, lease: Lease, messages: int) -> None:
    fill(messages)
    assert check("start") == {"decision": "WAIT", "messages": messages}
    assert lease.read().holder == ""


def test_enough_images_start_a_session_that_holds_the_lease(
    check: Send, fill: Fill, lease: Lease, execution_arn: str
) -> None:
    fill(20)
    assert check("start") == {"decision": "START", "messages": 20, "units": 1, "workers": [1, 2], "seconds": 7200}
    assert lease.read().holder == execution_arn
    assert lease.read().is_held(records.now())
    assert check("start", execution_arn=OTHER) == {"decision": "BUSY"}


def test_image_starts_a_session_alone_once_it_has_waited_long_enough(check: Send, fill: Fill, lease: Lease) -> None:
    fill(1)
    check("start")
    first = lease.read().waiting_since
    assert first
    check("start")
    assert lease.read().waiting_since == first
    lease.note_waiting(LONG_AGO, records.now())
    assert check("start")["decision"] == "START"


def test_retry_after_an_uncounted_queue_starts_the_session(check: Send, fill: Fill, refuse: Refuse) -> None:
    fill(20)
    refuse("sqs", "GetQueueAttributes", "AccessDenied", calls=(1,))
    with pytest.raises(AccessDenied):
        check("start")
    assert check("start")["decision"] == "START"


# Within a session


@pytest.mark.parametrize(
    ("messages", "last_round", "decision"),
    [
        (0, {}, "EMPTY"),
        (1, {}, "DRAIN"),
        (3, {"round": None}, "DRAIN"),
        (3, {"round": {"inspected": 130, "seconds": 240.0, "units": 1}}, "SLACK"),
    ],
)
def test_session_ends_with_an_empty_queue_or_a_slack_round(
    check: Send, fill: Fill, held: Lease, messages: int, last_round: dict[str, Any], decision: str
) -> None:
    before = held.read().expires_at
    fill(messages)
    assert check("session", **last_round) == {"decision": decision, "messages": messages}
    assert held.read().expires_at > before


@pytest.mark.parametrize("messages", [0, 3])
def test_wait_of_the_images_starts_again_within_a_session(check: Send, fill: Fill, held: Lease, messages: int) -> None:
    held.note_waiting(LONG_AGO, records.now())
    fill(messages)
    before = records.now()
    check("session")
    waiting_since = held.read().waiting_since
    assert waiting_since >= before if messages else waiting_since == ""


@pytest.mark.parametrize("holder", ["", OTHER])
def test_session_that_has_lost_its_lease_ends(check: Send, lease: Lease, holder: str) -> None:
    if holder:
        assert lease.acquire(holder, records.now(), expiry(60))
    with pytest.raises(LeaseLost, match="leaves the model alone"):
        check("session")
    assert lease.read().holder == holder


# The model


@pytest.mark.parametrize(
    ("status", "ready", "started"),
    [("STOPPED", False, [3]), ("STARTING", False, []), ("STOPPING", False, []), ("RUNNING", True, [])],
)
def test_stopped_model_is_started_with_its_units_and_used_once_it_runs(
    start: Send, model: Model, lease: Lease, status: str, ready: bool, started: list[int]
) -> None:
    model.status = status
    assert start(units=3) == {"status": status, "ready": ready}
    assert model.started == started
    # The model is paid for from the first time that it was found running.
    running_at = lease.read().running_at
    assert bool(running_at) is ready
    if ready:
        start()
        assert lease.read().running_at == running_at


@pytest.mark.parametrize(("status", "kind"), [("FAILED", ModelFailed), ("EXPIRED", ModelNotUsable)])
def test_model_that_cannot_start_ends_the_session(
    start: Send, model: Model, status: str, kind: type[Exception]
) -> None:
    model.status = status
    with pytest.raises(kind):
        start()
    assert model.started == []


def test_start_that_is_refused_for_lack_of_capacity_can_be_retried(start: Send, model: Model, refuse: Refuse) -> None:
    refuse("rekognition", "StartProjectVersion", "LimitExceededException", calls=(1,))
    with pytest.raises(Throttled):
        start()
    start()
    assert model.started == [1]


@pytest.mark.parametrize("holder", ["", OTHER])
def test_session_without_the_lease_does_not_start_the_model(
    start: Send, model: Model, lease: Lease, execution_arn: str, holder: str
) -> None:
    lease.release(execution_arn, records.now())
    if holder:
        assert lease.acquire(holder, records.now(), expiry(60))
    with pytest.raises(LeaseLost, match="leaves the model alone"):
        start()
    assert model.started == []
