"""The requests of a run of a thousand images, counted in the local engine."""

import io
import json
import math
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from benchmarks.peers import ROOT
from benchmarks.photos import real_photos
from local.engine import control
from local.stack import local_stack
from local.stack.local_stack import Stack, StackFiles

IMAGES = 1_000
FAIL_EVERY = 50
CALLS_PER_SECOND = 50
_PIECE_PX = (400, 300)
_PORT = 4790
_FUNCTIONS = ("ProcessBatchFunction",)
_SERVICES = ("S3", "DYNAMODB", "REKOGNITION")
# What counts as a transition: https://aws.amazon.com/step-functions/pricing/
_ENTERED = "StateEntered"


@dataclass(frozen=True)
class Counts:
    """The counters of one run.

    Attributes
    ----------
    images
        The images under the prefix.
    requests
        Requests of the workers by kind, and the bytes of each kind.
    paid
        Images that the local Rekognition has analysed.
    transitions, history_events
        Those of the parent execution.
    children, result_bytes
        Batches, and the bytes of the Map's result files.
    record_bytes
        Sizes of the image records, as DynamoDB counts them.
    labels, label_bytes
        The number of labels of each record, and the size of a label.
    summary
        The summary of the run.
    """

    images: int
    requests: Mapping[str, int]
    paid: int
    transitions: int
    history_events: int
    children: int
    result_bytes: int
    record_bytes: list[int]
    labels: list[int]
    label_bytes: float
    summary: Mapping[str, Any]

    def record_units(self, labels: int) -> float:
        """Return the average write units of a record if each had this number of labels, as on AWS."""
        sizes = zip(self.record_bytes, self.labels, strict=True)
        return statistics.fmean(units(round(size + (labels - found) * self.label_bytes)) for size, found in sizes)

    @property
    def record_units_as_found(self) -> float:
        """The average write units of a record with the labels of the local Rekognition."""
        return statistics.fmean(map(units, self.record_bytes))

    def per_image(self, kind: str) -> float:
        """Return the number of requests of a kind for each image."""
        return self.requests.get(kind, 0) / self.images


def units(size_bytes: int) -> int:
    """Return the write units of an item."""
    return math.ceil(size_bytes / 1024)


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the size of an item in DynamoDB's own JSON, as DynamoDB bills it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    kind, content = next(iter(value.items()))
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            digits = str(content).lstrip("-").replace(".", "").strip("0")
            return math.ceil(len(digits) / 2) + 1 + str(content).startswith("-")
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(part) for name, part in content.items())
        case "L":
            return 3 + sum(1 + _value_bytes(part) for part in content)
    return 1


@contextmanager
def recorded() -> Iterator[tuple[Stack, str]]:
    """Deploy the template to a new engine behind a recorder; yield the stack and the address of the recorder."""
    files = StackFiles(ROOT / ".local" / "bulk-counted")
    parameters = {"BulkCallsPerSecond": str(CALLS_PER_SECOND)}
    try:
        deployed = local_stack.up(lambda _: None, files, parameters, port=_PORT)
        with _recorder(deployed) as endpoint:
            _redirect(deployed, endpoint)
            yield deployed, endpoint
    finally:
        local_stack.down(lambda _: None, files)


@contextmanager
def _recorder(deployed: Stack) -> Iterator[str]:
    address = urlsplit(deployed.endpoint_url)
    command = [sys.executable, "-m", "benchmarks.bulk.recorder", str(address.hostname), str(address.port)]
    recorder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if recorder.stdout is None:
            raise RuntimeError("the recorder has no output")
        yield f"http://127.0.0.1:{json.loads(recorder.stdout.readline())['port']}"
    finally:
        recorder.terminate()
        recorder.wait(timeout=10)


def run(deployed: Stack, recorder: str, prefix: str, images: int, fail_every: int, **wishes: Any) -> Counts:
    """Label images with the deployed state machine, and count the requests."""
    bucket, table = deployed.outputs["ImageBucketName"], deployed.outputs["ImageTableName"]
    s3, states, dynamodb = (deployed.client(name) for name in ("s3", "stepfunctions", "dynamodb"))
    for number, content in enumerate(_pieces(images)):
        s3.put_object(Bucket=bucket, Key=f"{prefix}{number:06}.jpg", Body=content)
    _ask(f"{recorder}/_fail/{fail_every}")
    _ask(f"{recorder}/_counts")
    paid = _paid(deployed)
    arn = states.start_execution(
        stateMachineArn=deployed.outputs["ProcessBucketStateMachineArn"],
        input=json.dumps({"bucket": bucket, "prefix": prefix, **wishes}),
    )["executionArn"]
    while (execution := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.5)
    requests = Counter(json.loads(_ask(f"{recorder}/_counts")))
    _ask(f"{recorder}/_fail/0")
    if execution["status"] != "SUCCEEDED":
        raise RuntimeError(f"the run is {execution['status']}: {execution.get('error')} {execution.get('cause')}")
    events = [
        event
        for page in states.get_paginator("get_execution_history").paginate(executionArn=arn)
        for event in page["events"]
    ]
    summary = json.loads(execution["output"])
    results = s3.list_objects_v2(Bucket=summary["results"]["bucket"], Prefix=summary["results"]["prefix"])["Contents"]
    records = [item for item in _records(dynamodb, table) if item["object"]["M"]["key"]["S"].startswith(prefix)]
    labels = [item["labels"]["L"] for item in records]
    return Counts(
        images=images,
        requests=requests,
        paid=_paid(deployed) - paid,
        transitions=sum(event["type"].endswith(_ENTERED) for event in events),
        history_events=len(events),
        children=summary["batches"],
        result_bytes=sum(found["Size"] for found in results if "SUCCEEDED_" in found["Key"]),
        record_bytes=[item_bytes(item) for item in records],
        labels=[len(found) for found in labels],
        label_bytes=statistics.fmean(1 + _value_bytes(label) for found in labels for label in found),
        summary=summary,
    )


def _records(dynamodb: Any, table: str) -> Iterator[dict[str, Any]]:
    for page in dynamodb.get_paginator("scan").paginate(TableName=table):
        yield from (item for item in page["Items"] if item.get("record_type") == {"S": "image"})


def _redirect(deployed: Stack, endpoint: str) -> None:
    """Route the requests of the workers through the recorder."""
    functions = deployed.client("lambda")
    for function in functions.get_paginator("list_functions").paginate().build_full_result()["Functions"]:
        if any(name in function["FunctionName"] for name in _FUNCTIONS):
            variables = function["Environment"]["Variables"]
            variables |= {f"AWS_ENDPOINT_URL_{service}": endpoint for service in _SERVICES}
            functions.update_function_configuration(
                FunctionName=function["FunctionName"], Environment={"Variables": variables}
            )


def _paid(deployed: Stack) -> int:
    return int(control.ask(deployed.client_arguments(), {}, target="LocalRekognition.Counters")["paid"])


def _ask(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        return bytes(response.read())


def _pieces(images: int) -> Iterator[bytes]:
    """Yield different small JPEGs cropped from the real photos, each with the EXIF of its photo."""
    opened = []
    for path in real_photos():
        with Image.open(path) as photo:
            if photo.format == "JPEG" and min(photo.size) > max(_PIECE_PX):
                opened.append((photo.convert("RGB"), photo.info.get("exif", b"")))
    for number in range(images):
        whole, exif = opened[number % len(opened)]
        left, top = number * 7 % (whole.width - _PIECE_PX[0]), number * 3 % (whole.height - _PIECE_PX[1])
        piece = io.BytesIO()
        whole.crop((left, top, left + _PIECE_PX[0], top + _PIECE_PX[1])).save(piece, "JPEG", quality=80, exif=exif)
        yield piece.getvalue()
