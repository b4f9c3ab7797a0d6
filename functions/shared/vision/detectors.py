"""Who finds the labels of photos, of inspected images and in bulk: Rekognition, or a team's own model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence

from vision.adapters import own_model, rekognition
from vision.batches import Batches
from vision.domain import labels
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
    if own_model_function_arn != NONE:
        return own_model.detect_labels(version, own_model_function_arn, max_labels, min_confidence)
    found = rekognition.detect_labels(version, max_labels, min_confidence)
    return Detection(labels.bounded(found.labels), found.detector)


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
        """Return the most certain labels of an object version; a record keeps some of them, see :func:`recorded`."""
        if self._function_arn == NONE:
            return rekognition.detect_labels(version, max_labels, min_confidence)
        return own_model.limited(self._batches.detect(version), max_labels, min_confidence)

    def _ask(self, versions: Sequence[ObjectVersion]) -> list[Detection | VisionError]:
        classified = own_model.classify(versions, self._function_arn, self._top_k)
        with self._lock:
            self.gb_seconds += classified.gb_seconds
        return classified.outcomes


def detect_for_rule(
    own_model_function_arn: str,
    version: ObjectVersion,
    rule: Rule,
    min_confidence: float,
    warn: Callable[[str], None],
) -> Detection:
    """Return all labels of an object version that a rule or a record may ask about.

    Nothing is left out by name: whoever changes a rule can try it on what was found. Where Rekognition's list is full,
    and so may lack a label that the verdict depends on, it is asked for the labels of the rule as well.

    Parameters
    ----------
    min_confidence
        What a record keeps, 0 to 100; the rule may go lower.
    warn
        Is called with a sentence when Rekognition refuses the names of the rule.
    """
    confidence = min(min_confidence, rule.min_confidence)
    if own_model_function_arn != NONE:
        return own_model.detect_labels(version, own_model_function_arn, LABELS_LIMIT, confidence, TOP_K_LIMIT)
    found = rekognition.detect_labels(version, ALL_LABELS, confidence)
    return found if is_complete(found, rule) else completed(found, version, rule, warn)


def is_complete(found: Detection, rule: Rule) -> bool:
    """Tell whether a list of Rekognition has all labels that a rule may ask about, and was not cut before one."""
    return len(found.labels) < ALL_LABELS or found.labels[-1]["confidence"] < rule.min_confidence


def completed(found: Detection, version: ObjectVersion, rule: Rule, warn: Callable[[str], None]) -> Detection:
    """Return a list of Rekognition with the labels of a rule, which are asked for by name; ``warn`` as above."""
    try:
        named = rekognition.detect_labels(version, LABELS_LIMIT, rule.min_confidence, rule.filters)
    except InvalidImage:
        # The image was looked at a moment ago, so it is a name that is refused, and with it the request.
        warn(f"rule {rule.name!r}: Rekognition cannot be asked for its labels by name; check how they are written")
        return found
    known = {label["name"] for label in found.labels}
    others = [label for label in named.labels if label["name"] not in known]
    return Detection([*found.labels, *others], found.detector)


def recorded(
    own_model_function_arn: str,
    found: Sequence[Label],
    max_labels: int,
    min_confidence: float,
    named: Collection[str] = (),
) -> list[Label]:
    """Return those labels that a record keeps, of a list that was asked for a rule's sake and may be longer.

    Parameters
    ----------
    named
        The labels that rules name: they are kept below ``min_confidence`` too, and beyond ``max_labels``.
    """
    certain = 0 if own_model_function_arn == NONE else 1
    names = {name.casefold() for name in named}
    sure = [
        label for label in found[certain:] if label["confidence"] >= min_confidence or label["name"].casefold() in names
    ]
    return labels.kept([*found[:certain], *sure], max_labels, names)
