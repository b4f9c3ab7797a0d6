"""The cost of a number of images of one size: the measured counters, multiplied by the price list."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil
from typing import Any, Final

import yaml

from benchmarks.bulk.aws import Behaviour
from benchmarks.bulk.costs import CHILD_GIGABYTES
from benchmarks.bulk.simulation import KAPPA, Load, simulate
from benchmarks.cost.usage import FunctionUse, Measured, Usage
from benchmarks.peers import ROOT
from benchmarks.sessions import policies
from benchmarks.sessions.policies import DEFAULT
from vision.domain import prices
from vision.domain.bulk import bulk_run
from vision.domain.bulk.summaries import WORKER_GIGABYTES
from vision.services.detectors import CONCURRENT_BATCHES

PHOTO: Final = "photo"
BULK: Final = "bulk"
INSPECTION: Final = "inspection"
REKOGNITION: Final = "rekognition"
OWN_MODEL: Final = "own-model"
CUSTOM_LABELS: Final = "custom-labels"

WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    REKOGNITION: (PHOTO, BULK, INSPECTION),
    OWN_MODEL: (PHOTO, BULK, INSPECTION),
    CUSTOM_LABELS: (INSPECTION,),
}
"""The ways in which each detector processes images."""

ANSWER_SECONDS: Final = 0.03
"""Of Step Functions, SQS and SNS, to a function: assumed."""
LOG_BYTES: Final = 1_500
"""Of an invocation, in the log: assumed."""
SQS_REQUESTS: Final = 3
"""For a message that comes alone: send, receive and delete. Ten messages of a batch share the last two requests."""
EVENTS: Final = {PHOTO: 2, BULK: 0, INSPECTION: 2}
"""From the image bucket: the upload, and the thumbnail or the deletion of the moved image. For bulk runs, the events
were sent when the images were uploaded, and their thumbnails go to the other bucket."""
SIMULATED_IMAGES: Final = 5_000
"""Of a bulk run: for more images, the time for each hardly changes."""
OWN_MODEL_MEMORY_MB: Final = 2048
"""The default of own-model.yaml."""
_PROCESSOR_MB = 1769
_S3_PUTS = ("PutObject",)
_S3_GETS = ("GetObject", "GetObject, a part", "HeadObject")
_TABLE = ("PutItem", "GetItem", "BatchGetItem", "Query", "BatchWriteItem", "TransactWriteItems", "UpdateItem")
_ANSWERS = ("StartExecution", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "Publish")
_SQS = (
    "ReceiveMessage",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
)
_READ = ("bytes of GetObject", "bytes of GetObject, a part")
_HALF = 0.5
_SESSIONS, _AT_ONCE = "UsesCustomLabels", "InspectsAtOnce"
_BYTES_PER_GB = 1e9
CLASSIFIER: Final = "ClassifyImageFunction"


@dataclass(frozen=True)
class Row:
    """A line of a bill.

    Attributes
    ----------
    name
        The service, and the billed usage.
    amount
        The amount, with its unit.
    dollars
        The cost.
    """

    name: str
    amount: str
    dollars: float


@dataclass(frozen=True)
class Bill:
    """The cost of processing images, and the monthly cost of storing them."""

    way: str
    images: int
    rows: tuple[Row, ...]
    monthly: tuple[Row, ...]

    @property
    def dollars(self) -> float:
        """The total of the costs that occur once."""
        return sum(row.dollars for row in self.rows)

    @property
    def monthly_dollars(self) -> float:
        """The total of the monthly costs."""
        return sum(row.dollars for row in self.monthly)


def bill(measured: Measured, way: str, detector: str, images: int, image_bytes: float) -> Bill:
    """Return the bill of a number of images of one size, all within one month."""
    small, large = measured.ways[f"{way}, {detector}"]
    usage = between(small, large, image_bytes)
    rows = [
        _detector(usage, detector, images),
        *_workflow(usage, way, images),
        *_functions(usage, way, images),
        *_requests(usage, way, detector, images),
    ]
    return Bill(way, images, tuple(row for row in rows if row.dollars), _monthly(usage, images))


def between(small: Usage, large: Usage, image_bytes: float) -> Usage:
    """Return the usage of an image by its size: CPU time and bytes grow with it, the rest is as for the nearer one.

    The values lie on the line through the two measured sizes, also beyond the larger one, but never below the smaller.
    """
    share = max(0.0, (image_bytes - small.image_bytes) / (large.image_bytes - small.image_bytes))
    nearer = small if share < _HALF else large
    functions = {}
    for name, use in nearer.functions.items():
        one, other = small.functions[name], large.functions[name]
        requests = dict(use.requests)
        for kind in requests.keys() & set(_READ):
            requests[kind] = one.requests[kind] + share * (other.requests[kind] - one.requests[kind])
        cpu_seconds = one.cpu_seconds + share * max(0.0, other.cpu_seconds - one.cpu_seconds)
        functions[name] = FunctionUse(cpu_seconds, requests)
    return Usage(image_bytes, nearer.transitions, nearer.table_bytes, nearer.thumbnail_bytes, functions)


def seconds(name: str, use: FunctionUse, usage: Usage, behaviour: Behaviour | None = None) -> float:
    """Return the billed time of a function for an image: computing and waiting."""
    aws = behaviour or Behaviour()
    s3 = sum(use.requests.get(kind, 0) for kind in (*_S3_PUTS, *_S3_GETS, "DELETE"))
    s3_bytes = sum(use.requests.get(f"bytes of {kind}", 0) for kind in (*_S3_PUTS, *_S3_GETS))
    table = sum(count for kind, count in use.requests.items() if kind.startswith(_TABLE))
    waiting = (
        s3 * aws.s3_seconds
        + s3_bytes / aws.s3_bytes_per_second
        + table * aws.table_seconds
        + sum(use.requests.get(kind, 0) for kind in _ANSWERS) * ANSWER_SECONDS
        + (use.requests.get("DetectLabels", 0) + use.requests.get("DetectCustomLabels", 0)) * aws.detect_seconds
    )
    if use.requests.get("Invoke"):
        waiting += use.requests["Invoke"] * seconds(CLASSIFIER, usage.functions[CLASSIFIER], usage, behaviour)
    return waiting + use.cpu_seconds * KAPPA / min(1.0, memory_mb(name) / _PROCESSOR_MB)


@cache
def memory_mb(function: str) -> int:
    """Return the memory of a function in the template."""
    if function == CLASSIFIER:
        return OWN_MODEL_MEMORY_MB
    template = _template()
    properties = template["Resources"][function]["Properties"]
    return int(properties.get("MemorySize") or template["Globals"]["Function"]["MemorySize"])


def default(parameter: str) -> float:
    """Return the default of a numeric parameter of the template."""
    return float(_template()["Parameters"][parameter]["Default"])


def calls_per_second() -> float:
    """Return the default of BulkCallsPerSecond."""
    return default("BulkCallsPerSecond")


@cache
def alarms(detector: str) -> int:
    """Return the number of alarms: those of the stack, and those of the stacks for this detector."""
    left_out = _AT_ONCE if detector == CUSTOM_LABELS else _SESSIONS
    stacks = ("template.yaml", "own-model.yaml") if detector == OWN_MODEL else ("template.yaml",)
    resources = [one for stack in stacks for one in _template(stack)["Resources"].values()]
    return sum(one["Type"] == "AWS::CloudWatch::Alarm" and one.get("Condition") != left_out for one in resources)


@cache
def _template(name: str = "template.yaml") -> dict[str, Any]:
    # This loader reads every value as text, so that it accepts the intrinsic functions.
    content: dict[str, Any] = yaml.load((ROOT / name).read_text(encoding="utf-8"), yaml.BaseLoader)
    return content


def _detector(usage: Usage, detector: str, images: int) -> Row:
    if detector == REKOGNITION:
        calls = images * usage.request("DetectLabels")
        return Row("Rekognition: DetectLabels", f"{calls:,.0f} calls", prices.detect_labels(calls))
    if detector == CUSTOM_LABELS:
        hours = unit_hours(images)
        dollars = hours * prices.CUSTOM_LABELS_UNIT_HOUR
        return Row("Rekognition: the Custom Labels model", f"{hours:,.2f} unit hours", dollars)
    use = usage.functions[CLASSIFIER]
    gigabyte_seconds = images * seconds(CLASSIFIER, use, usage) * memory_mb(CLASSIFIER) / 1024
    dollars = gigabyte_seconds * prices.LAMBDA_GB_SECOND_ARM
    return Row("Own model: its function", f"{gigabyte_seconds:,.0f} GB s", dollars)


@cache
def unit_hours(images: int) -> float:
    """Return the hours that a model runs for images that arrive together, with the template's default settings.

    The sessions are those of :mod:`benchmarks.sessions`, with the product's own decisions.
    """
    return policies.policies()[DEFAULT]([0.0] * images, 1).unit_hours


def _workflow(usage: Usage, way: str, images: int) -> list[Row]:
    if way == BULK:
        batches = ceil(images / bulk_run.batch_size(calls_per_second()))
        worker_seconds = bulk_seconds(usage, images)
        return [
            Row("Step Functions: transitions", f"{batches:,}", batches * prices.STANDARD_TRANSITION),
            Row(
                "Step Functions: Express executions",
                f"{batches:,}",
                batches * prices.EXPRESS_REQUEST + worker_seconds * CHILD_GIGABYTES * prices.EXPRESS_GB_SECOND,
            ),
        ]
    transitions = images * usage.transitions
    return [Row("Step Functions: transitions", f"{transitions:,.0f}", transitions * prices.STANDARD_TRANSITION)]


def bulk_seconds(usage: Usage, images: int) -> float:
    """Return the billed time of the workers of a bulk run.

    With Rekognition and its rate limiter, by the simulation of :mod:`benchmarks.bulk`. With an own model, which has no
    rate limiter, a worker is limited by its processor or by its concurrent calls, whichever takes longer.
    """
    [(_, use)] = [(name, use) for name, use in usage.functions.items() if name != CLASSIFIER]
    cpu_seconds = use.cpu_seconds * KAPPA
    if CLASSIFIER in usage.functions:
        model_seconds = seconds(CLASSIFIER, usage.functions[CLASSIFIER], usage)
        return images * max(cpu_seconds, model_seconds / CONCURRENT_BATCHES)
    simulated = min(images, SIMULATED_IMAGES)
    load = Load(simulated, calls_per_second(), cpu_seconds, int(usage.image_bytes))
    return simulation_seconds(load) / simulated * images


@cache
def simulation_seconds(load: Load) -> float:
    """Return the billed time of a simulated run, and cache it."""
    return simulate(load).worker_seconds


def _functions(usage: Usage, way: str, images: int) -> list[Row]:
    if way == BULK:
        invocations = ceil(images / bulk_run.batch_size(calls_per_second()))
        gigabyte_seconds = bulk_seconds(usage, images) * WORKER_GIGABYTES
    else:
        own = {name: use for name, use in usage.functions.items() if name != CLASSIFIER}
        invocations = images * len(own)
        gigabyte_seconds = images * sum(seconds(name, use, usage) * memory_mb(name) / 1024 for name, use in own.items())
    if CLASSIFIER in usage.functions:
        invocations += ceil(images * usage.request("Invoke"))
    return [
        Row("Lambda: requests", f"{invocations:,}", invocations * prices.LAMBDA_REQUEST),
        Row("Lambda: duration", f"{gigabyte_seconds:,.0f} GB s", gigabyte_seconds * prices.LAMBDA_GB_SECOND_ARM),
        Row(
            "CloudWatch Logs: ingestion",
            f"{invocations * LOG_BYTES / _BYTES_PER_GB:,.2f} GB",
            invocations * LOG_BYTES / _BYTES_PER_GB * prices.LOGS_GB,
        ),
        Row("X-Ray: traces, if each is recorded", *_times(invocations if way == BULK else images, prices.XRAY_TRACE)),
    ]


def _requests(usage: Usage, way: str, detector: str, images: int) -> list[Row]:
    uploads = 0 if way == BULK else 1
    puts = images * (sum(map(usage.request, _S3_PUTS)) + uploads)
    own_get = 0 if detector == OWN_MODEL else 1
    gets = images * (sum(map(usage.request, _S3_GETS)) + own_get)
    lists = images / 1_000 if way == BULK else 0
    alone = 0 if way == BULK else 1 if detector == CUSTOM_LABELS else SQS_REQUESTS
    return [
        Row("S3: PUT, COPY, LIST", *_times(puts + lists, prices.S3_PUT)),
        Row("S3: GET", *_times(gets, prices.S3_GET)),
        Row("DynamoDB: write units", *_times(images * usage.request("write units"), prices.DYNAMODB_WRITE_UNIT)),
        Row("DynamoDB: read units", *_times(images * usage.request("half read units") / 2, prices.DYNAMODB_READ_UNIT)),
        Row("SQS: requests", *_times(images * (sum(map(usage.request, _SQS)) + alone), prices.SQS_REQUEST)),
        Row("EventBridge: events of S3", *_times(images * EVENTS[way], prices.EVENT)),
    ]


def _times(count: float, price: float) -> tuple[str, float]:
    return f"{count:,.0f}", count * price


def _monthly(usage: Usage, images: int) -> tuple[Row, ...]:
    objects = images * (usage.image_bytes + usage.thumbnail_bytes) / _BYTES_PER_GB
    records = images * usage.table_bytes / _BYTES_PER_GB
    return (
        Row("S3: storage", f"{objects:,.2f} GB", objects * prices.S3_GB_MONTH),
        Row("DynamoDB: storage", f"{records:,.2f} GB", records * prices.DYNAMODB_GB_MONTH),
        Row("DynamoDB: backups", f"{records:,.2f} GB", records * prices.DYNAMODB_BACKUP_GB_MONTH),
    )
