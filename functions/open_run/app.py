"""Open a bulk run: validate the request, and acquire the lease of its bucket and prefix."""

from typing import Any

from vision import entry
from vision.adapters import storage, workflow
from vision.adapters.bulk_runs import BulkRuns
from vision.domain import records
from vision.domain.bulk import bulk_run
from vision.domain.errors import AccessDenied, InvalidRun, ObjectNotFound
from vision.settings import OpenRunSettings

settings = OpenRunSettings.read()
runs = BulkRuns(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any]:
    """Return the input of the Map; or that there are no objects, or that another execution processes the prefix."""
    request = bulk_run.Request.from_dict(event["request"])
    _check_buckets(request)
    left_out = bulk_run.left_out_prefix(request, settings.image_bucket, reads_photos=settings.reads_photos)
    is_empty = _is_empty(request)
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


def _check_buckets(request: bulk_run.Request) -> None:
    named = {"bucket": request.bucket, "inventory.bucket": (request.inventory or {}).get("bucket", request.bucket)}
    for field, bucket in named.items():
        if bucket not in settings.buckets:
            known = ", ".join(settings.buckets)
            raise InvalidRun(f"{field}: {bucket} is none of {known}; add its ARN to the parameter BulkBucketArns")
        # Rekognition reads images, and Step Functions reads inventories, only in their own Region.
        if (region := storage.region(bucket)) not in ("", settings.aws_region):
            raise InvalidRun(f"{field}: {bucket} is in {region}, this stack in {settings.aws_region}; deploy one there")


def _is_empty(request: bulk_run.Request) -> bool:
    """Return whether the listing is empty; the objects of an inventory are checked one by one later."""
    try:
        first = next(storage.keys(request.bucket, request.prefix, 1), None)
    except ObjectNotFound as error:
        raise InvalidRun(f"bucket: there is no bucket {request.bucket}; check its name") from error
    except AccessDenied as error:
        raise InvalidRun(f"bucket: {request.bucket} may not be listed; let its policy allow s3:ListBucket") from error
    return first is None and request.inventory is None
