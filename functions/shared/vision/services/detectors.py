"""The detectors: Rekognition, a Custom Labels model, and a team's own model, each behind the same protocol.

A new detector is a class here, over an adapter of its own, and a case of :func:`from_arn`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from vision.adapters import own_model, rekognition
from vision.domain import labels
from vision.domain.errors import InvalidImage, VisionError
from vision.domain.image_file.limits import CUSTOM_LABELS_LIMITS, REKOGNITION_LIMITS, Limits
from vision.domain.inspection.rules import LABELS_LIMIT, Rule
from vision.domain.labels import Detection, Label
from vision.domain.objects import ObjectVersion
from vision.domain.own_model.manifests import TOP_K_LIMIT
from vision.services.own_model.batches import Batches
from vision.settings import NONE

ALL_LABELS = 1000
"""The most labels that DetectLabels returns: a verdict must not depend on where a list was cut.

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html
"""

# An answer is there within seconds.
_BATCH_SIZE = 8
BATCHES_AT_ONCE = 2
"""Calls of the own model that a worker has under way: its function has so many environments for each worker."""


Call = Callable[[Callable[[], Detection]], Detection]


def _at_once(call: Callable[[], Detection]) -> Detection:
    return call()


class InspectionDetector(Protocol):
    """What an inspection asks of a detector."""

    @property
    def limits(self) -> Limits:
        """The images that it takes."""

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return all labels of an object version that the rule or a record may ask about.

        Labels that the rule does not name are among them: a changed rule can be tried on what a record keeps.
        """

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return those labels that a record keeps: the most certain ones, and all that rules name."""


class Detector(InspectionDetector, Protocol):
    """What photos and bulk runs ask of a detector as well."""

    @property
    def is_paced(self) -> bool:
        """Whether each call is paid for and takes its turn within the quota of DetectLabels."""

    @property
    def gb_seconds(self) -> float:
        """What a function of our own has taken for it so far: gigabytes of memory times seconds."""

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the most certain labels of an object version, bounded to what a state may carry."""

    def for_batch(self, call: Call, *, judges: bool) -> Detector:
        """Return the detector for the many threads of a worker.

        Parameters
        ----------
        call
            Makes each call of the service, in its turn and again where that can help.
        judges
            Whether the worker judges images by rules.
        """


@dataclass(frozen=True, slots=True)
class Rekognition:
    """Rekognition's generic labels.

    Attributes
    ----------
    max_labels, min_confidence
        How many labels a photo or record has, and how certain they are, 0 to 100.
    warn
        Is called with a sentence when Rekognition refuses the names of a rule.
    """

    max_labels: int
    min_confidence: float
    warn: Callable[[str], None]
    limits: Limits = REKOGNITION_LIMITS
    is_paced: bool = True
    gb_seconds: float = 0.0
    call: Call = _at_once

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the most certain labels of an object version."""
        found = self.call(lambda: rekognition.detect_labels(version, self.max_labels, self.min_confidence))
        return Detection(labels.bounded(found.labels), found.detector)

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return all labels that the rule or a record may ask about.

        Where the list is full, and so may lack a label that the verdict depends on, Rekognition is asked for the
        labels of the rule as well.
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
            # Rekognition took the image a moment ago, so it refuses a name, and with it the request.
            self.warn(f"rule {rule.name!r}: Rekognition cannot be asked for its labels by name; check their spelling")
            return found
        known = {label["name"] for label in found.labels}
        others = [label for label in named.labels if label["name"] not in known]
        return Detection([*found.labels, *others], found.detector)

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return the most certain labels, and those that rules name however uncertain they are."""
        return _certain_or_named(found, self.max_labels, self.min_confidence, named)

    def for_batch(self, call: Call, *, judges: bool) -> Detector:
        """Return the same for calls that take turns: each image is a call of its own."""
        return replace(self, call=call)


@dataclass(frozen=True, slots=True)
class CustomLabels:
    """A Custom Labels model that runs.

    Attributes
    ----------
    min_confidence
        How certain a label is that a record keeps, 0 to 100; a rule may go lower.
    """

    model_version_arn: str
    min_confidence: float
    limits: Limits = CUSTOM_LABELS_LIMITS

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return all labels of the model that the rule or a record may ask about."""
        confidence = min(self.min_confidence, rule.min_confidence)
        return rekognition.detect_custom_labels(version, self.model_version_arn, confidence)

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return all that fit: a model has few labels, and each is the team's own."""
        return labels.bounded(found)


@dataclass(slots=True)
class OwnModel:
    """A team's own model in its container function.

    Attributes
    ----------
    max_labels, min_confidence
        How many classes a photo or record has, and how certain those behind the first are, 0 to 100. The first stays
        however uncertain it is, since the model has a threshold of its own.
    """

    function_arn: str
    max_labels: int
    min_confidence: float
    limits: Limits = REKOGNITION_LIMITS
    is_paced: bool = False
    gb_seconds: float = 0.0

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the class of an object version, and those behind it."""
        return own_model.detect_labels(version, self.function_arn, self.max_labels, self.min_confidence)

    def detect_for_rule(self, version: ObjectVersion, rule: Rule) -> Detection:
        """Return as many classes as a model may have in an answer."""
        confidence = min(self.min_confidence, rule.min_confidence)
        return own_model.detect_labels(version, self.function_arn, LABELS_LIMIT, confidence, TOP_K_LIMIT)

    def labels_to_store(self, found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        """Return the class, the most certain ones behind it, and those that rules name."""
        return _certain_or_named(found, self.max_labels, self.min_confidence, named, certain=1)

    def for_batch(self, call: Call, *, judges: bool) -> Detector:
        """Return a detector that asks for the images of many threads in few calls."""
        top_k = TOP_K_LIMIT if judges else None
        return _BatchedOwnModel(self.function_arn, self.max_labels, self.min_confidence, call=call, top_k=top_k)


@dataclass(slots=True)
class _BatchedOwnModel(OwnModel):
    call: Call = _at_once
    top_k: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _batches: Batches = field(init=False)

    def __post_init__(self) -> None:
        self._batches = Batches(self._classify, _BATCH_SIZE, BATCHES_AT_ONCE)

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


def from_arn(
    own_model_function_arn: str, max_labels: int, min_confidence: float, warn: Callable[[str], None]
) -> Detector:
    """Return the detector of photos that the template's parameters choose.

    Parameters
    ----------
    own_model_function_arn
        ``none`` for Rekognition.
    max_labels, min_confidence, warn
        See :class:`Rekognition`.
    """
    if own_model_function_arn == NONE:
        return Rekognition(max_labels, min_confidence, warn)
    return OwnModel(own_model_function_arn, max_labels, min_confidence)


def _certain_or_named(
    found: Sequence[Label], max_labels: int, min_confidence: float, named: Collection[str], certain: int = 0
) -> list[Label]:
    """Return labels in their order: the first ``certain``, others that are certain enough, and those that are named."""
    names = {name.casefold() for name in named}
    sure = [
        label for label in found[certain:] if label["confidence"] >= min_confidence or label["name"].casefold() in names
    ]
    return labels.most_certain([*found[:certain], *sure], max_labels, names)
