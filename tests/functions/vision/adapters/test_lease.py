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


def test_nobody_holds_a_lease_that_was_never_taken(lease: Lease) -> None:
    assert lease.read() == LeaseState()


def test_who_takes_a_free_lease_holds_it(lease: Lease) -> None:
    assert lease.acquire(FIRST, NOW, LATER)
    assert (lease.read().holder, lease.read().expires_at) == (FIRST, LATER)


def test_of_two_takers_one_wins(lease: Lease) -> None:
    assert [lease.acquire(holder, NOW, LATER) for holder in (FIRST, SECOND)] == [True, False]
    assert lease.read().holder == FIRST


def test_the_loser_does_not_make_the_lease_longer(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    lease.acquire(SECOND, NOW, MUCH_LATER)
    assert lease.read().expires_at == LATER


def test_its_holder_holds_a_lease_longer_by_taking_it_again(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, LATER)
    assert lease.acquire(FIRST, NOW, MUCH_LATER)
    assert lease.read().expires_at == MUCH_LATER


def test_an_expired_lease_is_free_since_its_holder_died(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, NOW)
    assert lease.acquire(SECOND, LATER, MUCH_LATER)
    assert lease.read().holder == SECOND


def test_a_holder_that_slept_past_its_lease_does_not_get_it_back(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, NOW)
    lease.acquire(SECOND, LATER, MUCH_LATER)
    assert not lease.acquire(FIRST, LATER, MUCH_LATER)


def test_a_lease_that_was_given_back_is_free(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, MUCH_LATER)
    assert lease.release(FIRST, LATER)
    assert lease.acquire(SECOND, LATER, MUCH_LATER)


def test_only_its_holder_gives_a_lease_back(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    assert not lease.release(SECOND, NOW)
    assert lease.read().holder == FIRST


@pytest.mark.parametrize("held", [False, True])
def test_giving_back_what_one_does_not_hold_changes_nothing(lease: Lease, held: bool) -> None:
    if held:
        lease.acquire(FIRST, NOW, LATER)
        lease.release(FIRST, NOW)
    before = lease.read()
    assert not lease.release(FIRST, LATER)
    assert lease.read() == before


def test_two_models_have_two_leases(lease: Lease, table_name: str) -> None:
    lease.acquire(FIRST, NOW, LATER)
    assert Lease(table_name, VERSION_ARN + "4").acquire(SECOND, NOW, LATER)


def test_since_when_images_wait_is_kept_over_sessions(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, LATER)
    lease.note_waiting(BEFORE, BEFORE)
    lease.release(FIRST, NOW)
    lease.acquire(SECOND, NOW, LATER)
    assert lease.read().waiting_since == BEFORE


def test_that_nothing_waits_is_noted_too(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    lease.note_waiting(NOW, NOW)
    lease.note_waiting("", LATER)
    assert lease.read().waiting_since == ""


def test_when_a_session_first_found_its_model_running_is_what_is_remembered(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, MUCH_LATER)
    lease.note_running(FIRST, NOW)
    lease.note_running(FIRST, LATER)
    assert lease.read().running_at == NOW


def test_who_does_not_hold_the_lease_notes_no_running_model(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    lease.note_running(SECOND, NOW)
    assert (lease.read().holder, lease.read().running_at) == (FIRST, "")


def test_what_a_session_noted_of_its_model_ends_with_it(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    lease.note_running(FIRST, NOW)
    lease.release(FIRST, LATER)
    assert lease.read().running_at == ""


def test_what_a_dead_session_noted_of_its_model_is_not_the_next_ones(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, NOW)
    lease.note_running(FIRST, BEFORE)
    lease.acquire(SECOND, LATER, MUCH_LATER)
    assert lease.read().running_at == ""


def test_a_session_that_takes_its_lease_again_keeps_what_it_noted(lease: Lease) -> None:
    lease.acquire(FIRST, BEFORE, LATER)
    lease.note_running(FIRST, BEFORE)
    lease.acquire(FIRST, NOW, MUCH_LATER)
    assert lease.read().running_at == BEFORE


def test_the_watchdogs_look_is_noted_where_no_session_ever_was(lease: Lease) -> None:
    lease.note_watched(NOW)
    assert (lease.read().watched_at, lease.acquire(FIRST, NOW, LATER)) == (NOW, True)


def test_a_look_that_comes_late_does_not_turn_back_the_clock(lease: Lease) -> None:
    lease.note_watched(LATER)
    lease.note_watched(NOW)
    assert lease.read().watched_at == LATER


def test_an_operators_word_outlives_sessions(lease: Lease, table_name: str) -> None:
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
    ("holding", "is_held"),
    [
        (LeaseState(), False),
        (LeaseState(holder=FIRST, expires_at=LATER), True),
        (LeaseState(holder=FIRST, expires_at=NOW), False),
        (LeaseState(holder=FIRST, expires_at=BEFORE), False),
        (LeaseState(holder="", expires_at=LATER), False),
    ],
)
def test_a_lease_is_held_by_somebody_until_it_expires(holding: LeaseState, is_held: bool) -> None:
    assert holding.is_held(NOW) is is_held


def test_a_lease_expires_in_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    ago: Callable[[int], str] = lambda seconds: f"{-seconds} s from now"  # noqa: E731
    monkeypatch.setattr(records, "seconds_ago", ago)
    assert expiry(1800) == "1800 s from now"


def test_its_holder_extends_a_lease(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    assert lease.extend(FIRST, NOW, MUCH_LATER)
    assert lease.read().expires_at == MUCH_LATER


@pytest.mark.parametrize("holder", ["", SECOND])
def test_what_is_not_held_is_not_extended(lease: Lease, holder: str) -> None:
    if holder:
        lease.acquire(holder, NOW, LATER)
    assert not lease.extend(FIRST, NOW, MUCH_LATER)
    assert lease.read().holder == holder


def test_what_was_given_back_is_not_extended(lease: Lease) -> None:
    lease.acquire(FIRST, NOW, LATER)
    lease.release(FIRST, NOW)
    assert not lease.extend(FIRST, NOW, MUCH_LATER)
