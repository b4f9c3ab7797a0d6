"""What the batches of a bulk run left, added up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vision.adapters import storage
from vision.adapters.table import Table
from vision.domain.bulk import bulk_run, tallies
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.bulk.tallies import Tally
from vision.domain.errors import InvalidEvent
from vision.domain.executions import Attempt
from vision.domain.failures import Failure
from vision.domain.statuses import Status


def of_run(table: Table, results_bucket: str, run: Attempt, request: Request, left_out: str = "") -> Tally:
    """Add up what the manifest of a Map Run names, and so not what failed before a redrive; a stopped run has none.

    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html

    Parameters
    ----------
    left_out
        Below which prefix the run touches nothing; ``""`` for none.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    tally = Tally()
    for key in storage.keys(results_bucket, bulk_run.results_prefix(bulk_run.run_id(run.execution_arn))):
        if key.endswith("/manifest.json"):
            files = json.loads(b"".join(storage.lines(results_bucket, key)))["ResultFiles"]
            for file in (*files["SUCCEEDED"], *files["FAILED"]):
                for line in storage.lines(results_bucket, file["Key"]):
                    row = json.loads(line)
                    # In which of two forms a file has an output is documented for one of its transformations only.
                    batch = json.loads(row) if isinstance(row, str) else row
                    _add(tally, table, run, request, left_out, batch)
    return tally


def _add(tally: Tally, table: Table, run: Attempt, request: Request, left_out: str, row: Mapping[str, Any]) -> None:
    """Add a batch; the records tell what became of the images of one that was lost."""
    try:
        items = [] if tallies.told_by(row) else [Item.of(listed, request, left_out) for listed in tallies.items_of(row)]
    except (InvalidEvent, KeyError):
        items = []
    if not items:
        tally.add(row)
        return
    known = table.recorded_versions(list({item.version for item in items if item.is_work}))
    lost = Failure(tallies.error_of(row), "its batch was lost")
    for version, _, _ in bulk_run.left_to_do(request, run, items, known, tally):
        tally.end(version.key, Status.FAILED, lost)
    tally.batches += 1
