import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from vision.domain import labels
from vision.domain.labels import LABELS_LIMIT_BYTES, bounded, from_rekognition, most_certain

percentages = st.floats(0, 100, width=32)
fractions = st.floats(-0.5, 1.5, width=32)
names = st.text(min_size=1, max_size=20)
instances = st.fixed_dictionaries(
    {"BoundingBox": st.fixed_dictionaries(dict.fromkeys(("Left", "Top", "Width", "Height"), fractions))},
    optional={"Confidence": percentages},
)
named = names.map(lambda name: {"Name": name})
label_lists = st.lists(
    st.fixed_dictionaries(
        {"Name": names, "Confidence": percentages},
        optional={
            "Parents": st.lists(named, max_size=3),
            "Instances": st.lists(instances, max_size=5),
            "Aliases": st.lists(named, max_size=2),
            "Categories": st.lists(named, max_size=2),
        },
    ),
    max_size=12,
)
responses = st.fixed_dictionaries({"Labels": label_lists, "LabelModelVersion": st.just("3.0")})


def _label(name: str, confidence: float, boxes: int = 0) -> dict[str, Any]:
    box = {"Left": 0.1234567, "Top": 0.2, "Width": 0.3, "Height": 0.4}
    return {
        "Name": name,
        "Confidence": confidence,
        "Instances": [{"BoundingBox": box, "Confidence": 99 - number / 1000} for number in range(boxes)],
    }


def _size_bytes(found: Any) -> int:
    return len(json.dumps(found, ensure_ascii=False).encode())


def test_label_has_the_form_of_the_record() -> None:
    box = {"Left": 0.123456, "Top": 0.2, "Width": 0.3, "Height": 0.4}
    label = {
        "Name": "Rose",
        "Confidence": 98.706665,
        "Parents": [{"Name": "Flower"}, {"Name": "Plant"}],
        "Instances": [{"BoundingBox": box, "Confidence": 97.301239, "DominantColors": []}, {"Confidence": 80}],
        "Aliases": [{"Name": "Blossom"}],
        "Categories": [{"Name": "Plants and Flowers"}],
    }
    assert from_rekognition({"Labels": []}) == []
    assert from_rekognition({"Labels": [label]}) == [
        {
            "name": "Rose",
            "confidence": 98.71,
            "parents": ["Flower", "Plant"],
            "instances": [{"box": {"left": 0.12346, "top": 0.2, "width": 0.3, "height": 0.4}, "confidence": 97.3}],
        }
    ]


@given(responses)
def test_labels_and_instances_are_sorted_by_confidence_and_survive_json(response: dict[str, Any]) -> None:
    found = from_rekognition(response)
    for parts in (found, *(label["instances"] for label in found)):
        confidences = [part["confidence"] for part in parts]
        assert confidences == sorted(confidences, reverse=True)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_narrower_label_comes_first_at_equal_confidence() -> None:
    plant, rose = _label("Plant", 98.7), _label("Rose", 98.7) | {"Parents": [{"Name": "Plant"}]}
    assert [label["name"] for label in from_rekognition({"Labels": [plant, rose]})] == ["Rose", "Plant"]


def test_most_certain_labels_are_kept_and_all_that_a_rule_names() -> None:
    found = from_rekognition({"Labels": [_label(name, 90 - place) for place, name in enumerate("ABCDE")]})
    assert [label["name"] for label in most_certain(found, 2, {"d", "unknown"})] == ["A", "B", "D"]


@given(responses)
def test_response_of_usual_size_keeps_every_label(response: dict[str, Any]) -> None:
    found = from_rekognition(response)
    assert bounded(found) == found


def _bounded(response: dict[str, Any]) -> list[Any]:
    return bounded(from_rekognition(response))


@settings(max_examples=15)
@given(st.lists(st.tuples(names, percentages, st.integers(0, 600)), min_size=1, max_size=20))
def test_labels_never_exceed_their_share_of_a_state(drawn: list[tuple[str, float, int]]) -> None:
    found = _bounded({"Labels": [_label(*label) for label in drawn]})
    assert _size_bytes(found) <= LABELS_LIMIT_BYTES


def test_boxes_of_the_most_crowded_label_are_removed_first() -> None:
    # A stadium: more boxes than a state can carry.
    labels = [_label("Person", 99.0, boxes=2000), _label("Stadium", 95.0), _label("Flag", 60.0, boxes=3)]
    found = from_rekognition({"Labels": labels})
    person, stadium, flag = crowd = bounded(found)
    assert [person["name"], stadium["name"], flag["name"]] == ["Person", "Stadium", "Flag"]
    assert len(flag["instances"]) == 3
    kept = [instance["confidence"] for instance in person["instances"]]
    assert kept == [round(99 - number / 1000, 2) for number in range(len(kept))]
    # No more boxes than necessary.
    box_bytes = _size_bytes(person["instances"][-1]) + 2
    assert _size_bytes(crowd) > LABELS_LIMIT_BYTES - 2 * box_bytes
    # Verdicts are judged by the whole list, which stays unchanged.
    assert len(found[0]["instances"]) == 2000


@pytest.mark.parametrize("name_bytes", range(1180, 1230))
def test_no_label_is_removed_while_a_box_is_left(name_bytes: int) -> None:
    found = _bounded({"Labels": [_label("x" * name_bytes, 90, boxes=1) for _ in range(100)]})
    assert len(found) == 100 or not any(label["instances"] for label in found)


def test_labels_of_lowest_confidence_are_removed_when_no_box_is_left() -> None:
    found = _bounded({"Labels": [_label(f"{number:03} " + "x" * 2000, 100 - number) for number in range(100)]})
    assert [label["name"][:3] for label in found] == [f"{number:03}" for number in range(len(found))]
    assert 0 < len(found) < 100


@given(st.integers(1, 8), st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(1, 2), st.integers(1, 3)))
def test_rotated_box_contains_the_same_pixels(orientation: int, box: tuple[int, int, int, int]) -> None:
    """Mark the pixels of a box in a stored image, and let Pillow rotate it as a viewer does."""
    left, top, width, height = box
    stored = Image.new("L", (8, 6))
    stored.paste(255, (left, top, left + width, top + height))
    stored.getexif()[ExifTags.Base.Orientation] = orientation
    shown = ImageOps.exif_transpose(stored)
    fractions = {"left": left / 8, "top": top / 6, "width": width / 8, "height": height / 6}
    found: list[labels.Label] = [
        {"name": "Cat", "confidence": 90.0, "parents": [], "instances": [{"box": fractions, "confidence": 90.0}]}
    ]

    [label] = labels.to_displayed(found, orientation)

    turned = label["instances"][0]["box"]
    sides = (turned["left"], turned["top"], turned["left"] + turned["width"], turned["top"] + turned["height"])
    assert tuple(round(side * size, 3) for side, size in zip(sides, shown.size * 2, strict=True)) == shown.getbbox()
