"""Inspect images with Rekognition's generic labels, as soon as the queue has them."""

from vision import entry
from vision.adapters import rekognition
from vision.adapters.queue import RECEIVES_LIMIT
from vision.adapters.rekognition import Detection
from vision.domain.objects import ObjectVersion
from vision.domain.rules import LABELS_LIMIT, Rule
from vision.inspection import Inspector
from vision.settings import InspectionSettings


def _detect(version: ObjectVersion, rule: Rule) -> Detection:
    return rekognition.detect_labels(version, LABELS_LIMIT, rule.min_confidence, rule.filters)


inspector = Inspector.from_settings(InspectionSettings.read(), _detect)


@entry.queue
def handler(message: str, receives: int) -> None:
    """Inspect the image that a message announces, and count how it went."""
    for outcome in inspector.inspect_message(message, receives >= RECEIVES_LIMIT):
        entry.count_inspection(outcome)
