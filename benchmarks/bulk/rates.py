"""P10 and P11: the speed of one worker, and whether several workers together keep a quota."""

import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bulk.aws import NO_WAITING, Behaviour, become, counts, etag
from benchmarks.goals import Result, Table, at_least, at_most
from benchmarks.peers import ROOT, Worker, running
from benchmarks.photos import BASELINE_12, resized
from benchmarks.runner import Rounds, take_rounds
from vision.domain.bulk import bulk_run

SEQUENTIAL_GOAL = 8.0
BOUND_GOAL = 0.9
QUOTA_GOAL = 0.96
P99_GOAL = 1.6
QUOTA = 50.0
DETECT_SECONDS = Behaviour().detect_seconds

LARGE, SMALL = "large.jpg", "small.jpg"
_SMALL_PX = (320, 240)
_WITH_THUMBNAILS = ["metadata", "labels", "thumbnail"]
_LABELS_ONLY = ["metadata", "labels"]
_UNLIMITED = 100_000.0
_OURS, _TWIN, _ALONE, _BOUND = "worker", "worker again", "sequential", "without waiting"
_SEQUENTIAL_IMAGES = 12
_OLDER_THREADS = 240
_OLDER_PROCESSES = 4


@dataclass(frozen=True)
class Speed:
    """The measured speed of one worker, with thumbnails of 12 MP photos.

    Attributes
    ----------
    images_per_second
        In real time, at the usual service time.
    cpu_seconds
        CPU time for each image.
    """

    images_per_second: float
    cpu_seconds: float


@contextmanager
def server(photos: Path) -> Iterator[str]:
    """Run the server that imitates AWS in a separate process, and yield its address."""
    small = photos / SMALL
    if not small.is_file():
        resized(BASELINE_12.path, *_SMALL_PX).save(small, "JPEG", quality=85)
    command = [sys.executable, "-m", "benchmarks.bulk.aws", "0", f"{LARGE}={BASELINE_12.path}", f"{SMALL}={small}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no output")
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def listing(photo: Path, name: str, count: int, first: int = 0) -> list[dict[str, Any]]:
    """Return the listing of a number of objects, all with the content of this photo."""
    content = photo.read_bytes()
    tag, size = etag(content), len(content)
    return [
        {"key": f"archive/{number:07}-{name}", "etag": f'"{tag}"', "size_bytes": size}
        for number in range(first, first + count)
    ]


def alone(endpoint: str, rounds: int) -> tuple[Table, Speed]:
    """Measure one worker on one processor: P10."""
    batch = listing(BASELINE_12.path, LARGE, bulk_run.batch_size(QUOTA))
    rates: dict[str, list[float]] = {name: [] for name in (_OURS, _TWIN, _ALONE, _BOUND)}
    spent: list[float] = []

    def contender(name: str, worker: Worker) -> Callable[[], float]:
        def run() -> float:
            become(endpoint, NO_WAITING if name == _BOUND else Behaviour())
            items = batch[:_SEQUENTIAL_IMAGES] if name == _ALONE else batch
            took = worker.ask(
                "batch",
                items=items,
                steps=_WITH_THUMBNAILS,
                calls_per_second=_UNLIMITED,
                sequential=name in (_ALONE, _BOUND),
            )
            _check(took, len(items))
            # The bound of the processor: the same work in sequence, without any waiting.
            seconds = took["cpu_seconds"] if name == _BOUND else took["seconds"]
            rates[name].append(len(items) / seconds)
            if name == _OURS:
                spent.append(took["cpu_seconds"] / len(items))
            return float(seconds / len(items))

        return run

    with running({name: _command(endpoint, processor=1) for name in rates}) as workers:
        taken = take_rounds({name: contender(name, worker) for name, worker in workers.items()}, rounds, (_OURS, _TWIN))
    return _alone_table(taken, rates), Speed(statistics.median(rates[_OURS]), statistics.median(spent))


def _alone_table(taken: Rounds, rates: Mapping[str, Sequence[float]]) -> Table:
    details = ", ".join(f"{name} {statistics.median(found[1:]):.1f}" for name, found in rates.items())
    rows = [
        at_least("P10", "one worker", taken.ratio(_ALONE, _OURS), SEQUENTIAL_GOAL, "× a sequential one"),
        at_least("P10", "one worker", taken.ratio(_BOUND, _OURS), BOUND_GOAL, "× its own processor's bound"),
    ]
    if taken.void:
        rows = [Result(row.goal, row.case, row.wanted, row.measured, "void") for row in rows]
    return Table(
        f"P10 · one worker at {DETECT_SECONDS * 1_000:.0f} ms per call",
        rows,
        [
            f"- Metadata, labels and a thumbnail of a 12 MP photo of {BASELINE_12.path.stat().st_size / 1e6:.1f} MB, "
            f"in batches of {bulk_run.batch_size(QUOTA)}, on one processor. Images a second, medians: {details}. "
            f"A/A spread {taken.spread:.1%}.",
            "- *Sequential* is the same worker with one call at a time. *Without waiting* is its images per CPU second "
            "when every service answers at once: no worker on one processor can be faster.",
        ],
    )


def together(endpoint: str, images: int) -> Table:
    """Let several workers share a quota, then the threads of the older sample: P11."""
    small = BASELINE_12.path.parent / SMALL
    items = listing(small, SMALL, images)
    size, count = bulk_run.batch_size(QUOTA), bulk_run.workers(QUOTA)
    limited = Behaviour(calls_per_second=QUOTA)
    with running({f"worker {number}": _command(endpoint) for number in range(count)}) as workers:
        become(endpoint, NO_WAITING)
        for worker in workers.values():  # Clients are made, as in warm environments.
            worker.ask("batch", items=items[:2], steps=_LABELS_ONLY, calls_per_second=_UNLIMITED)
        become(endpoint, limited)
        batches: list[dict[str, Any]] = [
            {"items": items[at : at + size], "steps": _LABELS_ONLY, "calls_per_second": QUOTA}
            for at in range(0, images, size)
        ]
        seconds, answers = _share(list(workers.values()), "batch", batches)
    for answer, batch in zip(answers, batches, strict=True):
        _check(answer, len(batch["items"]))
    ours, calls = counts(endpoint), sorted(_calls(answers))
    cpu = sum(answer["cpu_seconds"] for answer in answers) / images
    with running({f"older {number}": _command(endpoint) for number in range(_OLDER_PROCESSES)}) as workers:
        become(endpoint, limited)
        keys = [item["key"] for item in items]
        parts = [
            {"keys": keys[number::_OLDER_PROCESSES], "threads": _OLDER_THREADS // _OLDER_PROCESSES}
            for number in range(_OLDER_PROCESSES)
        ]
        _, older_answers = _share(list(workers.values()), "older", parts)
    older_seconds = max(answer["seconds"] for answer in older_answers)
    older, older_calls = counts(endpoint), sorted(_calls(older_answers))
    lost = sum(answer["failed"] for answer in older_answers)
    return Table(
        f"P11 · {count} workers, one quota of {QUOTA:.0f} calls a second",
        [
            at_most("P11", "throttled calls", ours["throttled"], 0, ""),
            at_most("P11", "failed images", sum(answer["tally"]["failed"] for answer in answers), 0, ""),
            at_least("P11", "rate, start and end counted", images / seconds / QUOTA, QUOTA_GOAL, "× the quota"),
            at_most("P11", "call, 99th percentile", _p99(calls) / DETECT_SECONDS, P99_GOAL, "× the service time"),
            Result("", "older sample: throttled calls", "no goal", f"{older['throttled']:,}", ""),
            Result("", "older sample: failed images", "no goal", f"{lost:,} of {images:,}", ""),
            Result("", "older sample: rate", "no goal", f"{older['paid'] / older_seconds / QUOTA:.3f} × the quota", ""),
            Result(
                "",
                "older sample: call, 99th percentile",
                "no goal",
                f"{_p99(older_calls) / DETECT_SECONDS:.1f} × the service time",
                "",
            ),
        ],
        [
            f"- {images:,} images of {_SMALL_PX[0]} × {_SMALL_PX[1]} px, metadata and labels only, so that the "
            f"processors of this machine are no limit ({cpu * 1_000:.0f} ms of CPU each). {count} processes, as "
            f"`bulk.workers` says, share the rate limiter's item. A strict bucket of {QUOTA:.0f} calls; service time "
            f"log-normal around {DETECT_SECONDS * 1_000:.0f} ms, its own 99th percentile at 1.42 ×.",
            f"- Ours: {ours['paid']:,} paid calls in {seconds:.1f} s, {ours['pace writes']:,} rate limiter writes, "
            f"longest call {calls[-1]:.2f} s. Older sample: {_OLDER_THREADS} threads in {_OLDER_PROCESSES} processes, "
            "children of five images one after another, botocore's standard retries with ten attempts, no second run "
            f"of a child: {older['paid']:,} paid calls in {older_seconds:.1f} s, "
            f"{older['throttled'] / max(1, older['paid']):.1f} throttled for each, longest call "
            f"{older_calls[-1]:.0f} s.",
        ],
    )


def _share(workers: Sequence[Worker], job: str, requests: Sequence[dict[str, Any]]) -> tuple[float, list[Any]]:
    """Give each worker the next request when it has finished the last; return the seconds and the responses."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(requests)):
        waiting.put(number)
    answers: list[Any] = [None] * len(requests)

    def lead(worker: Worker) -> None:
        while True:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            answers[number] = worker.ask(job, **requests[number])

    threads = [threading.Thread(target=lead, args=(worker,)) for worker in workers]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, answers


def _command(endpoint: str, processor: int | None = None) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.bulk.contender", endpoint]
    return command if processor is None else [*command, str(processor)]


def _check(answer: Mapping[str, Any], images: int) -> None:
    if answer["tally"]["labelled"] != images:
        raise RuntimeError(f"{images} images, but the worker says {answer['tally']['reasons']}")


def _calls(answers: Sequence[Mapping[str, Any]]) -> Iterator[float]:
    for answer in answers:
        yield from answer["call_seconds"]


def _p99(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
