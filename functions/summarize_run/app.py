"""Summarize a bulk run: in its record, in a file beside its results, and in an event."""

import json
from typing import Any

from vision import entry
from vision.adapters import aws_sdk, event_bus, storage
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.table import Table
from vision.domain import executions, records
from vision.domain.bulk import bulk_run, summaries
from vision.domain.bulk.tallies import Tally
from vision.domain.errors import InvalidRun
from vision.domain.executions import Attempt
from vision.services import bulk_totals
from vision.settings import SummarizeRunSettings

settings = SummarizeRunSettings.read()
aws_sdk.make_clients("dynamodb", "events", "s3")
table, runs = Table(settings.image_table_name), BulkRuns(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any] | None:
    """Summarize a completed run; or close one that ended without running its last task."""
    ended = summaries.Ending.from_event(event)
    record = runs.read(ended.run_id) or {}
    if event.get("detail-type") == executions.STATUS_CHANGE and record.get("status") != "RUNNING":
        return None
    if "request" not in record:
        raise InvalidRun(f"run {ended.run_id}: no record tells what it was asked for; start the run again")
    request = bulk_run.Request.from_dict(record["request"])
    attempt = Attempt(ended.execution_arn, record["started_at"])
    left_out = record.get("left_out_prefix", "")
    tally = bulk_totals.of_run(table, settings.results_bucket_name, attempt, request, left_out)
    # A stopped run has no result files. Its record has the counts so far, and running batches keep adding to it.
    is_provisional = not tally.batches and ended.status != "SUCCEEDED"
    tally = Tally.of_progress(record) if is_provisional else tally
    summary = summaries.summary(ended, record, tally, records.now(), is_provisional)
    key = f"{bulk_run.results_prefix(ended.run_id)}summary.json"
    summary["results"] = {"bucket": settings.results_bucket_name, "prefix": bulk_run.results_prefix(ended.run_id)}
    storage.write(settings.results_bucket_name, key, json.dumps(summary, indent=2).encode(), "application/json")
    runs.close(ended.run_id, request, ended.execution_arn, summary, records.now())
    event_bus.put(settings.vision_event_bus_name, "Bulk Run Ended", summary)
    return summary
