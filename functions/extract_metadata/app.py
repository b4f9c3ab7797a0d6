"""Read the metadata of an image, and refuse an image that cannot be processed before it costs anything."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.domain.envelopes import Envelope
from vision.services.examination import examine

aws_sdk.make_clients("s3")


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the metadata of an image from the head of its file."""
    return examine(Envelope.from_dict(event).object).as_dict()
