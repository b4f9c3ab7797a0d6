"""A world for the handlers: fresh applications, photos in the bucket, services that refuse, and what is logged."""

import importlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from PIL import Image

from tests.conftest import TABLE
from vision.adapters.session import client
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope

Handler = Callable[[dict[str, Any]], Any]
STATE_MACHINE_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:image-recognition-ProcessImage"
ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "image-recognition",
    "POWERTOOLS_LOG_LEVEL": "DEBUG",
    "IMAGE_TABLE_NAME": TABLE,
    "PROCESS_IMAGE_STATE_MACHINE_ARN": STATE_MACHINE_ARN,
    "MAX_LABELS": "10",
    "MIN_CONFIDENCE": "60",
    "THUMBNAIL_SIZE": "250",
    "SILENT_AFTER_SECONDS": "3600",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda tells a handler about its invocation."""

    function_name: str
    memory_limit_in_mb: int = 256
    aws_request_id: str = "4b1f6a3e-0f3a-4f6d-9a56-1f2e3d4c5b6a"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"


@pytest.fixture
def function(
    aws: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Handler]:
    """Import the application of a function as a cold start does, and return its handler."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    def start_cold(name: str) -> Handler:
        module = f"functions.{name}.app"
        for imported in (module, "vision.entry"):
            sys.modules.pop(imported, None)
        app = importlib.import_module(module)
        # Loggers outlive their modules, and this one would still write to what an earlier test captured.
        app.entry._logger.registered_handler.stream = sys.stdout
        return lambda event: app.handler(event, Context(name))

    return start_cold


@pytest.fixture
def table(table_name: str) -> Table:
    return Table(table_name)


@pytest.fixture
def items(table_name: str) -> Callable[[], list[dict[str, Any]]]:
    """Everything that is in the table."""
    return lambda: client("dynamodb").scan(TableName=table_name)["Items"]


@pytest.fixture
def executions(state_machine_arn: str) -> Callable[[], list[dict[str, Any]]]:
    """Every execution that was started."""
    return lambda: client("stepfunctions").list_executions(stateMachineArn=state_machine_arn)["executions"]


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A photo of 640 × 480 px that says where and when it was taken."""
    exif = Image.Exif()
    exif[0x10F], exif[0x110] = "Apple", "iPhone 15"
    exif[0x8769] = {0x9003: "2026:11:11 16:04:05", 0x9011: "+01:00"}
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)}
    encoded = io.BytesIO()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(encoded, "JPEG", exif=exif)
    return encoded.getvalue()


@pytest.fixture
def stored(bucket: str) -> Callable[[dict[str, Any], bytes], None]:
    """Put content where an envelope says that it is, under the very version id of the envelope."""
    from moto.s3.models import s3_backends

    def put(envelope: dict[str, Any], content: bytes) -> None:
        version = Envelope.from_dict(envelope).object
        client("s3").put_object(Bucket=bucket, Key=version.key, Body=content)
        newest = s3_backends["123456789012"]["aws"].get_bucket(bucket).keys.getlist(version.key)[-1]
        newest._version_id = version.version_id

    return put


@pytest.fixture
def answer(aws: None) -> Callable[..., list[dict[str, Any]]]:
    """Let a service answer with what is given, and return the list that its requests will be in."""

    def register(service: str, operation: str, response: dict[str, Any]) -> list[dict[str, Any]]:
        asked: list[dict[str, Any]] = []
        adapter = client(service)
        adapter.meta.events.register_first(
            f"provide-client-params.{adapter.meta.service_model.service_id.hyphenize()}.{operation}",
            lambda params, **_: asked.append(params),
        )
        _register(service, operation, lambda: (AWSResponse("", 200, {}, None), response))
        return asked

    return register


@pytest.fixture
def refuse(aws: None) -> Callable[..., None]:
    """Let a service refuse some of its calls: those whose numbers are given, counted from 1, or all of them."""

    def register(
        service: str, operation: str, code: str, http_status: int = 400, *, calls: tuple[int, ...] = ()
    ) -> None:
        made = 0

        def maybe() -> Any:
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

        _register(service, operation, maybe)

    return register


def _register(service: str, operation: str, act: Callable[[], Any]) -> None:
    adapter = client(service)
    name = f"before-call.{adapter.meta.service_model.service_id.hyphenize()}.{operation}"
    adapter.meta.events.register_first(name, lambda **_: act())
