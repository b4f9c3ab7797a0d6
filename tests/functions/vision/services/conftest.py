"""Photos without the API in front, and their uploads as the processing queue delivers them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Start
from tests.functions.photo_app import PhotoApp
from vision.domain.envelopes import Envelope

Deliver = Callable[..., Any]
FORM, COPY, PUT, PARTS = "POST Object", "CopyObject", "PutObject", "CompleteMultipartUpload"
DAILY_UPLOADS = 3


@pytest.fixture
def app(table_name: str, bucket: str) -> PhotoApp:
    return PhotoApp()


def message(envelope: Envelope, body: dict[str, Any]) -> dict[str, Any]:
    """The SQS message of an upload."""
    return {
        "messageId": envelope.object.version_id,
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:image-recognition-ProcessingQueue",
    }


@pytest.fixture
def deliver(function: Start, app: PhotoApp, state_machine_arn: str, monkeypatch: pytest.MonkeyPatch) -> Deliver:
    """Deliver uploads to start_processing, which accepts three photos of a person a day."""
    monkeypatch.setenv("DAILY_UPLOADS", str(DAILY_UPLOADS))
    handler = function("start_processing")

    def event(envelope: Envelope, reason: str) -> dict[str, Any]:
        version = envelope.object
        source = {"key": version.key, "size": version.size_bytes, "etag": version.etag}
        source |= {"version-id": version.version_id, "sequencer": version.sequencer}
        detail = {"bucket": {"name": version.bucket}, "object": source, "reason": reason}
        return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}

    def send(*envelopes: Envelope, reason: str = FORM) -> Any:
        return handler({"Records": [message(envelope, event(envelope, reason)) for envelope in envelopes]})

    return send
