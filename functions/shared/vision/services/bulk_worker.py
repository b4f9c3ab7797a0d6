"""The worker of a bulk run: it processes the objects of one batch concurrently, each with its own outcome."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vision.adapters import storage
from vision.adapters.rate_limiter import LEAST_AT_ONCE
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.bulk import bulk_run
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.bulk.tallies import Tally
from vision.domain.envelopes import Envelope
from vision.domain.errors import NoRule, ServiceUnavailable, Transient
from vision.domain.executions import Attempt
from vision.domain.failures import CAUSE_LIMIT, Failure
from vision.domain.image_file import pixels
from vision.domain.image_file.metadata import Metadata
from vision.domain.inspection import results
from vision.domain.inspection.rules import Rule, named, rule_for
from vision.domain.inspection.verdicts import judge
from vision.domain.keys import photo_id
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion
from vision.domain.records import Record
from vision.domain.statuses import Status
from vision.services.detectors import Detector
from vision.services.examination import examine

# This many concurrent images keep a processor busy while calls wait for Rekognition.
THREADS = 24
# More concurrent decodes are no faster on one processor, and each takes up to 450 MB: see benchmarks/results.md.
_DECODERS = 2
# Waits between attempts after a transient error, each shortened at random so that threads do not retry in step.
_WAITS_SECONDS = (0.5, 1, 2, 4, 8, 16, 16, 16)
# With less time left than this, the worker neither starts an image nor retries one.
_LAST_SECONDS = 20.0

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Options for labels, thumbnails and verdicts, from the template's parameters and the request.

    Attributes
    ----------
    detector
        Finds the labels.
    """

    detector: Detector
    thumbnail_size: int
    results_bucket: str
    rules: tuple[Rule, ...]


class NoTimeLeft(Exception):
    """The worker's time ends before the call could be made."""


_LATE = Failure(ServiceUnavailable.__name__, "its worker had no time left; run again, only the rest is done")


class CallSlots:
    """Hands out reserved call times to the threads of a worker, one at a time."""

    def __init__(
        self,
        reserve: Callable[[int], list[float]],
        wanted: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        calls_at_once: int = LEAST_AT_ONCE,
    ) -> None:
        self._reserve = reserve
        self._wanted = wanted
        self._calls_at_once = calls_at_once
        self._call_times: deque[float] = deque()
        self._lock = threading.Lock()
        self._clock = clock
        self._sleep = sleep

    def wait(self, longest_seconds: float = math.inf) -> None:
        """Wait until the next reserved call time.

        Raises
        ------
        NoTimeLeft
            Other workers have reserved so many calls that this one would come too late.
        """
        with self._lock:
            if not self._call_times:
                # Never reserve more than the remaining calls: an unused call time is lost to all workers.
                self._call_times.extend(self._reserve(max(1, min(self._calls_at_once, self._wanted))))
            call_time = self._call_times.popleft()
            self._wanted -= 1
        wait_seconds = call_time - self._clock()
        if wait_seconds > longest_seconds:
            raise NoTimeLeft
        self._sleep(max(0.0, wait_seconds))


@dataclass
class BatchWorker:
    """Processes the images of one batch.

    Attributes
    ----------
    remaining_seconds
        Returns how long the worker may still run.
    calls_at_once
        How many call times are reserved with one write to the table.
    """

    attempt: Attempt
    request: Request
    options: BatchOptions
    table: Table
    reserve: Callable[[int], list[float]]
    remaining_seconds: Callable[[], float]
    sleep: Callable[[float], None] = time.sleep
    tally: Tally = field(default_factory=Tally)
    calls_at_once: int = LEAST_AT_ONCE

    def work(self, items: Sequence[Item]) -> Tally:
        """Run the missing steps for each object, record each outcome at once, and return the tally.

        A failed image is an outcome, whatever the error. If this worker dies, the next one does not repeat what is
        recorded.

        Raises
        ------
        Throttled, ServiceUnavailable, AccessDenied
            The table could not be read for existing records: nothing has been done.
        """
        began = time.monotonic()
        versions = list({item.version for item in items if item.is_work})
        known = self._patiently(lambda: self.table.recorded_versions(versions))
        tasks = bulk_run.remaining_work(self.request, self.attempt, items, known, self.tally)
        wanted = sum("labels" in steps or "verdict" in steps for _, steps, _ in tasks)
        self._slots = CallSlots(self.reserve, wanted, calls_at_once=self.calls_at_once)
        self._detector = self.options.detector.for_batch(self._call_detector, judges="verdict" in self.request.steps)
        self._lock = threading.Lock()
        self._decoders = threading.Semaphore(_DECODERS)
        # Calls wait in their own threads, so that a thumbnail is made while Rekognition analyzes the same image.
        with ThreadPoolExecutor(THREADS) as photos, ThreadPoolExecutor(THREADS) as calls:
            self._calls = calls
            for _ in photos.map(lambda task: self._one(*task), tasks):
                pass
        self.tally.model_gb_seconds += self._detector.gb_seconds
        self.tally.worker_seconds += time.monotonic() - began
        self.tally.batches = 1
        return self.tally

    def _one(self, version: ObjectVersion, steps: tuple[str, ...], record: Record) -> None:
        if self.remaining_seconds() < _LAST_SECONDS:
            with self._lock:
                self.tally.end(version.key, Status.FAILED, _LATE)
            return
        parts: dict[str, Any] = {}
        failures = list(self._parts(version, steps, parts))
        outcome = records.outcome(parts, failures)
        if outcome["status"] is Status.FAILED and ("detector" in record or "thumbnail" in record):
            outcome["status"] = Status.PARTIAL
        if "labels" in outcome and self.request.record == "compact":
            outcome["labels"] = bulk_run.compact(outcome["labels"])
        outcome |= parts.get("judged", {})
        envelope = Envelope(version, photo_id(version.bucket, version.key), record.get("owner", ""))
        try:
            self._patiently(lambda: self.table.advance(envelope, self.attempt, outcome, records.now()))
        except Exception as error:  # A record that DynamoDB rejects must not end the batch either.
            failures.append(_failure(error))
            outcome["status"] = Status.FAILED
        with self._lock:
            self.tally.writes += 1
            self.tally.end(version.key, outcome["status"], failures[0] if failures else None)

    def _parts(self, version: ObjectVersion, steps: tuple[str, ...], parts: dict[str, Any]) -> list[Failure]:
        """Fill in the parts of the record that succeed, and return the failures of the others."""
        try:
            metadata, pinned = self._patiently(lambda: self._metadata(version))
        except Exception as error:  # One image with an unexpected error must not end the other ninety-nine.
            return [_failure(error)]
        parts["metadata"] = metadata.as_dict()
        failures = []
        rule = None
        if "verdict" in steps:
            try:
                rule = rule_for(self.options.rules, version.key)
            except NoRule as error:
                failures.append(_failure(error))
        detection = self._calls.submit(self._detect, pinned, rule) if rule or "labels" in steps else None
        if "thumbnail" in steps:
            try:
                parts["thumbnail"] = self._patiently(lambda: self._thumbnail(version))
            except Exception as error:
                failures.append(_failure(error))
        if detection is not None:
            try:
                parts |= self._found(metadata, rule, detection.result())
            except Exception as error:
                failures.insert(0, _failure(error))
        return failures

    def _metadata(self, version: ObjectVersion) -> tuple[Metadata, ObjectVersion]:
        """Return the checked metadata, and the version with its version id if the bucket is versioned."""
        version_ids: list[str] = []

        def fetch(version: ObjectVersion, start: int, end: int) -> bytes:
            part, version_id = storage.read_part(version, start, end)
            version_ids.append(version_id)
            with self._lock:
                self.tally.reads += 1
            return part

        metadata = examine(version, self._detector.type.limits, fetch)
        return metadata, version.pinned_to(version_ids[0])

    def _detect(self, version: ObjectVersion, rule: Rule | None) -> Detection:
        return self._detector.detect_for_rule(version, rule) if rule else self._detector.detect(version)

    def _call_detector(self, detect: Callable[[], Detection]) -> Detection:
        """Wait for a call time, call the detector, and count the call."""

        def call() -> Detection:
            self._wait_for_slot()
            return detect()

        found = self._patiently(call)
        with self._lock:
            self.tally.calls += bool(self._detector.type.paid_operation)
            self.tally.reads += 1  # The detector reads the object too.
        return found

    def _wait_for_slot(self) -> None:
        left_seconds = self.remaining_seconds() - _LAST_SECONDS
        if self._detector.type.paid_operation:
            self._slots.wait(left_seconds)
        elif left_seconds < 0:
            # Calls without a quota, of the own model, start at once: its batches fill while others are running.
            raise NoTimeLeft

    def _found(self, metadata: Metadata, rule: Rule | None, found: Detection) -> dict[str, Any]:
        parts: dict[str, Any] = {"detector": found.detector}
        if rule:
            upright = self._detector.type.displayed(found.labels, metadata.format, metadata.orientation)
            parts["judged"] = results.verdict_attributes(judge(rule, upright), records.now())
        parts["labels"] = self._detector.labels_to_store(found.labels, named(self.options.rules) if rule else ())
        return parts

    def _thumbnail(self, version: ObjectVersion) -> dict[str, Any]:
        content = storage.read(version)
        with self._decoders:
            thumbnail = pixels.thumbnail(content, self.options.thumbnail_size)
        destination = {"bucket": self.options.results_bucket, "key": bulk_run.thumbnail_key(version)}
        storage.write(**destination, content=thumbnail.data, content_type=thumbnail.content_type)
        with self._lock:
            self.tally.reads += 1
            self.tally.thumbnails += 1
        return {**destination, "width": thumbnail.width, "height": thumbnail.height}

    def _patiently(self, call: Callable[[], _Result]) -> _Result:
        """Retry a call after transient errors, as long as there is time."""
        for wait_seconds in _WAITS_SECONDS:
            try:
                return call()
            except Transient:
                if self.remaining_seconds() < _LAST_SECONDS:
                    raise
                self.sleep(wait_seconds * random.uniform(0.5, 1))  # noqa: S311 not a secret
        return call()


def _failure(error: Exception) -> Failure:
    if isinstance(error, NoTimeLeft):
        return _LATE
    return Failure(type(error).__name__, str(error)[:CAUSE_LIMIT])
