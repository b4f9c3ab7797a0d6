"""P14: goals for the cost of sessions and the waiting time of images, in the worst of several weeks."""

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
    """Return the goals' rows, each for the worst of the weeks; the worst bill is shown without a goal."""
    older = policies[OLDER]
    dumps = _outcomes("nightly dump", policies[DUMP])
    bursts = _outcomes("sparse bursts", policies[DEFAULT])
    trickles = _outcomes("trickle, 1 an hour", policies[DEFAULT])
    return Table(
        f"Goals, in the worst of {len(WEEKS)} weeks",
        [
            at_most("P14", "nightly dump, settings for a dump, hours", _of_bound(dumps), OF_BOUND, "× the bound"),
            at_most("P14", "nightly dump, settings for a dump, p95 age", _p95(dumps), P95_MINUTES, "min"),
            _of_older("sparse bursts, default, hours", bursts, older, SPARSE_OF_OLDER),
            _at_worst("sparse bursts, default, hours if STARTING and STOPPING were billed", bursts, older),
            _of_older("trickle, 1 an hour, default, hours", trickles, older, TRICKLE_OF_OLDER),
            _at_worst("trickle, 1 an hour, default, hours if STARTING and STOPPING were billed", trickles, older),
            at_most("P14", "trickle, 1 an hour, default, p95 age", _p95(trickles), P95_MINUTES, "min"),
        ],
    )


def _outcomes(load: str, policy: Policy) -> dict[int, Outcome]:
    return {seed: policy(LOADS[load](seed), seed) for seed in WEEKS}


def _of_bound(outcomes: dict[int, Outcome]) -> float:
    return max(outcome.unit_hours / outcome.bound for outcome in outcomes.values())


def _p95(outcomes: dict[int, Outcome]) -> float:
    return max(outcome.age(0.95) for outcome in outcomes.values()) / 60


def _of_older(case: str, outcomes: dict[int, Outcome], older: Policy, limit: float) -> Result:
    share = max(
        outcome.unit_hours / older(outcome.queue.arrivals, seed).unit_hours for seed, outcome in outcomes.items()
    )
    return at_most("P14", case, share, limit, "× the older batch")


def _at_worst(case: str, outcomes: dict[int, Outcome], older: Policy) -> Result:
    share = max(
        outcome.unit_hours_at_worst / older(outcome.queue.arrivals, seed).unit_hours_at_worst
        for seed, outcome in outcomes.items()
    )
    return Result("", case, "no goal", f"{share:.3g} × the older batch", "")
