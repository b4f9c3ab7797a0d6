"""Start one execution for each upload that the processing queue announces."""

from vision import entry
from vision.adapters import workflow
from vision.adapters.table import Table
from vision.domain import events, keys, records
from vision.domain.envelopes import Envelope
from vision.settings import StartProcessingSettings

settings = StartProcessingSettings.read()
table = Table(settings.image_table_name)


@entry.queue
def handler(message: str, _receives: int) -> None:
    """Record each uploaded version as PENDING, start its execution, and record it as RUNNING.

    Each step is a no-op when it has happened before: a message may come twice, and a crash between two steps
    heals with the next delivery. What is not an upload is acknowledged and forgotten.
    """
    for version in events.created_objects(message):
        if keys.upload_key(version.key) is None:
            continue
        envelope = Envelope.of(version)
        is_new = table.register(envelope, records.now())
        run = workflow.start(settings.process_image_state_machine_arn, keys.execution_name(version), envelope.as_dict())
        if run is not None:
            table.mark_running(envelope, run, records.now())
        elif is_new:
            # Its execution has ended and its record was gone: the photo was deleted before this event came again.
            table.withdraw(envelope)
