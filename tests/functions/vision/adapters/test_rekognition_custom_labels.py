"""Rekognition asked for the labels of a rule, or of a Custom Labels model."""

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.stub import Stubber

from vision.adapters import rekognition
from vision.adapters.aws_sdk import client
from vision.domain.errors import (
    AccessDenied,
    ImageTooLarge,
    InvalidImage,
    ModelNotReady,
    ServiceUnavailable,
    Throttled,
)
from vision.domain.objects import ObjectVersion

VERSION = ObjectVersion("amzn-s3-demo-bucket", "images/a+b 50%.jpg", "v1", "e1", "", 5)
SOURCE = {"S3Object": {"Bucket": VERSION.bucket, "Name": VERSION.key, "Version": "v1"}}
ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things/version/things.1/1794479400123"
SERVICE_MODEL = botocore.session.get_session().get_service_model("rekognition")
RAISED = {
    "ResourceNotReadyException": ModelNotReady,
    "ImageTooLargeException": ImageTooLarge,
    "InvalidImageFormatException": InvalidImage,
    "LimitExceededException": Throttled,
    "AccessDeniedException": AccessDenied,
    "InternalServerError": ServiceUnavailable,
    "ThrottlingException": Throttled,
    "ProvisionedThroughputExceededException": Throttled,
}
# The session has described and started this very model, with a confidence that the template bounds.
OURS = {"ResourceNotFoundException", "InvalidParameterException"}
# What it says of an object depends on whether that is there, see test_unreadable_objects.py.
LOOKED_AT = {"InvalidS3ObjectException"}


@pytest.fixture
def stub(aws: None) -> Iterator[Stubber]:
    with Stubber(client("rekognition")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_rekognition_looks_for_the_labels_of_a_rule_and_no_others(stub: Stubber) -> None:
    expected = {
        "Image": SOURCE,
        "MaxLabels": 100,
        "MinConfidence": 90.0,
        "Settings": {"GeneralLabels": {"LabelInclusionFilters": ["Rose", "Weed"]}},
    }
    stub.add_response("detect_labels", {"Labels": []}, expected)
    assert rekognition.detect_labels(VERSION, 100, 90.0, ["Rose", "Weed"]).labels == []


def test_a_model_is_asked_by_reference_to_the_version(stub: Stubber) -> None:
    stub.add_response(
        "detect_custom_labels",
        {"CustomLabels": [{"Name": "dent", "Confidence": 87.456}]},
        {"ProjectVersionArn": ARN, "Image": SOURCE, "MinConfidence": 50.0},
    )
    found = rekognition.detect_custom_labels(VERSION, ARN, 50.0)
    assert [label["name"] for label in found.labels] == ["dent"]


def test_the_model_that_looked_is_named(stub: Stubber) -> None:
    stub.add_response("detect_custom_labels", {"CustomLabels": []})
    assert rekognition.detect_custom_labels(VERSION, ARN, 50.0).detector == {"name": "custom-labels", "version": ARN}


def test_each_error_of_a_model_is_thought_of() -> None:
    known = {error.name for error in SERVICE_MODEL.operation_model("DetectCustomLabels").error_shapes}
    assert RAISED.keys() | OURS | LOOKED_AT == known


@pytest.mark.parametrize("code", RAISED)
def test_what_a_model_refuses_has_a_name(stub: Stubber, code: str) -> None:
    http_status = 500 if code == "InternalServerError" else 400
    stub.add_client_error("detect_custom_labels", code, http_status_code=http_status)
    with pytest.raises(RAISED[code], match=r"^DetectCustomLabels: .*; \w+"):
        rekognition.detect_custom_labels(VERSION, ARN, 50.0)
