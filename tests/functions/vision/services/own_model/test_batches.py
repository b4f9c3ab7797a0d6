"""Many threads, few calls: each thread gets the answer of its own image, whatever becomes of the others."""

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
    """Answers with the image's name, and remembers how many it was asked for at once."""

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
    """What each of so many threads is told: the name of its image, or of its error."""

    def one(number: int) -> str:
        try:
            return batches.detect(version(number)).labels[0]["name"]
        except Exception as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(numbers)) as threads:
        return list(threads.map(one, numbers, timeout=PATIENCE_SECONDS))


def test_each_thread_gets_the_answer_of_its_own_image() -> None:
    numbers = [number for number in range(60) if number != 13]
    assert asked(Batches(Model().ask, 8, 2), numbers) == [f"{number}.jpg" for number in numbers]


def test_a_refused_image_leaves_its_neighbours_untouched() -> None:
    told = asked(Batches(Model().ask, 8, 1), range(10, 20))
    assert told == [f"{number}.jpg" if number != 13 else "CorruptImage" for number in range(10, 20)]


def test_whoever_comes_while_a_call_is_under_way_shares_the_next_ones() -> None:
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
    # The first found nobody else there; of the twenty others none waited for a batch to become full.
    assert sum(model.sizes) == 21
    assert max(model.sizes) == 8
    assert len(model.sizes) <= 5


def test_no_more_calls_are_under_way_than_are_allowed() -> None:
    model = Model()
    asked(Batches(model.ask, 2, 2), range(20, 60))
    assert model.most_at_once <= 2


def test_one_image_does_not_wait_for_others() -> None:
    assert asked(Batches(Model().ask, 8, 2), [1]) == ["1.jpg"]


@pytest.mark.parametrize("error", [Throttled("slow down"), KeyError("a bug")])
def test_a_call_that_fails_fails_for_all_of_its_images_and_not_for_the_next(error: Exception) -> None:
    calls = []

    def ask(versions: Sequence[ObjectVersion]) -> list[Detection | VisionError]:
        calls.append(len(versions))
        if len(calls) == 1:
            raise error
        return [found(one) for one in versions]

    batches = Batches(ask, 8, 1)
    assert asked(batches, [1]) == [type(error).__name__]
    assert asked(batches, [2]) == ["2.jpg"]


def test_an_answer_with_too_few_outcomes_leaves_nobody_waiting() -> None:
    assert asked(Batches(lambda versions: [], 8, 1), [1, 2]) == ["ValueError", "ValueError"]
