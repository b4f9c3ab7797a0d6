"""stop_model: the finally of a session, and the watchdog that looks after what no finally can see."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.functions.conftest import Handler, Model
from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease, expiry
from vision.domain import records
from vision.domain.errors import AccessDenied, ServiceUnavailable
from vision.domain.session.custom_model import STATUSES

Event = Callable[[str], dict[str, Any]]
Metrics = Callable[[], dict[str, float]]
OTHER = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-CustomModelSession:other"
LONG_AGO, LESS_LONG_AGO = "2020-01-01T00:00:00.000Z", "2020-01-01T00:30:00.000Z"
DEAD = ["stop_model_session_failed", "stop_model_session_aborted"]
LOOKS = ["stop_model_watchdog", *DEAD]


@pytest.fixture
def handler(function: Callable[[str], Handler], lease: Lease, model: Model) -> Handler:
    model.status = "RUNNING"
    return function("stop_model")


@pytest.fixture
def execution_arn(event: Event) -> str:
    return str(event("stop_model")["execution_arn"])


@pytest.fixture
def alive(answer: Callable[..., list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Step Functions that knows of every execution that it runs, and the list of those that it was asked for."""
    running = {"executionArn": OTHER, "status": "RUNNING", "startDate": datetime.now(UTC)}
    return answer("stepfunctions", "DescribeExecution", running)


@pytest.fixture
def held(lease: Lease, execution_arn: str) -> Lease:
    """The lease, held by the session of the sample events."""
    assert lease.acquire(execution_arn, records.now(), expiry(60))
    return lease


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Metrics:
    """The metrics that were written since the last look."""

    def read() -> dict[str, float]:
        found: dict[str, float] = {}
        for line in map(json.loads, capsys.readouterr().out.splitlines()):
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
                found |= {metric["Name"]: sum(line[metric["Name"]]) for metric in directive["Metrics"]}
        return found

    return read


def test_a_session_stops_its_running_model(handler: Handler, event: Event, model: Model, held: Lease) -> None:
    assert handler(event("stop_model")) == {"stopped": False, "status": "RUNNING"}
    assert model.stopped == 1


@pytest.mark.parametrize("status", ["STARTING", "STOPPING"])
def test_a_session_waits_for_a_model_on_its_way(
    handler: Handler, event: Event, model: Model, held: Lease, status: str
) -> None:
    model.status = status
    assert handler(event("stop_model")) == {"stopped": False, "status": status}
    assert model.stopped == 0


@pytest.mark.parametrize("status", ["RUNNING", "STARTING", "STOPPING"])
def test_a_session_holds_its_lease_until_the_model_rests(
    handler: Handler, event: Event, model: Model, held: Lease, execution_arn: str, status: str
) -> None:
    model.status, before = status, held.read().expires_at
    handler(event("stop_model"))
    assert (held.read().holder, held.read().expires_at > before) == (execution_arn, True)


@pytest.mark.parametrize("status", sorted(STATUSES - {"RUNNING", "STARTING", "STOPPING"}))
def test_the_lease_is_free_once_the_model_rests(
    handler: Handler, event: Event, model: Model, held: Lease, status: str
) -> None:
    model.status = status
    assert handler(event("stop_model")) == {"stopped": True, "status": status, "model_minutes": 0.0}
    assert held.read().holder == ""


def test_what_a_session_cost_and_did_is_counted(
    handler: Handler, event: Event, model: Model, held: Lease, execution_arn: str, metrics: Metrics
) -> None:
    half_an_hour_ago = records.timestamp(datetime.now(UTC) - timedelta(minutes=30))
    held.note_running(execution_arn, half_an_hour_ago)
    model.status = "STOPPED"
    assert handler(event("stop_model"))["model_minutes"] == pytest.approx(30, abs=0.1)
    counted = metrics()
    assert counted["SessionModelMinutes"] == pytest.approx(30, abs=0.1)
    assert counted["ImagesPerModelHour"] == pytest.approx(84, abs=0.5)


def test_a_session_that_started_no_model_counts_nothing(
    handler: Handler, event: Event, model: Model, held: Lease, metrics: Metrics
) -> None:
    model.status = "STOPPED"
    handler(event("stop_model"))
    assert metrics() == {}


@pytest.mark.parametrize("holder", ["", OTHER])
def test_a_session_does_not_stop_a_model_that_it_does_not_hold(
    handler: Handler, event: Event, model: Model, lease: Lease, holder: str
) -> None:
    if holder:
        lease.acquire(holder, records.now(), expiry(60))
    assert handler(event("stop_model")) == {"stopped": True, "status": "NOT_OURS"}
    assert (model.stopped, lease.read().holder) == (0, holder)


def test_a_stop_that_is_refused_keeps_the_lease_for_the_next_try(
    handler: Handler, event: Event, model: Model, held: Lease, execution_arn: str, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "StopProjectVersion", "InternalServerError", 500, calls=(1, 2, 3))
    with pytest.raises(ServiceUnavailable):
        handler(event("stop_model"))
    assert held.read().holder == execution_arn


@pytest.mark.parametrize("name", LOOKS)
def test_a_model_that_nobody_holds_is_stopped(
    handler: Handler, event: Event, model: Model, lease: Lease, name: str
) -> None:
    handler(event(name))
    assert (model.stopped, lease.read().holder) == (1, "")


@pytest.mark.parametrize("name", LOOKS)
def test_a_lease_that_has_expired_does_not_protect_a_model(
    handler: Handler, event: Event, model: Model, lease: Lease, name: str
) -> None:
    lease.acquire(OTHER, LONG_AGO, LESS_LONG_AGO)
    handler(event(name))
    assert (model.stopped, lease.read().holder) == (1, "")


@pytest.mark.parametrize("name", LOOKS)
def test_the_model_of_a_live_session_is_left_alone(
    handler: Handler, event: Event, model: Model, lease: Lease, alive: list[dict[str, Any]], name: str
) -> None:
    lease.acquire(OTHER, records.now(), expiry(60))
    handler(event(name))
    assert (model.stopped, lease.read().holder) == (0, OTHER)
    assert [asked["executionArn"] for asked in alive] == [OTHER]


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_a_session_that_ended_without_a_word_frees_its_lease_and_its_model_stops(
    handler: Handler,
    event: Event,
    model: Model,
    held: Lease,
    answer: Callable[..., Any],
    execution_arn: str,
    status: str,
) -> None:
    ended = {"executionArn": execution_arn, "status": status, "startDate": datetime.now(UTC)}
    answer("stepfunctions", "DescribeExecution", ended)
    handler(event("stop_model_watchdog"))
    assert (model.stopped, held.read().holder) == (1, "")


@pytest.mark.parametrize("status", ["STOPPED", "STARTING"])
def test_the_lease_of_a_dead_session_is_freed_although_its_model_does_not_run(
    handler: Handler, event: Event, model: Model, held: Lease, status: str
) -> None:
    model.status = status
    handler(event("stop_model_watchdog"))
    assert (model.stopped, held.read().holder) == (0, "")


@pytest.mark.parametrize(
    ("code", "http_status"),
    [("AccessDeniedException", 400), ("ThrottlingException", 400), ("InternalServerError", 500), ("silence", 0)],
)
def test_a_session_of_which_nothing_can_be_learned_counts_as_alive(
    handler: Handler,
    event: Event,
    model: Model,
    held: Lease,
    execution_arn: str,
    refuse: Callable[..., None],
    code: str,
    http_status: int,
) -> None:
    refuse("stepfunctions", "DescribeExecution", code, http_status)
    handler(event("stop_model_watchdog"))
    assert (model.stopped, held.read().holder) == (0, execution_arn)


@pytest.mark.parametrize("name", DEAD)
def test_a_dead_session_frees_its_lease_and_its_model_stops_at_once(
    handler: Handler, event: Event, model: Model, held: Lease, name: str
) -> None:
    handler(event(name))
    assert (model.stopped, held.read().holder) == (1, "")


def test_the_schedule_alone_frees_no_live_lease(
    handler: Handler, event: Event, model: Model, held: Lease, execution_arn: str, alive: list[dict[str, Any]]
) -> None:
    handler(event("stop_model_watchdog"))
    assert (model.stopped, held.read().holder) == (0, execution_arn)


def _keep_running(table_name: str, lease: Lease, until: str) -> None:
    client("dynamodb").update_item(
        TableName=table_name,
        Key={name: {"S": value} for name, value in lease._key.items()},
        UpdateExpression="SET keep_running_until = :until",
        ExpressionAttributeValues={":until": {"S": until}},
    )


@pytest.mark.parametrize("name", LOOKS)
def test_a_model_that_an_operator_keeps_running_is_left_alone(
    handler: Handler, event: Event, model: Model, lease: Lease, table_name: str, name: str
) -> None:
    _keep_running(table_name, lease, expiry(3600))
    handler(event(name))
    assert model.stopped == 0


def test_a_session_does_not_stop_a_model_that_an_operator_keeps_running(
    handler: Handler, event: Event, model: Model, held: Lease, table_name: str
) -> None:
    _keep_running(table_name, held, expiry(3600))
    assert handler(event("stop_model")) == {"stopped": True, "status": "KEPT_RUNNING"}
    assert (model.stopped, held.read().holder) == (0, "")


def test_what_an_operator_misspelt_does_not_protect_the_model_and_is_said(
    handler: Handler,
    event: Event,
    model: Model,
    lease: Lease,
    table_name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _keep_running(table_name, lease, "until tomorrow")
    handler(event("stop_model_watchdog"))
    assert model.stopped == 1
    assert "keep_running_until is no timestamp" in caplog.text


def test_a_session_ends_although_an_operator_misspelt_a_word(
    handler: Handler, event: Event, model: Model, held: Lease, table_name: str
) -> None:
    _keep_running(table_name, held, "until tomorrow")
    assert handler(event("stop_model")) == {"stopped": False, "status": "RUNNING"}


def test_an_operators_word_ends_when_it_says(
    handler: Handler, event: Event, model: Model, lease: Lease, table_name: str
) -> None:
    _keep_running(table_name, lease, LONG_AGO)
    handler(event("stop_model_watchdog"))
    assert model.stopped == 1


@pytest.mark.parametrize("status", sorted(STATUSES - {"RUNNING"}))
def test_a_model_that_costs_nothing_is_neither_stopped_nor_counted(
    handler: Handler, event: Event, model: Model, metrics: Metrics, status: str
) -> None:
    model.status = status
    handler(event("stop_model_watchdog"))
    assert (model.stopped, metrics()) == (0, {})


def test_each_look_at_a_running_model_counts_the_minutes_that_it_stands_for(
    handler: Handler, event: Event, held: Lease, metrics: Metrics, alive: list[dict[str, Any]]
) -> None:
    handler(event("stop_model_watchdog"))
    assert metrics() == {"ModelMinutes": 10.0}


def test_a_look_out_of_turn_counts_no_minute_twice(
    handler: Handler, event: Event, lease: Lease, metrics: Metrics
) -> None:
    lease.note_watched(records.seconds_ago(180))
    handler(event("stop_model_session_failed"))
    assert metrics()["ModelMinutes"] == pytest.approx(3, abs=0.1)
    handler(event("stop_model_session_failed"))
    assert metrics().get("ModelMinutes", 0) == pytest.approx(0, abs=0.1)


def test_a_look_at_a_model_that_rests_begins_the_count_anew(
    handler: Handler, event: Event, model: Model, metrics: Metrics
) -> None:
    model.status = "STOPPED"
    handler(event("stop_model_watchdog"))
    model.status = "RUNNING"
    handler(event("stop_model_watchdog"))
    assert metrics()["ModelMinutes"] == pytest.approx(0, abs=0.1)


def test_a_model_that_the_watchdog_stopped_is_counted(handler: Handler, event: Event, metrics: Metrics) -> None:
    handler(event("stop_model_watchdog"))
    assert metrics() == {"ModelMinutes": 10.0, "ModelsStoppedByWatchdog": 1.0}


@pytest.mark.parametrize("name", LOOKS)
def test_when_rekognition_refuses_to_stop_the_minutes_are_counted_the_lease_is_free_and_the_error_is_seen(
    handler: Handler, event: Event, lease: Lease, metrics: Metrics, refuse: Callable[..., None], name: str
) -> None:
    refuse("rekognition", "StopProjectVersion", "AccessDeniedException")
    with pytest.raises(AccessDenied):
        handler(event(name))
    counted = metrics()
    assert ("ModelMinutes" in counted, "ModelsStoppedByWatchdog" in counted, lease.read().holder) == (True, False, "")
    assert counted["WatchdogFailures"] == 1


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_that_sees_nothing_is_counted_as_a_failure_of_the_watchdog(
    handler: Handler, event: Event, metrics: Metrics, refuse: Callable[..., None], name: str
) -> None:
    refuse("rekognition", "DescribeProjectVersions", "AccessDeniedException")
    with pytest.raises(AccessDenied):
        handler(event(name))
    assert metrics() == {"WatchdogFailures": 1.0}


def test_a_stop_that_fails_in_a_session_is_not_the_watchdogs_failure(
    handler: Handler, event: Event, held: Lease, metrics: Metrics, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "StopProjectVersion", "AccessDeniedException")
    with pytest.raises(AccessDenied):
        handler(event("stop_model"))
    assert metrics() == {}


def test_the_next_look_stops_what_the_last_one_could_not(
    handler: Handler, event: Event, model: Model, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "StopProjectVersion", "AccessDeniedException", calls=(1,))
    with pytest.raises(AccessDenied):
        handler(event("stop_model_watchdog"))
    handler(event("stop_model_watchdog"))
    assert model.stopped == 1
