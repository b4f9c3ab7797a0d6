"""Photos without the API in front, their uploads as the processing queue delivers them, and inspectors."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import Start
from tests.functions.environment import ENVIRONMENT, RESULTS, TOPIC_ARN
from tests.functions.photo_app import PhotoApp
from vision import entry
from vision.adapters.aws_sdk import client
from vision.adapters.rekognition import Detection
from vision.adapters.table import Table
from vision.domain.detector_types import REKOGNITION, DetectorType
from vision.domain.envelopes import Envelope
from vision.domain.inspection import rules
from vision.domain.inspection.rules import Rule
from vision.domain.inspection.verdicts import Judgement
from vision.domain.labels import Label
from vision.domain.objects import ObjectVersion
from vision.services.detectors import Rekognition
from vision.services.inspection import Inspector

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


def detect(version: ObjectVersion, rule: Rule) -> Detection:
    """Detect labels as inspect_images does."""
    return _rekognition().detect_for_rule(version, rule)


def _rekognition() -> Rekognition:
    return Rekognition(int(ENVIRONMENT["MAX_LABELS"]), float(ENVIRONMENT["MIN_CONFIDENCE"]), entry.warn)


@dataclass(frozen=True)
class ScriptedDetector:
    """A detector of an inspection that calls a function of the test; a record keeps all labels."""

    detect_for_rule: Callable[[ObjectVersion, Rule], Detection]
    type: DetectorType = REKOGNITION

    @staticmethod
    def labels_to_store(found: Sequence[Label], named: Collection[str] = ()) -> list[Label]:
        return list(found)


def upload(envelope: Envelope, content: bytes, key: str = "") -> ObjectVersion:
    """Put content at the key of an image or at another key, as a newer version."""
    bucket, key = envelope.object.bucket, key or envelope.object.key
    put = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return ObjectVersion(bucket, key, put["VersionId"], put["ETag"].strip('"'), "", len(content))


@pytest.fixture
def inspector(table: Table) -> Inspector:
    """An inspector that moves images, and notifies of every verdict."""
    read = rules.parse(ENVIRONMENT["INSPECTION_RULES"])
    return Inspector(
        table, read, _rekognition(), BUCKET, RESULTS, TOPIC_ARN, moves=True, notifies_of=frozenset(Judgement)
    )
