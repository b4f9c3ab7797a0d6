"""The detectors: Rekognition, a Custom Labels model, and a team's own model, each behind the same protocol.

A new detector is a row of :mod:`vision.domain.detector_types`, a class here, over an adapter of its own, and a case of
:func:`from_settings`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from vision.adapters import aws_sdk, own_model, rekognition
from vision.domain import detector_types, labels
from vision.domain.detector_types import DetectorType
from vision.domain.errors import InvalidImage, VisionError
from vision.domain.inspection.rules import LABELS_LIMIT, Rule
from vision.domain.labels import Detection, Label
from vision.domain.objects import ObjectVersion
from vision.domain.own_model.manifests import TOP_K_LIMIT
from vision.services.own_model.batches import Batches
from vision.settings import NONE, DetectorSettings

ALL_LABELS = 1000
"""The most labels that DetectLabels returns: a verdict must not depend on where a list was truncated.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html
"""

# Small enough for an answer within seconds.
_BATCH_SIZE = 8
CONCURRENT_BATCHES = 2
"""Concurrent calls of the own model by one worker: its function has this many environments for each worker."""


Call = Callable[[Callable[[], Detection]], Detection]


def _call_directly(call: Callable[[], Detection]) -> Detection:
    return call()


class InspectionDetector(Protocol):
    """A detector as inspections use it."""

    @property
    def type(self) -> DetectorType:
        """What is the same for all detectors of this type."""

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return all labels of an object version that the rule or a record needs.

        They include labels that the rule does not name: a changed rule can be tried on the labels of a record.
        """

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return the labels that a record keeps: the most certain ones, and all that rules name."""


class Detector(InspectionDetector, Protocol):
    """A detector as photos and bulk runs use it too."""

    @property
    def gb_seconds(self) -> float:
        """Compute time of the own model's function so far: gigabytes of memory times seconds."""

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the most certain labels of an object version, bounded to the size that a state can carry."""

    def for_batch(self, call: Call, *, judges: bool) -> Detector:
        """Return the detector for the threads of a worker.

        Parameters
        ----------
        call
            Makes each call of the service: waits for its turn, and retries transient errors.
        judges
            Whether the worker judges images by rules.
        """


@dataclass(frozen=True, slots=True)
class Rekognition:
    """Rekognition's generic labels.

    Attributes
    ----------
    max_labels, min_confidence
        Most labels of a photo or record, and their lowest confidence, 0 to 100.
    warn
        Receives a sentence when Rekognition refuses the names of a rule.
    """

    max_labels: int
    min_confidence: float
    warn: Callable[[str], None]
    type: DetectorType = detector_types.REKOGNITION
    gb_seconds: float = 0.0
    call: Call = _call_directly

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the most certain labels of an object version."""
        found = self.call(lambda: rekognition.detect_labels(version, self.max_labels, self.min_confidence))
        return Detection(labels.bounded(found.labels), found.detector)

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return all labels that the rule or a record needs.

        A full list may lack a label that the verdict depends on. In that case, call Rekognition again for the labels
        of the rule by name.
        """
        confidence = min(self.min_confidence, rule.min_confidence)
        found = self.call(lambda: rekognition.detect_labels(version, ALL_LABELS, confidence))
        if len(found.labels) < ALL_LABELS or found.labels[-1]["confidence"] < rule.min_confidence:
            return found
        try:
            named = self.call(
                lambda: rekognition.detect_labels(version, LABELS_LIMIT, rule.min_confidence, rule.filters)
            )
        except InvalidImage:
            # Rekognition accepted the image a moment ago, so it refuses the request because of a name.
            self.warn(f"rule {rule.name!r}: Rekognition cannot be asked for its labels by name; check their spelling")
            return found
        known = {label["name"] for label in found.labels}
        others = [label for label in named.labels if label["name"] not in known]
        return Detection([*found.labels, *others], found.detector)

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return the most certain labels, and those that rules name, however low their confidence."""
        return _certain_or_named(found, self.max_labels, self.min_confidence, named)

    def for_batch(self, call: Call, *, judges: bool) -> Detector:
        """Return this detector with another way to call the service: each image is a separate call."""
        return replace(self, call=call)


@dataclass(frozen=True, slots=True)
class CustomLabels:
    """A running Custom Labels model.

    Attributes
    ----------
    min_confidence
        Lowest confidence of a label that a record keeps, 0 to 100; a rule may go lower.
    """

    model_version_arn: str
    min_confidence: float
    type: DetectorType = detector_types.CUSTOM_LABELS

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return all labels of the model that the rule or a record needs."""
        confidence = min(self.min_confidence, rule.min_confidence)
        return rekognition.detect_custom_labels(version, self.model_version_arn, confidence)

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return all labels that fit: a model has few labels, and the team chose each of them."""
        return labels.bounded(found)


@dataclass(slots=True)
class OwnModel:
    """A team's own model in its container function.

    Attributes
    ----------
    max_labels, min_confidence
        Most classes of a photo or record, and the lowest confidence of those after the first, 0 to 100. The first class
        is kept whatever its confidence, since the model has its own threshold.
    """

    function_arn: str
    max_labels: int
    min_confidence: float
    type: DetectorType = detector_types.OWN_MODEL
    gb_seconds: float = 0.0

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the first class of an object version, and those after it."""
        return own_model.detect_labels(version, self.function_arn, self.max_labels, self.min_confidence)

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return as many classes as a model may have in one answer."""
        confidence = min(self.min_confidence, rule.min_confidence)
        return own_model.detect_labels(version, self.function_arn, LABELS_LIMIT, confidence, TOP_K_LIMIT)

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return the first class, the most certain ones after it, and those that rules name."""
        return _certain_or_named(found, self.max_labels, self.min_confidence, named, keep_first=1)

    def for_batch(self, call: Call, *, judges: bool) -> Detector:
        """Return a detector that combines the images of many threads into few calls."""
        top_k = TOP_K_LIMIT if judges else None
        return _BatchedOwnModel(self.function_arn, self.max_labels, self.min_confidence, call=call, top_k=top_k)


@dataclass(slots=True)
class _BatchedOwnModel(OwnModel):
    call: Call = _call_directly
    top_k: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _batches: Batches = field(init=False)

    def __post_init__(self) -> None:
        self._batches = Batches(self._classify, _BATCH_SIZE, CONCURRENT_BATCHES)

    def detect(self, version: ObjectVersion) -> Detection:
        return own_model.limited(self._answer(version), self.max_labels, self.min_confidence)

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        confidence = min(self.min_confidence, rule.min_confidence)
        return own_model.limited(self._answer(version), LABELS_LIMIT, confidence)

    def _answer(self, version: ObjectVersion) -> Detection:
        return self.call(lambda: self._batches.detect(version))

    def _classify(self, versions: Sequence[ObjectVersion]) -> list[Detection | VisionError]:
        classified = own_model.classify(versions, self.function_arn, self.top_k)
        with self._lock:
            self.gb_seconds += classified.gb_seconds
        return classified.outcomes


def from_settings(settings: DetectorSettings, warn: Callable[[str], None]) -> Detector:
    """Return the detector that the template's parameters choose, with its client made.

    Parameters
    ----------
    warn
        Receives a sentence when the detector refuses the names of a rule.
    """
    if settings.own_model_function_arn == NONE:
        aws_sdk.make_clients("rekognition")
        return Rekognition(settings.max_labels, settings.min_confidence, warn)
    aws_sdk.make_clients("lambda")
    return OwnModel(settings.own_model_function_arn, settings.max_labels, settings.min_confidence)


def _certain_or_named(
    found: Sequence[Label], max_labels: int, min_confidence: float, named: Collection[str], keep_first: int = 0
) -> list[Label]:
    """Return the first ``keep_first`` labels, the others with enough confidence, and the named ones, in their order."""
    names = {name.casefold() for name in named}
    sure = [
        label
        for label in found[keep_first:]
        if label["confidence"] >= min_confidence or label["name"].casefold() in names
    ]
    return labels.most_certain([*found[:keep_first], *sure], max_labels, names)
