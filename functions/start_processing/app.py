"""Start one execution for each upload that the processing queue announces."""

from vision import entry
from vision.adapters import workflow
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import events, keys, records
from vision.domain.envelopes import Envelope
from vision.services.upload_admission import Admission, Gate
from vision.settings import StartProcessingSettings

settings = StartProcessingSettings.read()
table = Table(settings.image_table_name)
gate = Gate(table, Photos(settings.image_table_name), People(settings.image_table_name), settings.allowance)


@entry.queue
def handler(message: str, _receives: int) -> None:
    """Record each uploaded version as PENDING, start its execution, and record it as RUNNING.

    Each step is a no-op when it has happened before: a message may come twice, and a crash between two steps
    heals with the next delivery. What is not an upload is acknowledged and forgotten.
    """
    for creation in events.creations(message, settings.image_bucket_name):
        version = creation.version
        if keys.upload_key(version.key) is None:
            continue
        envelope = Envelope.of(version)
        admission = gate.admit(envelope, creation.origin)
        if admission is Admission.REFUSED:
            entry.count("UploadsRefused")
            continue
        run = workflow.start(settings.process_image_state_machine_arn, keys.execution_name(version), envelope.as_dict())
        if run is not None:
            table.mark_running(envelope, run, records.now())
        elif admission is Admission.NEW:
            # Its execution has ended and its record was gone: the photo was deleted before this event came again.
            table.withdraw(envelope)
