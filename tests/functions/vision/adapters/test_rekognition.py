from collections.abc import Iterator

import pytest
from botocore.stub import Stubber

from vision.adapters import rekognition
from vision.adapters.aws_sdk import client
from vision.domain.errors import (
    AccessDenied,
    ImageTooLarge,
    InvalidImage,
    ServiceUnavailable,
    Throttled,
)
from vision.domain.objects import ObjectVersion

VERSION = ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/a+b 50%.jpg", "v1", "e1", "", 5)


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    with Stubber(client("rekognition")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_rekognition_gets_a_reference_to_the_version_and_no_bytes(stub: Stubber) -> None:
    expected = {
        "Image": {"S3Object": {"Bucket": "amzn-s3-demo-bucket", "Name": VERSION.key, "Version": "v1"}},
        "MaxLabels": 10,
        "MinConfidence": 62.5,
    }
    stub.add_response("detect_labels", {"Labels": []}, expected)
    assert rekognition.detect_labels(VERSION, 10, 62.5).labels == []


def test_an_object_without_versions_is_asked_for_without_one(stub: Stubber) -> None:
    unversioned = ObjectVersion(VERSION.bucket, VERSION.key, "", "e1", "", 5)
    expected = {
        "Image": {"S3Object": {"Bucket": VERSION.bucket, "Name": VERSION.key}},
        "MaxLabels": 1,
        "MinConfidence": 0,
    }
    stub.add_response("detect_labels", {"Labels": []}, expected)
    assert rekognition.detect_labels(unversioned, 1, 0).labels == []


def test_the_model_that_answered_is_named(stub: Stubber) -> None:
    stub.add_response("detect_labels", {"Labels": [], "LabelModelVersion": "3.0"})
    assert rekognition.detect_labels(VERSION, 10, 60).detector == {"name": "rekognition", "version": "3.0"}


def test_labels_come_in_the_form_of_the_record(stub: Stubber) -> None:
    stub.add_response("detect_labels", {"Labels": [{"Name": "Rose", "Confidence": 98.706}]})
    [label] = rekognition.detect_labels(VERSION, 10, 60).labels
    assert label == {"name": "Rose", "confidence": 98.71, "parents": [], "instances": []}


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ImageTooLargeException", 400, ImageTooLarge),
        ("InvalidImageFormatException", 400, InvalidImage),
        ("ThrottlingException", 400, Throttled),
        ("ProvisionedThroughputExceededException", 400, Throttled),
        ("InternalServerError", 500, ServiceUnavailable),
    ],
)
def test_what_rekognition_refuses_has_a_name(stub: Stubber, code: str, http_status: int, kind: type[Exception]) -> None:
    stub.add_client_error("detect_labels", code, "as Rekognition says it", http_status_code=http_status)
    with pytest.raises(kind, match=r"^DetectLabels: as Rekognition says it; \w+"):
        rekognition.detect_labels(VERSION, 10, 60)


def test_a_refusal_of_permission_does_not_pass_on_the_objects_name(stub: Stubber) -> None:
    stub.add_client_error("detect_labels", "AccessDeniedException", "not authorized on private/ann/uploads/secret.jpg")
    with pytest.raises(AccessDenied) as refusal:
        rekognition.detect_labels(VERSION, 10, 60)
    assert "secret" not in str(refusal.value)
