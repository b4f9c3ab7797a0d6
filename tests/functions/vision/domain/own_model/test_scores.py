"""The output of a model: probabilities, the most probable classes, and Unknown below the threshold."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.functions.vision.domain.own_model.test_manifests import FIELDS, parsed
from vision.domain.errors import UnusableAnswer
from vision.domain.own_model import scores
from vision.domain.own_model.manifests import UNKNOWN, Manifest

NAMES = ["Fine", "Scratched", "Bent", "Wet"]
SCORES = st.lists(st.floats(-500, 500), min_size=4, max_size=4)


def model(**changes: Any) -> Manifest:
    return parsed(FIELDS | {"labels": NAMES, "top_k": 2} | changes)


SCORING = model()
PROBABILITIES = model(output={"softmax": False})


def test_scores_become_probabilities_without_overflow() -> None:
    found = scores.probabilities(SCORING, [math.log(1), math.log(2), math.log(5), math.log(2)])
    assert found == pytest.approx([0.1, 0.2, 0.5, 0.2])
    assert scores.probabilities(SCORING, [1e4, 0, -1e4, 0]) == pytest.approx([1, 0, 0, 0])


@given(SCORES)
def test_probabilities_add_up_to_one_in_the_order_of_the_scores(answer: list[float]) -> None:
    found = scores.probabilities(SCORING, answer)
    assert math.fsum(found) == pytest.approx(1)
    for one, other in zip(range(4), [1, 2, 3, 0], strict=True):
        assert found[one] <= found[other] or answer[one] >= answer[other]


def test_probabilities_are_kept_except_for_rounding_errors() -> None:
    assert scores.probabilities(PROBABILITIES, [0.1, 0.2, 0.5, 0.2]) == [0.1, 0.2, 0.5, 0.2]
    assert scores.probabilities(PROBABILITIES, [1.0001, -0.0001, 0, 0]) == [1, 0, 0, 0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("manifest", [SCORING, PROBABILITIES], ids=["scores", "probabilities"])
def test_nan_or_infinity_is_an_error_that_names_the_class(manifest: Manifest, value: float) -> None:
    with pytest.raises(UnusableAnswer, match=rf"answered {value} for class 2, Scratched; check scale, mean and std"):
        scores.probabilities(manifest, [0.5, value, 0.1, 0.1])


@pytest.mark.parametrize(
    ("manifest", "answer", "words"),
    [
        *((PROBABILITIES, [0, value, 0, 0], r"set output\.softmax to true") for value in (1.5, -3.0)),
        *((SCORING, [0.0] * number, f"answered with {number} numbers for 4 labels") for number in (0, 3, 5)),
    ],
)
def test_answer_that_does_not_fit_the_manifest_is_an_error(manifest: Manifest, answer: list[float], words: str) -> None:
    with pytest.raises(UnusableAnswer, match=words):
        scores.probabilities(manifest, answer)


def test_most_probable_classes_come_first_as_labels_and_equal_ones_in_the_order_of_the_model() -> None:
    assert scores.most_probable(SCORING, [0.08, 0.2, 0.70004, 0.01996]) == [
        {"name": "Bent", "confidence": 70.0, "parents": [], "instances": []},
        {"name": "Scratched", "confidence": 20.0, "parents": [], "instances": []},
    ]
    assert len(scores.most_probable(SCORING, [0.1, 0.1, 0.7, 0.1], top_k=3)) == 3
    found = scores.most_probable(model(threshold=0, top_k=4), [0.25, 0.25, 0.25, 0.25])
    assert [label["name"] for label in found] == NAMES


@pytest.mark.parametrize(
    ("probabilities", "label"),
    [([0.1, 0.2, 0.59, 0.11], (UNKNOWN, 100)), ([0.1, 0.2, 0.6, 0.1], ("Bent", 60))],
    ids=["below", "equal"],
)
def test_image_below_the_threshold_is_unknown(probabilities: list[float], label: tuple[str, float]) -> None:
    [first, *others] = scores.most_probable(model(threshold=60), probabilities)
    assert (first["name"], first["confidence"]) == label
    assert (others == []) == (first["name"] == UNKNOWN)


@given(SCORES, st.floats(0, 100), st.integers(1, 4))
def test_labels_are_sorted_and_bounded(answer: list[float], threshold: float, top_k: int) -> None:
    manifest = model(threshold=threshold)
    found = scores.most_probable(manifest, scores.probabilities(manifest, answer), top_k)
    confidences = [label["confidence"] for label in found]
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= confidence <= 100 for confidence in confidences)
    assert [label["name"] for label in found] == [UNKNOWN] or len(found) == top_k
