"""The requests of one image on each way through the product, counted in the local engine."""

import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.bulk.counted import item_bytes
from benchmarks.cost import capacity
from benchmarks.cost.usage import FunctionUse, Usage
from benchmarks.peers import ROOT
from local.demo.session_demo import FOLDER
from local.stack.local_stack import Stack
from vision.domain import keys, table_keys
from vision.domain.objects import ObjectVersion

IMAGES = 10
PATIENCE_SECONDS = 300
SMALL_PX = (400, 300)

PHOTO = (
    "StartProcessingFunction",
    "ExtractMetadataFunction",
    "DetectLabelsFunction",
    "GenerateThumbnailFunction",
    "StoreMetadataFunction",
)
INSPECTION = ("InspectImagesFunction",)
BULK = ("ProcessBatchFunction",)
SESSION = ("DrainQueueFunction",)

_SERVICES = ("S3", "DYNAMODB", "REKOGNITION", "LAMBDA", "SFN", "SNS", "SQS")
# Each is a transition: https://aws.amazon.com/step-functions/pricing/
_ENTERED = "StateEntered"
_OVERHEAD_BYTES = 100


class NotMeasured(Exception):
    """The local stack did not do the work to be counted."""


@dataclass(frozen=True)
class Worked:
    """The work on one way: its images, and the transitions of their own executions."""

    versions: Sequence[ObjectVersion]
    transitions: int = 0


Way = Callable[[Stack, Sequence[bytes]], Worked]


def small_photos(source: Path, count: int) -> list[bytes]:
    """Return different small JPEGs cropped from a photo."""
    with Image.open(source) as photo:
        whole = photo.convert("RGB")
    pieces = []
    for number in range(count):
        left, top = number * 37 % (whole.width - SMALL_PX[0]), number * 23 % (whole.height - SMALL_PX[1])
        piece = io.BytesIO()
        whole.crop((left, top, left + SMALL_PX[0], top + SMALL_PX[1])).save(piece, "JPEG", quality=80)
        pieces.append(piece.getvalue())
    return pieces


def large_photos(source: Path, count: int) -> list[bytes]:
    """Return different copies of a photo: bytes after a JPEG's end change no pixel."""
    content = source.read_bytes()
    return [content + number.to_bytes(4, "big") for number in range(count)]


def measure(stack: Stack, way: Way, functions: Sequence[str], contents: Sequence[bytes]) -> Usage:
    """Return the usage of each image; the first one is not counted, so that no cold start is.

    Raises
    ------
    NotMeasured
        An execution or a request did not succeed.
    """
    names = {each: _physical(stack, each) for each in functions}
    with _ledger(stack, names) as ports, _redirected(stack, names, ports):
        way(stack, contents[:1])
        for port in ports.values():
            _counts(port)
        kept = _table_bytes(stack)
        cpu = {each: _cpu_seconds(stack, name) for each, name in names.items()}
        worked = way(stack, contents[1:])
        images = len(contents) - 1
        uses = {
            each: FunctionUse(
                (_cpu_seconds(stack, name) - cpu[each]) / images,
                {kind: count / images for kind, count in sorted(_counts(ports[each]).items())},
            )
            for each, name in names.items()
        }
    thumbnails = [_thumbnail_bytes(stack, _record(stack, version)) for version in worked.versions]
    return Usage(
        image_bytes=sum(map(len, contents[1:])) / images,
        transitions=worked.transitions / images,
        table_bytes=(_table_bytes(stack) - kept) / images,
        thumbnail_bytes=sum(thumbnails) / images,
        functions=uses,
    )


def photos(stack: Stack, contents: Sequence[bytes]) -> Worked:
    """Upload photos in sequence, each after the previous one is done."""
    states, machine = stack.client("stepfunctions"), stack.outputs["ProcessImageStateMachineArn"]
    transitions, versions = 0, []
    for content in contents:
        version = _upload(stack, f"private/cost/uploads/{time.time_ns()}.jpg", content)
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{keys.execution_name(version)}"
        _wait(partial(_has_succeeded, states, arn), "an execution")
        transitions += _transitions(states, arn)
        versions.append(version)
    return Worked(versions, transitions)


def inspections(stack: Stack, contents: Sequence[bytes]) -> Worked:
    """Upload images for inspection in sequence."""
    versions = []
    for content in contents:
        version = _upload(stack, f"images/cost/{time.time_ns()}.jpg", content)
        _wait(partial(_is_gone, stack, version), "an image")
        _wait(lambda: _depth(stack, "InspectionQueueUrl") == 0, "the inspection queue")
        versions.append(version)
    return Worked(versions)


def bulk(stack: Stack, contents: Sequence[bytes]) -> Worked:
    """Label images in a bulk run."""
    prefix = f"cost/{time.time_ns()}/"
    versions = [_upload(stack, f"{prefix}{number:06}.jpg", content) for number, content in enumerate(contents)]
    request = {
        "bucket": stack.outputs["ImageBucketName"],
        "prefix": prefix,
        "steps": ["metadata", "labels", "thumbnail"],
    }
    _execute(stack, "ProcessBucketStateMachineArn", request)
    return Worked(versions)


def sessions(stack: Stack, contents: Sequence[bytes]) -> Worked:
    """Inspect images in a Custom Labels session."""
    versions = [_upload(stack, f"{FOLDER}/{time.time_ns()}.png", content) for content in contents]
    _wait(lambda: _depth(stack, "InspectionQueueUrl") == len(contents), "the inspection queue")
    _execute(stack, "CustomModelSessionStateMachineArn", {})
    return Worked(versions)


def _execute(stack: Stack, machine: str, request: Mapping[str, Any]) -> None:
    """Run a state machine to its end."""
    states = stack.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=stack.outputs[machine], input=json.dumps(request))["executionArn"]
    _wait(lambda: _status(states, arn) != "RUNNING", machine)
    if (status := _status(states, arn)) != "SUCCEEDED":
        raise NotMeasured(f"{arn} is {status}; its history says why")


def _depth(stack: Stack, queue: str) -> int:
    """Return the number of messages of a queue, including those in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.client("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def _status(states: Any, arn: str) -> str:
    try:
        return str(states.describe_execution(executionArn=arn)["status"])
    except states.exceptions.ExecutionDoesNotExist:
        return ""


def _has_succeeded(states: Any, arn: str) -> bool:
    return _status(states, arn) == "SUCCEEDED"


def _transitions(states: Any, arn: str) -> int:
    pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
    return sum(event["type"].endswith(_ENTERED) for page in pages for event in page["events"])


def _upload(stack: Stack, key: str, content: bytes) -> ObjectVersion:
    bucket = stack.outputs["ImageBucketName"]
    answer = stack.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return ObjectVersion(
        bucket=bucket,
        key=key,
        version_id=answer["VersionId"],
        etag=answer["ETag"].strip('"'),
        sequencer="",
        size_bytes=len(content),
    )


def _is_gone(stack: Stack, version: ObjectVersion) -> bool:
    s3 = stack.client("s3")
    try:
        s3.head_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
    except s3.exceptions.ClientError:
        return True
    return False


def _record(stack: Stack, version: ObjectVersion) -> dict[str, Any]:
    """Return the image record of an object; bulk runs and workflows have different versions in its key."""
    found = stack.client("dynamodb").query(
        TableName=stack.outputs["ImageTableName"],
        KeyConditionExpression="pk = :pk",
        FilterExpression="record_type = :image",
        ExpressionAttributeValues={":pk": {"S": table_keys.image_key(version)["pk"]}, ":image": {"S": "image"}},
    )
    [item] = found["Items"]
    return dict(item)


def _table_bytes(stack: Stack) -> int:
    """Return the bytes that DynamoDB bills as storage, including index entries.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    dynamodb, name = stack.client("dynamodb"), stack.outputs["ImageTableName"]
    of = capacity.indexes(dynamodb.describe_table(TableName=name)["Table"])
    size = 0
    for page in dynamodb.get_paginator("scan").paginate(TableName=name):
        for item in page["Items"]:
            entries = [entry for index in of if (entry := index.entry(item))]
            size += sum(item_bytes(each) + _OVERHEAD_BYTES for each in (item, *entries))
    return size


def _thumbnail_bytes(stack: Stack, item: Mapping[str, Any]) -> int:
    if "thumbnail" not in item:
        return 0
    place = item["thumbnail"]["M"]
    found = stack.client("s3").head_object(Bucket=place["bucket"]["S"], Key=place["key"]["S"])
    return int(found["ContentLength"])


def _wait(is_over: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_over():
        if time.monotonic() > deadline:
            raise NotMeasured(f"{what} did not end within {PATIENCE_SECONDS} s; look at the engine's log")
        time.sleep(0.1)


def _physical(stack: Stack, logical_id: str) -> str:
    """Return the physical name of a function by its logical id."""
    # Another stack of the same engine has functions of the same names.
    beginning = f"{stack.outputs['ImageTableName'].partition('-ImageTable-')[0]}-{logical_id}-"
    pages = stack.client("lambda").get_paginator("list_functions").paginate()
    names = [str(each["FunctionName"]) for page in pages for each in page["Functions"]]
    # The own model's function is in a stack of its own.
    [name] = [each for each in names if each.startswith(beginning)] or [
        each for each in names if f"-{logical_id}-" in each
    ]
    return name


@contextmanager
def _ledger(stack: Stack, names: Mapping[str, str]) -> Iterator[dict[str, int]]:
    command = [sys.executable, "-m", "benchmarks.cost.ledger", stack.endpoint_url, stack.outputs["ImageTableName"]]
    variables = {
        "AWS_ACCESS_KEY_ID": stack.access_key_id,
        "AWS_SECRET_ACCESS_KEY": stack.secret_access_key,
        "AWS_DEFAULT_REGION": stack.region,
    }
    ledger = subprocess.Popen(
        [*command, *names], cwd=ROOT, env=os.environ | variables, stdout=subprocess.PIPE, text=True
    )
    try:
        if ledger.stdout is None or not (line := ledger.stdout.readline()):
            raise NotMeasured("the ledger did not start")
        yield json.loads(line)
    finally:
        ledger.terminate()
        ledger.wait(timeout=10)


@contextmanager
def _redirected(stack: Stack, names: Mapping[str, str], ports: Mapping[str, int]) -> Iterator[None]:
    """Route the requests of functions through the ledger within a ``with`` block."""
    functions, before = stack.client("lambda"), {}
    for each, name in names.items():
        found = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        before[name] = {key: str(value) for key, value in found.items()}
        address = f"http://127.0.0.1:{ports[each]}"
        through = {f"AWS_ENDPOINT_URL_{service}": address for service in _SERVICES}
        _set_environment(functions, name, before[name] | through)
    try:
        yield
    finally:
        for name, variables in before.items():
            _set_environment(functions, name, variables)


def _set_environment(functions: Any, name: str, variables: Mapping[str, str]) -> None:
    """Set the variables of a function, and of the version behind its alias."""
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": dict(variables)})
    for alias in functions.list_aliases(FunctionName=name)["Aliases"]:
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=alias["Name"], FunctionVersion=version)


def _counts(port: int) -> dict[str, float]:
    """Return the ledger's counters for a function, and reset them."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_counts", timeout=10) as answer:
        counted: dict[str, float] = json.load(answer)
    return counted


def _cpu_seconds(stack: Stack, name: str) -> float:
    """Return the CPU time of a function's processes on this engine; other engines may run on the machine."""
    wanted = {f"AWS_LAMBDA_FUNCTION_NAME={name}".encode(), f"AWS_ENDPOINT_URL={stack.endpoint_url}".encode()}
    ticks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted <= set((process / "environ").read_bytes().split(b"\0")):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")
