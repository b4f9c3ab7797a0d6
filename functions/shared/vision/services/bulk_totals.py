"""Add up the results of the batches of a bulk run."""

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


def of_run(table: Table, results_bucket: str, attempt: Attempt, request: Request, left_out: str = "") -> Tally:
    """Add up the result files that the manifest of a Map Run names.

    The manifest leaves out what failed before a redrive. A stopped run has no manifest.

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
    for key in storage.keys(results_bucket, bulk_run.results_prefix(bulk_run.run_id(attempt.execution_arn))):
        if key.endswith("/manifest.json"):
            files = json.loads(b"".join(storage.lines(results_bucket, key)))["ResultFiles"]
            for file in (*files["SUCCEEDED"], *files["FAILED"]):
                for line in storage.lines(results_bucket, file["Key"]):
                    row = json.loads(line)
                    # A row is an object or its JSON text: which, is documented for only one of the transformations.
                    batch = json.loads(row) if isinstance(row, str) else row
                    _add(tally, table, attempt, request, left_out, batch)
    return tally


def _add(tally: Tally, table: Table, attempt: Attempt, request: Request, left_out: str, row: Mapping[str, Any]) -> None:
    """Add one batch to the tally; if the batch was lost, take the outcomes of its images from their records."""
    try:
        is_lost = tallies.tally_of(row) is None
        items = [Item.of(listed, request, left_out) for listed in tallies.items_of(row)] if is_lost else []
    except (InvalidEvent, KeyError):
        items = []
    if not items:
        tally.add(row)
        return
    known = table.recorded_versions(list({item.version for item in items if item.is_work}))
    lost = Failure(tallies.error_of(row), "its batch was lost")
    for version, _, _ in bulk_run.remaining_work(request, attempt, items, known, tally):
        tally.end(version.key, Status.FAILED, lost)
    tally.batches += 1
