"""Fixtures of the handlers: cold starts, photos in the bucket, services that answer or refuse, and what they wrote."""

import contextlib
import importlib
import io
import itertools
import json
import os
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from PIL import Image

from tests.conftest import BUCKET, EVENTS, REGION, ROOT, TABLE
from tests.functions.environment import ENVIRONMENT, RESULTS, TOPIC_ARN, variables_of
from tests.functions.http_api import Caller, claims
from tests.own_models import write_model
from vision.adapters.aws_sdk import client
from vision.adapters.bulk_runs import BulkRuns
from vision.adapters.lease import Lease, expiry
from vision.adapters.table import Table
from vision.api import audit, problems
from vision.domain import records
from vision.domain.bulk.bulk_run import Request
from vision.domain.envelopes import Envelope
from vision.domain.events import created_objects
from vision.domain.executions import Attempt
from vision.services import gallery

Handler = Callable[[dict[str, Any]], Any]
Event = Callable[[str], dict[str, Any]]
Listing = Callable[[], list[Any]]
Start = Callable[[str], Handler]
Hook = Callable[..., None]
Refuse = Callable[..., None]
Answer = Callable[..., list[dict[str, Any]]]
Metrics = Callable[[], dict[str, float]]
NOTHING_FAILED: dict[str, list[Any]] = {"batchItemFailures": []}
FILES = sorted(path.stem for path in EVENTS.glob("*.json"))
FUNCTIONS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
# Events of older systems that are refused: the name of the error, and the input of today in its message.
REFUSED = {
    "classify_image_older_container": r'InvalidEvent: .* as in \{"objects": \[\{"bucket": ',
    "extract_metadata_older_backend": r'InvalidEvent: .* start with \{"object": \{"bucket": .*, "version_id": ',
    "open_run_older_sample_more_fields": r'InvalidRun: .* write \{"bucket": "my-images", "prefix": ',
    "start_processing_older_backend": r"InvalidEvent: .* send a notification of S3 to the queue",
}
# Functions that a queue invokes: their failures are an answer, not an error.
QUEUED = ("start_processing", "inspect_images")
STATE_MACHINE_ARN = ENVIRONMENT["PROCESS_IMAGE_STATE_MACHINE_ARN"]


@dataclass(frozen=True, slots=True)
class Context:
    """The context object that Lambda passes to a handler."""

    function_name: str
    memory_limit_in_mb: int = 256
    aws_request_id: str = "4b1f6a3e-0f3a-4f6d-9a56-1f2e3d4c5b6a"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 300_000


def function_of(sample: str) -> str:
    """Return the function that a file of ``events/`` is named after."""
    return max((name for name in FUNCTIONS if sample.startswith(name)), key=len)


@pytest.fixture(scope="session")
def task_root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of the own model's container image, with a model of three colours."""
    root = tmp_path_factory.mktemp("task")
    write_model(root / "model")
    return str(root)


@pytest.fixture
def function(
    aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], task_root: str
) -> Callable[[str], Handler]:
    """Import the application of a function as a cold start does, and return its handler."""
    given: set[str] = set()
    monkeypatch.setenv("LAMBDA_TASK_ROOT", task_root)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048")

    def start_cold(name: str) -> Handler:
        variables = variables_of(name)
        for variable in given - variables.keys():
            monkeypatch.delenv(variable)
        given.intersection_update(variables)
        for variable in variables.keys() - os.environ.keys():
            monkeypatch.setenv(variable, variables[variable])
            given.add(variable)
        module = f"functions.{name}.app"
        for imported in (module, "vision.entry"):
            sys.modules.pop(imported, None)
        app = importlib.import_module(module)
        # Loggers outlive their modules: this one would still write to the captured output of an earlier test.
        app.entry._logger.registered_handler.stream = sys.stdout
        return lambda event: app.handler(event, Context(name))

    return start_cold


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for indexes: those of moto are updated at once."""
    monkeypatch.setattr(gallery, "_SETTLE_SECONDS", 0.0)


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


@pytest.fixture
def runs(table_name: str) -> BulkRuns:
    return BulkRuns(table_name)


@pytest.fixture
def items(table_name: str) -> Callable[[], list[dict[str, Any]]]:
    """Return all items of the table."""
    return lambda: client("dynamodb").scan(TableName=table_name)["Items"]


@pytest.fixture
def executions(state_machine_arn: str) -> Callable[[], list[dict[str, Any]]]:
    """Return all executions that were started."""
    return lambda: client("stepfunctions").list_executions(stateMachineArn=state_machine_arn)["executions"]


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
def stored(bucket: str) -> Callable[[dict[str, Any], bytes], None]:
    """Put content at the key of an envelope, with the version id and the ETag of the envelope."""
    from moto.s3.models import s3_backends

    def put(envelope: dict[str, Any], content: bytes) -> None:
        version = Envelope.from_dict(envelope).object
        client("s3").put_object(Bucket=bucket, Key=version.key, Body=content)
        newest = s3_backends["123456789012"]["aws"].get_bucket(bucket).keys.getlist(version.key)[-1]
        newest._version_id, newest._etag = version.version_id, version.etag

    return put


@pytest.fixture
def hook(aws: None) -> Iterator[Callable[..., None]]:
    """Register a function for an event of botocore, until the end of the test: clients outlive it."""
    hooked = []

    def register(service: str, moment: str, act: Callable[..., Any], *, first: bool = False) -> None:
        events = client(service).meta.events
        event = moment.replace("SERVICE", client(service).meta.service_model.service_id.hyphenize())
        (events.register_first if first else events.register)(event, act)
        hooked.append((events, event, act))

    yield register
    for events, event, act in hooked:
        events.unregister(event, act)


@pytest.fixture
def answer(hook: Callable[..., None]) -> Callable[..., list[dict[str, Any]]]:
    """Let a service give these responses, repeating the last one, and return the list of its requests."""
    current: dict[tuple[str, str], tuple[list[dict[str, Any]], Iterator[dict[str, Any]]]] = {}

    def register(service: str, operation: str, *responses: dict[str, Any]) -> list[dict[str, Any]]:
        is_new = (service, operation) not in current
        asked: list[dict[str, Any]] = []
        current[service, operation] = asked, itertools.chain(responses, itertools.repeat(responses[-1]))

        def remember(params: dict[str, Any], **_: Any) -> None:
            current[service, operation][0].append(params)

        def respond(**_: Any) -> Any:
            return AWSResponse("", 200, {}, None), next(current[service, operation][1])

        if is_new:
            hook(service, f"provide-client-params.SERVICE.{operation}", remember)
            hook(service, f"before-call.SERVICE.{operation}", respond)
        return asked

    return register


@pytest.fixture
def refuse(hook: Callable[..., None]) -> Callable[..., None]:
    """Let a service refuse all of its calls, or those with the given numbers, counted from 1."""

    def register(service: str, operation: str, code: str, http_status: int = 400, calls: tuple[int, ...] = ()) -> None:
        made = 0

        def maybe(**_: Any) -> Any:
            nonlocal made
            made += 1
            if calls and made not in calls:
                return None
            if code == "silence":
                raise ReadTimeoutError(endpoint_url=f"https://{service}")
            response = {
                "Error": {"Code": code, "Message": "as the service says it"},
                "ResponseMetadata": {"HTTPStatusCode": http_status},
            }
            return AWSResponse("", http_status, {}, None), response

        hook(service, f"before-call.SERVICE.{operation}", maybe, first=True)

    return register


@pytest.fixture
def world(
    bucket: str,
    table: Table,
    state_machine_arn: str,
    event: Callable[[str], dict[str, Any]],
    stored: Callable[[dict[str, Any], bytes], None],
    answer: Callable[..., list[dict[str, Any]]],
    photo: bytes,
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
def model(hook: Callable[..., None]) -> Model:
    """A stopped model, which StartProjectVersion and StopProjectVersion start and stop."""
    model = Model()
    hook("rekognition", "before-call.SERVICE.DescribeProjectVersions", model.described)
    hook("rekognition", "before-call.SERVICE.StartProjectVersion", model.start)
    hook("rekognition", "before-call.SERVICE.StopProjectVersion", model.stop)
    return model


@pytest.fixture
def execution_arn(event: Event) -> str:
    """The session of the sample events."""
    return str(event("start_model")["execution_arn"])


@pytest.fixture
def metrics(capsys: pytest.CaptureFixture[str]) -> Metrics:
    """The sums of the metrics that were written since the last call, by name."""

    def read() -> dict[str, float]:
        sums: Counter[str] = Counter()
        for line in capsys.readouterr().out.splitlines():
            written = json.loads(line) if line.startswith("{") else {}
            for directive in written.get("_aws", {}).get("CloudWatchMetrics", []):
                for metric in directive["Metrics"]:
                    sums[metric["Name"]] += sum(written[metric["Name"]])
        return dict(sums)

    return read


@pytest.fixture
def lease(table_name: str) -> Lease:
    return Lease(table_name, ENVIRONMENT["MODEL_VERSION_ARN"])


@pytest.fixture
def inspection_queue(aws: None) -> str:
    """The empty queue of images."""
    return str(client("sqs").create_queue(QueueName="InspectionQueue")["QueueUrl"])


@pytest.fixture
def notified(aws: None) -> Callable[[], list[dict[str, Any]]]:
    """Return the messages that were published to the topic."""
    from moto.sns.models import sns_backends

    client("sns").create_topic(Name="QualityTopic")
    topic = sns_backends["123456789012"][REGION].topics[TOPIC_ARN]
    return lambda: [json.loads(json.loads(sent[1])["default"]) for sent in topic.sent_notifications]


@pytest.fixture
def results(bucket: str) -> Callable[[], list[str]]:
    """Return the keys of all versions of all objects in the results bucket."""
    client("s3").create_bucket(Bucket=RESULTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_bucket_versioning(Bucket=RESULTS, VersioningConfiguration={"Status": "Enabled"})
    return lambda: [one["Key"] for one in client("s3").list_object_versions(Bucket=RESULTS).get("Versions", [])]


@pytest.fixture
def inspected(
    world: Envelope,
    results: Callable[[], list[str]],
    notified: Callable[[], list[dict[str, Any]]],
    event: Callable[[str], dict[str, Any]],
    stored: Callable[[dict[str, Any], bytes], None],
    answer: Callable[..., list[dict[str, Any]]],
    photo: bytes,
) -> Envelope:
    """The image that the sample events announce for inspection, in the bucket, with all that its inspection needs."""
    [version] = created_objects(event("inspect_images")["Records"][0]["body"], BUCKET)
    envelope = Envelope.of(version)
    stored(envelope.as_dict(), photo.ljust(version.size_bytes, b"\0"))
    answer("rekognition", "DetectCustomLabels", {"CustomLabels": [{"Name": "rose", "Confidence": 98.7}]})
    return envelope


@pytest.fixture
def api(function: Callable[[str], Handler], table: Table, results: Callable[[], list[str]]) -> Callable[..., Caller]:
    """Return a client of the API for a person, such as ``api("ann")``."""
    for name in ("ProcessBucket", "CustomModelSession"):
        client("stepfunctions").create_state_machine(
            name=f"image-recognition-{name}",
            definition='{"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}',
            roleArn="arn:aws:iam::123456789012:role/states",
        )
    # Started cold once for all tests: making its routes takes longer than answering a request.
    app = sys.modules.get("functions.api.app")
    if app is None:
        function("api")
        app = sys.modules["functions.api.app"]

    def caller(owner: str, *groups: str) -> Caller:
        # During a test, pytest captures another stream than during its setup.
        for logger in (app.entry._logger, problems._logger):
            logger.registered_handler.stream = sys.stdout
        # As on Lambda, where no module is imported before the function has its name.
        audit._logger._logger.parent = app.entry._logger._logger
        return Caller(lambda event: app.handler(event, Context("api")), claims(owner, groups))

    return caller


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
    function: Callable[[str], Handler],
    world: Envelope,
    inspected: Envelope,
    model: Model,
    lease: Lease,
    inspection_queue: str,
    answered: list[dict[str, Any]],
    table: Table,
    event: Callable[[str], dict[str, Any]],
) -> Callable[[str], Any]:
    """Send a sample event to its function, at the moment of the photo or session at which it would arrive."""

    def process() -> None:
        # Long ago, so that the schedule finds the execution silent.
        table.register(world, "2020-01-01T00:00:00.000Z")
        run = Attempt.from_context(event("store_metadata")["execution"])
        table.advance(world, run, records.running({}), "2020-01-01T00:00:01.000Z")

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
