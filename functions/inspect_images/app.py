"""Inspect images as they arrive in the queue, with generic labels from Rekognition or with a team's own model."""

from vision import entry
from vision.adapters import aws_sdk
from vision.adapters.queue import RECEIVES_LIMIT
from vision.services import detectors
from vision.services.inspection import Inspector
from vision.settings import DetectorSettings, InspectionSettings

aws_sdk.make_clients("dynamodb", "s3")
detector = detectors.from_settings(DetectorSettings.read(), entry.warn)
inspector = Inspector.from_settings(InspectionSettings.read(), detector)


@entry.queue
def handler(message: str, receives: int) -> None:
    """Inspect the image that a message announces, and count the outcome."""
    inspector.inspect_message(message, receives >= RECEIVES_LIMIT, entry.count_inspection)
