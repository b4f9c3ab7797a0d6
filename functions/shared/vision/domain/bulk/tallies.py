"""How the images of a bulk run ended, what that took, and how batches sum up to a run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vision.domain.errors import AccessDenied, ObjectNotAccessible, ServiceUnavailable, Throttled
from vision.domain.failures import Failure
from vision.domain.records import Record
from vision.domain.statuses import Status

# Listed failures share a state's output of 256 KiB with the counts; each of them is in its record too.
FAILURES_LIMIT_BYTES = 128 * 1024
_CAUSE_LIMIT = 200

PROGRESS = ("seen", "skipped", "labelled", "partial", "failed", "calls", "reads", "writes", "thumbnails", "batches")
MEASURED = ("worker_seconds", "model_gb_seconds")
"""What a run's record counts beside its progress: no whole numbers."""

_PAID_DETECTOR = "rekognition"
_TOLD = {*PROGRESS, "reasons", "worker_seconds"}

# What no image is to blame for: a batch that has nothing else is in vain.
_OF_THE_SYSTEM = frozenset(kind.__name__ for kind in (AccessDenied, ObjectNotAccessible, Throttled, ServiceUnavailable))


@dataclass(slots=True)
class Tally:
    """How the images of a batch, or of a run, ended; and what that took.

    Attributes
    ----------
    seen, skipped, labelled, partial, failed
        Numbers of objects; each that was seen is one of the others.
    reasons
        How many of the partial and failed ones for which error.
    calls, reads, writes, thumbnails
        Paid calls of DetectLabels, GETs of S3, writes of DynamoDB, PUTs of S3.
    worker_seconds
        How long workers ran.
    model_gb_seconds
        Gigabytes times seconds of the own model's function; 0 where Rekognition looks.
    batches
        How many batches this is the sum of.
    failures
        Key, error and cause of those that failed, as many as fit.
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
        """Count an object of which nothing was wanted any more."""
        self.seen += 1
        self.skipped += 1

    def end(self, key: str, status: str, failure: Failure | None) -> None:
        """Count an image that was worked on."""
        self.seen += 1
        if failure is None:
            self.labelled += 1
            return
        if status == Status.PARTIAL:
            self.partial += 1
        else:
            self.failed += 1
        self.reasons[failure.name] += 1
        told = {"key": key, "error": failure.name, "cause": failure.cause[:_CAUSE_LIMIT]}
        self._failures_bytes += len(json.dumps(told))
        if self._failures_bytes <= FAILURES_LIMIT_BYTES:
            self.failures.append(told)

    def recover(self, key: str, record: Record) -> None:
        """Count an image by its record, which an attempt wrote that may have died before it could tell.

        What was paid is at least what is recorded. A detector that an earlier run has recorded counts too.
        """
        error = record.get("error")
        self.end(key, record["status"], Failure(error["name"], error["cause"]) if error else None)
        self.calls += record.get("detector", {}).get("name") == _PAID_DETECTOR
        self.writes += 1

    def metrics(self) -> dict[str, int]:
        """Return the metrics that count these images; those of nothing are left out."""
        counts = {
            "BulkImagesLabelled": self.labelled,
            "BulkImagesPartial": self.partial,
            "BulkImagesFailed": self.failed,
            "BulkImagesSkipped": self.skipped,
        }
        return {name: count for name, count in counts.items() if count}

    @property
    def is_in_vain(self) -> bool:
        """Whether not one image could be worked on, for reasons that are none of theirs."""
        # One image that was refused among many of which nothing was wanted any more tells nothing of the others.
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
        """Return what a run's record has counted so far: what is known of a run that was stopped."""
        tally = cls()
        for name in PROGRESS:
            setattr(tally, name, int(record.get(name, 0)))
        for name in MEASURED:
            setattr(tally, name, float(record.get(name, 0)))
        return tally

    def add(self, row: Mapping[str, Any]) -> None:
        """Add the result of one batch, as its execution left it.

        Parameters
        ----------
        row
            The output of an execution that succeeded; or ``Input``, ``Error`` and ``Cause`` of one that failed, whose
            cause is its tally when it was in vain, and which lost all of its images otherwise.
        """
        told = told_by(row)
        if told is not None:
            self._add(told)
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
    """Tell whether more images failed than the run tolerates."""
    return tally.failed * 100 > tolerated_percentage * tally.seen


def leading_reasons(reasons: Mapping[str, int]) -> str:
    """Return in words which reasons led, the most frequent first."""
    first = Counter(reasons).most_common(5)
    return ", ".join(f"{name} {count:,}" for name, count in first)


def told_by(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the tally that the row of a batch has, as its output or its cause; None where the batch was lost."""
    if "seen" in row:
        return row
    try:
        cause = json.loads(str(row.get("Cause")))
    except ValueError:
        return None
    return cause if isinstance(cause, Mapping) and cause.keys() >= _TOLD else None


def items_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the items that a failed batch was given, none where they cannot be read."""
    given: Any = row.get("Input")
    try:
        return list((json.loads(given) if isinstance(given, str) else given)["Items"])
    except (ValueError, TypeError, KeyError):
        return []


def error_of(row: Mapping[str, Any]) -> str:
    """Return the name of the error of a failed batch."""
    return str(row.get("Error") or "States.Unknown")
