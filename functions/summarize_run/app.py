"""Sum up a bulk run: for its record, as a file beside its results, and as an event."""

import json
from typing import Any

from vision import entry
from vision.adapters import events, storage
from vision.adapters.runs import Runs
from vision.domain import bulk, executions, records, summaries
from vision.domain.errors import InvalidRun
from vision.domain.tallies import Tally
from vision.settings import SummarizeRunSettings

settings = SummarizeRunSettings.read()
runs = Runs(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any] | None:
    """Sum up a run that has come to its end; or close one that was stopped without a word."""
    ended = summaries.Ending.from_event(event)
    record = runs.read(ended.run_id) or {}
    if event.get("detail-type") == executions.STATUS_CHANGE and record.get("status") != "RUNNING":
        return None
    if "request" not in record:
        raise InvalidRun(f"run {ended.run_id}: no record tells what it was asked for; start the run again")
    request = bulk.Request.from_dict(record["request"])
    # A run that was stopped left no result files; its record has counted what was done.
    tally = _tally(ended.run_id)
    tally = tally if tally.batches else Tally.of_progress(record)
    summary = summaries.summary(ended, record, tally, records.now())
    key = f"{bulk.results_prefix(ended.run_id)}summary.json"
    summary["results"] = {"bucket": settings.results_bucket_name, "prefix": bulk.results_prefix(ended.run_id)}
    storage.write(settings.results_bucket_name, key, json.dumps(summary, indent=2).encode(), "application/json")
    runs.close(ended.run_id, request, ended.execution_arn, summary, records.now())
    events.put(settings.vision_event_bus_name, "Bulk Run Ended", summary)
    return summary


def _tally(run_id: str) -> Tally:
    """Add up what the batches left, as the manifest of the Map Run names it: not what failed before a redrive."""
    # https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    tally, bucket = Tally(), settings.results_bucket_name
    for key in storage.keys(bucket, bulk.results_prefix(run_id)):
        if key.endswith("/manifest.json"):
            files = json.loads(b"".join(storage.lines(bucket, key)))["ResultFiles"]
            for file in (*files["SUCCEEDED"], *files["FAILED"]):
                for line in storage.lines(bucket, file["Key"]):
                    tally.add(json.loads(line))
    return tally
