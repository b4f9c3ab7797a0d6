from collections.abc import Callable

import pytest

from vision.adapters.aws_sdk import client
from vision.adapters.lease import Lease, LeaseState, expiry
from vision.domain import records

VERSION_ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things/version/things.1/1794479400123"
FIRST, SECOND = "execution-1", "execution-2"
BEFORE, NOW, LATER, MUCH_LATER = (f"2026-11-20T{hour:02}:00:00.000Z" for hour in (9, 10, 11, 12))


@pytest.fixture
def lease(table_name: str) -> Lease:
    return Lease(table_name, VERSION_ARN)


def test_free_lease_is_taken_by_one_holder_who_may_take_it_again_for_longer(lease: Lease, table_name: str) -> None:
    assert lease.read() == LeaseState()
    assert lease.acquire(FIRST, NOW, LATER)
    assert not lease.acquire(SECOND, NOW, MUCH_LATER)
    assert (lease.read().holder, lease.read().expires_at) == (FIRST, LATER)
    assert lease.acquire(FIRST, NOW, MUCH_LATER)
    assert lease.read().expires_at == MUCH_LATER
    # Another model has its own lease.
    assert Lease(table_name, VERSION_ARN + "4").acquire(SECOND, NOW, LATER)


def test_expired_lease_goes_to_the_next_holder_for_good(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, NOW)
    assert lease.acquire(SECOND, LATER, MUCH_LATER)
    assert not lease.acquire(FIRST, LATER, MUCH_LATER)
    assert lease.read().holder == SECOND


def test_lease_is_released_by_its_holder_only_and_then_free(lease: Lease) -> None:
    assert not lease.release(FIRST, NOW)
    assert lease.read() == LeaseState()
    lease.acquire(FIRST, NOW, MUCH_LATER)
    assert not lease.release(SECOND, LATER)
    assert lease.read().holder == FIRST
    assert lease.release(FIRST, LATER)
    before = lease.read()
    assert not lease.release(FIRST, LATER)
    assert lease.read() == before
    assert lease.acquire(SECOND, LATER, MUCH_LATER)


@pytest.mark.parametrize("other", ["", SECOND])
def test_lease_is_extended_by_its_holder_only(lease: Lease, other: str) -> None:
    if other:
        lease.acquire(other, BEFORE, LATER)
    assert not lease.extend(FIRST, NOW, MUCH_LATER)
    assert lease.read().holder == other
    lease.release(other, NOW)
    lease.acquire(FIRST, NOW, LATER)
    assert lease.extend(FIRST, NOW, MUCH_LATER)
    assert lease.read().expires_at == MUCH_LATER
    lease.release(FIRST, NOW)
    assert not lease.extend(FIRST, NOW, MUCH_LATER)


def test_time_since_which_images_wait_outlives_a_session_until_nothing_waits(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, LATER)
    lease.note_waiting(BEFORE, BEFORE)
    lease.release(FIRST, NOW)
    lease.acquire(SECOND, NOW, LATER)
    assert lease.read().waiting_since == BEFORE
    lease.note_waiting("", LATER)
    assert lease.read().waiting_since == ""


def test_first_time_that_the_model_was_running_is_noted_by_the_holder_only_and_kept(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, LATER)
    lease.note_running(SECOND, BEFORE)
    assert (lease.read().holder, lease.read().running_at) == (FIRST, "")
    lease.note_running(FIRST, BEFORE)
    lease.note_running(FIRST, NOW)
    assert lease.read().running_at == BEFORE
    lease.acquire(FIRST, NOW, MUCH_LATER)
    assert lease.read().running_at == BEFORE


@pytest.mark.parametrize("end", ["release", "expiry"])
def test_time_that_the_model_was_running_ends_with_its_session(lease: Lease, end: str) -> None:
    lease.acquire(FIRST, BEFORE, NOW)
    lease.note_running(FIRST, BEFORE)
    if end == "release":
        lease.release(FIRST, NOW)
        assert lease.read().running_at == ""
    lease.acquire(SECOND, LATER, MUCH_LATER)
    assert lease.read().running_at == ""


def test_watchdog_notes_its_latest_look_before_any_session(lease: Lease) -> None:
    lease.note_watched(LATER)
    lease.note_watched(NOW)
    assert lease.read().watched_at == LATER
    assert lease.acquire(FIRST, NOW, LATER)


def test_time_until_which_an_operator_keeps_the_model_running_outlives_sessions(lease: Lease, table_name: str) -> None:
    lease.acquire(FIRST, BEFORE, LATER)
    client("dynamodb").update_item(
        TableName=table_name,
        Key={name: {"S": value} for name, value in lease._key.items()},
        UpdateExpression="SET keep_running_until = :until",
        ExpressionAttributeValues={":until": {"S": MUCH_LATER}},
    )
    lease.release(FIRST, NOW)
    lease.acquire(SECOND, NOW, LATER)
    assert lease.read().keep_running_until == MUCH_LATER


@pytest.mark.parametrize(
    ("holder", "expires_at", "is_held"),
    [("", "", False), (FIRST, LATER, True), (FIRST, NOW, False), (FIRST, BEFORE, False), ("", LATER, False)],
)
def test_lease_is_held_until_it_expires(holder: str, expires_at: str, is_held: bool) -> None:
    assert LeaseState(holder=holder, expires_at=expires_at).is_held(NOW) is is_held


def test_lease_expires_in_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    ago: Callable[[int], str] = lambda seconds: f"{-seconds} s from now"  # noqa: E731
    monkeypatch.setattr(records, "seconds_ago", ago)
    assert expiry(1800) == "1800 s from now"
