"""Who finds the labels of photos, of inspected images and in bulk: Rekognition, or a team's own model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from vision.adapters import own_model, rekognition
from vision.batches import Batches
from vision.domain.errors import InvalidImage, VisionError
from vision.domain.labels import Detection, Label
from vision.domain.manifests import TOP_K_LIMIT
from vision.domain.objects import ObjectVersion
from vision.domain.rules import LABELS_LIMIT, Rule
from vision.settings import NONE

ALL_LABELS = 1000
"""The most labels that DetectLabels returns: a verdict must not depend on where a list was cut.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html
"""

# An answer is there within seconds.
_BATCH_SIZE = 8
BATCHES_AT_ONCE = 2
"""Calls of the own model that a worker has under way: its function has so many environments for each worker."""


def detect_labels(
    own_model_function_arn: str, version: ObjectVersion, max_labels: int, min_confidence: float
) -> Detection:
    """Return the most certain labels of an object version.

    Parameters
    ----------
    own_model_function_arn
        ``none`` asks Rekognition.
    min_confidence
        0 to 100; the class of an own model is kept below it too, since that has a threshold of its own.
    """
    if own_model_function_arn == NONE:
        return rekognition.detect_labels(version, max_labels, min_confidence)
    return own_model.detect_labels(version, own_model_function_arn, max_labels, min_confidence)


class BulkDetector:
    """Finds labels for many threads: an own model is asked for some of their images in one call.

    Parameters
    ----------
    own_model_function_arn
        ``none`` asks Rekognition, for one image at a time.
    top_k
        How many classes an own model is asked for, if not as many as its manifest says.

    Attributes
    ----------
    gb_seconds
        What the own model's function has taken so far: gigabytes of memory times seconds.
    """

    def __init__(self, own_model_function_arn: str, top_k: int | None) -> None:
        self._function_arn = own_model_function_arn
        self._top_k = top_k
        self.gb_seconds = 0.0
        self._lock = threading.Lock()
        self._batches = Batches(self._ask, _BATCH_SIZE, BATCHES_AT_ONCE)

    def detect(self, version: ObjectVersion, max_labels: int, min_confidence: float) -> Detection:
        """Return the most certain labels of an object version, as :func:`detect_labels` does."""
        if self._function_arn == NONE:
            return rekognition.detect_labels(version, max_labels, min_confidence)
        return own_model.limited(self._batches.detect(version), max_labels, min_confidence)

    def _ask(self, versions: Sequence[ObjectVersion]) -> list[Detection | VisionError]:
        classified = own_model.classify(versions, self._function_arn, self._top_k)
        with self._lock:
            self.gb_seconds += classified.gb_seconds
        return classified.outcomes


def detect_named_labels(
    own_model_function_arn: str, version: ObjectVersion, rule: Rule, warn: Callable[[str], None]
) -> Detection:
    """Return those labels of an object version that a rule can ask for.

    Rekognition is asked for the names of the rule. An own model answers with all that it is sure enough of: a list that
    was cut could lack the one that matters.

    Parameters
    ----------
    warn
        Is called with a sentence when Rekognition refuses the names of the rule.
    """
    if own_model_function_arn != NONE:
        return own_model.detect_labels(version, own_model_function_arn, LABELS_LIMIT, rule.min_confidence, TOP_K_LIMIT)
    try:
        return rekognition.detect_labels(version, LABELS_LIMIT, rule.min_confidence, rule.filters)
    except InvalidImage:
        # Its format and its sides were checked before: it may be the names that are refused, with the same code.
        found = rekognition.detect_labels(version, ALL_LABELS, rule.min_confidence)
    warn(f"rule {rule.name!r}: Rekognition refused its labels and was asked without them; check how they are written")
    named = {label.casefold() for label in rule.labels}
    return Detection([label for label in found.labels if label["name"].casefold() in named], found.detector)


def recorded(own_model_function_arn: str, found: Detection, max_labels: int, min_confidence: float) -> list[Label]:
    """Return those labels that a record keeps, of a list that was asked for a rule's sake and may be longer."""
    certain = 0 if own_model_function_arn == NONE else 1
    sure = [label for label in found.labels[certain:] if label["confidence"] >= min_confidence]
    return [*found.labels[:certain], *sure][:max_labels]
