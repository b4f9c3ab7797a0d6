"""Inspect images with a Custom Labels model, as a worker of its session."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.services import queue_worker
from vision.services.detectors import CustomLabels
from vision.services.inspection import Inspector
from vision.settings import DrainQueueSettings, InspectionSettings

settings = DrainQueueSettings.read()
aws_sdk.make_clients("dynamodb", "rekognition", "s3", "sqs")
detector = CustomLabels(settings.model_version_arn, settings.custom_min_confidence)
# A worker keeps its message hidden. If the message becomes visible again, its worker has died, and its claim expires.
inspector = Inspector.from_settings(InspectionSettings.read(), detector, claim_seconds=settings.hidden_seconds)


@entry.worker
def handler(_: entry.Event, remaining_seconds: Callable[[], float]) -> dict[str, Any]:
    """Process messages until the queue is empty or the time is over; return the numbers of images by outcome."""
    tally = queue_worker.drain(
        inspector,
        settings.inspection_queue_url,
        remaining_seconds,
        entry.count_inspection,
        poll_seconds=settings.poll_seconds,
        hidden_seconds=settings.hidden_seconds,
    )
    return asdict(tally)
