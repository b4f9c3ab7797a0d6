"""Labels in the form of the record, the same for every detector, within the size limit of a state."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

# The input and output of a state are limited to 256 KiB, and the labels pass through the Parallel state together with
# metadata and thumbnail; a DynamoDB item is limited to 400 KB. Half of the smaller limit leaves room for the rest.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LABELS_LIMIT_BYTES = 128 * 1024


class Box(TypedDict):
    """A bounding box in fractions of the displayed image, 0 to 1."""

    left: float
    top: float
    width: float
    height: float


class Instance(TypedDict):
    """One instance of a label: its box and its confidence (0 to 100)."""

    box: Box
    confidence: float


class Label(TypedDict):
    """A label: its name, confidence (0 to 100), broader terms and instances."""

    name: str
    confidence: float
    parents: list[str]
    instances: list[Instance]


@dataclass(frozen=True, slots=True)
class Detection:
    """The labels that a detector found, and the name and version of the detector."""

    labels: list[Label]
    detector: dict[str, str]


def from_rekognition(response: Mapping[str, Any]) -> list[Label]:
    """Convert the response of Rekognition's DetectLabels.

    Returns
    -------
    list of Label
        Highest confidence first; of labels with equal confidence, the narrower term first.
    """
    found: list[Label] = [
        {
            "name": label["Name"],
            "confidence": _rounded(label["Confidence"], 2),
            "parents": [parent["Name"] for parent in label.get("Parents", [])],
            "instances": sorted(
                (_instance(instance) for instance in label.get("Instances", []) if "BoundingBox" in instance),
                key=lambda instance: -instance["confidence"],
            ),
        }
        for label in response.get("Labels", [])
    ]
    return sorted(found, key=lambda label: (-label["confidence"], -len(label["parents"]), label["name"]))


def from_custom_labels(response: Mapping[str, Any]) -> list[Label]:
    """Convert the response of Rekognition's DetectCustomLabels, one label per name.

    Returns
    -------
    list of Label
        Highest confidence first. A custom label has no broader terms. An object-detection model returns one entry per
        instance, and these become the boxes of one label.
    """
    instances: dict[str, list[Mapping[str, Any]]] = {}
    for one in response.get("CustomLabels", []):
        instances.setdefault(one["Name"], []).append(one)
    return from_rekognition(
        {
            "Labels": [
                {
                    "Name": name,
                    "Confidence": max(float(one["Confidence"]) for one in found),
                    "Instances": [
                        {"BoundingBox": one["Geometry"]["BoundingBox"], "Confidence": one["Confidence"]}
                        for one in found
                        if "BoundingBox" in one.get("Geometry", {})
                    ],
                }
                for name, found in instances.items()
            ]
        }
    )


def most_certain(found: Sequence[Label], max_labels: int, named: Collection[str] = ()) -> list[Label]:
    """Return the labels to keep in a record, in their order.

    Parameters
    ----------
    max_labels
        How many labels with the highest confidence to keep.
    named
        Label names, in any case, to keep at any position, because a rule can need them later.

    Returns
    -------
    list of Label
        See :func:`bounded`.
    """
    names = {name.casefold() for name in named}
    return bounded(
        [label for index, label in enumerate(found) if index < max_labels or label["name"].casefold() in names]
    )


def has_label(found: Iterable[Mapping[str, Any]], name: str, min_confidence: float) -> bool:
    """Return whether a label has the name, in any case, and the confidence; ``""`` with 0 is always true."""
    if not name and not min_confidence:
        return True
    return any(
        label["confidence"] >= min_confidence and (not name or label["name"].casefold() == name.casefold())
        for label in found
    )


def bounded(found: Sequence[Label]) -> list[Label]:
    """Return labels that fit into a state and into a record.

    Returns
    -------
    list of Label
        At most :data:`LABELS_LIMIT_BYTES` as JSON. Boxes with the lowest confidence are removed first, then labels with
        the lowest confidence.
    """
    fitting: list[Label] = [{**label, "instances": [*label["instances"]]} for label in found]
    excess = _size_bytes(fitting) - LABELS_LIMIT_BYTES
    while excess > 0 and any(label["instances"] for label in fitting):
        crowded = max(fitting, key=lambda label: len(label["instances"]))
        excess -= _size_bytes(crowded["instances"].pop()) + (len(", ") if crowded["instances"] else 0)
    while fitting and _size_bytes(fitting) > LABELS_LIMIT_BYTES:
        fitting.pop()
    return fitting


def to_displayed(found: list[Label], orientation: int) -> list[Label]:
    """Convert boxes from the stored pixels to the displayed image.

    Parameters
    ----------
    orientation
        EXIF orientation of the stored pixels, 1 to 8.
    """
    return [
        {**label, "instances": [{**one, "box": _turned(one["box"], orientation)} for one in label["instances"]]}
        for label in found
    ]


def _turned(box: Box, orientation: int) -> Box:
    left, top, width, height = box["left"], box["top"], box["width"], box["height"]
    right, bottom = _rounded(1 - left - width, 5), _rounded(1 - top - height, 5)
    match orientation:
        case 2:
            left = right
        case 3:
            left, top = right, bottom
        case 4:
            top = bottom
        case 5:
            left, top = top, left
        case 6:
            left, top = bottom, left
        case 7:
            left, top = bottom, right
        case 8:
            left, top = top, right
    if orientation >= 5:
        width, height = height, width
    return {"left": left, "top": top, "width": width, "height": height}


def _instance(instance: Mapping[str, Any]) -> Instance:
    box = instance["BoundingBox"]
    return {
        "box": {
            "left": _rounded(box["Left"], 5),
            "top": _rounded(box["Top"], 5),
            "width": _rounded(box["Width"], 5),
            "height": _rounded(box["Height"], 5),
        },
        "confidence": _rounded(instance.get("Confidence", 0.0), 2),
    }


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits)


def _size_bytes(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode())
