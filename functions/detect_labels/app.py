"""Detect the labels of an image."""

from typing import Any

from vision import entry
from vision.domain.envelopes import Envelope
from vision.services import detectors
from vision.settings import DetectorSettings

detector = detectors.from_settings(DetectorSettings.read(), entry.warn)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the labels of an image, and the detector."""
    detection = detector.detect(Envelope.from_dict(event).object)
    return {"labels": detection.labels, "detector": detection.detector}
