from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import moments
from vision.domain.records import timestamp
from vision.domain.session import decisions
from vision.domain.session.decisions import (
    IMAGES_PER_SECOND_AND_UNIT,
    Backlog,
    Round,
    SessionPolicy,
    inference_units,
    is_slack,
    is_worth_starting,
    minutes_to_count,
    next_step,
    parse_operator_timestamp,
    seconds_between,
    waiting_since,
)

counts = st.integers(0, 100_000)
backlogs = st.builds(Backlog, counts, counts, counts)


least_units = st.shared(st.integers(1, 5), key="least")
policies = st.builds(
    SessionPolicy,
    minimum_batch=st.integers(1, 1000),
    maximum_age_seconds=st.integers(0, 100_000),
    minimum_units=least_units,
    maximum_units=least_units.flatmap(lambda least: st.integers(least, 10)),
    drain_seconds=st.integers(60, 3600),
    maximum_seconds=st.just(3600),
)


POLICY = SessionPolicy(20, 3600, minimum_units=1, maximum_units=4, drain_seconds=600, maximum_seconds=7200)
EMPTY = Backlog(0, 0, 0)


# Waiting


@pytest.mark.parametrize("backlog", [Backlog(12, 0, 0), Backlog(0, 12, 0), Backlog(0, 0, 12), Backlog(3, 4, 5)])
def test_backlog_includes_messages_in_flight_and_delayed_messages(backlog: Backlog) -> None:
    assert backlog.messages == 12


@given(backlogs, moments | st.just(""), moments)
def test_images_wait_since_the_first_look_until_the_queue_is_empty(backlog: Backlog, first: str, now: str) -> None:
    expected = (first or now) if backlog.messages else ""
    assert waiting_since(first, backlog, now) == expected
    assert waiting_since(first, EMPTY, now) == ""


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)), st.integers(0, 10**9))
def test_seconds_between_two_timestamps_and_none_since_an_unknown_one(start: datetime, milliseconds: int) -> None:
    earlier = start.replace(tzinfo=UTC, microsecond=0)
    later = earlier + timedelta(milliseconds=milliseconds)
    assert seconds_between(timestamp(earlier), timestamp(later)) == pytest.approx(milliseconds / 1000)
    assert seconds_between("", timestamp(later)) == 0


# Starting


@given(st.floats(0, 1e9), policies)
def test_empty_queue_never_starts_a_model(waited: float, drawn: SessionPolicy) -> None:
    assert not is_worth_starting(EMPTY, waited, drawn)


@pytest.mark.parametrize(
    ("messages", "waited_seconds", "expected"),
    [(19, 3599.9, False), (20, 0, True), (1, 3600, True), (1, 0, False), (1000, 0, True)],
)
def test_session_starts_with_enough_images_or_a_long_wait(messages: int, waited_seconds: float, expected: bool) -> None:
    assert is_worth_starting(Backlog(messages, 0, 0), waited_seconds, POLICY) is expected


@given(backlogs, counts, st.floats(0, 1e6), st.floats(0, 1e6), policies)
def test_more_images_and_longer_waiting_never_prevent_a_session(
    backlog: Backlog, more: int, waited: float, longer: float, drawn: SessionPolicy
) -> None:
    grown = Backlog(backlog.visible + more, backlog.in_flight, backlog.delayed)
    assert not is_worth_starting(backlog, waited, drawn) or is_worth_starting(grown, waited + longer, drawn)


@given(backlogs, counts, policies)
def test_inference_units_keep_their_limits_and_drain_in_time(backlog: Backlog, more: int, drawn: SessionPolicy) -> None:
    units = inference_units(backlog, drawn)
    assert drawn.minimum_units <= units <= drawn.maximum_units
    rate = IMAGES_PER_SECOND_AND_UNIT * units
    assert units == drawn.maximum_units or backlog.messages <= rate * drawn.drain_seconds
    grown = Backlog(backlog.visible, backlog.in_flight + more, backlog.delayed)
    assert units <= inference_units(grown, drawn)


@pytest.mark.parametrize(("messages", "units"), [(1, 1), (3000, 1), (3001, 2), (9001, 4), (10**6, 4)])
def test_inference_unit_is_added_for_each_backlog_that_one_drains_in_time(messages: int, units: int) -> None:
    assert inference_units(Backlog(messages, 0, 0), POLICY) == units


@given(st.integers(1, 50), st.integers(1, 10))
def test_session_has_as_many_workers_as_a_map_state_runs_concurrently(units: int, workers_per_unit: int) -> None:
    numbers = decisions.workers(units, workers_per_unit)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == min(units * workers_per_unit, 40)


FULL, TRICKLE = Round(inspected=1180, seconds=240, units=1), Round(inspected=130, seconds=240, units=1)
rounds = st.builds(Round, st.integers(1, 100_000), st.floats(1, 1_000), st.integers(1, 50))


@pytest.mark.parametrize(
    ("backlog", "last", "step"),
    [
        (EMPTY, TRICKLE, "EMPTY"),
        (EMPTY, None, "EMPTY"),
        (Backlog(3, 0, 0), TRICKLE, "SLACK"),
        (Backlog(3, 0, 0), FULL, "DRAIN"),
        (Backlog(3, 0, 0), None, "DRAIN"),
        # Half of what a unit does in 240 seconds is 600.
        (Backlog(3, 0, 0), Round(599, 240, 1), "SLACK"),
        (Backlog(3, 0, 0), Round(600, 240, 1), "DRAIN"),
        (Backlog(3, 0, 0), Round(600, 240, 2), "SLACK"),
        # Messages of a dead worker that came back after the last receive of this round.
        (Backlog(12, 0, 0), Round(0, 10, 1), "DRAIN"),
        (EMPTY, Round(0, 10, 1), "EMPTY"),
    ],
)
def test_session_continues_while_its_rounds_justify_the_model(backlog: Backlog, last: Round | None, step: str) -> None:
    assert next_step(backlog, last) == step


@pytest.mark.parametrize("backlog", [Backlog(0, 1, 0), Backlog(0, 0, 1), Backlog(51, 0, 0)])
def test_slow_round_is_not_slack_while_messages_are_left_or_may_come_back(backlog: Backlog) -> None:
    assert not is_slack(backlog, TRICKLE)


@given(backlogs, rounds, st.integers(0, 100_000))
def test_round_with_more_images_is_never_slacker(backlog: Backlog, last: Round, more: int) -> None:
    busier = Round(last.inspected + more, last.seconds, last.units)
    assert is_slack(backlog, last) or not is_slack(backlog, busier)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        ("2026-11-21T18:00:00.000Z", "2026-11-21T18:00:00.000Z"),
        ("2026-11-21T18:00:00Z", "2026-11-21T18:00:00.000Z"),
        ("2026-11-21 18:00", "2026-11-21T18:00:00.000Z"),
        ("2026-11-21T19:00:00+01:00", "2026-11-21T18:00:00.000Z"),
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
    ],
)
def test_time_written_by_an_operator_is_read_as_utc(written: str, expected: str) -> None:
    assert parse_operator_timestamp(written) == expected


@pytest.mark.parametrize("written", ["tomorrow", "9999", "2026-13-01", "18:00", "{'S': 'x'}"])
def test_malformed_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_operator_timestamp(written)


@given(st.text())
def test_any_text_is_a_time_or_refused(written: str) -> None:
    with suppress(ValueError, OverflowError):
        assert parse_operator_timestamp(written) == "" or parse_operator_timestamp(written).endswith("Z")


@pytest.mark.parametrize(
    ("watched_at", "minutes"),
    [
        ("", 10),
        ("2026-11-20T11:50:00.000Z", 10),
        ("2026-11-20T11:57:00.000Z", 3),
        ("2026-11-20T12:00:00.000Z", 0),
        ("2026-11-20T12:00:01.000Z", 0),
        ("2026-11-17T12:00:00.000Z", 10),
    ],
)
def test_look_counts_the_minutes_since_the_last_one_up_to_a_period(watched_at: str, minutes: float) -> None:
    assert minutes_to_count(watched_at, "2026-11-20T12:00:00.000Z", 600) == minutes
