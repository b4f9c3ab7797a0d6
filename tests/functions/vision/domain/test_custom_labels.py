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


def test_label_of_the_whole_image_has_no_box() -> None:
    assert from_custom_labels({}) == from_custom_labels({"CustomLabels": []}) == []
    assert from_custom_labels({"CustomLabels": [{"Name": "dent", "Confidence": 87.456}]}) == [
        {"name": "dent", "confidence": 87.46, "parents": [], "instances": []}
    ]


@given(responses)
def test_detections_of_one_name_are_one_label_with_the_highest_confidence(response: dict[str, Any]) -> None:
    best: dict[str, float] = {}
    boxes: dict[str, list[float]] = {}
    for one in response.get("CustomLabels", []):
        name, confidence = one["Name"], round(one["Confidence"], 2)
        best[name] = max(best.get(name, 0), confidence)
        boxes[name] = [*boxes.get(name, []), *([confidence] if "BoundingBox" in one.get("Geometry", {}) else [])]
    found = from_custom_labels(response)
    assert {label["name"]: label["confidence"] for label in found} == best
    assert [label["confidence"] for label in found] == sorted(best.values(), reverse=True)
    shown = {label["name"]: [one["confidence"] for one in label["instances"]] for label in found}
    assert shown == {name: sorted(confidences, reverse=True) for name, confidences in boxes.items()}
