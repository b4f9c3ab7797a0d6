"""A worker of a session: takes messages from the inspection queue at the model's rate until none is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from vision.adapters import queue
from vision.adapters.queue import Message
from vision.domain.errors import AccessDenied, InvalidEvent, ModelNotReady, Transient
from vision.domain.verdicts import Judgement
from vision.inspection import Inspector

# A received message is hidden for so long; a worker that lives hides it again before each attempt, so that only the
# death of a worker costs a message one of its receives.
HIDDEN_SECONDS = 120
# One long poll without a message: the queue has nothing for this worker.
POLL_SECONDS = 10
# The waits between attempts while the model is over its rate or not ready; then the message goes back.
_WAITS_SECONDS = (0.2, 0.5, 1, 2, 4, 8)


@dataclass(slots=True)
class Tally:
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
) -> Tally:
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
    AccessDenied
        A policy must change, for one image or for all: the other workers show which.
    """
    tally = Tally()
    while remaining_seconds() > hidden_seconds / 2:
        messages = queue.receive(queue_url, poll_seconds, hidden_seconds)
        if not messages:
            break
        for position, message in enumerate(messages):
            if remaining_seconds() <= hidden_seconds / 4:
                _give_back(queue_url, messages[position:])
                tally.returned += len(messages) - position
                return tally
            try:
                _take(inspector, queue_url, message, hidden_seconds, tally, report, sleep)
            except ModelNotReady:
                _give_back(queue_url, messages[position:])
                raise
            except AccessDenied:
                # Hidden for a while, since the next worker would end like this one.
                _give_back(queue_url, messages[position + 1 :])
                raise
            except Exception:
                # An image of a kind that nothing expects costs neither its neighbours nor hours of the model: it is
                # shown again at once, and after its last receive it is in the dead-letter queue, its reason recorded.
                _give_back(queue_url, [message])
                tally.returned += 1
    return tally


def _take(
    inspector: Inspector,
    queue_url: str,
    message: Message,
    hidden_seconds: int,
    tally: Tally,
    report: Callable[[str], None],
    sleep: Callable[[float], None],
) -> None:
    for wait_seconds in (*_WAITS_SECONDS, None):
        if not queue.hide(queue_url, message, hidden_seconds):
            # The messages before it took too long; it is in the queue, or with another worker.
            tally.returned += 1
            return
        try:
            outcomes = inspector.inspect_message(message.body)
        except (Transient, InvalidEvent) as error:
            if isinstance(error, InvalidEvent) or (wait_seconds is None and not isinstance(error, ModelNotReady)):
                # Shown again in a while, and after its last receive it goes to the dead-letter queue.
                tally.returned += 1
                return
            if wait_seconds is None:
                raise
            sleep(wait_seconds)
        else:
            queue.delete(queue_url, message)
            for outcome in outcomes:
                report(outcome)
            judged = sum(outcome in tuple(Judgement) for outcome in outcomes)
            tally.inspected += judged
            tally.refused += len(outcomes) - judged
            return


def _give_back(queue_url: str, messages: list[Message]) -> None:
    for message in messages:
        queue.hide(queue_url, message, 0)
