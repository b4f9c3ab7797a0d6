"""The worker of a session: it processes the messages of the inspection queue at the model's rate until none is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from vision.adapters import queue
from vision.adapters.queue import Message
from vision.domain.errors import (
    AccessDenied,
    InvalidEvent,
    ModelNotReady,
    ObjectNotAccessible,
    Throttled,
    Transient,
)
from vision.domain.inspection.verdicts import Judgement
from vision.services.inspection import Inspector

# The visibility timeout of a received message. A live worker renews it before each attempt, and puts an untried message
# back as a new one. Waiting therefore does not use up receive attempts: only a worker that dies, or an image that is
# itself the cause of a failure, uses them up.
HIDDEN_SECONDS = 120
# How long one poll waits; after one without a message, the queue counts as empty for this worker.
POLL_SECONDS = 10
# The waits between attempts. While the model throttles, the last wait repeats as long as there is time. A service that
# still fails after all waits may fail because of this one image, which must not keep the model from the others. A model
# that is still not ready has stopped, and a model whose images Rekognition cannot read would run for nothing.
_WAITS_SECONDS = (0.2, 0.5, 1, 2, 4, 8)
# A service that fails for this many images, and for every image that a worker tried, fails regardless of the image.
_FAILURES_LIMIT = 3


@dataclass(slots=True)
class DrainResult:
    """How many messages a worker inspected, refused and returned to the queue."""

    inspected: int = 0
    refused: int = 0
    returned: int = 0


def drain(
    inspector: Inspector,
    queue_url: str,
    remaining_seconds: Callable[[], float],
    report: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    *,
    poll_seconds: int = POLL_SECONDS,
    hidden_seconds: int = HIDDEN_SECONDS,
) -> DrainResult:
    """Inspect the images in the queue until it is empty or the time is over.

    Parameters
    ----------
    remaining_seconds
        Returns how long this worker may still run.
    report
        Receives the outcome of each inspection.
    poll_seconds
        How long one poll waits for a message, from 0 to 20.
    hidden_seconds
        The visibility timeout of a received message.

    Raises
    ------
    ModelNotReady
        The model has stopped running: further calls would fail.
    Throttled
        The model throttled every call in the available time.
    ServiceUnavailable
        A service failed for every image that this worker tried, and no image was inspected.
    AccessDenied, ObjectNotAccessible
        A policy must change. The other workers show whether it concerns one image or all.
    """
    worker = _QueueWorker(inspector, queue_url, remaining_seconds, report, sleep, hidden_seconds)
    while remaining_seconds() > hidden_seconds / 2:
        messages = queue.receive(queue_url, poll_seconds, hidden_seconds)
        if not messages:
            break
        worker.take_all(messages)
    if worker.failure and not worker.tally.inspected:
        raise worker.failure
    return worker.tally


@dataclass(slots=True)
class _QueueWorker:
    inspector: Inspector
    queue_url: str
    remaining_seconds: Callable[[], float]
    report: Callable[[str], None]
    sleep: Callable[[float], None]
    hidden_seconds: int
    tally: DrainResult = field(default_factory=DrainResult)
    failed: list[Message] = field(default_factory=list)
    failure: Transient | None = None

    @property
    def has_time(self) -> bool:
        return self.remaining_seconds() > self.hidden_seconds / 4

    def take_all(self, messages: list[Message]) -> None:
        """Process messages one after the other, and return those for which there is no time or no model."""
        for position, message in enumerate(messages):
            others = messages[position + 1 :]
            if not self.has_time:
                self._give_back([message, *others])
                self.tally.returned += len(others) + 1
                return
            try:
                self._take(message, others)
            except (ModelNotReady, Throttled):
                self._give_back([message, *others])
                raise
            except (AccessDenied, ObjectNotAccessible):
                # This message stays hidden for a while, since the next worker would fail in the same way.
                self._give_back(others)
                raise
            except Exception:
                # An image with an unexpected error must cost neither the other messages nor hours of the model. Its
                # message becomes visible at once, and moves to the dead-letter queue after its last receive. The
                # record has the reason.
                queue.hide(self.queue_url, message, 0)
                self.tally.returned += 1
            if self.failure and len(self.failed) >= _FAILURES_LIMIT and not self.tally.inspected:
                # The images are not the cause: each counts as not tried.
                self._give_back([*self.failed, *others])
                raise self.failure

    def _take(self, message: Message, others: list[Message]) -> None:
        for attempt in count():
            if not queue.hide(self.queue_url, message, self.hidden_seconds):
                # The messages before it took too long. It is visible again, or another worker has received it.
                self.tally.returned += 1
                return
            try:
                self.inspector.inspect_message(message.body, message.is_last_receive, self._count)
            except InvalidEvent:
                # Becomes visible again later, and moves to the dead-letter queue after its last receive.
                self.tally.returned += 1
                return
            except Transient as error:
                tried_enough = attempt >= len(_WAITS_SECONDS)
                if isinstance(error, ModelNotReady | ObjectNotAccessible) and tried_enough:
                    raise
                if isinstance(error, Throttled) and not self.has_time and not self.tally.inspected:
                    raise
                gives_up = tried_enough and not isinstance(error, Throttled)
                if gives_up:
                    self.failed.append(message)
                    self.failure = error
                if gives_up or not self.has_time:
                    self.tally.returned += 1
                    return
                self._wait(attempt, others)
            else:
                queue.delete(self.queue_url, message)
                return

    def _count(self, outcome: str) -> None:
        self.report(outcome)
        if outcome in tuple(Judgement):
            self.tally.inspected += 1
        else:
            self.tally.refused += 1

    def _wait(self, attempt: int, others: list[Message]) -> None:
        """Wait for the next attempt at one message, and keep the messages behind it hidden."""
        if attempt >= len(_WAITS_SECONDS):
            for other in others:
                queue.hide(self.queue_url, other, self.hidden_seconds)
        left_seconds = self.remaining_seconds() - self.hidden_seconds / 4
        self.sleep(max(0.0, min(_WAITS_SECONDS[min(attempt, len(_WAITS_SECONDS) - 1)], left_seconds)))

    def _give_back(self, messages: list[Message]) -> None:
        for message in messages:
            queue.put_back(self.queue_url, message)
