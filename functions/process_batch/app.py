"""Label one batch of a bulk run."""

from collections.abc import Callable
from typing import Any

from vision import entry
from vision.adapters.pace import Pace
from vision.adapters.runs import Runs
from vision.adapters.table import Table
from vision.bulk import Wishes, Worker
from vision.domain import bulk, rules
from vision.domain.executions import Run
from vision.settings import ProcessBatchSettings

settings = ProcessBatchSettings.read()
table = Table(settings.image_table_name)
runs = Runs(settings.image_table_name)
pace = Pace(settings.image_table_name, "DetectLabels", settings.bulk_calls_per_second)
wishes = Wishes(
    max_labels=settings.max_labels,
    min_confidence=settings.min_confidence,
    thumbnail_size=settings.thumbnail_size,
    results_bucket=settings.results_bucket_name,
    rules=rules.parse(settings.inspection_rules),
    own_model_function_arn=settings.own_model_function_arn,
)


@entry.worker
def handler(event: entry.Event, remaining_seconds: Callable[[], float]) -> dict[str, Any]:
    """Return how the images of the batch ended."""
    batch = event["BatchInput"]
    request = bulk.Request.from_dict(batch["request"])
    run = Run.from_context(batch["execution"])
    left_out = runs.left_out(batch["run_id"], request)
    worker = Worker(run, request, wishes, table, pace.reserve, remaining_seconds, warn=entry.warn)
    tally = worker.work([bulk.Item.of(listed, request, left_out) for listed in event["Items"]])
    runs.count(batch["run_id"], tally)
    for metric, images in tally.metrics().items():
        entry.count(metric, images)
    return tally.as_dict() | {"in_vain": tally.is_in_vain}
