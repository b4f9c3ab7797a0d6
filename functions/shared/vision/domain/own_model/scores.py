"""Scores of a classifier: the most probable classes of an image, or that it is none of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vision.domain.errors import UnusableAnswer
from vision.domain.labels import Label
from vision.domain.own_model.manifests import UNKNOWN, Manifest

# The maximum deviation below 0 or above 1 of probabilities that a model rounds or sums up in single precision.
_TOLERANCE = 1e-3


def probabilities(manifest: Manifest, answer: Sequence[float]) -> list[float]:
    """Return a probability, 0 to 1, for each class.

    Parameters
    ----------
    answer
        The output of the model for one image: a number for each class.

    Raises
    ------
    UnusableAnswer
        The output has the wrong length, or contains NaN, infinity, or an invalid probability where the manifest
        declares probabilities.
    """
    if len(answer) != len(manifest.labels):
        raise UnusableAnswer(
            f"{manifest.name}: answered with {len(answer):,} numbers for {len(manifest.labels):,} labels; "
            "give it the labels that it was trained with"
        )
    for number, value in enumerate(answer, 1):
        if not math.isfinite(value):
            raise UnusableAnswer(
                f"{manifest.name}: answered {value} for class {number}, {manifest.labels[number - 1]}; check scale, "
                "mean and std of its manifest, and export it again with more precision"
            )
    if manifest.softmax:
        highest = max(answer)
        powers = [math.exp(value - highest) for value in answer]
        total = math.fsum(powers)
        return [power / total for power in powers]
    for number, value in enumerate(answer, 1):
        if not -_TOLERANCE <= value <= 1 + _TOLERANCE:
            raise UnusableAnswer(
                f"{manifest.name}: answered {value:g} for class {number}, {manifest.labels[number - 1]}, where the "
                "manifest says that it answers with probabilities; set output.softmax to true"
            )
    return [min(1.0, max(0.0, value)) for value in answer]


def most_probable(manifest: Manifest, probabilities: Sequence[float], top_k: int | None = None) -> list[Label]:
    """Return the classes of an image as labels, most probable first; equally probable ones in the model's order.

    Parameters
    ----------
    top_k
        The number of classes to return; ``None`` for the number in the manifest.

    Returns
    -------
    list of Label
        Confidences are 0 to 100. If the highest is below the threshold, the only label is :data:`UNKNOWN` with 100.
        The threshold has already decided, so no rule or filter with a higher minimum confidence may exclude it.
    """
    order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
    highest = probabilities[order[0]] * 100
    if highest < manifest.threshold:
        return [_label(UNKNOWN, 100)]
    return [_label(manifest.labels[index], probabilities[index] * 100) for index in order[: top_k or manifest.top_k]]


def _label(name: str, confidence: float) -> Label:
    return {"name": name, "confidence": round(confidence, 2), "parents": [], "instances": []}
