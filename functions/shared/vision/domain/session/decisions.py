"""When a Custom Labels session starts and ends, and its inference units: pure functions of a queue and a clock."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from vision.domain.records import timestamp

# One inference unit analyzes about five images a second, depending on their size.
# https://docs.aws.amazon.com/rekognition/latest/customlabels-dg/running-model.html
IMAGES_PER_SECOND_AND_UNIT = 5.0

# A model that uses less than this share of the paid capacity is idling: each image then costs more than twice its
# price.
WORTH_RUNNING = 0.5

# A backlog of fewer seconds of work does not count: these images arrived while the session checked the queue.
SLACK_SECONDS = 10

# An inline Map runs up to 40 parallel iterations.
# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
WORKERS_LIMIT = 40


@dataclass(frozen=True, slots=True)
class Backlog:
    """The messages in the queue. SQS counts approximately, and a queue with 0 visible and 12 in flight is not empty."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def messages(self) -> int:
        """The total number of messages."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round, in which every worker of a session runs until its time or the images run out.

    Attributes
    ----------
    inspected
        Number of inspected images.
    seconds
        Time from the start of the first worker to the end of the last one.
    units
        Inference units paid during the round.
    """

    inspected: int
    seconds: float
    units: int


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """The settings that decide whether a session is worth its price.

    Attributes
    ----------
    minimum_batch
        Start immediately when this many images wait.
    maximum_age_seconds
        Start in any case when the first image has waited this long. This setting alone determines the cost.
    minimum_units, maximum_units
        Limits of the inference units, each paid by the hour.
    drain_seconds
        Target time to drain a backlog; a larger backlog gets more units.
    maximum_seconds
        Maximum length of a session, even if images are left.
    """

    minimum_batch: int
    maximum_age_seconds: int
    minimum_units: int
    maximum_units: int
    drain_seconds: int
    maximum_seconds: int


def waiting_since(known: str, backlog: Backlog, now: str) -> str:
    """Return since when images wait, or ``""`` if none do: the time of the first check that found one."""
    if backlog.messages == 0:
        return ""
    return known or now


def is_slack(backlog: Backlog, last: Round) -> bool:
    """Return whether images arrive so slowly that the model would idle most of the time if the session went on.

    This is the case only when hardly any images are left: a round can also be slow because the images are large, and
    then the visible messages are work. Images in flight or delayed become visible soon, and are worth the wait. So are
    images that became visible again just after the workers gave up: a round without images says nothing about the
    arrival rate, and the next round finds those images.
    """
    if not last.inspected:
        return False
    rate = IMAGES_PER_SECOND_AND_UNIT * last.units
    is_left = backlog.in_flight + backlog.delayed > 0 or backlog.visible > rate * SLACK_SECONDS
    return not is_left and last.inspected < WORTH_RUNNING * rate * last.seconds


def next_step(backlog: Backlog, last: Round | None) -> str:
    """Return the next step of a session: ``DRAIN``, check the queue again (``EMPTY``) or end (``SLACK``).

    Parameters
    ----------
    last
        The round that has just ended; ``None`` before the first round, or if a worker of the round was lost.
    """
    if backlog.messages == 0:
        return "EMPTY"
    return "SLACK" if last and is_slack(backlog, last) else "DRAIN"


def parse_operator_timestamp(text: str) -> str:
    """Parse a timestamp that an operator wrote by hand; without an offset it is UTC, and ``""`` stays ``""``.

    Raises
    ------
    ValueError, OverflowError
        The text is not a timestamp.
    """
    if not text:
        return ""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return timestamp(moment)


def minutes_to_count(watched_at: str, now: str, period_seconds: int) -> float:
    """Return the minutes that one check of a running model counts: those since the last check, at most a period.

    An unscheduled or retried check therefore counts no minute twice.
    """
    elapsed_seconds = seconds_between(watched_at, now) if watched_at else period_seconds
    return max(0.0, min(elapsed_seconds, period_seconds)) / 60


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds between two timestamps; 0 if the earlier one is unknown."""
    if not earlier:
        return 0.0
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def is_worth_starting(backlog: Backlog, waited_seconds: float, policy: SessionPolicy) -> bool:
    """Return whether enough images wait, or the first has waited long enough."""
    if backlog.messages == 0:
        return False
    return backlog.messages >= policy.minimum_batch or waited_seconds >= policy.maximum_age_seconds


def workers(units: int, workers_per_unit: int) -> list[int]:
    """Return the numbers of a session's workers, one for each iteration of its Map."""
    return list(range(1, min(units * workers_per_unit, WORKERS_LIMIT) + 1))


def inference_units(backlog: Backlog, policy: SessionPolicy) -> int:
    """Return how many inference units drain the backlog in the target time, within the limits."""
    wanted = math.ceil(backlog.messages / (IMAGES_PER_SECOND_AND_UNIT * policy.drain_seconds))
    return max(policy.minimum_units, min(policy.maximum_units, wanted))


_MILESTONES = ("Start Model", "Drain Queue", "Stop Model")


def timeline(entered: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return when a session first reached each milestone, from the states that it entered."""
    seen: dict[str, str] = {}
    for at, state in entered:
        seen.setdefault(state, at)
    return [(seen[state], state) for state in _MILESTONES if state in seen]
