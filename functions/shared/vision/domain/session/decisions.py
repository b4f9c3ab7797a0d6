"""When a Custom Labels session starts, how large, and how long: pure decisions about a queue and a clock."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from vision.domain.records import timestamp

# One inference unit analyzes about five images a second, depending on their size.
# https://docs.aws.amazon.com/rekognition/latest/customlabels-dg/running-model.html
IMAGES_PER_SECOND_AND_UNIT = 5.0

# A model that does less than this share of what it is paid for idles: each image then costs more than twice its price.
WORTH_RUNNING = 0.5

# So few seconds of work are no backlog: they are what came while the session looked.
SLACK_SECONDS = 10

# An inline Map runs up to 40 iterations at the same time.
# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
WORKERS_LIMIT = 40


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the queue holds; SQS counts approximately, and 12 in flight with 0 visible is not empty."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def messages(self) -> int:
        """All of them."""
        return self.visible + self.in_flight + self.delayed


@dataclass(frozen=True, slots=True)
class Round:
    """What the workers of a session did together until each had no more time, or no more images.

    Attributes
    ----------
    inspected
        Images.
    seconds
        From the start of the first worker to the end of the last one.
    units
        Inference units that were paid meanwhile.
    """

    inspected: int
    seconds: float
    units: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What makes a session worth its price.

    Attributes
    ----------
    minimum_batch
        Start at once when so many images wait.
    maximum_age_seconds
        Start anyway when the first of them has waited so long: the one setting that decides what it costs.
    minimum_units, maximum_units
        Inference units, each paid by the hour.
    drain_seconds
        How fast a backlog should be gone; more units for a larger one.
    maximum_seconds
        When a session ends whatever is left.
    """

    minimum_batch: int
    maximum_age_seconds: int
    minimum_units: int
    maximum_units: int
    drain_seconds: int
    maximum_seconds: int


def waiting_since(known: str, backlog: Backlog, now: str) -> str:
    """Return since when images wait, ``""`` when none does: the first look that sees one decides."""
    if backlog.messages == 0:
        return ""
    return known or now


def is_slack(backlog: Backlog, last: Round) -> bool:
    """Tell whether images trickle in, so that a model which runs on would idle most of its time.

    Only where hardly any is left: a round may also be slow because the images are large, and then what waits is work.
    Images in flight or delayed are about to come back, and worth the wait. So are those that came back when the workers
    had just given up: a round that found none says nothing of how fast they come, and the next one finds these.
    """
    if not last.inspected:
        return False
    rate = IMAGES_PER_SECOND_AND_UNIT * last.units
    is_left = backlog.in_flight + backlog.delayed > 0 or backlog.visible > rate * SLACK_SECONDS
    return not is_left and last.inspected < WORTH_RUNNING * rate * last.seconds


def next_step(backlog: Backlog, last: Round | None) -> str:
    """Return what a session does next: ``DRAIN``, or it looks again (``EMPTY``) or ends (``SLACK``).

    Parameters
    ----------
    last
        The round that has just ended; ``None`` when none has, or when a worker was lost in it.
    """
    if backlog.messages == 0:
        return "EMPTY"
    return "SLACK" if last and is_slack(backlog, last) else "DRAIN"


def declared(text: str) -> str:
    """Return the timestamp that an operator wrote by hand, ``""`` for none; without an offset it is UTC.

    Raises
    ------
    ValueError, OverflowError
        It is none.
    """
    if not text:
        return ""
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return timestamp(moment)


def minutes_to_count(watched_at: str, now: str, period_seconds: int) -> float:
    """Return for how many minutes a look at a running model stands: those since the last look, at most a period.

    So a look out of turn, or one that is tried again, counts no minute twice.
    """
    elapsed_seconds = seconds_between(watched_at, now) if watched_at else period_seconds
    return max(0.0, min(elapsed_seconds, period_seconds)) / 60


def seconds_between(earlier: str, later: str) -> float:
    """Return the seconds between two timestamps; 0 when the earlier one is not known."""
    if not earlier:
        return 0.0
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def is_worth_starting(backlog: Backlog, waited_seconds: float, terms: Terms) -> bool:
    """Tell whether enough images wait, or long enough."""
    if backlog.messages == 0:
        return False
    return backlog.messages >= terms.minimum_batch or waited_seconds >= terms.maximum_age_seconds


def workers(units: int, workers_per_unit: int) -> list[int]:
    """Return the numbers of a session's workers, one for each place of its Map."""
    return list(range(1, min(units * workers_per_unit, WORKERS_LIMIT) + 1))


def inference_units(backlog: Backlog, terms: Terms) -> int:
    """Return how many units drain the backlog in the wanted time, within the limits."""
    wanted = math.ceil(backlog.messages / (IMAGES_PER_SECOND_AND_UNIT * terms.drain_seconds))
    return max(terms.minimum_units, min(terms.maximum_units, wanted))


_MILESTONES = ("Start Model", "Drain Queue", "Stop Model")


def timeline(entered: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return when a session came to each of its milestones first, from all states that it entered."""
    seen: dict[str, str] = {}
    for at, state in entered:
        seen.setdefault(state, at)
    return [(seen[state], state) for state in _MILESTONES if state in seen]
