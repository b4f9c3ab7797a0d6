"""What a classifier's probabilities say of an image: its most probable classes, or that it is none of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vision.domain.errors import UnusableAnswer
from vision.domain.labels import Label
from vision.domain.own_model.manifests import UNKNOWN, Manifest

# Probabilities that a model rounds, or sums up in single precision, miss 0 and 1 by no more than this.
_TOLERANCE = 1e-3


def probabilities(manifest: Manifest, answer: Sequence[float]) -> list[float]:
    """Return a probability, 0 to 1, for each class.

    Parameters
    ----------
    answer
        What the model answered for one image: a number for each class.

    Raises
    ------
    UnusableAnswer
        A wrong number of them, NaN, infinity, or what is no probability although the manifest says so.
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
        How many; as many as the manifest says if ``None``.

    Returns
    -------
    list of Label
        Confidences are 0 to 100. When the highest is below the threshold, the only label is :data:`UNKNOWN` with 100:
        the threshold has decided, and no rule or filter that asks for more must miss it.
    """
    order = sorted(range(len(probabilities)), key=lambda index: -probabilities[index])
    highest = probabilities[order[0]] * 100
    if highest < manifest.threshold:
        return [_label(UNKNOWN, 100)]
    return [_label(manifest.labels[index], probabilities[index] * 100) for index in order[: top_k or manifest.top_k]]


def _label(name: str, confidence: float) -> Label:
    return {"name": name, "confidence": round(confidence, 2), "parents": [], "instances": []}
