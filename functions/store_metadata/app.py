"""Complete the image record with the results of an execution, or its errors."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.errors import ImageFailed
from vision.domain.executions import Attempt
from vision.domain.failures import Failure
from vision.domain.statuses import Status
from vision.services import label_index
from vision.settings import ImageTableSettings

settings = ImageTableSettings.read()
aws_sdk.make_clients("dynamodb")
table, photos = Table(settings.image_table_name), Photos(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Complete the image record unless a newer attempt has; return its status, and its error if it has one.

    Raises
    ------
    ImageFailed
        The record says FAILED. The execution must fail, too.
    """
    envelope = Envelope.from_dict(event.get("envelope", {}))
    attempt = Attempt.from_context(event.get("execution", {}))
    failures = [Failure.from_error_output(error) for error in event.get("errors", [])]
    outcome = records.outcome(event.get("parts", {}), failures)
    if table.advance(envelope, attempt, outcome, records.now()):
        entry.count(outcome["status"].metric)
    label_index.add(photos, envelope, attempt, outcome, is_first=event.get("retries", 0) == 0)
    if outcome["status"] is Status.FAILED:
        raise ImageFailed(outcome["error"]["cause"])
    return {name: outcome[name] for name in ("status", "error") if name in outcome}
