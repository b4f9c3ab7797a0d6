"""P14: what our sessions may cost, and how long an image may wait, in the worst of some weeks."""

from collections.abc import Callable
from typing import Final

from benchmarks.goals import Result, Table, at_most
from benchmarks.sessions.loads import LOADS
from benchmarks.sessions.outcome import Outcome
from benchmarks.sessions.policies import DEFAULT, DUMP, OLDER, Policy

WEEKS: Final = range(1, 9)

OF_BOUND: Final = 1.05
SPARSE_OF_OLDER: Final = 0.25
TRICKLE_OF_OLDER: Final = 0.10
P95_MINUTES: Final = 90


def table(policies: dict[str, Policy]) -> Table:
    """Judge the goals, each by the worst of the weeks."""
    return Table(
        f"Goals, in the worst of {len(WEEKS)} weeks",
        [
            *_judged("nightly dump", policies[DUMP], (_of_bound(OF_BOUND), _age)),
            *_judged("sparse bursts", policies[DEFAULT], (_of_older(SPARSE_OF_OLDER, policies[OLDER]),)),
            *_judged("trickle, 1 an hour", policies[DEFAULT], (_of_older(TRICKLE_OF_OLDER, policies[OLDER]), _age)),
        ],
    )


# Of an outcome and its seed: the figure, its limit, its unit and what it is.
_Figure = Callable[[Outcome, int], tuple[float, float, str, str]]


def _judged(load: str, policy: Policy, figures: tuple[_Figure, ...]) -> list[Result]:
    outcomes = [(policy(LOADS[load](seed), seed), seed) for seed in WEEKS]
    rows = []
    for figure in figures:
        measured, limit, unit, what = max(figure(*outcome) for outcome in outcomes)
        rows.append(at_most("P14", f"{load}, {what}", measured, limit, unit))
    return rows


def _of_bound(limit: float) -> _Figure:
    return lambda outcome, _seed: (
        outcome.unit_hours / outcome.bound,
        limit,
        "× the bound",
        "settings for a dump, hours",
    )


def _of_older(limit: float, older: Policy) -> _Figure:
    return lambda outcome, seed: (
        outcome.unit_hours / older(outcome.queue.arrivals, seed).unit_hours,
        limit,
        "× the older batch",
        "default settings, hours",
    )


def _age(outcome: Outcome, _seed: int) -> tuple[float, float, str, str]:
    return outcome.age(0.95) / 60, P95_MINUTES, "min", "age by which 95 % are done"
