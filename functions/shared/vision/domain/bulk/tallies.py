"""Tallies of a bulk run: how its images ended, which calls that took, and the sum over its batches."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vision.domain import detector_types
from vision.domain.errors import AccessDenied, ObjectNotAccessible, ServiceUnavailable, Throttled
from vision.domain.failures import Failure
from vision.domain.records import Record
from vision.domain.statuses import Status

# The listed failures and the counts share a state output of 256 KiB. Each failure is also in its image record.
FAILURES_LIMIT_BYTES = 128 * 1024
_CAUSE_LIMIT = 200

PROGRESS = ("seen", "skipped", "labelled", "partial", "failed", "calls", "reads", "writes", "thumbnails", "batches")
MEASURED = ("worker_seconds", "model_gb_seconds")
"""Fractional amounts that a run's record counts in addition to its progress."""

_TALLY_FIELDS = {*PROGRESS, "reasons", "worker_seconds"}

# Errors that no image causes. A batch that has only these is in vain.
_OF_THE_SYSTEM = frozenset(kind.__name__ for kind in (AccessDenied, ObjectNotAccessible, Throttled, ServiceUnavailable))


@dataclass(slots=True)
class Tally:
    """How the images of a batch or of a run ended, and the calls that it took.

    Attributes
    ----------
    seen, skipped, labelled, partial, failed
        Numbers of objects; each object seen is counted in exactly one of the others.
    reasons
        Number of partial and failed images by error name.
    calls, reads, writes, thumbnails
        Calls of the detector's paid operation, S3 GETs, DynamoDB writes, S3 PUTs.
    worker_seconds
        Total running time of the workers.
    model_gb_seconds
        Gigabyte-seconds of the own model's function; 0 where Rekognition detects the labels.
    batches
        Number of batches in this sum.
    failures
        Key, error and cause of the partial and failed images, as many as fit.
    """

    seen: int = 0
    skipped: int = 0
    labelled: int = 0
    partial: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    reads: int = 0
    writes: int = 0
    thumbnails: int = 0
    worker_seconds: float = 0.0
    model_gb_seconds: float = 0.0
    batches: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    _failures_bytes: int = 0

    def skip(self) -> None:
        """Count an object that needed no further step."""
        self.seen += 1
        self.skipped += 1

    def end(self, key: str, status: str, failure: Failure | None) -> None:
        """Count a processed image."""
        self.seen += 1
        if failure is None:
            self.labelled += 1
            return
        if status == Status.PARTIAL:
            self.partial += 1
        else:
            self.failed += 1
        self.reasons[failure.name] += 1
        entry = {"key": key, "error": failure.name, "cause": failure.cause[:_CAUSE_LIMIT]}
        self._failures_bytes += len(json.dumps(entry))
        if self._failures_bytes <= FAILURES_LIMIT_BYTES:
            self.failures.append(entry)

    def recover(self, key: str, record: Record) -> None:
        """Count an image from its record, because the worker that wrote it may have died before it returned its tally.

        The recorded calls are a lower bound of the paid ones. A detector from an earlier run counts as a call too.
        """
        error = record.get("error")
        self.end(key, record["status"], Failure(error["name"], error["cause"]) if error else None)
        if detector := record.get("detector"):
            self.calls += bool(detector_types.by_name(detector.get("name", "")).paid_operation)
        self.writes += 1

    def metrics(self) -> dict[str, int]:
        """Return the metrics that count these images, without those that are zero."""
        counts = {
            "BulkImagesLabelled": self.labelled,
            "BulkImagesPartial": self.partial,
            "BulkImagesFailed": self.failed,
            "BulkImagesSkipped": self.skipped,
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def is_system_failure(self) -> bool:
        """Whether no image could be processed, for reasons that no image caused."""
        # One refused image among many skipped ones says nothing about the others.
        hopeless = self.failed > self.skipped and self.failed + self.skipped == self.seen
        return hopeless and set(self.reasons) <= _OF_THE_SYSTEM

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, the output of a batch."""
        return {
            "seen": self.seen,
            "skipped": self.skipped,
            "labelled": self.labelled,
            "partial": self.partial,
            "failed": self.failed,
            "reasons": dict(self.reasons),
            "calls": self.calls,
            "reads": self.reads,
            "writes": self.writes,
            "thumbnails": self.thumbnails,
            "worker_seconds": round(self.worker_seconds, 3),
            **({"model_gb_seconds": round(self.model_gb_seconds, 3)} if self.model_gb_seconds else {}),
            "batches": self.batches,
            "failures": self.failures,
        }

    @classmethod
    def of_progress(cls, record: Record) -> Tally:
        """Return the counts in a run's record, all that is known of a stopped run."""
        tally = cls()
        for name in PROGRESS:
            setattr(tally, name, int(record.get(name, 0)))
        for name in MEASURED:
            setattr(tally, name, float(record.get(name, 0)))
        return tally

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the result of one batch from its child execution.

        Parameters
        ----------
        row
            The output of a successful execution; or ``Input``, ``Error`` and ``Cause`` of a failed one. If the batch
            was in vain, the cause is its tally; otherwise all of its images are lost.
        """
        tally = tally_of(row)
        if tally is not None:
            self._add(tally)
            return
        lost = len(items_of(row))
        self.batches += 1
        self.seen += lost
        self.failed += lost
        self.reasons[error_of(row)] += lost

    def _add(self, row: Mapping[str, Any]) -> None:
        self.reasons.update({str(name): int(count) for name, count in row["reasons"].items()})
        for name in PROGRESS:
            setattr(self, name, getattr(self, name) + int(row[name]))
        self.worker_seconds += float(row["worker_seconds"])
        self.model_gb_seconds += float(row.get("model_gb_seconds", 0))


def is_too_many(tally: Tally, tolerated_percentage: float) -> bool:
    """Return whether more images failed than the run tolerates."""
    return tally.failed * 100 > tolerated_percentage * tally.seen


def leading_reasons(reasons: Mapping[str, int]) -> str:
    """Return the most frequent reasons as text, the most frequent first."""
    first = Counter(reasons).most_common(5)
    return ", ".join(f"{name} {count:,}" for name, count in first)


def tally_of(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the tally in the output or the cause of a batch; None if the batch was lost."""
    if "seen" in row:
        return row
    try:
        cause = json.loads(str(row.get("Cause")))
    except ValueError:
        return None
    return cause if isinstance(cause, Mapping) and cause.keys() >= _TALLY_FIELDS else None


def items_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the input items of a failed batch, or an empty list if they cannot be read."""
    given: Any = row.get("Input")
    try:
        return list((json.loads(given) if isinstance(given, str) else given)["Items"])
    except (ValueError, TypeError, KeyError):
        return []


def error_of(row: Mapping[str, Any]) -> str:
    """Return the error name of a failed batch."""
    return str(row.get("Error") or "States.Unknown")
