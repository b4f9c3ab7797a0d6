"""Combine the images of many threads into few calls: an image that arrives during a call waits for the next one."""

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
    """Gathers the images of threads into batches.

    Parameters
    ----------
    ask
        Calls the model for some images, and returns the labels of each or the error that prevented them.
    size
        Most images in one call.
    at_once
        Most concurrent calls. No thread waits for a batch to fill.
    """

    def __init__(self, ask: Ask, size: int, at_once: int) -> None:
        self._ask = ask
        self._size = size
        self._free = at_once
        self._waiting: deque[tuple[ObjectVersion, Future[Detection]]] = deque()
        self._lock = threading.Lock()

    def detect(self, version: ObjectVersion) -> Detection:
        """Return the labels of one image, whichever thread made the call.

        Raises
        ------
        VisionError
            The error of the image, or of the whole call.
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
        """Make calls until no thread waits."""
        while batch := self._next():
            versions = [version for version, _ in batch]
            try:
                answered = list(zip(batch, self._ask(versions), strict=True))
            except Exception as error:  # Whatever the error is, each of these threads waits for an answer.
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
            # Under the same lock as the look at the queue, so that no arriving thread relies on a leader that stops.
            self._free += not batch
        return batch
