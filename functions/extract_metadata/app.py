"""Read the metadata of an image, and refuse an image that cannot be processed before it costs anything."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.services.examination import examine
from vision.settings import ImageTableSettings

aws_sdk.make_clients("dynamodb", "s3")
table = Table(ImageTableSettings.read().image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Record the metadata of an image from the head of its file, and return what an execution may show of it.

    Without an execution in the event, such as in ``sam local invoke`` or from a state machine of the last release,
    record nothing and return everything.
    """
    envelope, attempt = Envelope.from_dict(event), Attempt.of_event(event)
    metadata = examine(envelope.object).as_dict()
    if attempt is None:
        return metadata
    table.begin(envelope, attempt, metadata, records.now())
    return records.without_personal_data(metadata)
