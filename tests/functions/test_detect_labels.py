from typing import Any

import pytest

from tests.functions.conftest import Answer, Event, Handler, Refuse, Start
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import InvalidEvent, Throttled


@pytest.fixture
def handler(function: Start) -> Handler:
    return function("detect_labels")


@pytest.fixture
def envelope(event: Event) -> dict[str, Any]:
    return event("detect_labels")


def test_labels_are_returned_with_their_detector(handler: Handler, envelope: dict[str, Any], answer: Answer) -> None:
    found = {"Labels": [{"Name": "Rose", "Confidence": 98.706}], "LabelModelVersion": "3.0"}
    asked = answer("rekognition", "DetectLabels", found, {"Labels": []})
    assert handler(envelope) == {
        "labels": [{"name": "Rose", "confidence": 98.71, "parents": [], "instances": []}],
        "detector": {"name": "rekognition", "version": "3.0"},
    }
    image = {
        "Bucket": "amzn-s3-demo-bucket",
        "Name": "private/ann/uploads/garden/rose (1) 50%+.jpg",
        "Version": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    }
    assert asked == [{"Image": {"S3Object": image}, "MaxLabels": 10, "MinConfidence": 60.0}]
    assert handler(envelope)["labels"] == []


def test_execution_records_the_labels_as_displayed_and_does_not_carry_them(
    handler: Handler, event: Event, envelope: dict[str, Any], answer: Answer, table: Table
) -> None:
    box = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
    rose = {"Name": "Rose", "Confidence": 98.706, "Instances": [{"BoundingBox": box, "Confidence": 97.0}]}
    answer("rekognition", "DetectLabels", {"Labels": [rose], "LabelModelVersion": "3.0"})
    task = {"execution": event("store_metadata")["execution"], "metadata": {"format": "PNG", "orientation": 6}}
    detector = {"name": "rekognition", "version": "3.0"}
    assert handler(envelope | task) == {"label_count": 1, "detector": detector}
    image = table.image(Envelope.from_dict(envelope)) or {}
    # Rekognition does not turn a PNG, so its boxes are those of the stored pixels.
    turned = {"left": 0.4, "top": 0.1, "width": 0.4, "height": 0.3}
    [label] = image["labels"]
    assert (label["name"], label["instances"][0]["box"]) == ("Rose", turned)
    assert (image["status"], image["detector"]) == ("RUNNING", detector)


def test_labels_that_cannot_be_recorded_are_not_bought_again(
    handler: Handler, event: Event, envelope: dict[str, Any], answer: Answer, refuse: Refuse
) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": [{"Name": "Rose", "Confidence": 98.7}]})
    refuse("dynamodb", "UpdateItem", "ProvisionedThroughputExceededException")
    found = handler(envelope | {"execution": event("store_metadata")["execution"]})
    assert [label["name"] for label in found["labels"]] == ["Rose"]
    assert len(asked) == 1


def test_error_of_rekognition_is_raised_by_its_name(handler: Handler, envelope: dict[str, Any], refuse: Refuse) -> None:
    refuse("rekognition", "DetectLabels", "ThrottlingException")
    with pytest.raises(Throttled):
        handler(envelope)


def test_invalid_envelope_costs_no_call(handler: Handler, answer: Answer) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    with pytest.raises(InvalidEvent):
        handler({"object": {"bucket": "amzn-s3-demo-bucket"}})
    assert asked == []
