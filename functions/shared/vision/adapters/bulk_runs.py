"""Bulk runs: who works on a prefix, how far it is, how it ended."""

from __future__ import annotations

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.bulk.bulk_run import Request
from vision.domain.bulk.tallies import MEASURED, PROGRESS, Tally
from vision.domain.errors import InvalidRun
from vision.domain.records import Record

_COUNTED = (*PROGRESS, *MEASURED)


class BulkRuns:
    """The runs in the image table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def holder(self, request: Request) -> str:
        """Return the execution that works on this bucket and prefix, or did so last and was not heard of again."""
        item = self._items.get(table_keys.bulk_lease_key(request.bucket, request.prefix)) or {}
        return str(item.get("owner", ""))

    def acquire(self, request: Request, holder: str, previous: str, now: str) -> bool:
        """Let an execution work on a bucket and prefix, in place of a previous one; False when another was faster."""
        return self._items.update(
            table_keys.bulk_lease_key(request.bucket, request.prefix),
            {"owner": holder, "record_type": "lease", "updated_at": now},
            {},
            condition="attribute_not_exists(#owner) OR #owner = :owner OR #owner = :previous",
            condition_values={":previous": previous},
        )

    def open(self, run_id: str, execution_arn: str, request: Request, now: str, left_out: str = "") -> None:
        """Record that a run has begun, and below which prefix it touches nothing; a redrive keeps the record."""
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
        """Return below which prefix a run touches nothing; ``""`` for none.

        Raises
        ------
        InvalidRun
            The run was not opened for this bucket and prefix: nobody has checked whether it may read them.
        """
        run = self.read(run_id) or {}
        opened = run.get("request", {})
        if (opened.get("bucket"), opened.get("prefix")) != (request.bucket, request.prefix):
            raise InvalidRun(f"run {run_id}: was not opened for this bucket and prefix; start it by its state machine")
        return str(run.get("left_out_prefix", ""))

    def count(self, run_id: str, tally: Tally) -> None:
        """Add a batch to the progress of a run. A batch that is done twice counts twice here, but not in the end.

        A run that was never opened gets no record: one of counts alone would not tell what was asked for.
        """
        progress = {name: getattr(tally, name) for name in _COUNTED}
        self._items.add(table_keys.bulk_run_key(run_id), progress, condition="attribute_exists(pk)")

    def close(self, run_id: str, request: Request, execution_arn: str, summary: Record, now: str) -> None:
        """Record how a run ended, and leave its bucket and prefix to the next.

        Batches of a stopped run may be under way, and count on: what its summary counts is not recorded over it.
        """
        left_out = (*_COUNTED, "estimated_cost_usd") if summary.get("provisional") else ()
        fields = {name: value for name, value in summary.items() if name not in left_out}
        # What an earlier end said of it, before a redrive, is no longer true.
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
        """Return a run's record, if there is one."""
        return self._items.get(table_keys.bulk_run_key(run_id))
