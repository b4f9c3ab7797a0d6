"""P12: the cost of a million images without Rekognition, by the price list of ``vision.domain.prices``."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.bulk.counted import Counts
from benchmarks.bulk.simulation import Outcome
from vision.domain import prices
from vision.domain.bulk.summaries import WORKER_GIGABYTES

MILLION = 1_000_000
GOAL_DOLLARS = 12.0
AIM_DOLLARS = 9.0
OF_PHOTO_SHARING = 1 / 15
PAID_CALLS_GOAL = 1.001

CHILD_GIGABYTES = 64 / 1024
"""The smallest memory that Step Functions bills; the payload of a child has about ten kilobytes."""
LOG_BYTES_PER_BATCH = 3_000
"""Bytes of the function's start, end and report lines, and a metric: assumed."""
FULL_RECORD_UNITS = 3
"""Of a record with parents and boxes of ten labels of Rekognition, as in the prototype; the local one finds fewer."""
READ_UNITS = 2
"""The photo's item and the record of each image, with consistent reads, each under 4 KB or missing."""


@dataclass(frozen=True)
class Bill:
    """Rows in US dollars for a million images."""

    name: str
    rows: Mapping[str, float]

    @property
    def dollars(self) -> float:
        """The sum of all rows."""
        return sum(self.rows.values())


def ours(counts: Counts, run: Outcome, max_labels: int) -> Bill:
    """Return the bill of a bulk run with compact records and thumbnails.

    Parameters
    ----------
    counts
        Counters of a real run.
    run
        A simulated run, for the billed time of the workers.
    max_labels
        The number of labels of a record.
    """
    images = run.load.images
    children = run.children / images
    seconds = run.worker_seconds / images
    gets = counts.per_image("GetObject") + counts.per_image("GetObject, a part") + counts.paid / counts.images
    fixed = counts.transitions / images
    rows = {
        "S3: PUT of thumbnails": counts.per_image("PutObject") * prices.S3_PUT,
        f"Lambda: {WORKER_GIGABYTES * 1024:.0f} MB arm64, {seconds * 1_000:.0f} ms for each image": seconds
        * WORKER_GIGABYTES
        * prices.LAMBDA_GB_SECOND_ARM,
        f"S3: {gets:.2f} GETs for each image, Rekognition's own one of them": gets * prices.S3_GET,
        f"DynamoDB: {counts.record_units(max_labels):.2f} write units for the record": counts.record_units(max_labels)
        * counts.per_image("UpdateItem PHOTO")
        * prices.DYNAMODB_WRITE_UNIT,
        f"Step Functions: a transition for each of {run.children:,} batches": (children + fixed)
        * prices.STANDARD_TRANSITION,
        f"DynamoDB: {READ_UNITS} read units to find existing records": READ_UNITS * prices.DYNAMODB_READ_UNIT,
        "Step Functions: Express requests and time": children * prices.EXPRESS_REQUEST
        + seconds * CHILD_GIGABYTES * prices.EXPRESS_GB_SECOND,
        "DynamoDB: writes of the rate limiter": counts.per_image("UpdateItem PACE") * prices.DYNAMODB_WRITE_UNIT,
        "X-Ray: if each batch is traced": children * prices.XRAY_TRACE,
        "CloudWatch Logs": children * LOG_BYTES_PER_BATCH / 1e9 * prices.LOGS_GB,
        "DynamoDB: the run's own record, once for each batch": children * prices.DYNAMODB_WRITE_UNIT,
        "S3: LIST, result files": prices.S3_LIST / 1_000 + 10 * prices.S3_PUT / images,
        "Lambda: requests": children * prices.LAMBDA_REQUEST,
    }
    return Bill("ours", {row: dollars * MILLION for row, dollars in rows.items()})


def options(counts: Counts, max_labels: int) -> dict[str, float]:
    """Return the additional cost of each option for a million images, in US dollars."""
    write = prices.DYNAMODB_WRITE_UNIT * MILLION
    return {
        "no thumbnails": -(prices.S3_PUT + prices.S3_GET) * MILLION,
        "record: full, with parents and boxes": (FULL_RECORD_UNITS - counts.record_units(max_labels)) * write,
        f"a label index: an item for each of {max_labels} labels (not built)": max_labels * write,
        "daily counts: one more update for each image (not built)": write,
        "daily counts: one more update for each batch (not built)": write * counts.children / counts.images,
    }


def _lambda(seconds: float, megabytes: int) -> float:
    return seconds * megabytes / 1024 * prices.LAMBDA_GB_SECOND_X86


# The rows of the prototype's cost model: the times and sizes of the functions were measured there, or read in the code.
_KAPPA = 1.5
_DETECT, _PUT, _TABLE = 0.4, 0.025, 0.008
_GET = 0.025 + 3.0 / 80
_WHOLE_PROCESSOR_MB = 1769


def _seconds(cpu: float, waiting: float, megabytes: int) -> float:
    return waiting + _KAPPA * cpu / min(1.0, megabytes / _WHOLE_PROCESSOR_MB)


def photo_sharing(express: bool = False) -> Bill:
    """Return the bill of the photo-sharing backend: an execution and six functions for each image."""
    functions = (
        (128, _seconds(0.012, 0.20, 128)),
        (1024, _seconds(0.62, _GET, 1024)),
        (256, _seconds(0.003, 0.001, 256)),
        (256, _seconds(0.004, _DETECT, 256)),
        (1536, _seconds(0.374, _GET + _PUT, 1536)),
        (128, _seconds(0.012, 0.12, 128)),
    )
    if express:
        flow = {"Express execution": prices.EXPRESS_REQUEST + 2.2 * CHILD_GIGABYTES * prices.EXPRESS_GB_SECOND}
    else:
        flow = {"Step Functions: 7 transitions": 7 * prices.STANDARD_TRANSITION}
    rows = flow | {
        "Lambda: six functions": sum(_lambda(seconds, megabytes) for megabytes, seconds in functions),
        "Lambda: requests": 6 * prices.LAMBDA_REQUEST,
        "AppSync: 3 mutations": 3 * prices.APPSYNC_REQUEST,
        "DynamoDB: 4 write units": 4 * prices.DYNAMODB_WRITE_UNIT,
        "S3: 3 GETs, 1 PUT": 3 * prices.S3_GET + prices.S3_PUT,
        "CloudWatch Logs: 30 KB": 30e3 / 1e9 * prices.LOGS_GB,
    }
    name = "photo-sharing backend" + (", if it were Express" if express else "")
    return Bill(name, {row: dollars * MILLION for row, dollars in rows.items()})


def older_bulk() -> Bill:
    """Return the bill of the older bulk sample: children of five images, two functions each, no thumbnails."""
    batch = 5
    detect = _lambda(_seconds(0.0015 * batch, batch * (_DETECT + 0.01), 1024), 1024)
    write = _lambda(_seconds(0.0015 * batch, batch * _TABLE, 256), 256)
    rows = {
        "Lambda: two functions": (detect + write) / batch,
        "Lambda: requests": 2 * prices.LAMBDA_REQUEST / batch,
        "Step Functions: 3 transitions for each child": 3 * prices.STANDARD_TRANSITION / batch,
        "S3: LIST, 1 GET": prices.S3_LIST / 1_000 + prices.S3_GET,
        "DynamoDB: 1 write unit": prices.DYNAMODB_WRITE_UNIT,
        "DynamoDB: 1,500 provisioned units for 5.6 hours": 1_500 * 5.6 * prices.DYNAMODB_WRITE_CAPACITY_HOUR / MILLION,
        "CloudWatch Logs: 5 KB": 5e3 / 1e9 * prices.LOGS_GB,
        "X-Ray": prices.XRAY_TRACE / batch,
    }
    return Bill("older bulk sample, no thumbnails", {row: dollars * MILLION for row, dollars in rows.items()})


def custom_labels_batch() -> Bill:
    """Return the bill of the Custom Labels batch: a message and a function for each image, no thumbnails."""
    rows = {
        "Lambda: one function": _lambda(_seconds(0.0164, 1.14, 128), 128),
        "Lambda: requests": prices.LAMBDA_REQUEST,
        "SQS: 3 requests": 3 * prices.SQS_REQUEST,
        "S3: 2 GETs, 2 PUTs": 2 * (prices.S3_GET + prices.S3_PUT),
        "Step Functions: an hourly loop": 56 * 4 * prices.STANDARD_TRANSITION / MILLION,
        "CloudWatch Logs: 3 KB": 3e3 / 1e9 * prices.LOGS_GB,
    }
    return Bill("Custom Labels batch, no thumbnails", {row: dollars * MILLION for row, dollars in rows.items()})


def others() -> list[Bill]:
    """Return the bills of the older systems."""
    return [photo_sharing(), photo_sharing(express=True), older_bulk(), custom_labels_batch()]
