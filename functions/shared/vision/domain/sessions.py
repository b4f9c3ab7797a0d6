"""When a Custom Labels session starts, how large, and how long: pure decisions about a queue and a clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

# One inference unit analyzes about five images a second, depending on their size.
# https://docs.aws.amazon.com/rekognition/latest/customlabels-dg/running-model.html
IMAGES_PER_SECOND_AND_UNIT = 5.0

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
