"""Many threads, few calls: each thread gets the answer for its own image, whatever happens to the others."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from vision.domain.errors import CorruptImage, Throttled, VisionError
from vision.domain.labels import Detection
from vision.domain.objects import ObjectVersion
from vision.services.own_model.batches import Batches

PATIENCE_SECONDS = 20


def version(number: int) -> ObjectVersion:
    return ObjectVersion("bucket", f"{number}.jpg", "", "etag", "", 5)


def found(one: ObjectVersion) -> Detection:
    return Detection([{"name": one.key, "confidence": 90, "parents": [], "instances": []}], {})


class Model:
    """Answers with the name of each image, and remembers the sizes of its calls."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self.opened = threading.Event()
        self.opened.set()

    def ask(self, versions: Sequence[ObjectVersion]) -> list[Detection | VisionError]:
        with self._lock:
            self.sizes.append(len(versions))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        assert self.opened.wait(PATIENCE_SECONDS)
        with self._lock:
            self._now -= 1
        return [CorruptImage(one.key) if one.key == "13.jpg" else found(one) for one in versions]


def asked(batches: Batches, numbers: Sequence[int]) -> list[str]:
    """The answer that each of these threads gets: the name of its image, or of its error."""

    def one(number: int) -> str:
        try:
            return batches.detect(version(number)).labels[0]["name"]
        except Exception as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(numbers)) as threads:
        return list(threads.map(one, numbers, timeout=PATIENCE_SECONDS))


def test_each_thread_gets_the_answer_or_the_error_of_its_own_image() -> None:
    numbers = range(60)
    expected = [f"{number}.jpg" if number != 13 else "CorruptImage" for number in numbers]
    assert asked(Batches(Model().ask, 8, 2), numbers) == expected
    assert asked(Batches(Model().ask, 8, 2), [1]) == ["1.jpg"]


def test_images_that_arrive_during_a_call_share_the_next_calls() -> None:
    model = Model()
    model.opened.clear()
    batches = Batches(model.ask, 8, 1)
    with ThreadPoolExecutor(21) as threads:
        waiting = [threads.submit(batches.detect, version(number)) for number in range(20, 41)]
        while len(batches._waiting) + sum(model.sizes) < 21:
            pass
        model.opened.set()
        assert [one.result(PATIENCE_SECONDS).labels[0]["name"] for one in waiting] == [
            f"{number}.jpg" for number in range(20, 41)
        ]
    # The first was called alone; none of the twenty others waited for a full batch.
    assert sum(model.sizes) == 21
    assert max(model.sizes) == 8
    assert len(model.sizes) <= 5


def test_concurrent_calls_are_limited() -> None:
    model = Model()
    asked(Batches(model.ask, 2, 2), range(20, 60))
    assert model.most_at_once <= 2


@pytest.mark.parametrize("error", [Throttled("slow down"), KeyError("a bug")])
def test_failed_call_fails_its_own_images_only(error: Exception) -> None:
    calls = []

    def ask(versions: Sequence[ObjectVersion]) -> list[Detection | VisionError]:
        calls.append(len(versions))
        if len(calls) == 1:
            raise error
        return [found(one) for one in versions]

    batches = Batches(ask, 8, 1)
    assert asked(batches, [1]) == [type(error).__name__]
    assert asked(batches, [2]) == ["2.jpg"]


def test_answer_with_too_few_outcomes_leaves_no_thread_waiting() -> None:
    assert asked(Batches(lambda versions: [], 8, 1), [1, 2]) == ["ValueError", "ValueError"]
