"""Close the records of failed executions, finish interrupted deletions, and delete the content of refused uploads."""

from functools import partial
from itertools import chain

from vision import entry
from vision.adapters import aws_sdk, table_upgrade, workflow
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import executions, keys, records
from vision.domain.failures import Failure
from vision.domain.objects import ObjectVersion
from vision.domain.statuses import Status
from vision.services import label_index, photo_deletion
from vision.settings import TrackExecutionSettings

settings = TrackExecutionSettings.read()
aws_sdk.make_clients("dynamodb", "stepfunctions")
table, photos = Table(settings.image_table_name), Photos(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, int] | None:
    """Process a status-change event; or, on schedule, check silent executions, deletions and refused uploads."""
    if event.get("detail-type") == executions.STATUS_CHANGE:
        _apply(executions.status_change(event.get("detail", {})))
        return None
    if event.get("detail-type") == table_upgrade.EVENT:
        return {"adopted": table_upgrade.adopt(settings.image_table_name)}
    silent_since = records.seconds_ago(settings.silent_after_seconds)
    silent = (partial(_check, record) for record in table.silent_since(silent_since))
    unfinished = (
        partial(photo_deletion.delete_photo, photos, photo) for photo in photos.unfinished_deletions(silent_since)
    )
    refused = (partial(photo_deletion.delete_refused, photos, position) for position in photo_deletion.refused(photos))
    entry.each(chain(silent, unfinished, refused), lambda task: task())
    return None


def _check(record: records.Record) -> None:
    version = ObjectVersion.from_dict(record["object"])
    # A PENDING record has none yet.
    execution_arn = record.get("execution_arn") or workflow.execution_arn(
        settings.process_image_state_machine_arn, keys.execution_name(version)
    )
    change = executions.silent_end(record, workflow.describe(execution_arn))
    if change is not None:
        _apply(change)


def _apply(change: executions.StatusChange) -> None:
    if table.advance(change.envelope, change.run, change.changes(), records.now()) and change.failure:
        entry.count(change.status.metric)
    if change.failure:
        label_index.add(photos, change.envelope, change.run, change.changes(), is_first=False)
    if change.status is Status.FAILED and change.failure:
        _count(change.failure)


def _count(failure: Failure) -> None:
    """Count a failed execution, recorded or not; the alarm watches only faults of the service."""
    if failure.is_of_upload:
        entry.count("UploadsRefused")
    else:
        entry.count("ExecutionFaults")
