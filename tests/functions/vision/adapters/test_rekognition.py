"""Labels from Rekognition: of any kind, of a rule, and of a Custom Labels model."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from vision.adapters import rekognition
from vision.domain.errors import AccessDenied, ImageTooLarge, InvalidImage, ModelNotReady, ServiceUnavailable, Throttled
from vision.domain.objects import ObjectVersion

VERSION = ObjectVersion("amzn-s3-demo-bucket", "private/ann/uploads/a+b 50%.jpg", "v1", "e1", "", 5)
IMAGE = {"S3Object": {"Bucket": VERSION.bucket, "Name": VERSION.key, "Version": "v1"}}
ARN = "arn:aws:rekognition:eu-west-1:123456789012:project/things/version/things.1/1794479400123"
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
IMPOSSIBLE = {"ResourceNotFoundException", "InvalidParameterException"}
# Its meaning depends on whether the object exists: see test_rekognition_unreadable_objects.py.
UNREADABLE = {"InvalidS3ObjectException"}


@pytest.fixture
def stub(stubbed: Callable[[str], Stubber]) -> Stubber:
    return stubbed("rekognition")


@pytest.mark.parametrize(
    ("version", "image"),
    [
        (VERSION, IMAGE),
        (replace(VERSION, version_id=""), {"S3Object": {"Bucket": VERSION.bucket, "Name": VERSION.key}}),
    ],
    ids=["version", "no versions"],
)
def test_request_has_a_reference_to_the_object_version_and_no_bytes(
    stub: Stubber, version: ObjectVersion, image: dict[str, Any]
) -> None:
    response = {"Labels": [{"Name": "Rose", "Confidence": 98.706}], "LabelModelVersion": "3.0"}
    stub.add_response("detect_labels", response, {"Image": image, "MaxLabels": 10, "MinConfidence": 62.5})
    found = rekognition.detect_labels(version, 10, 62.5)
    assert found.labels == [{"name": "Rose", "confidence": 98.71, "parents": [], "instances": []}]
    assert found.detector == {"name": "rekognition", "version": "3.0"}


def test_labels_of_a_rule_are_the_only_ones_requested(stub: Stubber) -> None:
    expected = {
        "Image": IMAGE,
        "MaxLabels": 100,
        "MinConfidence": 90.0,
        "Settings": {"GeneralLabels": {"LabelInclusionFilters": ["Rose", "Weed"]}},
    }
    stub.add_response("detect_labels", {"Labels": []}, expected)
    assert rekognition.detect_labels(VERSION, 100, 90.0, ["Rose", "Weed"]).labels == []


def test_custom_labels_come_from_the_model_version(stub: Stubber) -> None:
    stub.add_response(
        "detect_custom_labels",
        {"CustomLabels": [{"Name": "dent", "Confidence": 87.456}]},
        {"ProjectVersionArn": ARN, "Image": IMAGE, "MinConfidence": 50.0},
    )
    found = rekognition.detect_custom_labels(VERSION, ARN, 50.0)
    assert [label["name"] for label in found.labels] == ["dent"]
    assert found.detector == {"name": "custom-labels", "version": ARN}


def test_every_error_of_the_service_model_has_an_expected_outcome() -> None:
    operation = botocore.session.get_session().get_service_model("rekognition").operation_model("DetectCustomLabels")
    assert RAISED.keys() | IMPOSSIBLE | UNREADABLE == {error.name for error in operation.error_shapes}


@pytest.mark.parametrize("code", RAISED)
def test_service_error_is_a_named_error_with_a_remedy(stub: Stubber, code: str) -> None:
    http_status = 500 if code == "InternalServerError" else 400
    stub.add_client_error("detect_custom_labels", code, http_status_code=http_status)
    with pytest.raises(RAISED[code], match=r"^DetectCustomLabels: .*; \w+"):
        rekognition.detect_custom_labels(VERSION, ARN, 50.0)
    if code != "ResourceNotReadyException":
        stub.add_client_error("detect_labels", code, "service message", http_status_code=http_status)
        with pytest.raises(RAISED[code], match=r"^DetectLabels: .*; \w+"):
            rekognition.detect_labels(VERSION, 10, 60)


def test_denied_access_does_not_reveal_the_name_of_the_object(stub: Stubber) -> None:
    stub.add_client_error("detect_labels", "AccessDeniedException", "not authorized on private/ann/uploads/secret.jpg")
    with pytest.raises(AccessDenied) as refusal:
        rekognition.detect_labels(VERSION, 10, 60)
    assert "secret" not in str(refusal.value)
