"""What the batches of a bulk run left, added up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vision.adapters import storage
from vision.adapters.table import Table
from vision.domain import bulk, tallies
from vision.domain.bulk import Item, Request
from vision.domain.errors import InvalidEvent
from vision.domain.executions import Run
from vision.domain.failures import Failure
from vision.domain.statuses import Status
from vision.domain.tallies import Tally


def of_run(table: Table, results_bucket: str, run: Run, request: Request) -> Tally:
    """Add up the result files of a run; one that was stopped has none.

    Raises
    ------
    ObjectNotFound, AccessDenied, Throttled, ServiceUnavailable
    """
    tally = Tally()
    for key in storage.keys(results_bucket, bulk.results_prefix(bulk.run_id(run.execution_arn))):
        if key.rsplit("/", 1)[-1].startswith(("SUCCEEDED_", "FAILED_")):
            for line in storage.lines(results_bucket, key):
                _add(tally, table, run, request, json.loads(line))
    return tally


def _add(tally: Tally, table: Table, run: Run, request: Request, row: Mapping[str, Any]) -> None:
    """Add a batch; the records tell what became of the images of one that was lost."""
    try:
        items = [] if tallies.told_by(row) else [Item.of(listed, request) for listed in tallies.items_of(row)]
    except (InvalidEvent, KeyError):
        items = []
    if not items:
        tally.add(row)
        return
    known = table.known(list({item.version for item in items if item.is_work}))
    lost = Failure(tallies.error_of(row), "its batch was lost")
    for version, _, _ in bulk.left_to_do(request, run, items, known, tally):
        tally.end(version.key, Status.FAILED, lost)
    tally.batches += 1
