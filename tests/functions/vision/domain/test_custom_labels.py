"""What DetectCustomLabels answers, in the form of the record."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.domain.labels import from_custom_labels

BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}
sightings = st.fixed_dictionaries(
    {"Name": st.sampled_from(("scratch", "dent", "paint")), "Confidence": st.floats(0, 100)},
    optional={"Geometry": st.sampled_from(({}, {"BoundingBox": BOX}, {"Polygon": []}))},
)
responses = st.fixed_dictionaries({}, optional={"CustomLabels": st.lists(sightings, max_size=8)})


def _seen(name: str, confidence: float, **geometry: Any) -> dict[str, Any]:
    return {"Name": name, "Confidence": confidence, **geometry}


@pytest.mark.parametrize("response", [{}, {"CustomLabels": []}])
def test_a_model_that_sees_nothing_is_no_failure(response: dict[str, Any]) -> None:
    assert from_custom_labels(response) == []


def test_a_label_of_the_whole_image_has_no_box() -> None:
    assert from_custom_labels({"CustomLabels": [_seen("dent", 87.456)]}) == [
        {"name": "dent", "confidence": 87.46, "parents": [], "instances": []}
    ]


def test_sightings_of_one_label_are_boxes_of_one_label() -> None:
    seen = [_seen("dent", one, Geometry={"BoundingBox": BOX}) for one in (60.0, 90.0)]
    [label] = from_custom_labels({"CustomLabels": seen})
    assert (label["confidence"], [one["confidence"] for one in label["instances"]]) == (90.0, [90.0, 60.0])


@given(responses)
def test_each_name_is_one_label_as_certain_as_its_best_sighting(response: dict[str, Any]) -> None:
    seen = response.get("CustomLabels", [])
    best = {one["Name"]: max(o["Confidence"] for o in seen if o["Name"] == one["Name"]) for one in seen}
    found = {label["name"]: label["confidence"] for label in from_custom_labels(response)}
    assert found == {name: round(confidence, 2) for name, confidence in best.items()}


@given(responses)
def test_the_most_certain_custom_label_comes_first(response: dict[str, Any]) -> None:
    found = [label["confidence"] for label in from_custom_labels(response)]
    assert found == sorted(found, reverse=True)


@given(responses)
def test_each_box_of_the_answer_is_a_box_of_the_record(response: dict[str, Any]) -> None:
    boxes = [one for one in response.get("CustomLabels", []) if "BoundingBox" in one.get("Geometry", {})]
    assert sum(len(label["instances"]) for label in from_custom_labels(response)) == len(boxes)
