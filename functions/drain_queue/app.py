"""Inspect images with a Custom Labels model, as a worker of the session that runs it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from vision import entry
from vision.adapters import rekognition
from vision.domain.image_file.limits import CUSTOM_LABELS_LIMITS
from vision.domain.inspection.rules import Rule
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion
from vision.services import queue_worker
from vision.services.inspection import Inspector
from vision.settings import DrainQueueSettings, InspectionSettings

settings = DrainQueueSettings.read()


def _detect(version: ObjectVersion, rule: Rule) -> Detection:
    confidence = min(settings.custom_min_confidence, rule.min_confidence)
    return rekognition.detect_custom_labels(version, settings.model_version_arn, confidence)


# Whoever works on a message keeps it hidden: one that shows again has lost its worker, and so has its claim.
inspector = Inspector.from_settings(
    InspectionSettings.read(), _detect, CUSTOM_LABELS_LIMITS, claim_seconds=settings.hidden_seconds
)


@entry.worker
def handler(_: entry.Event, remaining_seconds: Callable[[], float]) -> dict[str, Any]:
    """Take messages until the queue is empty or the time is over; return how many images were done."""
    tally = queue_worker.drain(
        inspector,
        settings.inspection_queue_url,
        remaining_seconds,
        entry.count_inspection,
        poll_seconds=settings.poll_seconds,
        hidden_seconds=settings.hidden_seconds,
    )
    return asdict(tally)
