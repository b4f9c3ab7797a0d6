"""A worker of a bulk run, with a scripted Rekognition and a clock that does not wait."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import RESULTS, Listing
from vision import entry
from vision.adapters import rekognition
from vision.adapters.aws_sdk import client
from vision.adapters.rekognition import Detection
from vision.adapters.table import Table
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.bulk.tallies import Tally
from vision.domain.envelopes import Envelope
from vision.domain.executions import Attempt
from vision.domain.inspection.rules import Rule
from vision.domain.objects import ObjectVersion
from vision.services.bulk_worker import BatchOptions, BatchWorker
from vision.services.detectors import Rekognition

ARN = "arn:aws:states:eu-west-1:123456789012:execution:image-recognition-ProcessBucket:"
# Typical labels of DetectLabels, with longer names than most.
NAMES = ["Person", "Building", "Architecture", "Outdoors", "Cityscape", "Transportation", "Motor Vehicle"]
NAMES += ["Neighborhood", "Photography", "Vegetation"]
LABELS = [
    {"name": name, "confidence": round(99.87 - rank * 3.01, 2), "parents": ["Thing"], "instances": [{"box": {}}]}
    for rank, name in enumerate(NAMES)
]
FORTY = [f"{number:02}.jpg" for number in range(40)]


@dataclass
class Detector:
    """Rekognition: the requests that it received, and its errors for each file name, attempt by attempt."""

    asked: list[tuple[str, int, float]] = field(default_factory=list)
    bought: Counter[str] = field(default_factory=Counter)
    errors: dict[str, list[BaseException]] = field(default_factory=dict)
    labels: list[dict[str, Any]] = field(default_factory=lambda: LABELS)
    calls_per_image: int = 1
    lock: Any = field(default_factory=threading.Lock)

    def detect(self, version: ObjectVersion, max_labels: int, min_confidence: float, only: Any = ()) -> Detection:
        name = version.key.rpartition("/")[2]
        with self.lock:
            self.asked.append((name, max_labels, min_confidence))
            if errors := self.errors.get(name):
                raise errors.pop(0) if len(errors) > 1 else errors[0]
            self.bought[name] += 1
        wanted = [one for one in self.labels if not only or one["name"] in only]
        found = [one for one in wanted if one["confidence"] >= min_confidence][:max_labels]
        return Detection(found, {"name": "rekognition", "version": "3.0"})


@dataclass
class Bulk:
    """A bucket, a table, a detector, and the workers of a run over them."""

    table: Table
    photo: bytes
    detector: Detector
    request: Request = field(default_factory=lambda: Request.from_dict({"bucket": BUCKET, "prefix": "archive/"}))
    rules: tuple[Rule, ...] = ()
    run: Attempt = field(default_factory=lambda: Attempt(f"{ARN}first", "2026-11-12T09:30:02.345Z"))
    remaining: Callable[[], float] = lambda: 270.0
    slept: list[float] = field(default_factory=list)

    def put(self, *names: str, content: bytes | None = None) -> list[Item]:
        """Put images, each with its own content unless it is given, and return them as a listing does."""
        items = []
        for name in names:
            body = (self.photo + name.encode()) if content is None else content
            put = client("s3").put_object(Bucket=BUCKET, Key=f"archive/{name}", Body=body)
            listed = {"key": f"archive/{name}", "etag": put["ETag"], "size_bytes": len(body)}
            items.append(Item.of(listed, self.request))
        return items

    def worker(self) -> BatchWorker:
        return BatchWorker(
            self.run,
            self.request,
            BatchOptions(Rekognition(10, 60.0, entry.warn), 250, RESULTS, self.rules),
            self.table,
            lambda calls: [0.0] * calls,
            self.remaining,
            self.slept.append,
        )

    def work(self, items: list[Item]) -> Tally:
        return self.worker().work(items)

    def asking(self, **fields: Any) -> "Bulk":
        """The same run with other fields in its request."""
        return replace(self, request=Request.from_dict({"bucket": BUCKET, "prefix": "archive/", **fields}))

    def next_run(self) -> "Bulk":
        return replace(self, run=Attempt(f"{ARN}second", "2026-11-12T10:30:02.345Z"))

    def record(self, item: Item) -> dict[str, Any]:
        return self.table.image(Envelope.of(item.version)) or {}


def counts(tally: Tally, *others: str) -> dict[str, int]:
    """The outcomes of a tally that are not zero, and its counts of these names."""
    assert tally.seen == tally.skipped + tally.labelled + tally.partial + tally.failed
    outcomes = {name: getattr(tally, name) for name in ("seen", "skipped", "labelled", "partial", "failed")}
    return {name: count for name, count in outcomes.items() if count} | {name: getattr(tally, name) for name in others}


@pytest.fixture(autouse=True)
def serialized(one_call_at_a_time: None) -> None:
    """Threads of a worker call moto one after the other."""


@pytest.fixture
def bulk(bucket: str, table: Table, results: Listing, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bulk]:
    detector = Detector()
    monkeypatch.setattr(rekognition, "detect_labels", detector.detect)
    yield Bulk(table, photo, detector)
    # No image is paid for more often than its test declares.
    assert max(detector.bought.values(), default=0) <= detector.calls_per_image
