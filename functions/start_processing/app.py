"""Start one execution for each upload from the processing queue."""

from vision import entry
from vision.adapters import aws_sdk, workflow
from vision.adapters.people import People
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import events, keys
from vision.domain.envelopes import Envelope
from vision.services.upload_admission import Admission, Gate
from vision.settings import StartProcessingSettings

settings = StartProcessingSettings.read()
aws_sdk.make_clients("dynamodb", "stepfunctions")
table = Table(settings.image_table_name)
gate = Gate(table, Photos(settings.image_table_name), People(settings.image_table_name), settings.allowance)


@entry.queue
def handler(message: str, _receives: int) -> None:
    """Record each uploaded version as PENDING, and start its execution, whose first step records it as RUNNING.

    Each step is idempotent: a message can arrive twice, and the next delivery repairs a crash between two steps.
    Messages about other objects are deleted without side effects.
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
        attempt = workflow.start(
            settings.process_image_state_machine_arn, keys.execution_name(version), envelope.as_dict()
        )
        if attempt is None and admission is Admission.NEW:
            # The execution had ended and its record did not exist: the photo was deleted before this repeated event.
            table.withdraw(envelope)
