"""The response of DetectCustomLabels, in the form of the record."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vision.domain.labels import from_custom_labels

BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
detections = st.fixed_dictionaries(
    {"Name": st.sampled_from(("scratch", "dent", "paint")), "Confidence": st.floats(0, 100)},
    optional={"Geometry": st.sampled_from(({}, {"BoundingBox": BOX}, {"Polygon": []}))},
)
responses = st.fixed_dictionaries({}, optional={"CustomLabels": st.lists(detections, max_size=8)})


def test_no_labels_are_a_result() -> None:
    assert from_custom_labels({}) == from_custom_labels({"CustomLabels": []}) == []


def test_label_of_the_whole_image_has_no_box() -> None:
    assert from_custom_labels({"CustomLabels": [{"Name": "dent", "Confidence": 87.456}]}) == [
        {"name": "dent", "confidence": 87.46, "parents": [], "instances": []}
    ]


@given(responses)
def test_detections_of_one_name_are_instances_of_one_label(response: dict[str, Any]) -> None:
    detections = response.get("CustomLabels", [])
    expected: dict[str, list[float]] = {one["Name"]: [] for one in detections}
    for one in detections:
        if "BoundingBox" in one.get("Geometry", {}):
            expected[one["Name"]].append(round(one["Confidence"], 2))
    found = from_custom_labels(response)
    boxes = {label["name"]: [one["confidence"] for one in label["instances"]] for label in found}
    assert boxes == {name: sorted(confidences, reverse=True) for name, confidences in expected.items()}


@given(responses)
def test_label_has_its_highest_confidence_and_the_highest_comes_first(response: dict[str, Any]) -> None:
    best: dict[str, float] = {}
    for one in response.get("CustomLabels", []):
        best[one["Name"]] = max(best.get(one["Name"], 0), round(one["Confidence"], 2))
    found = from_custom_labels(response)
    assert {label["name"]: label["confidence"] for label in found} == best
    assert [label["confidence"] for label in found] == sorted(best.values(), reverse=True)
