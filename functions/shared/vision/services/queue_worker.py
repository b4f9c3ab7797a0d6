"""A worker of a session: takes messages from the inspection queue at the model's rate until none is left."""

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

# A received message is hidden for so long; a worker that lives hides it again before each attempt. So waiting costs a
# message none of its receives, and what nobody could try is put back as new: only a worker that dies, and an image that
# fails by itself, use them up.
HIDDEN_SECONDS = 120
# One long poll without a message: the queue has nothing for this worker.
POLL_SECONDS = 10
# The waits between attempts. While the model is over its rate the last one repeats as long as there is time. A service
# that fails after all of them may fail for this one image, which must not keep the model from the others. A model that
# is not ready then has gone, and one whose images Rekognition cannot read would run for nothing.
_WAITS_SECONDS = (0.2, 0.5, 1, 2, 4, 8)
# A service that fails for so many images, and for no fewer than all that a worker tried, fails whatever the image.
_FAILURES_LIMIT = 3


@dataclass(slots=True)
class DrainResult:
    """What a worker did."""

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
    """Inspect what the queue has until it is empty or the time is over.

    Parameters
    ----------
    remaining_seconds
        How long this worker may still run.
    report
        Is told the outcome of each inspection.
    poll_seconds
        How long one look at the queue waits for a message, from 0 to 20.
    hidden_seconds
        How long a received message is hidden from the others.

    Raises
    ------
    ModelNotReady
        The model does not run any more: there is no point in going on.
    Throttled
        The model took not one call in all the time that there was.
    ServiceUnavailable
        A service failed for every image that this worker tried, and it inspected none.
    AccessDenied, ObjectNotAccessible
        A policy must change, for one image or for all: the other workers show which.
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
        """Take messages one after the other, and give back those for which there is no time or no model."""
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
                # Hidden for a while, since the next worker would end like this one.
                self._give_back(others)
                raise
            except Exception:
                # An image of a kind that nothing expects costs neither its neighbours nor hours of the model: it is
                # shown again at once, and after its last receive it is in the dead-letter queue, its reason recorded.
                queue.hide(self.queue_url, message, 0)
                self.tally.returned += 1
            if self.failure and len(self.failed) >= _FAILURES_LIMIT and not self.tally.inspected:
                # It is not the image: each counts as not tried.
                self._give_back([*self.failed, *others])
                raise self.failure

    def _take(self, message: Message, others: list[Message]) -> None:
        for attempt in count():
            if not queue.hide(self.queue_url, message, self.hidden_seconds):
                # The messages before it took too long; it is in the queue, or with another worker.
                self.tally.returned += 1
                return
            try:
                self.inspector.inspect_message(message.body, message.is_last_receive, self._count)
            except InvalidEvent:
                # Shown again in a while, and after its last receive it goes to the dead-letter queue.
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
        """Wait for the next attempt at one message; those behind it wait with it, and stay hidden."""
        if attempt >= len(_WAITS_SECONDS):
            for other in others:
                queue.hide(self.queue_url, other, self.hidden_seconds)
        left_seconds = self.remaining_seconds() - self.hidden_seconds / 4
        self.sleep(max(0.0, min(_WAITS_SECONDS[min(attempt, len(_WAITS_SECONDS) - 1)], left_seconds)))

    def _give_back(self, messages: list[Message]) -> None:
        for message in messages:
            queue.put_back(self.queue_url, message)
