"""Labels from Amazon Rekognition. It reads the object from S3 itself: no image bytes pass through Lambda."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vision.adapters.session import client, domain_errors
from vision.domain import labels
from vision.domain.objects import ObjectVersion

DETECTOR_NAME = "rekognition"


@dataclass(frozen=True, slots=True)
class Detection:
    """What a detector found, and which detector in which version it was."""

    labels: list[labels.Label]
    detector: dict[str, str]


def detect_labels(version: ObjectVersion, max_labels: int, min_confidence: float) -> Detection:
    """Return at most ``max_labels`` labels of at least ``min_confidence`` (0 to 100) of an object version.

    Raises
    ------
    ObjectNotFound, AccessDenied, ImageTooLarge, InvalidImage, Throttled, ServiceUnavailable
    """
    source: dict[str, Any] = {"Bucket": version.bucket, "Name": version.key}
    if version.version_id:
        source["Version"] = version.version_id
    with domain_errors("DetectLabels"):
        response = client("rekognition").detect_labels(
            Image={"S3Object": source}, MaxLabels=max_labels, MinConfidence=min_confidence
        )
    detector = {"name": DETECTOR_NAME, "version": response.get("LabelModelVersion", "unknown")}
    return Detection(labels.from_rekognition(response), detector)
