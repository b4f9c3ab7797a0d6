"""The summary of a bulk run: objects, outcomes, duration and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vision.domain import detector_types, executions, prices
from vision.domain.bulk import bulk_run
from vision.domain.bulk.tallies import Tally, is_too_many, leading_reasons
from vision.domain.errors import InvalidEvent
from vision.domain.failures import Failure
from vision.domain.records import Record

# The memory of process_batch in the template, as Lambda bills it, and the smallest amount that Step Functions bills.
WORKER_GIGABYTES = 1769 / 1024
_CHILD_GIGABYTES = 64 / 1024


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution ended, from its last task, or from its status-change event if that task did not run."""

    execution_arn: str
    status: str
    failure: Failure | None

    @property
    def run_id(self) -> str:
        """The id of the execution's run."""
        return bulk_run.run_id(self.execution_arn)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Ending:
        """Parse the input of the task, or a status-change event.

        Raises
        ------
        InvalidEvent
            The event names no execution.
        """
        try:
            if event.get("detail-type") == executions.STATUS_CHANGE:
                detail = event["detail"]
                output = {"Error": detail.get("error") or f"Execution{detail['status'].title().replace('_', '')}"}
                output["Cause"] = detail.get("cause") or "the run was stopped; run again, only the rest is done"
                return cls(str(detail["executionArn"]), str(detail["status"]), Failure.from_error_output(output))
            failure = Failure.from_error_output(event["error"]) if event.get("error") else None
            return cls(str(event["execution"]["Id"]), "FAILED" if failure else "SUCCEEDED", failure)
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidEvent(f"event: expected the execution of a run and its error, if any ({error})") from error


def summary(ended: Ending, record: Record, tally: Tally, now: str, is_provisional: bool = False) -> Record:
    """Return the summary of a run.

    Parameters
    ----------
    record
        The record of the run, with its request and start time.
    is_provisional
        Whether batches may still be running; sums and cost do not include them.

    Returns
    -------
    dict
        FAILED, with the most frequent reasons, when more images failed than the request tolerates, also when the Map
        was given up; otherwise the status of the ending.
    """
    request = bulk_run.Request.from_dict(record["request"])
    failure, status = ended.failure, ended.status
    if is_too_many(tally, request.tolerated_failure_percentage) and status in ("SUCCEEDED", "FAILED"):
        failure, status = _too_many(tally, request), "FAILED"
    counts = {name: count for name, count in tally.as_dict().items() if name != "failures"}
    return {
        "run_id": ended.run_id,
        "execution_arn": ended.execution_arn,
        "status": status,
        "request": request.as_dict(),
        **counts,
        "started_at": record["started_at"],
        "ended_at": now,
        "duration_seconds": round(_seconds(record["started_at"], now), 1),
        "estimated_cost_usd": estimated_cost(tally),
        **({"provisional": True} if is_provisional else {}),
        **({"error": failure.as_dict()} if failure else {}),
        **({"note": note} if (note := _note(record, status, tally)) else {}),
    }


# Without result files, only the counts of the run's record are known.
_REASONS_UNKNOWN = "their records say why"
_NOTHING = "no object has a key that starts with this prefix; look at the bucket and at how the prefix is written"


def _note(record: Record, status: str, tally: Tally) -> str:
    if status == "SUCCEEDED" and tally.seen == 0:
        return _NOTHING
    left_out = record.get("left_out_prefix", "")
    return f"what lies below {left_out} was skipped; BulkReadsPhotos lets bulk runs read it" if left_out else ""


def estimated_cost(tally: Tally) -> dict[str, Any]:
    """Estimate the cost of a run from list prices, in US dollars: Rekognition, and everything else."""
    listed = tally.seen / 1000
    rest = (
        tally.reads * prices.S3_GET
        + tally.thumbnails * prices.S3_PUT
        + listed * prices.S3_LIST
        # The record of each image: two units with ten labels and EXIF, one with fewer.
        + 2 * tally.writes * prices.DYNAMODB_WRITE_UNIT
        # Strongly consistent reads of the photo and the record of each object.
        + 2 * tally.seen * prices.DYNAMODB_READ_UNIT
        + tally.batches * (prices.LAMBDA_REQUEST + prices.STANDARD_TRANSITION + prices.EXPRESS_REQUEST)
        + tally.worker_seconds * WORKER_GIGABYTES * prices.LAMBDA_GB_SECOND_ARM
        # Excludes the requests to the model's function, 0.2 $ a million.
        + tally.model_gb_seconds * prices.LAMBDA_GB_SECOND_ARM
        + tally.worker_seconds * _CHILD_GIGABYTES * prices.EXPRESS_GB_SECOND
    )
    return {
        "rekognition": round(tally.calls * detector_types.REKOGNITION.call_usd, 6),
        "everything_else": round(rest, 6),
        "prices_of": prices.DATE,
    }


def _too_many(tally: Tally, request: bulk_run.Request) -> Failure:
    share, tolerated = tally.failed * 100 / tally.seen, request.tolerated_failure_percentage
    return Failure(
        "TooManyImagesFailed",
        f"{tally.failed:,} of {tally.seen:,} images failed, {share:.1f} % where {tolerated:g} % are tolerated: "
        f"{leading_reasons(tally.reasons) or _REASONS_UNKNOWN}; fix these and run again, only the rest is done",
    )


def _seconds(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
