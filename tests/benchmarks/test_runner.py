"""The arithmetic of rounds: ratios per round, and twins that void a measurement."""

from collections.abc import Callable

import pytest

from benchmarks.runner import Rounds, take_rounds

TWINS = ("ours", "ours again")


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians():
    rounds = Rounds({"ours": [1, 4, 9], "sharp": [2, 2, 9], "ours again": [1, 4, 9]}, TWINS)

    assert rounds.ratio("ours", "sharp") == 1.0


def test_a_drift_that_hits_every_contender_of_a_round_leaves_the_ratio_alone():
    drift = [1, 2, 5, 3]
    rounds = Rounds({"ours": [3 * d for d in drift], "sharp": [4 * d for d in drift], "ours again": drift}, TWINS)

    assert rounds.ratio("ours", "sharp") == 0.75


def test_equal_twins_do_not_spread():
    rounds = Rounds({"ours": [1, 2, 3], "ours again": [1, 2, 3]}, TWINS)

    assert rounds.spread == 0


def test_twins_that_scatter_void_the_measurement():
    rounds = Rounds({"ours": [1.0, 1.2, 0.8, 1.3], "ours again": [1.0, 1.0, 1.0, 1.0]}, TWINS)

    assert rounds.void


def test_twins_that_differ_steadily_void_the_measurement():
    rounds = Rounds({"ours": [1.2, 1.2, 1.2], "ours again": [1.0, 1.0, 1.0]}, TWINS)

    assert rounds.void


def test_every_contender_runs_once_per_round_after_one_call_that_does_not_count():
    calls = dict.fromkeys((*TWINS, "sharp"), 0)

    taken = take_rounds({name: _counting(calls, name) for name in calls}, rounds=4, twins=TWINS)

    assert calls == dict.fromkeys(calls, 5)
    assert [len(times) for times in taken.seconds.values()] == [4, 4, 4]


def test_a_void_measurement_is_taken_once_more_and_the_calmer_one_counts():
    noisy, calm = [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]
    ours, again = iter([1.0, *noisy, *calm]), iter([1.0] * 9)

    taken = take_rounds({"ours": lambda: next(ours), "ours again": lambda: next(again)}, rounds=4, twins=TWINS)

    assert list(taken.seconds["ours"]) == calm


def test_the_order_changes_from_round_to_round():
    order: list[str] = []
    contenders = {name: _noting(order, name) for name in (*TWINS, "sharp", "pyvips")}

    take_rounds(contenders, rounds=6, twins=TWINS)

    rounds = [tuple(order[i : i + 4]) for i in range(4, len(order), 4)]
    assert len(set(rounds)) > 1


@pytest.mark.parametrize("one", ["ours", "ours again", "sharp"])
def test_a_contender_against_itself_is_one(one):
    rounds = Rounds({"ours": [1, 2], "ours again": [1, 2], "sharp": [3, 1]}, TWINS)

    assert rounds.ratio(one, one) == 1


def _counting(calls: dict[str, int], name: str) -> Callable[[], float]:
    def run() -> float:
        calls[name] += 1
        return 1.0

    return run


def _noting(order: list[str], name: str) -> Callable[[], float]:
    def run() -> float:
        order.append(name)
        return 1.0

    return run
