"""Inspect images as soon as the queue has them, with Rekognition's generic labels or with a team's own model."""

from vision import detectors, entry
from vision.adapters.queue import RECEIVES_LIMIT
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion
from vision.domain.rules import Rule
from vision.inspection import Inspector
from vision.settings import InspectImagesSettings, InspectionSettings

settings = InspectImagesSettings.read()


def _detect(version: ObjectVersion, rule: Rule) -> Detection:
    return detectors.detect_named_labels(settings.own_model_function_arn, version, rule, entry.warn)


inspector = Inspector.from_settings(InspectionSettings.read(), _detect)


@entry.queue
def handler(message: str, receives: int) -> None:
    """Inspect the image that a message announces, and count how it went."""
    inspector.inspect_message(message, receives >= RECEIVES_LIMIT, entry.count_inspection)
