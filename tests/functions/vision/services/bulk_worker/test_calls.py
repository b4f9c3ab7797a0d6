"""Calls of a bulk worker to its detector: reserved call times for Rekognition, batches for the own model."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from tests.functions.vision.services.bulk_worker.conftest import LABELS, Bulk, counts
from vision.adapters import own_model
from vision.adapters.rekognition import Detection
from vision.domain.errors import Throttled
from vision.domain.objects import ObjectVersion
from vision.services import detectors
from vision.services.bulk_worker import BatchWorker, CallSlots, NoTimeLeft


@pytest.mark.parametrize("calls_at_once", [10, 50])
def test_only_as_many_slots_are_reserved_as_there_are_calls(calls_at_once: int) -> None:
    reserved: list[int] = []

    def reserve(calls: int) -> list[float]:
        reserved.append(calls)
        return [float(len(reserved) * 100 + call) for call in range(calls)]

    slept: list[float] = []
    slots = CallSlots(reserve, 23, clock=lambda: 0.0, sleep=slept.append, calls_at_once=calls_at_once)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: slots.wait(), range(23)))
    assert reserved == [calls_at_once] * (23 // calls_at_once) + [23 % calls_at_once]
    # Each slot was used by one call.
    assert len(set(slept)) == 23


def test_each_attempt_takes_another_slot() -> None:
    slots = CallSlots(lambda calls: [1.0] * calls, 1, clock=lambda: 0.0, sleep=lambda _: None)
    for _ in range(3):
        slots.wait()
    with pytest.raises(NoTimeLeft):
        slots.wait(0.5)


def test_slots_are_usable_after_a_failed_reservation() -> None:
    failures = [Throttled("no")]

    def reserve(calls: int) -> list[float]:
        if failures:
            raise failures.pop()
        return [0.0] * calls

    slots = CallSlots(reserve, 2, sleep=lambda _: None)
    with pytest.raises(Throttled):
        slots.wait()
    slots.wait()


@dataclass
class OwnModel:
    """The own model's function, and the number of images in each of its calls."""

    sizes: list[int] = field(default_factory=list)

    def classify(self, versions: list[ObjectVersion], _arn: str, _top_k: int | None = None) -> own_model.Classified:
        self.sizes.append(len(versions))
        # Meanwhile other images arrive, which form the next batch.
        time.sleep(0.2)
        found = Detection(LABELS[:1], {"name": "own-model", "version": "colours 7"})
        return own_model.Classified([found for _ in versions], 0.25)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> OwnModel:
    model = OwnModel()
    monkeypatch.setattr(own_model, "classify", model.classify)
    return model


@pytest.fixture
def worker(bulk: Bulk, model: OwnModel) -> BatchWorker:
    """A worker with the own model as its detector, and without any free call slot of Rekognition."""
    worker = bulk.worker()
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:own"
    worker.options = replace(worker.options, detector=detectors.OwnModel(arn, 10, 60.0))
    worker.reserve = lambda calls: [4e9] * calls
    return worker


def test_own_model_gets_images_in_batches_without_call_slots(bulk: Bulk, worker: BatchWorker, model: OwnModel) -> None:
    tally = worker.work(bulk.put(*(f"{number}.jpg" for number in range(24))))
    assert counts(tally) == {"seen": 24, "labelled": 24}
    assert sum(model.sizes) == 24
    assert len(model.sizes) <= 12


def test_own_model_is_not_called_when_no_time_is_left(bulk: Bulk, worker: BatchWorker, model: OwnModel) -> None:
    times = iter([270.0])
    worker.remaining_seconds = lambda: next(times, 10.0)
    assert worker.work(bulk.put("a.jpg")).failed == 1
    assert model.sizes == []
