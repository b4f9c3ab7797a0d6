"""Convert the results of the models to labels in the form of Rekognition.

Names, ancestors and categories come from ``taxonomy.json``. It was created once, from the synsets of ImageNet joined
with the hypernyms of WordNet 3.0 (both free to use with attribution): each chain keeps the words that a person would
use ("carnivore" and "device" were removed), names are in title case, a few were replaced by those of Rekognition
("Television", "Mobile Phone"), and the eighty classes of COCO were added to the same tree. Every ancestor is a label
of its own, as in the service.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from local.rekognition.models import Box, DetectedObject

_MIN_OBJECT_CONFIDENCE = 40.0
_MIN_LABEL_CONFIDENCE = 10.0
_SAME_OBJECT_OVERLAP = 0.5
_MAX_CONFIDENCE = 99.9
_OTHER_CATEGORY = "Everyday Objects"


@dataclass(frozen=True)
class Taxonomy:
    """The words of the models and their relations.

    ``imagenet`` gives the label name by class index, ``coco`` by class name; ``parents`` all ancestors of a
    label, nearest first; ``categories`` the category by the label or ancestor that decides it.
    """

    imagenet: list[str]
    coco: dict[str, str]
    parents: dict[str, list[str]]
    categories: dict[str, str]
    aliases: dict[str, list[str]]

    def category(self, name: str) -> str:
        """Return the category of a label."""
        family = {name, *self.parents[name]}
        return next((value for key, value in self.categories.items() if key in family), _OTHER_CATEGORY)


@cache
def taxonomy() -> Taxonomy:
    """Read ``taxonomy.json``, once."""
    return Taxonomy(**json.loads(Path(__file__).with_name("taxonomy.json").read_text(encoding="utf-8")))


@dataclass
class Label:
    """A label before it is converted to the form of the API; confidence 0–100."""

    name: str
    confidence: float = 0.0
    instances: list[DetectedObject] = field(default_factory=list)

    def on_the_wire(self) -> dict[str, Any]:
        """Return the ``Label`` structure of the API."""
        words = taxonomy()
        return {
            "Name": self.name,
            "Confidence": _percent(self.confidence),
            "Instances": [
                {"BoundingBox": _bounding_box(found.box), "Confidence": _percent(found.confidence)}
                for found in self.instances
            ],
            "Parents": [{"Name": parent} for parent in words.parents[self.name]],
            "Aliases": [{"Name": alias} for alias in words.aliases.get(self.name, [])],
            "Categories": [{"Name": words.category(self.name)}],
        }


def merge(objects: Iterable[DetectedObject], probabilities: NDArray[np.float64]) -> list[Label]:
    """Merge the labels of both models into one list, most confident first, then by name.

    Parameters
    ----------
    objects
        The results of the detector, best first; empty without a detector.
    probabilities
        1,000 percentages of the classifier. They are added up the tree: three kinds of cat at 30 % each are
        a Cat at 90 %.
    """
    words = taxonomy()
    labels: dict[str, Label] = {}
    for index in np.flatnonzero(probabilities):
        class_label = words.imagenet[index]
        for word in (class_label, *words.parents[class_label]):
            labels.setdefault(word, Label(word)).confidence += float(probabilities[index])
    for found in objects:
        name = words.coco.get(found.class_name)
        if name is None or found.confidence < _MIN_OBJECT_CONFIDENCE:
            continue
        label = labels.setdefault(name, Label(name))
        if any(found.box.overlap(other.box) > _SAME_OBJECT_OVERLAP for other in label.instances):
            continue
        label.instances.append(found)
        for word in (name, *words.parents[name]):
            relative = labels.setdefault(word, Label(word))
            relative.confidence = max(relative.confidence, found.confidence)
    kept = [label for label in labels.values() if label.confidence >= _MIN_LABEL_CONFIDENCE]
    return sorted(kept, key=lambda label: (-_percent(label.confidence), label.name))


def _percent(confidence: float) -> float:
    return round(min(confidence, _MAX_CONFIDENCE), 2)


def _bounding_box(box: Box) -> dict[str, float]:
    return {
        "Width": round(box.right - box.left, 5),
        "Height": round(box.bottom - box.top, 5),
        "Left": round(box.left, 5),
        "Top": round(box.top, 5),
    }
