"""Close the records of executions that ended without a word: the status a user sees is always true."""

from vision import entry, filing
from vision.adapters import workflow
from vision.adapters.photos import Photos
from vision.adapters.table import Table
from vision.domain import executions, records
from vision.settings import TrackExecutionSettings

settings = TrackExecutionSettings.read()
table, photos = Table(settings.image_table_name), Photos(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> None:
    """Take one status-change event; or, on schedule, look at each execution that has been silent."""
    if event.get("detail-type") == executions.STATUS_CHANGE:
        _apply(executions.status_change(event.get("detail", {})))
        return
    entry.each(table.running_since(records.seconds_ago(settings.silent_after_seconds)), _look)


def _look(record: records.Record) -> None:
    change = executions.silent_end(record, workflow.describe(record["execution_arn"]))
    if change is not None:
        _apply(change)


def _apply(change: executions.StatusChange) -> None:
    if table.advance(change.envelope, change.run, change.changes(), records.now()) and change.failure:
        entry.count(change.status.metric)
    if change.failure:
        filing.file(photos, change.envelope, change.run, change.changes())
