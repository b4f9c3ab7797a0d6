"""Ask Rekognition what is in the image."""

from typing import Any

from vision import entry
from vision.adapters import rekognition
from vision.domain.envelopes import Envelope
from vision.settings import DetectLabelsSettings

settings = DetectLabelsSettings.read()


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the labels of an image, and the detector that found them."""
    version = Envelope.from_dict(event).object
    detection = rekognition.detect_labels(version, settings.max_labels, settings.min_confidence)
    return {"labels": detection.labels, "detector": detection.detector}
