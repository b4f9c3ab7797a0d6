"""The inspection queue: images wait in order of arrival, and leave it at the rate of the model."""

from bisect import bisect_right
from math import inf

from benchmarks.sessions.loads import Arrivals
from vision.domain.session.decisions import IMAGES_PER_SECOND_AND_UNIT, Backlog


class Queue:
    """The arrival time of each image, and the time at which it was done.

    Attributes
    ----------
    arrivals
        Times, sorted.
    done
        Times in the same order; shorter while images wait.
    """

    def __init__(self, arrivals: Arrivals) -> None:
        self.arrivals = arrivals
        self.done: list[float] = []

    def backlog(self, moment: float) -> Backlog:
        """Count the waiting images at a time without workers."""
        return Backlog(bisect_right(self.arrivals, moment) - len(self.done), 0, 0)

    @property
    def is_done(self) -> bool:
        """Return whether no image waits or is still to come."""
        return len(self.done) == len(self.arrivals)

    def serve(self, begin: float, end: float, units: int, patience: float = inf) -> float:
        """Analyze images at the full rate of the units; unfinished images stay in the queue.

        Parameters
        ----------
        patience
            Stop after this number of seconds without an image.

        Returns
        -------
        The time at which it stopped: the end, or earlier.
        """
        seconds_per_image = 1 / (IMAGES_PER_SECOND_AND_UNIT * units)
        free = begin
        arrivals, done = self.arrivals, self.done
        for position in range(len(done), len(arrivals)):
            arrival = arrivals[position]
            if arrival > free:
                if arrival > free + patience:
                    break
                free = arrival
            if free + seconds_per_image > end:
                return end
            free += seconds_per_image
            done.append(free)
        return min(free + patience, end)
