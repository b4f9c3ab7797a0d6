"""The result of a simulated week."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, inf

from benchmarks.sessions.model import DOLLARS_PER_UNIT_HOUR, Run
from benchmarks.sessions.queue import Queue
from vision.domain.session.decisions import IMAGES_PER_SECOND_AND_UNIT


@dataclass(frozen=True)
class Outcome:
    """A simulated week of one load under one policy.

    Attributes
    ----------
    queue
        The queue, with the time at which each image was done.
    runs
        The runs of the model.
    looks
        How often the schedule checked the queue.
    """

    queue: Queue
    runs: Sequence[Run]
    looks: int = field(default=0)

    @cached_property
    def ages(self) -> list[float]:
        """Seconds from arrival to done, sorted, of the images that were done."""
        return sorted(done - arrival for arrival, done in zip(self.queue.arrivals, self.queue.done, strict=False))

    def age(self, share: float) -> float:
        """Return the seconds within which this share of all images was done; infinite if it never was."""
        rank = max(0, ceil(share * len(self.queue.arrivals)) - 1)
        return self.ages[rank] if rank < len(self.ages) else inf

    @property
    def share_done(self) -> float:
        """The share of all images that were done before the end of the day after the week."""
        return len(self.queue.done) / len(self.queue.arrivals)

    @property
    def bound(self) -> float:
        """Inference-unit hours of the analysis alone, under any policy."""
        return len(self.queue.arrivals) / IMAGES_PER_SECOND_AND_UNIT / 3_600

    @property
    def unit_hours(self) -> float:
        """Inference-unit hours, billed while RUNNING."""
        return sum(run.unit_hours for run in self.runs)

    @property
    def unit_hours_at_worst(self) -> float:
        """Inference-unit hours if STARTING and STOPPING were billed too."""
        return sum(run.unit_hours_at_worst for run in self.runs)

    @property
    def dollars(self) -> float:
        """Cost of the model, billed while RUNNING."""
        return self.unit_hours * DOLLARS_PER_UNIT_HOUR
