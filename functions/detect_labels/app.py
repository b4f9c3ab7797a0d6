"""Detect the labels of an image."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.errors import Transient
from vision.domain.executions import Attempt
from vision.services import detectors
from vision.settings import DetectorSettings, ImageTableSettings

aws_sdk.make_clients("dynamodb")
detector = detectors.from_settings(DetectorSettings.read(), entry.warn)
table = Table(ImageTableSettings.read().image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Record the labels of an image, and return their number and the detector.

    Without an execution in the event, such as in ``sam local invoke`` or from a state machine of the last release,
    record nothing and return the labels; also if they cannot be recorded now.
    """
    envelope, attempt = Envelope.from_dict(event), Attempt.of_event(event)
    detection = detector.detect(envelope.object)
    found = {"labels": detection.labels, "detector": detection.detector}
    if attempt is None:
        return found
    try:
        table.add_labels(envelope, attempt, records.as_displayed(found, event.get("metadata", {})), records.now())
    except Transient:
        # They are paid for: a retry would buy them again. The last step records them.
        return found
    return {"label_count": len(detection.labels), "detector": detection.detector}
