"""check_queue and start_model: when a session starts, how large it is, and who may touch the model."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Handler, Model
from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease, expiry
from vision.domain import records
from vision.domain.errors import AccessDenied, LeaseLost, ModelFailed, ModelNotUsable, Throttled

Event = Callable[[str], dict[str, Any]]
Fill = Callable[[int], None]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-CustomModelSession:other"
LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def check(function: Callable[[str], Handler], lease: Lease, inspection_queue: str) -> Handler:
    return function("check_queue")


@pytest.fixture
def start(function: Callable[[str], Handler], lease: Lease, model: Model, event: Event) -> Handler:
    lease.acquire(event("start_model")["execution_arn"], records.now(), expiry(60))
    return function("start_model")


@pytest.fixture
def execution_arn(event: Event) -> str:
    return str(event("start_model")["execution_arn"])


@pytest.fixture
def fill(inspection_queue: str) -> Fill:
    def send(count: int) -> None:
        for number in range(count):
            client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=f"image {number}")

    return send


def _hold(lease: Lease, execution_arn: str) -> None:
    assert lease.acquire(execution_arn, records.now(), expiry(60))


def test_an_empty_queue_starts_nothing(check: Handler, event: Event) -> None:
    assert check(event("check_queue_start")) == {"decision": "WAIT", "messages": 0}


def test_a_single_new_image_waits_for_others(check: Handler, event: Event, fill: Fill) -> None:
    fill(1)
    assert check(event("check_queue_start")) == {"decision": "WAIT", "messages": 1}


def test_a_look_without_a_session_gives_the_lease_back(check: Handler, event: Event, fill: Fill, lease: Lease) -> None:
    fill(1)
    check(event("check_queue_start"))
    assert lease.read().holder == ""


def test_enough_images_start_a_session_with_its_workers(check: Handler, event: Event, fill: Fill) -> None:
    fill(20)
    assert check(event("check_queue_start")) == {
        "decision": "START",
        "messages": 20,
        "units": 1,
        "workers": [1, 2],
        "seconds": 7200,
    }


def test_who_starts_a_session_holds_the_lease(
    check: Handler, event: Event, fill: Fill, lease: Lease, execution_arn: str
) -> None:
    fill(20)
    check(event("check_queue_start"))
    assert (lease.read().holder, lease.read().is_held(records.now())) == (execution_arn, True)


def test_messages_in_flight_are_work_too(check: Handler, event: Event, fill: Fill, inspection_queue: str) -> None:
    fill(20)
    for _ in range(2):
        client("sqs").receive_message(QueueUrl=inspection_queue, MaxNumberOfMessages=10)
    assert check(event("check_queue_start"))["decision"] == "START"


def test_an_image_that_has_waited_long_enough_starts_a_session_alone(
    check: Handler, event: Event, fill: Fill, lease: Lease
) -> None:
    fill(1)
    check(event("check_queue_start"))
    lease.note_waiting(LONG_AGO, records.now())
    assert check(event("check_queue_start"))["decision"] == "START"


def test_the_first_look_at_an_image_is_remembered(check: Handler, event: Event, fill: Fill, lease: Lease) -> None:
    fill(1)
    check(event("check_queue_start"))
    first = lease.read().waiting_since
    check(event("check_queue_start"))
    assert (bool(first), lease.read().waiting_since) == (True, first)


def test_an_empty_queue_forgets_since_when_it_was_not(
    check: Handler, event: Event, lease: Lease, execution_arn: str
) -> None:
    _hold(lease, execution_arn)
    lease.note_waiting(LONG_AGO, records.now())
    check(event("check_queue_session"))
    assert lease.read().waiting_since == ""


def test_of_two_sessions_at_once_the_second_is_told_that_it_is_busy(
    check: Handler, event: Event, fill: Fill, lease: Lease
) -> None:
    fill(20)
    check(event("check_queue_start"))
    assert check(event("check_queue_start") | {"execution_arn": OTHER}) == {"decision": "BUSY"}


def test_a_session_whose_holder_died_does_not_keep_the_next_one_out(
    check: Handler, event: Event, fill: Fill, lease: Lease
) -> None:
    fill(20)
    lease.acquire(OTHER, LONG_AGO, "2020-01-01T00:30:00.000Z")
    assert check(event("check_queue_start"))["decision"] == "START"


@pytest.mark.parametrize(("count", "decision"), [(0, "EMPTY"), (1, "DRAIN")])
def test_within_a_session_every_image_counts(
    check: Handler, event: Event, fill: Fill, lease: Lease, execution_arn: str, count: int, decision: str
) -> None:
    _hold(lease, execution_arn)
    fill(count)
    assert check(event("check_queue_session")) == {"decision": decision, "messages": count}


def test_a_session_whose_last_round_idled_ends(
    check: Handler, event: Event, fill: Fill, lease: Lease, execution_arn: str
) -> None:
    _hold(lease, execution_arn)
    fill(3)
    idle = {"inspected": 130, "seconds": 240.0, "units": 1}
    assert check(event("check_queue_session") | {"round": idle}) == {"decision": "SLACK", "messages": 3}


def test_without_a_round_to_judge_every_image_counts(
    check: Handler, event: Event, fill: Fill, lease: Lease, execution_arn: str
) -> None:
    _hold(lease, execution_arn)
    fill(3)
    assert check(event("check_queue_session") | {"round": None})["decision"] == "DRAIN"


def test_what_a_session_leaves_waits_from_then_on(
    check: Handler, event: Event, fill: Fill, lease: Lease, execution_arn: str
) -> None:
    _hold(lease, execution_arn)
    lease.note_waiting(LONG_AGO, records.now())
    fill(3)
    before = records.now()
    check(event("check_queue_session"))
    assert lease.read().waiting_since >= before


def test_a_look_within_a_session_holds_the_lease_longer(
    check: Handler, event: Event, lease: Lease, execution_arn: str
) -> None:
    _hold(lease, execution_arn)
    before = lease.read().expires_at
    check(event("check_queue_session"))
    assert lease.read().expires_at > before


@pytest.mark.parametrize("holder", ["", OTHER])
def test_a_session_that_has_lost_its_lease_ends(check: Handler, event: Event, lease: Lease, holder: str) -> None:
    if holder:
        _hold(lease, holder)
    with pytest.raises(LeaseLost, match="it ends without touching the model"):
        check(event("check_queue_session"))
    assert lease.read().holder == holder


def test_a_queue_that_cannot_be_counted_leaves_the_lease_to_the_retry(
    check: Handler, event: Event, fill: Fill, refuse: Callable[..., None]
) -> None:
    fill(20)
    refuse("sqs", "GetQueueAttributes", "AccessDenied", calls=(1,))
    with pytest.raises(AccessDenied):
        check(event("check_queue_start"))
    assert check(event("check_queue_start"))["decision"] == "START"


def test_a_stopped_model_is_started_with_the_units(start: Handler, event: Event, model: Model) -> None:
    assert start(event("start_model") | {"units": 3}) == {"status": "STOPPED", "ready": False}
    assert model.started == [3]


@pytest.mark.parametrize(("status", "ready"), [("STARTING", False), ("STOPPING", False), ("RUNNING", True)])
def test_a_model_on_its_way_is_waited_for_and_a_running_one_is_used(
    start: Handler, event: Event, model: Model, status: str, ready: bool
) -> None:
    model.status = status
    assert start(event("start_model")) == {"status": status, "ready": ready}
    assert model.started == []


def test_the_first_look_at_the_running_model_is_remembered(
    start: Handler, event: Event, model: Model, lease: Lease
) -> None:
    model.status = "RUNNING"
    start(event("start_model"))
    first = lease.read().running_at
    start(event("start_model"))
    assert (bool(first), lease.read().running_at) == (True, first)


@pytest.mark.parametrize("status", ["STOPPED", "STARTING", "STOPPING"])
def test_a_model_is_not_paid_for_before_it_runs(
    start: Handler, event: Event, model: Model, lease: Lease, status: str
) -> None:
    model.status = status
    start(event("start_model"))
    assert lease.read().running_at == ""


@pytest.mark.parametrize(("status", "kind"), [("FAILED", ModelFailed), ("EXPIRED", ModelNotUsable)])
def test_a_model_that_cannot_start_ends_the_session(
    start: Handler, event: Event, model: Model, status: str, kind: type[Exception]
) -> None:
    model.status = status
    with pytest.raises(kind):
        start(event("start_model"))
    assert model.started == []


def test_a_start_that_is_refused_for_lack_of_capacity_is_worth_another_try(
    start: Handler, event: Event, model: Model, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "StartProjectVersion", "LimitExceededException", calls=(1,))
    with pytest.raises(Throttled):
        start(event("start_model"))
    start(event("start_model"))
    assert model.started == [1]


@pytest.mark.parametrize("holder", ["", OTHER])
def test_who_does_not_hold_the_lease_does_not_touch_the_model(
    start: Handler, event: Event, model: Model, lease: Lease, execution_arn: str, holder: str
) -> None:
    lease.release(execution_arn, records.now())
    if holder:
        _hold(lease, holder)
    with pytest.raises(LeaseLost, match="without touching the model"):
        start(event("start_model"))
    assert model.started == []
