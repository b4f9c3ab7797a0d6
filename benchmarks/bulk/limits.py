"""The sizes of a run of millions of images: payloads, result files, the summary."""

import json
import time
from dataclasses import dataclass

from benchmarks.bulk.counted import Counts
from benchmarks.bulk.simulation import KAPPA, Outcome
from vision.domain import keys
from vision.domain.bulk import bulk_run
from vision.domain.bulk.tallies import Tally

PAYLOAD_LIMIT = 256 * 1024
HISTORY_LIMIT = 25_000
EXPRESS_SECONDS = 300
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
SUMMARIZE_SECONDS = 890
_SUMMARIZE_SHARE = 512 / 1769
"""The timeout of summarize_run in the template, and the share of a processor for its memory."""

_TYPICAL_KEY = "archive/2026/11/21/IMG_0001234.jpg"
_LINES = 100_000


@dataclass(frozen=True)
class Size:
    """The sizes of a run.

    Attributes
    ----------
    payload_bytes, largest_payload_bytes
        The input of a batch, with usual keys and with the longest keys of S3.
    result_bytes
        All result files.
    summarize_seconds
        Duration of the function that adds them up.
    """

    payload_bytes: int
    largest_payload_bytes: int
    result_bytes: int
    summarize_seconds: float


def size_of(run: Outcome, counts: Counts, line_seconds: float) -> Size:
    """Return the sizes of a simulated run, by those of a real batch."""
    return Size(
        payload_bytes(_TYPICAL_KEY, run.batch_size),
        payload_bytes("k" * keys.KEY_LIMIT_BYTES, run.batch_size),
        round(counts.result_bytes / counts.children * run.children),
        line_seconds * run.children * KAPPA / _SUMMARIZE_SHARE,
    )


def payload_bytes(key: str, images: int) -> int:
    """Return the size of a batch's input whose keys are all like this one."""
    request = bulk_run.Request.from_dict({"bucket": "b" * 63, "prefix": "archive/"}).as_dict()
    arn = "arn:aws:states:us-east-1:123456789012:execution:image-recognition-ProcessBucket-0123456789AB:" + "0" * 36
    run = {"run_id": "0" * 36, "request": request, "execution": {"Id": arn, "StartTime": "2026-11-01T00:00:00.000Z"}}
    item = {"key": key, "etag": '"' + "0" * 32 + '"', "size_bytes": 3_000_000}
    return len(json.dumps({"BatchInput": run, "Items": [item] * images}, separators=(",", ":")).encode())


def line_seconds() -> float:
    """Measure the CPU time for reading and adding up the result of one batch."""
    tally = Tally(seen=100, labelled=98, failed=2, calls=98, reads=300, writes=100, thumbnails=98, batches=1)
    tally.worker_seconds = 8.2
    tally.reasons.update({"CorruptImage": 2})
    line = json.dumps(tally.as_dict() | {"in_vain": False}).encode()
    whole, began = Tally(), time.process_time()
    for _ in range(_LINES):
        whole.add(json.loads(line))
    return (time.process_time() - began) / _LINES
