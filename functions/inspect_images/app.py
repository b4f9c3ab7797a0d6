"""Inspect images as soon as the queue has them, with Rekognition's generic labels or with a team's own model."""

from collections.abc import Collection, Sequence

from vision import entry
from vision.adapters.queue import RECEIVES_LIMIT
from vision.domain.inspection.rules import Rule
from vision.domain.labels import Detection, Label
from vision.domain.objects import ObjectVersion
from vision.services import detectors
from vision.services.inspection import Inspector
from vision.settings import InspectImagesSettings, InspectionSettings

settings = InspectImagesSettings.read()


def _detect(version: ObjectVersion, rule: Rule) -> Detection:
    return detectors.detect_for_rule(
        settings.own_model_function_arn, version, rule, settings.min_confidence, entry.warn
    )


def _keep(found: Sequence[Label], named: Collection[str]) -> list[Label]:
    return detectors.labels_to_store(
        settings.own_model_function_arn, found, settings.max_labels, settings.min_confidence, named
    )


inspector = Inspector.from_settings(InspectionSettings.read(), _detect, keep=_keep)


@entry.queue
def handler(message: str, receives: int) -> None:
    """Inspect the image that a message announces, and count how it went."""
    inspector.inspect_message(message, receives >= RECEIVES_LIMIT, entry.count_inspection)
