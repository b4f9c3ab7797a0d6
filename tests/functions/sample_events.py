"""The world in which the sample events of ``events/`` arrive: their photo, their image, their model and their run."""

import contextlib
import io
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from PIL import Image

from tests.conftest import BUCKET, EVENTS, TABLE
from tests.functions.cold_start import Start, function_of
from tests.functions.environment import ENVIRONMENT
from tests.functions.faults import Answer, Hook
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.lease import Lease, expiry
from vision.adapters.table import Table
from vision.domain import records
from vision.domain.bulk.bulk_run import Request
from vision.domain.envelopes import Envelope
from vision.domain.events import created_objects
from vision.domain.executions import Attempt

Event = Callable[[str], dict[str, Any]]
Listing = Callable[[], list[Any]]
Stored = Callable[[dict[str, Any], bytes], None]
FILES = sorted(path.stem for path in EVENTS.glob("*.json"))
# Events of older systems that are refused: the name of the error, and the input of today in its message.
REFUSED = {
    "classify_image_older_container": r'InvalidEvent: .* as in \{"objects": \[\{"bucket": ',
    "extract_metadata_older_backend": r'InvalidEvent: .* start with \{"object": \{"bucket": .*, "version_id": ',
    "open_run_older_sample_more_fields": r'InvalidRun: .* write \{"bucket": "my-images", "prefix": ',
    "start_processing_older_backend": r"InvalidEvent: .* send a notification of S3 to the queue",
}
# Functions that a queue invokes: their failures are an answer, not an error.
QUEUED = ("start_processing", "inspect_images")


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A photo of 640 × 480 px with its time, location and camera."""
    exif = Image.Exif()
    exif[0x10F], exif[0x110] = "Apple", "iPhone 15"
    exif[0x8769] = {0x9003: "2026:11:11 16:04:05", 0x9011: "+01:00"}
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)}
    encoded = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(encoded, "JPEG", exif=exif)
    return encoded.getvalue()


@pytest.fixture
def stored(bucket: str) -> Stored:
    """Put content at the key of an envelope, with the version id and the ETag of the envelope."""
    from moto.s3.models import s3_backends

    def put(envelope: dict[str, Any], content: bytes) -> None:
        version = Envelope.from_dict(envelope).object
        client("s3").put_object(Bucket=bucket, Key=version.key, Body=content)
        newest = s3_backends["123456789012"]["aws"].get_bucket(bucket).keys.getlist(version.key)[-1]
        newest._version_id, newest._etag = version.version_id, version.etag

    return put


@pytest.fixture
def world(
    bucket: str, table: Table, state_machine_arn: str, event: Event, stored: Stored, answer: Answer, photo: bytes
) -> Envelope:
    """The photo of the sample events in the bucket, and a Rekognition that finds its labels."""
    sample = event("extract_metadata")
    stored(sample, photo)
    found = {"Labels": [{"Name": "Rose", "Confidence": 98.7}], "LabelModelVersion": "3.0"}
    answer("rekognition", "DetectLabels", found)
    answer("cognito-idp", "AdminGetUser", {"Username": "ann", "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"]})
    return Envelope.from_dict(sample)


class Model:
    """The Custom Labels model as Rekognition describes it, in the status that the test sets."""

    def __init__(self) -> None:
        self.status = "STOPPED"
        self.started: list[int] = []
        self.stopped = 0

    def described(self, **_: Any) -> Any:
        version = {"ProjectVersionArn": ENVIRONMENT["MODEL_VERSION_ARN"], "Status": self.status}
        return AWSResponse("", 200, {}, None), {"ProjectVersionDescriptions": [version]}

    def start(self, params: dict[str, Any], **_: Any) -> Any:
        self.started.append(json.loads(params["body"])["MinInferenceUnits"])
        self.status = "STARTING"
        return AWSResponse("", 200, {}, None), {"Status": self.status}

    def stop(self, **_: Any) -> Any:
        self.stopped += 1
        self.status = "STOPPING"
        return AWSResponse("", 200, {}, None), {"Status": self.status}


@pytest.fixture
def model(hook: Hook) -> Model:
    """A stopped model, which StartProjectVersion and StopProjectVersion start and stop."""
    model = Model()
    hook("rekognition", "before-call.SERVICE.DescribeProjectVersions", model.described)
    hook("rekognition", "before-call.SERVICE.StartProjectVersion", model.start)
    hook("rekognition", "before-call.SERVICE.StopProjectVersion", model.stop)
    return model


@pytest.fixture
def inspected(
    world: Envelope, results: Listing, notified: Listing, event: Event, stored: Stored, answer: Answer, photo: bytes
) -> Envelope:
    """The image that the sample events announce for inspection, in the bucket, with all that its inspection needs."""
    [version] = created_objects(event("inspect_images")["Records"][0]["body"], BUCKET)
    envelope = Envelope.of(version)
    stored(envelope.as_dict(), photo.ljust(version.size_bytes, b"\0"))
    answer("rekognition", "DetectCustomLabels", {"CustomLabels": [{"Name": "rose", "Confidence": 98.7}]})
    return envelope


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The responses to CloudFormation."""
    answers: list[dict[str, Any]] = []

    def take(request: urllib.request.Request, **_: Any) -> contextlib.nullcontext[None]:
        assert isinstance(request.data, bytes)
        answers.append(json.loads(request.data))
        return contextlib.nullcontext()

    monkeypatch.setattr(urllib.request, "urlopen", take)
    return answers


@pytest.fixture
def drive(
    function: Start,
    world: Envelope,
    inspected: Envelope,
    model: Model,
    lease: Lease,
    inspection_queue: str,
    answered: list[dict[str, Any]],
    table: Table,
    event: Event,
) -> Callable[[str], Any]:
    """Send a sample event to its function, at the moment of the photo or session at which it would arrive."""

    def process() -> None:
        # Long ago, so that the schedule finds the execution silent.
        table.register(world, "2020-01-01T00:00:00.000Z")
        run = Attempt.from_context(event("store_metadata")["execution"])
        table.begin(world, run, {}, "2020-01-01T00:00:01.000Z")

    def hold() -> None:
        client("sqs").send_message(QueueUrl=inspection_queue, MessageBody=event("inspect_images")["Records"][0]["body"])
        lease.acquire(event("start_model")["execution_arn"], records.now(), expiry(1800))

    def run() -> None:
        sample = event("open_run")
        request, arn = Request.from_dict(sample["request"]), sample["execution"]["Id"]
        BulkRuns(TABLE).open("first", arn, request, "2026-11-12T09:30:03.000Z")
        # The listing has the ETag of the content that is in the bucket.
        head = client("s3").head_object(Bucket=BUCKET, Key=world.object.key)
        changed["etag"], changed["size_bytes"] = head["ETag"], head["ContentLength"]

    changed: dict[str, Any] = {}

    def found(name: str) -> dict[str, Any]:
        """The sample event, with the object in the bucket in place of the listed one."""
        sample = event(name)
        for item in sample.get("Items", []):
            if item.get("is_latest", "true") == "true" and item["etag"].strip('"') == world.object.etag:
                item |= changed
        return sample

    def send(name: str) -> Any:
        match function_of(name):
            case "start_processing" | "inspect_images" | "validate_rules":
                pass
            case "release_model":
                model.status = "RUNNING"
            case "check_queue" | "start_model" | "drain_queue":
                hold()
            case "stop_model":
                hold()
                model.status = "RUNNING"
                if name == "stop_model_watchdog":
                    lease.release(event("start_model")["execution_arn"], records.now())
            case "open_run" | "pre_token_generation":
                pass
            case "process_batch":
                run()
            case "summarize_run":
                client("events").create_event_bus(Name=ENVIRONMENT["VISION_EVENT_BUS_NAME"])
                run()
            case _:
                process()
        return function(function_of(name))(found(name))

    return send
