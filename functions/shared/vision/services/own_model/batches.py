"""Images of many threads, asked for in few calls: who comes while calls are under way waits for the next one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from vision.domain.errors import VisionError
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion

Ask = Callable[[Sequence[ObjectVersion]], Sequence[Detection | VisionError]]


class Batches:
    """Gathers what threads ask for.

    Parameters
    ----------
    ask
        Answers for some images, each with what was found in it or why nothing was.
    size
        Images of one call.
    at_once
        Calls under way at the same time. Nobody waits for a batch to become full.
    """

    def __init__(self, ask: Ask, size: int, at_once: int) -> None:
        self._ask = ask
        self._size = size
        self._free = at_once
        self._waiting: deque[tuple[ObjectVersion, Future[Detection]]] = deque()
        self._lock = threading.Lock()

    def detect(self, version: ObjectVersion) -> Detection:
        """Return what was found in one image, whichever thread made the call.

        Raises
        ------
        VisionError
            What the image was refused with, or the whole call.
        """
        answer: Future[Detection] = Future()
        with self._lock:
            self._waiting.append((version, answer))
            leads = self._free > 0
            self._free -= leads
        if leads:
            self._lead()
        return answer.result()

    def _lead(self) -> None:
        """Make calls until nobody waits."""
        while batch := self._next():
            versions = [version for version, _ in batch]
            try:
                answered = list(zip(batch, self._ask(versions), strict=True))
            except Exception as error:  # Whatever it is, each of these threads waits for an answer.
                for _, answer in batch:
                    answer.set_exception(error)
                continue
            for (_, answer), one in answered:
                if isinstance(one, VisionError):
                    answer.set_exception(one)
                else:
                    answer.set_result(one)

    def _next(self) -> list[tuple[ObjectVersion, Future[Detection]]]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
            # In the same breath as the look, so that nobody who comes now believes that somebody leads.
            self._free += not batch
        return batch
