"""Measure ratios of CPU time that are reliable on a shared machine.

Contenders take turns in rounds, in a new order each round, and each round gives one ratio per contender. The median
of the ratios is the result: a drift of the machine affects all contenders of a round equally. One contender runs twice
under two names, as two processes. If the ratios between these twins spread too far, the machine was too busy: the
measurement is repeated once, and is void if the spread is still too large.
"""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

MAX_SPREAD = 0.10
"""Of the ratios between the twins, from quartile to quartile."""

_SEED = 7


@dataclass(frozen=True)
class Rounds:
    """Seconds of CPU time per contender, one figure per round.

    Attributes
    ----------
    seconds
        Rounds in the same order for every contender.
    twins
        The two names of the contender that runs twice.
    """

    seconds: Mapping[str, Sequence[float]]
    twins: tuple[str, str]

    def ratio(self, one: str, other: str) -> float:
        """Return the median over the rounds of one contender's time divided by the other's."""
        return statistics.median(self._ratios(one, other))

    def median(self, name: str) -> float:
        """Return the median seconds of a contender: for information, only the ratios are judged."""
        return statistics.median(self.seconds[name])

    @property
    def spread(self) -> float:
        """The interquartile range of the twins' ratios, or the distance of their median from 1 if that is larger."""
        ratios = self._ratios(*self.twins)
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return max(high - low, abs(middle - 1))

    @property
    def void(self) -> bool:
        """Whether the twins differ too much for any ratio to count."""
        return self.spread >= MAX_SPREAD

    def _ratios(self, one: str, other: str) -> list[float]:
        return [a / b for a, b in zip(self.seconds[one], self.seconds[other], strict=True)]


def take_rounds(contenders: Mapping[str, Callable[[], float]], rounds: int, twins: tuple[str, str]) -> Rounds:
    """Run every contender once per round, in a new order each round.

    Parameters
    ----------
    contenders
        Functions that do the work once and return its seconds of CPU time. The first call of each is not counted.
    rounds
        The number of ratios for the median, at least 2.
    twins
        Names of the two identical contenders.
    """
    for run in contenders.values():
        run()
    first = _take(contenders, rounds, twins)
    return min(first, _take(contenders, rounds, twins), key=lambda taken: taken.spread) if first.void else first


def _take(contenders: Mapping[str, Callable[[], float]], rounds: int, twins: tuple[str, str]) -> Rounds:
    order = random.Random(_SEED)
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in order.sample(names, len(names)):
            seconds[name].append(contenders[name]())
    return Rounds(seconds, twins)
