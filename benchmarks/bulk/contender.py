"""One process of a bulk worker, like one Lambda execution environment.

``python -m benchmarks.bulk.contender ENDPOINT [PROCESSOR]`` reads one JSON request per line and answers each with a
line of JSON: its duration, its CPU time, and the duration of each DetectLabels call. With a processor number it runs
on that processor only, as a function of 1,769 MB has one.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any
from unittest import mock

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from vision.adapters import rekognition
from vision.adapters.rate_limiter import RateLimiter
from vision.adapters.table import Table
from vision.domain.bulk.bulk_run import Item, Request
from vision.domain.executions import Attempt
from vision.domain.labels import Detection
from vision.services import bulk_worker as service
from vision.services import detectors

BUCKET = "photos"
_RUN = Attempt("arn:aws:states:us-east-1:123456789012:execution:bulk:benchmark", "2026-11-01T00:00:00.000Z")
_OPTIONS = service.BatchOptions(detectors.Rekognition(10, 70.0, print), 250, "results", ())
_BATCH_SECONDS = 270.0
# As the older bulk sample sets them.
_OLDER_CONFIG: dict[str, Any] = {"retries": {"mode": "standard", "max_attempts": 10}}
_OLDER_BATCH = 5


class OneAfterAnother(Executor):
    """Runs each call at once: the same worker without concurrency."""

    def __init__(self, _threads: int) -> None:
        pass

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the call, and return its result."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def batch(request: dict[str, Any]) -> dict[str, Any]:
    """Process one batch with the product's worker."""
    call_seconds: list[float] = []
    wanted = Request.from_dict({"bucket": BUCKET, "steps": request["steps"]})
    pace = RateLimiter("table", "DetectLabels", request["calls_per_second"])
    started, cpu = time.monotonic(), _cpu_seconds()
    worker = service.BatchWorker(
        _RUN, wanted, _OPTIONS, Table("table"), pace.reserve, lambda: _BATCH_SECONDS - (time.monotonic() - started)
    )
    executor = OneAfterAnother if request.get("sequential") else ThreadPoolExecutor
    with (
        mock.patch.object(rekognition, "detect_labels", _timed(rekognition.detect_labels, call_seconds)),
        mock.patch.object(service, "ThreadPoolExecutor", executor),
    ):
        tally = worker.work([Item.of(listed, wanted) for listed in request["items"]])
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": _cpu_seconds() - cpu,
        "call_seconds": call_seconds,
        "tally": tally.as_dict(),
    }


def older(request: dict[str, Any]) -> dict[str, Any]:
    """Label as the older bulk sample does: sequential children of five images, standard retries, no rate limiter."""
    keys = request["keys"]
    children = [keys[start : start + _OLDER_BATCH] for start in range(0, len(keys), _OLDER_BATCH)]
    session, config = botocore.session.get_session(), Config(**_OLDER_CONFIG)
    # A client for each thread, since each is a separate environment on Lambda: they share no retry quota.
    clients: SimpleQueue[Any] = SimpleQueue()
    for _ in range(request["threads"]):
        clients.put(session.create_client("rekognition", config=config))
    call_seconds: list[float] = []

    def child(images: list[str]) -> int:
        """Return the number of lost images: the first failure ends the child."""
        client = clients.get()
        try:
            for done, key in enumerate(images):
                began = time.monotonic()
                try:
                    client.detect_labels(Image={"S3Object": {"Bucket": BUCKET, "Name": key}})
                except ClientError:
                    return len(images) - done
                finally:
                    call_seconds.append(time.monotonic() - began)
        finally:
            clients.put(client)
        return 0

    started = time.monotonic()
    with ThreadPoolExecutor(request["threads"]) as threads:
        lost = sum(threads.map(child, children))
    return {"seconds": time.monotonic() - started, "call_seconds": call_seconds, "failed": lost}


_JOBS = {"batch": batch, "older": older}


def _timed(call: Callable[..., Detection], seconds: list[float]) -> Callable[..., Detection]:
    def timed(*args: Any) -> Detection:
        began = time.monotonic()
        try:
            return call(*args)
        finally:
            seconds.append(time.monotonic() - began)

    return timed


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Answer requests until there are no more."""
    endpoint, *processor = sys.argv[1:]
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if processor:
        os.sched_setaffinity(0, {int(processor[0])})
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(_JOBS[request.pop("job")](request)), flush=True)


if __name__ == "__main__":
    main()
