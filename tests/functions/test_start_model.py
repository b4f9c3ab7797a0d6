from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Event, Refuse, Start
from tests.functions.sample_events import Model
from vision.adapters.lease import Lease, expiry
from vision.domain import records
from vision.domain.errors import LeaseLost, ModelFailed, ModelNotUsable, Throttled

Send = Callable[..., Any]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-CustomModelSession:other"


@pytest.fixture
def start(function: Start, event: Event, held: Lease, model: Model) -> Send:
    """Send the sample event to start_model, for the session that holds the lease."""
    handler = function("start_model")
    return lambda **fields: handler(event("start_model") | fields)


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
