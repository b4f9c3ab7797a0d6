"""P13: simulate a run of millions of images event by event, with the decisions of the product.

``vision.domain.bulk.bulk_run`` decides the number of workers and the size of a batch. The real
``vision.services.bulk_worker.CallSlots`` and ``vision.adapters.rate_limiter.RateLimiter`` decide when a call is made,
with a table of one number and a simulated clock; ``vision.services.bulk_worker`` also decides about retries. The quota
is the strict bucket of :mod:`benchmarks.bulk.aws`.
"""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from unittest import mock

from benchmarks.bulk.aws import Behaviour, Bucket
from vision.adapters import rate_limiter
from vision.domain.bulk import bulk_run
from vision.services import bulk_worker as service

KAPPA = 1.5
"""How much slower a whole processor of Lambda is than one of the prototype's machine: assumed, not measured."""
COLD_SECONDS = 1.0
"""Until a new environment starts its first batch: assumed, twice the CPU time of a cold start."""
CHILD_SECONDS = 0.2
"""Between two batches of a worker, for the end of one Express execution and the start of the next: assumed."""
WORKER_SECONDS = 270
"""The timeout of process_batch."""
SDK_ATTEMPTS = 3
"""As vision/adapters/aws_sdk.py sets them; the SDK waits a random part of 1, 2, 4 … seconds in between."""

_SIGMA = 0.15
_READ, _CALL, _AGAIN, _DONE, _OTHER = range(5)


@dataclass(frozen=True)
class Load:
    """The parameters of a simulation.

    Attributes
    ----------
    images
        The number of images under the prefix.
    quota
        Rekognition's quota in calls a second, also the value of the parameter BulkCallsPerSecond.
    cpu_seconds
        CPU time of an image on Lambda.
    image_bytes
        Size of an image, if it is downloaded for a thumbnail.
    other_calls_per_second, other_from, other_until
        Another client that uses the same quota without a rate limiter: its calls, and its time in seconds.
    """

    images: int
    quota: float
    cpu_seconds: float
    image_bytes: int = 3_000_000
    other_calls_per_second: float = 0.0
    other_from: float = 0.0
    other_until: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """The result of a simulation.

    Attributes
    ----------
    seconds
        From the start of the Map to the end of its last batch.
    throttled, paid
        Calls of DetectLabels by this run.
    others_throttled
        Throttled calls of the other client.
    failed
        Images that this run did not label.
    worker_seconds
        Billed time of all batches.
    children
        Number of batches.
    longest_child_seconds
        Duration of the longest batch.
    """

    load: Load
    workers: int
    batch_size: int
    seconds: float
    throttled: int
    others_throttled: int
    paid: int
    failed: int
    worker_seconds: float
    children: int
    longest_child_seconds: float

    @property
    def of_bound(self) -> float:
        """The duration as a multiple of the time that the quota alone requires."""
        return self.seconds / (self.load.images / self.load.quota)


class _Clock:
    """The simulated time, and the last requested wait."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited = 0.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waited = seconds


class _OneItem:
    """A table with only the item of the rate limiter, which it updates as DynamoDB does."""

    def __init__(self, _name: str) -> None:
        self._next_at: int | None = None

    def add(
        self, _key: Any, amounts: Mapping[str, int], *, condition: str, values: Mapping[str, int]
    ) -> dict[str, int] | None:
        if condition != "#next_at >= :now":
            raise ValueError(f"{condition}: a condition of the rate limiter that is not simulated")
        if self._next_at is None or self._next_at < values[":now"]:
            return None
        self._next_at += amounts["next_at"]
        return {"next_at": self._next_at}

    def update(
        self, _key: Any, fields: Mapping[str, Any], _first: Any, *, condition: str, condition_values: Mapping[str, int]
    ) -> bool:
        if condition != "attribute_not_exists(#next_at) OR #next_at < :now":
            raise ValueError(f"{condition}: a condition of the rate limiter that is not simulated")
        if self._next_at is not None and self._next_at >= condition_values[":now"]:
            return False
        self._next_at = fields["next_at"]
        return True


class _Batch:
    """A batch under way."""

    __slots__ = ("began", "ends_at", "open", "slots", "todo")

    def __init__(self, began: float, images: int, slots: service.CallSlots) -> None:
        self.began = began
        self.ends_at = began + WORKER_SECONDS
        self.todo = self.open = images
        self.slots = slots


class _Image:
    """An image under way: its batch's worker, the time of its thumbnail, and the number of its throttled calls."""

    __slots__ = ("refused", "thumbnail_at", "worker")

    def __init__(self, worker: int) -> None:
        self.worker = worker
        self.thumbnail_at = 0.0
        self.refused = 0


def simulate(load: Load, behaviour: Behaviour | None = None, seed: int = 7) -> Outcome:
    """Run the simulation; the same seed gives the same outcome."""
    clock = _Clock()
    with mock.patch.multiple(rate_limiter, Items=_OneItem, time=SimpleNamespace(time=clock.time)):
        paced = rate_limiter.RateLimiter("", "DetectLabels", load.quota)
        return _Simulation(load, behaviour or Behaviour(), clock, paced, random.Random(seed)).run()


class _Simulation:
    def __init__(
        self, load: Load, behaviour: Behaviour, clock: _Clock, paced: rate_limiter.RateLimiter, chance: random.Random
    ) -> None:
        self._load, self._behaviour, self._clock, self._pace, self._chance = load, behaviour, clock, paced, chance
        self._bucket = Bucket(load.quota, 0.0)
        self._size = bulk_run.batch_size(load.quota)
        self._left = load.images
        self._cpu_free = [0.0] * bulk_run.workers(load.quota)
        self._batches: list[_Batch | None] = [None] * len(self._cpu_free)
        self._events: list[tuple[float, int, int, Any]] = []
        self._number = 0
        self._throttled = self._others_throttled = self._paid = self._failed = self._children = 0
        self._worker_seconds = self._longest = self._end = 0.0

    def run(self) -> Outcome:
        for worker in range(len(self._batches)):
            self._next_batch(worker, COLD_SECONDS)
        if self._load.other_calls_per_second:
            self._push(self._load.other_from, _OTHER, None)
        handlers: dict[int, Callable[[Any], None]] = {
            _READ: self._read,
            _CALL: self._call,
            _AGAIN: self._again,
            _DONE: self._done,
            _OTHER: self._other,
        }
        events, clock = self._events, self._clock
        while events:
            clock.now, _, kind, subject = heapq.heappop(events)
            handlers[kind](subject)
        return Outcome(
            self._load,
            len(self._batches),
            self._size,
            self._end,
            self._throttled,
            self._others_throttled,
            self._paid,
            self._failed,
            self._worker_seconds,
            self._children,
            self._longest,
        )

    def _push(self, at: float, kind: int, subject: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, kind, subject))

    def _next_batch(self, worker: int, at: float) -> None:
        self._batches[worker] = None
        if not self._left:
            return
        images = min(self._size, self._left)
        self._left -= images
        self._children += 1
        batch = _Batch(at, images, service.CallSlots(self._pace.reserve, images, self._clock.time, self._clock.sleep))
        self._batches[worker] = batch
        known_at = at + 2 * self._behaviour.table_seconds  # Two keys for each image, a hundred keys a request.
        for _ in range(min(service.THREADS, images)):
            self._begin(worker, batch, known_at)

    def _begin(self, worker: int, batch: _Batch, at: float) -> None:
        batch.todo -= 1
        self._push(at + self._behaviour.s3_seconds, _READ, _Image(worker))

    def _read(self, image: _Image) -> None:
        """Its metadata are read: its call waits for its time while its thumbnail is made."""
        now, batch = self._clock.now, self._batch(image)
        if batch.ends_at - now < service._LAST_SECONDS:
            self._fail(image)
            return
        got = now + self._behaviour.s3_seconds + self._load.image_bytes / self._behaviour.s3_bytes_per_second
        free = max(got, self._cpu_free[image.worker]) + self._load.cpu_seconds
        self._cpu_free[image.worker] = free
        image.thumbnail_at = free + self._behaviour.s3_seconds
        self._take_turn(image, batch)

    def _take_turn(self, image: _Image, batch: _Batch) -> None:
        self._clock.waited = 0.0
        try:
            batch.slots.wait(batch.ends_at - self._clock.now - service._LAST_SECONDS)
        except service.NoTimeLeft:
            self._fail(image)
            return
        self._push(self._clock.now + self._clock.waited, _CALL, image)

    def _call(self, image: _Image) -> None:
        now = self._clock.now
        if self._bucket.take(now):
            self._paid += 1
            answered = now + self._behaviour.detect_seconds * self._chance.lognormvariate(0, _SIGMA)
            self._push(max(answered, image.thumbnail_at) + self._behaviour.table_seconds, _DONE, image)
            return
        self._throttled += 1
        image.refused += 1
        rounds, attempts = divmod(image.refused, SDK_ATTEMPTS)
        if attempts:
            # The SDK retries by itself, without a reserved call time.
            self._push(now + self._chance.random() * 2 ** (attempts - 1), _CALL, image)
        elif rounds > len(service._WAITS_SECONDS) or self._batch(image).ends_at - now < service._LAST_SECONDS:
            self._fail(image)
        else:
            wait_seconds = service._WAITS_SECONDS[rounds - 1] * self._chance.uniform(0.5, 1)
            self._push(now + wait_seconds, _AGAIN, image)

    def _again(self, image: _Image) -> None:
        self._take_turn(image, self._batch(image))

    def _done(self, image: _Image) -> None:
        batch = self._batch(image)
        batch.open -= 1
        if batch.todo:
            self._begin(image.worker, batch, self._clock.now)
        elif not batch.open:
            seconds = self._clock.now - batch.began
            self._worker_seconds += seconds
            self._longest = max(self._longest, seconds)
            self._end = max(self._end, self._clock.now)
            self._next_batch(image.worker, self._clock.now + CHILD_SECONDS)

    def _fail(self, image: _Image) -> None:
        self._failed += 1
        self._done(image)

    def _other(self, _subject: None) -> None:
        self._others_throttled += not self._bucket.take(self._clock.now)
        following = self._clock.now + self._chance.expovariate(self._load.other_calls_per_second)
        if following < self._load.other_until:
            self._push(following, _OTHER, None)

    def _batch(self, image: _Image) -> _Batch:
        batch = self._batches[image.worker]
        if batch is None:
            raise RuntimeError("an image outlives its batch")
        return batch
