"""Goal P14, with the defaults of the template: the cost of sessions, and the wait of an image."""

import pytest

from benchmarks.goals import Result
from benchmarks.sessions import goals
from benchmarks.sessions.loads import LOADS
from benchmarks.sessions.policies import ALWAYS, DEFAULT, policies

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def judged() -> dict[str, Result]:
    return {row.case: row for row in goals.table(policies()).results}


@pytest.mark.parametrize(
    "case",
    [
        "nightly dump, settings for a dump, hours",
        "nightly dump, settings for a dump, p95 age",
        "sparse bursts, default, hours",
        "trickle, 1 an hour, default, hours",
        "trickle, 1 an hour, default, p95 age",
    ],
)
def test_goal_is_met_in_every_week(judged, case):
    assert judged[case].verdict == "met", judged[case].measured


def test_limits_of_the_goal():
    assert (goals.OF_BOUND, goals.SPARSE_OF_OLDER, goals.TRICKLE_OF_OLDER, goals.P95_MINUTES) == (1.05, 0.25, 0.10, 90)


@pytest.mark.parametrize("load", [load for load in LOADS if load != "nightly dump"])
def test_sessions_cost_less_than_a_model_that_always_runs(load):
    arrivals, ways = LOADS[load](1), policies()
    assert ways[DEFAULT](arrivals, 1).dollars < ways[ALWAYS](arrivals, 1).dollars
