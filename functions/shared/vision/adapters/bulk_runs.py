"""Bulk runs: the lease of a prefix, the progress of a run, and its summary."""

from __future__ import annotations

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import MEASURED, PROGRESS, Tally
from vision.domain.errors import InvalidRun
from vision.domain.records import Record

_COUNTED = (*PROGRESS, *MEASURED)


class BulkRuns:
    """The bulk runs in the image table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def holder(self, request: Request) -> str:
        """Return the execution that holds the lease of this bucket and prefix, even if it died without a release."""
        item = self._items.get(table_keys.bulk_lease_key(request.bucket, request.prefix)) or {}
        return str(item.get("owner", ""))

    def acquire(self, request: Request, holder: str, previous: str, now: str) -> bool:
        """Acquire the lease of a bucket and prefix from a previous holder; return False if another was faster."""
        return self._items.update(
            table_keys.bulk_lease_key(request.bucket, request.prefix),
            {"owner": holder, "record_type": "lease", "updated_at": now},
            {},
            condition="attribute_not_exists(#owner) OR #owner = :owner OR #owner = :previous",
            condition_values={":previous": previous},
        )

    def open(self, run_id: str, execution_arn: str, request: Request, now: str, left_out: str = "") -> None:
        """Record the start of a run and the prefix that it skips; a redrive keeps the record."""
        self._items.update(
            table_keys.bulk_run_key(run_id),
            {"status": "RUNNING", "updated_at": now},
            {
                "record_type": "bulk_run",
                "run_id": run_id,
                "execution_arn": execution_arn,
                "request": request.as_dict(),
                "left_out_prefix": left_out,
                "started_at": now,
                "listing_pk": table_keys.RUN_LISTING,
                "listing_sk": table_keys.listing_sort_key(now, run_id),
            },
        )

    def left_out(self, run_id: str, request: Request) -> str:
        """Return the prefix that a run skips; ``""`` for none.

        Raises
        ------
        InvalidRun
            The run was not opened for this bucket and prefix, so its permission to read them is not checked.
        """
        run = self.read(run_id) or {}
        opened = run.get("request", {})
        if (opened.get("bucket"), opened.get("prefix")) != (request.bucket, request.prefix):
            raise InvalidRun(f"run {run_id}: was not opened for this bucket and prefix; start it by its state machine")
        return str(run.get("left_out_prefix", ""))

    def count(self, run_id: str, tally: Tally) -> None:
        """Add a batch to the progress of a run. A repeated batch counts twice here, but only once in the summary.

        A run that was never opened gets no record, since a record of counts alone would lack the request.
        """
        progress = {name: getattr(tally, name) for name in _COUNTED}
        self._items.add(table_keys.bulk_run_key(run_id), progress, condition="attribute_exists(pk)")

    def close(self, run_id: str, request: Request, execution_arn: str, summary: Record, now: str) -> None:
        """Record the summary of a run, and release the lease of its bucket and prefix.

        Batches of a stopped run may still be running and adding to the record, so a provisional summary does not
        overwrite the counts there.
        """
        left_out = (*_COUNTED, "estimated_cost_usd") if summary.get("provisional") else ()
        fields = {name: value for name, value in summary.items() if name not in left_out}
        # After a redrive, these attributes of the earlier end no longer apply.
        gone = tuple(name for name in ("error", "note", "provisional") if name not in summary)
        self._items.update(table_keys.bulk_run_key(run_id), fields | {"updated_at": now}, {}, remove=gone)
        self._items.update(
            table_keys.bulk_lease_key(request.bucket, request.prefix),
            {"owner": "", "updated_at": now},
            {},
            condition="#owner = :holder",
            condition_values={":holder": execution_arn},
        )

    def read(self, run_id: str) -> Record | None:
        """Return the record of a run, or None."""
        return self._items.get(table_keys.bulk_run_key(run_id))
