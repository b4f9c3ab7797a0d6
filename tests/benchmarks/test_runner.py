"""The arithmetic of rounds: ratios for each round, and twins that void a measurement."""

import pytest

from benchmarks.runner import Rounds, take_rounds

TWINS = ("ours", "ours again")


def test_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians():
    rounds = Rounds({"ours": [1, 4, 9], "sharp": [2, 2, 9], "ours again": [1, 4, 9]}, TWINS)
    assert rounds.ratio("ours", "sharp") == 1.0


def test_drift_of_a_whole_round_leaves_the_ratio_unchanged():
    drift = [1, 2, 5, 3]
    rounds = Rounds({"ours": [3 * d for d in drift], "sharp": [4 * d for d in drift], "ours again": drift}, TWINS)
    assert rounds.ratio("ours", "sharp") == 0.75


@pytest.mark.parametrize("one", ["ours", "ours again", "sharp"])
def test_ratio_of_a_contender_to_itself_is_one(one):
    rounds = Rounds({"ours": [1, 2], "ours again": [1, 2], "sharp": [3, 1]}, TWINS)
    assert rounds.ratio(one, one) == 1


def test_equal_twins_do_not_spread():
    assert Rounds({"ours": [1, 2, 3], "ours again": [1, 2, 3]}, TWINS).spread == 0


@pytest.mark.parametrize(
    "seconds", [pytest.param([1.0, 1.2, 0.8, 1.3], id="scattered"), pytest.param([1.2] * 4, id="steadily slower")]
)
def test_different_twins_void_the_measurement(seconds):
    assert Rounds({"ours": seconds, "ours again": [1.0] * 4}, TWINS).void


def test_each_round_runs_every_contender_once_in_another_order():
    calls: list[str] = []
    names = (*TWINS, "sharp", "pyvips")

    def contender(name):
        return lambda: calls.append(name) or 1.0

    taken = take_rounds({name: contender(name) for name in names}, rounds=6, twins=TWINS)
    # The first call of each does not count.
    rounds = [calls[i : i + 4] for i in range(4, len(calls), 4)]
    assert [sorted(one) for one in rounds] == [sorted(names)] * 6
    assert len(set(map(tuple, rounds))) > 1
    assert [len(times) for times in taken.seconds.values()] == [6] * 4


def test_void_measurement_is_repeated_once_and_the_calmer_one_counts():
    noisy, calm = [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]
    ours, again = iter([1.0, *noisy, *calm]), iter([1.0] * 9)
    taken = take_rounds({"ours": lambda: next(ours), "ours again": lambda: next(again)}, rounds=4, twins=TWINS)
    assert list(taken.seconds["ours"]) == calm
