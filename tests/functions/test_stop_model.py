"""stop_model: the last state of a session, and the watchdog for sessions that ended without it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import TABLE
from tests.functions.conftest import Answer, Event, Metrics, Refuse, Start
from tests.functions.sample_events import Model
from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease, expiry
from vision.domain import records
from vision.domain.errors import AccessDenied, ServiceUnavailable
from vision.domain.session.custom_model import STATUSES

Send = Callable[[str], Any]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-CustomModelSession:other"
LONG_AGO, LESS_LONG_AGO = "2020-01-01T00:00:00.000Z", "2020-01-01T00:30:00.000Z"
FAR_AHEAD = "2999-12-31T00:00:00Z"
ENDED = ["stop_model_session_failed", "stop_model_session_aborted"]
WATCHDOG = ["stop_model_watchdog", *ENDED]


@pytest.fixture
def send(function: Start, event: Event, lease: Lease, model: Model) -> Send:
    """Send a sample event to stop_model while the model runs, unless the test changes its status."""
    model.status = "RUNNING"
    handler = function("stop_model")
    return lambda name: handler(event(name))


@pytest.fixture
def alive(answer: Answer) -> list[dict[str, Any]]:
    """Let Step Functions describe each execution as RUNNING, and return the list of requests."""
    running = {"executionArn": OTHER, "status": "RUNNING", "startDate": datetime.now(UTC)}
    return answer("stepfunctions", "DescribeExecution", running)


def _keep_running(lease: Lease, until: str) -> None:
    """Write what an operator writes to keep the model running."""
    client("dynamodb").update_item(
        TableName=TABLE,
        Key={name: {"S": value} for name, value in lease._key.items()},
        UpdateExpression="SET keep_running_until = :until",
        ExpressionAttributeValues={":until": {"S": until}},
    )


# The last state of a session


@pytest.mark.parametrize(("status", "stops"), [("RUNNING", 1), ("STARTING", 0), ("STOPPING", 0)])
def test_session_extends_its_lease_until_its_model_has_stopped(
    send: Send, model: Model, held: Lease, execution_arn: str, status: str, stops: int
) -> None:
    model.status, before = status, held.read().expires_at
    assert send("stop_model") == {"stopped": False, "status": status}
    assert model.stopped == stops
    assert held.read().holder == execution_arn
    assert held.read().expires_at > before


@pytest.mark.parametrize("status", sorted(STATUSES - {"RUNNING", "STARTING", "STOPPING"}))
def test_session_releases_its_lease_once_the_model_has_stopped(
    send: Send, model: Model, held: Lease, metrics: Metrics, status: str
) -> None:
    model.status = status
    assert send("stop_model") == {"stopped": True, "status": status, "model_minutes": 0.0}
    assert held.read().holder == ""
    # This session started no model.
    assert metrics() == {}


def test_session_counts_the_minutes_of_its_model_and_the_images_per_hour(
    send: Send, model: Model, held: Lease, execution_arn: str, metrics: Metrics
) -> None:
    half_an_hour_ago = records.timestamp(datetime.now(UTC) - timedelta(minutes=30))
    held.note_running(execution_arn, half_an_hour_ago)
    model.status = "STOPPED"
    assert send("stop_model")["model_minutes"] == pytest.approx(30, abs=0.1)
    counted = metrics()
    assert counted["SessionModelMinutes"] == pytest.approx(30, abs=0.1)
    assert counted["ImagesPerModelHour"] == pytest.approx(84, abs=0.5)


@pytest.mark.parametrize("holder", ["", OTHER])
def test_session_without_the_lease_does_not_stop_the_model(send: Send, model: Model, lease: Lease, holder: str) -> None:
    if holder:
        lease.acquire(holder, records.now(), expiry(60))
    assert send("stop_model") == {"stopped": True, "status": "NOT_OURS"}
    assert model.stopped == 0
    assert lease.read().holder == holder


@pytest.mark.parametrize(
    "error", [("InternalServerError", 500, ServiceUnavailable), ("AccessDeniedException", 400, AccessDenied)]
)
def test_session_that_cannot_stop_its_model_keeps_the_lease(
    send: Send, held: Lease, execution_arn: str, metrics: Metrics, refuse: Refuse, error: tuple[str, int, Any]
) -> None:
    code, http_status, kind = error
    refuse("rekognition", "StopProjectVersion", code, http_status)
    with pytest.raises(kind):
        send("stop_model")
    assert held.read().holder == execution_arn
    # It is not a failure of the watchdog.
    assert metrics() == {}


@pytest.mark.parametrize(
    ("until", "status", "is_kept"), [(FAR_AHEAD, "KEPT_RUNNING", True), ("until tomorrow", "RUNNING", False)]
)
def test_session_leaves_a_model_that_an_operator_keeps_running(
    send: Send, model: Model, held: Lease, until: str, status: str, is_kept: bool
) -> None:
    _keep_running(held, until)
    assert send("stop_model") == {"stopped": is_kept, "status": status}
    assert model.stopped == (not is_kept)
    assert (held.read().holder == "") is is_kept


# The watchdog


@pytest.mark.parametrize("name", WATCHDOG)
@pytest.mark.parametrize("has_expired_lease", [False, True])
def test_watchdog_stops_and_counts_a_model_without_a_valid_lease(
    send: Send, model: Model, lease: Lease, metrics: Metrics, name: str, has_expired_lease: bool
) -> None:
    if has_expired_lease:
        lease.acquire(OTHER, LONG_AGO, LESS_LONG_AGO)
    send(name)
    assert model.stopped == 1
    assert lease.read().holder == ""
    assert metrics() == {"ModelMinutes": 10.0, "ModelsStoppedByWatchdog": 1.0}


@pytest.mark.parametrize("name", WATCHDOG)
def test_watchdog_leaves_the_model_of_another_running_session_and_counts_its_minutes(
    send: Send, model: Model, lease: Lease, metrics: Metrics, alive: list[dict[str, Any]], name: str
) -> None:
    lease.acquire(OTHER, records.now(), expiry(60))
    send(name)
    assert model.stopped == 0
    assert lease.read().holder == OTHER
    assert [asked["executionArn"] for asked in alive] == [OTHER]
    assert metrics() == {"ModelMinutes": 10.0}


@pytest.mark.parametrize("name", ENDED)
def test_end_of_a_session_releases_lease_and_stops_model(send: Send, model: Model, held: Lease, name: str) -> None:
    send(name)
    assert model.stopped == 1
    assert held.read().holder == ""


@pytest.mark.parametrize(
    ("status", "is_released"),
    [("RUNNING", False), ("SUCCEEDED", True), ("FAILED", True), ("TIMED_OUT", True), ("ABORTED", True)],
)
def test_schedule_releases_the_lease_of_an_ended_session_only(
    send: Send, model: Model, held: Lease, answer: Answer, execution_arn: str, status: str, is_released: bool
) -> None:
    described = {"executionArn": execution_arn, "status": status, "startDate": datetime.now(UTC)}
    answer("stepfunctions", "DescribeExecution", described)
    send("stop_model_watchdog")
    assert model.stopped == is_released
    assert held.read().holder == ("" if is_released else execution_arn)


@pytest.mark.parametrize("status", sorted(STATUSES - {"RUNNING"}))
def test_schedule_releases_the_lease_of_a_model_that_is_not_paid_for(
    send: Send, model: Model, held: Lease, metrics: Metrics, status: str
) -> None:
    model.status = status
    send("stop_model_watchdog")
    assert model.stopped == 0
    assert held.read().holder == ""
    assert metrics() == {}


@pytest.mark.parametrize(
    ("code", "http_status"),
    [("AccessDeniedException", 400), ("ThrottlingException", 400), ("InternalServerError", 500), ("silence", 0)],
)
def test_session_that_cannot_be_described_counts_as_running(
    send: Send, model: Model, held: Lease, execution_arn: str, refuse: Refuse, code: str, http_status: int
) -> None:
    refuse("stepfunctions", "DescribeExecution", code, http_status)
    send("stop_model_watchdog")
    assert model.stopped == 0
    assert held.read().holder == execution_arn


@pytest.mark.parametrize("name", WATCHDOG)
@pytest.mark.parametrize(
    ("until", "stops", "warning"),
    [(FAR_AHEAD, 0, ""), (LONG_AGO, 1, ""), ("until tomorrow", 1, "keep_running_until is not a timestamp")],
)
def test_watchdog_leaves_a_model_that_an_operator_keeps_running(
    send: Send, model: Model, lease: Lease, caplog: Any, name: str, until: str, stops: int, warning: str
) -> None:
    _keep_running(lease, until)
    send(name)
    assert model.stopped == stops
    assert warning in caplog.text


# Metrics of the watchdog


def test_check_between_periods_counts_each_minute_once(
    send: Send, model: Model, lease: Lease, metrics: Metrics
) -> None:
    lease.note_watched(records.seconds_ago(180))
    send("stop_model_session_failed")
    assert metrics()["ModelMinutes"] == pytest.approx(3, abs=0.1)
    send("stop_model_session_failed")
    assert metrics().get("ModelMinutes", 0) == pytest.approx(0, abs=0.1)


def test_check_of_a_stopped_model_restarts_the_count_of_minutes(send: Send, model: Model, metrics: Metrics) -> None:
    for status in ("STOPPED", "RUNNING"):
        model.status = status
        send("stop_model_watchdog")
    assert metrics()["ModelMinutes"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("name", WATCHDOG)
def test_failed_stop_is_counted_and_retried_by_the_next_check(
    send: Send, model: Model, lease: Lease, metrics: Metrics, refuse: Refuse, name: str
) -> None:
    refuse("rekognition", "StopProjectVersion", "AccessDeniedException", calls=(1,))
    with pytest.raises(AccessDenied):
        send(name)
    counted = metrics()
    assert "ModelMinutes" in counted
    assert "ModelsStoppedByWatchdog" not in counted
    assert counted["WatchdogFailures"] == 1
    assert lease.read().holder == ""
    send(name)
    assert model.stopped == 1


@pytest.mark.parametrize("name", WATCHDOG)
def test_failed_description_of_the_model_is_counted(send: Send, metrics: Metrics, refuse: Refuse, name: str) -> None:
    refuse("rekognition", "DescribeProjectVersions", "AccessDeniedException")
    with pytest.raises(AccessDenied):
        send(name)
    assert metrics() == {"WatchdogFailures": 1.0}
