from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Handler
from vision.domain.errors import (
    AccessDenied,
    ImageTooLarge,
    InvalidEvent,
    InvalidImage,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
)

Answer = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def handler(function: Callable[[str], Handler]) -> Handler:
    return function("detect_labels")


@pytest.fixture
def envelope(event: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return event("detect_labels")


def test_labels_come_with_the_detector_that_found_them(
    handler: Handler, envelope: dict[str, Any], answer: Answer
) -> None:
    answer(
        "rekognition", "DetectLabels", {"Labels": [{"Name": "Rose", "Confidence": 98.706}], "LabelModelVersion": "3.0"}
    )
    assert handler(envelope) == {
        "labels": [{"name": "Rose", "confidence": 98.71, "parents": [], "instances": []}],
        "detector": {"name": "rekognition", "version": "3.0"},
    }


def test_zero_labels_are_a_result(handler: Handler, envelope: dict[str, Any], answer: Answer) -> None:
    answer("rekognition", "DetectLabels", {"Labels": [], "LabelModelVersion": "3.0"})
    assert handler(envelope)["labels"] == []


def test_rekognition_is_asked_once_for_the_version_within_the_settings(
    handler: Handler, envelope: dict[str, Any], answer: Answer
) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    handler(envelope)
    image = {
        "Bucket": "amzn-s3-demo-bucket",
        "Name": "private/ann/uploads/garden/rose (1) 50%+.jpg",
        "Version": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    }
    assert asked == [{"Image": {"S3Object": image}, "MaxLabels": 10, "MinConfidence": 60.0}]


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ThrottlingException", 400, Throttled),
        ("ProvisionedThroughputExceededException", 400, Throttled),
        ("AccessDeniedException", 400, AccessDenied),
        # Nobody has put the object of this envelope there.
        ("InvalidS3ObjectException", 400, ObjectNotFound),
        ("ImageTooLargeException", 400, ImageTooLarge),
        ("InvalidImageFormatException", 400, InvalidImage),
        ("InternalServerError", 500, ServiceUnavailable),
        ("silence", 0, ServiceUnavailable),
    ],
)
def test_a_failing_rekognition_has_a_name(
    handler: Handler,
    envelope: dict[str, Any],
    refuse: Callable[..., None],
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    refuse("rekognition", "DetectLabels", code, http_status)
    with pytest.raises(kind):
        handler(envelope)


def test_what_is_no_envelope_costs_no_call(handler: Handler, answer: Answer) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    with pytest.raises(InvalidEvent):
        handler({"object": {"bucket": "amzn-s3-demo-bucket"}})
    assert asked == []
