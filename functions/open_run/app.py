"""Open a bulk run: validate the request, and acquire the lease of its bucket and prefix."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk, workflow
from vision.adapters.bulk_runs import BulkRuns
from vision.domain import records
from vision.domain.bulk import bulk_run
from vision.services import run_admission
from vision.settings import OpenRunSettings

settings = OpenRunSettings.read()
aws_sdk.make_clients("dynamodb", "s3", "stepfunctions")
runs = BulkRuns(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the input of the Map; or that there are no objects, or that another execution processes the prefix."""
    request = bulk_run.Request.from_dict(event["request"])
    run_admission.check_buckets(request, settings.buckets, settings.aws_region)
    left_out = bulk_run.left_out_prefix(request, settings.image_bucket, reads_photos=settings.reads_photos)
    is_empty = run_admission.is_empty(request)
    holder, now = event["execution"]["Id"], records.now()
    previous = runs.holder(request)
    if previous != holder and workflow.is_running(previous):
        return {"decision": "BUSY", "execution_arn": previous}
    if not runs.acquire(request, holder, previous, now):
        # Another execution acquired the lease at the same time.
        return {"decision": "BUSY", "execution_arn": runs.holder(request) or previous}
    run_id = bulk_run.run_id(holder)
    runs.open(run_id, holder, request, now, left_out)
    return {
        "decision": "EMPTY" if is_empty else "RUN",
        "run": {"run_id": run_id, "request": request.as_dict(), "execution": event["execution"]},
        "workers": bulk_run.workers(settings.bulk_calls_per_second),
        "batch_size": bulk_run.batch_size(settings.bulk_calls_per_second, settings.bulk_batch_size),
        "results_prefix": bulk_run.results_prefix(run_id),
    }
