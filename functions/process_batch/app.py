"""Process one batch of a bulk run."""

from collections.abc import Callable
from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.rate_limiter import RateLimiter
from vision.adapters.table import Table
from vision.domain.bulk import bulk_run
from vision.domain.executions import Attempt
from vision.domain.inspection import rules
from vision.services import detectors
from vision.services.bulk_worker import BatchOptions, BatchWorker
from vision.settings import DetectorSettings, ProcessBatchSettings

settings = ProcessBatchSettings.read()
aws_sdk.make_clients("dynamodb", "s3")
table = Table(settings.image_table_name)
runs = BulkRuns(settings.image_table_name)
detector = detectors.from_settings(DetectorSettings.read(), entry.warn)
rate_limiter = RateLimiter(settings.image_table_name, detector.type.paid_operation, settings.bulk_calls_per_second)
options = BatchOptions(
    detector=detector,
    thumbnail_size=settings.thumbnail_size,
    results_bucket=settings.results_bucket_name,
    rules=rules.parse(settings.inspection_rules),
)


@entry.worker
def handler(event: entry.Event, remaining_seconds: Callable[[], float]) -> dict[str, Any]:
    """Process the images of a batch, and return their tally."""
    batch = event["BatchInput"]
    request = bulk_run.Request.from_dict(batch["request"])
    attempt = Attempt.from_context(batch["execution"])
    left_out = runs.left_out(batch["run_id"], request)
    worker = BatchWorker(
        attempt,
        request,
        options,
        table,
        rate_limiter.reserve,
        remaining_seconds,
        calls_at_once=rate_limiter.calls_at_once,
    )
    tally = worker.work([bulk_run.Item.of(listed, request, left_out) for listed in event["Items"]])
    runs.count(batch["run_id"], tally)
    for metric, images in tally.metrics().items():
        entry.count(metric, images)
    return tally.as_dict() | {"in_vain": tally.is_system_failure}
