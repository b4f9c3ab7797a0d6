"""Labels in the record's form, whichever detector found them, bounded to what a state may carry."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

# A state's input and output end at 256 KiB, and the labels travel together with metadata and thumbnail through
# the Parallel state; a DynamoDB item ends at 400 KB. Half of the smaller limit leaves room for the rest.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
LABELS_LIMIT_BYTES = 128 * 1024


class Box(TypedDict):
    """A bounding box in fractions of the displayed image, 0 to 1."""

    left: float
    top: float
    width: float
    height: float


class Instance(TypedDict):
    """One sighting of a label: where, and how sure (0 to 100)."""

    box: Box
    confidence: float


class Label(TypedDict):
    """What is in the image, how sure the detector is (0 to 100), its broader terms and where it is."""

    name: str
    confidence: float
    parents: list[str]
    instances: list[Instance]


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector found, and which detector in which version it was."""

    labels: list[Label]
    detector: dict[str, str]


def from_rekognition(response: Mapping[str, Any]) -> list[Label]:
    """Convert the response of Rekognition's DetectLabels.

    Returns
    -------
    list of Label
        Most certain first, and of equally certain ones the narrower term first.
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
        Most certain first. A custom label has no broader terms; a model for objects answers once per sighting, and
        those become the boxes of one label.
    """
    sightings: dict[str, list[Mapping[str, Any]]] = {}
    for one in response.get("CustomLabels", []):
        sightings.setdefault(one["Name"], []).append(one)
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
                for name, found in sightings.items()
            ]
        }
    )


def most_certain(found: Sequence[Label], max_labels: int, named: Collection[str] = ()) -> list[Label]:
    """Return the labels that a record keeps, in their order.

    Parameters
    ----------
    max_labels
        How many of the most certain ones.
    named
        Label names, in any case, that are kept wherever they stand: those that a rule can ask about later.

    Returns
    -------
    list of Label
        See :func:`bounded`.
    """
    names = {name.casefold() for name in named}
    return bounded(
        [label for place, label in enumerate(found) if place < max_labels or label["name"].casefold() in names]
    )


def bounded(found: Sequence[Label]) -> list[Label]:
    """Return labels that fit into a state and into a record.

    Returns
    -------
    list of Label
        At most :data:`LABELS_LIMIT_BYTES` as JSON: the least certain boxes go first, then the least certain labels.
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
    """Move boxes from the stored pixels onto the displayed image.

    Rekognition turns a JPEG upright before it looks, and takes a PNG as it is stored.
    https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectLabels.html

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
