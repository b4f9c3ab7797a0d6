"""How the answers of the two models become one list of labels. No model is needed."""

import numpy as np
import pytest

from local.rekognition.labels import merge, taxonomy
from local.rekognition.models import Box, DetectedObject

NOTHING = np.zeros(1000)


def probabilities(**percent_by_label: float) -> np.ndarray:
    found = NOTHING.copy()
    for name, percent in percent_by_label.items():
        found[taxonomy().imagenet.index(name.replace("_", " "))] = percent
    return found


def detected(name: str, confidence: float, box: Box | None = None) -> DetectedObject:
    return DetectedObject(name, confidence, box or Box(0.1, 0.1, 0.5, 0.5))


def names(objects: list[DetectedObject], classes: np.ndarray) -> dict[str, float]:
    return {label.name: round(label.confidence, 1) for label in merge(objects, classes)}


@pytest.mark.parametrize(
    ("objects", "classes", "expected"),
    [
        ([], {"Egyptian_Cat": 40, "Tabby_Cat": 30, "Tiger_Cat": 20}, {"Cat": 90, "Egyptian Cat": 40}),
        ([("motorcycle", 91)], {}, {"Motorcycle": 91, "Vehicle": 91, "Transportation": 91}),
        ([("cat", 70)], {"Egyptian_Cat": 95}, {"Cat": 95}),
    ],
    ids=["summed up the tree", "object with its ancestors", "more confident model"],
)
def test_label_has_the_confidence_of_its_tree(objects, classes, expected):
    found = names([detected(*one) for one in objects], probabilities(**classes))
    assert found.items() >= expected.items()
    assert classes or found == expected


def test_unlikely_and_unnamed_classes_are_dropped():
    assert names([detected("dog", 39), detected("???", 90)], probabilities(Espresso=9)) == {}


def test_boxes_around_the_same_object_are_one_instance():
    boxes = [(90, None), (60, Box(0.11, 0.1, 0.5, 0.52)), (50, Box(0.6, 0, 1, 1))]
    labels = merge([detected("car", confidence, box) for confidence, box in boxes], NOTHING)
    [car] = [label for label in labels if label.name == "Car"]
    assert [instance.confidence for instance in car.instances] == [90, 50]


def test_labels_are_sorted_by_confidence_then_by_name():
    found = names([detected("person", 60)], probabilities(Espresso=80))
    assert list(found) == ["Beverage", "Espresso", "Food", "Person"]


def test_label_has_the_structure_of_the_api():
    [person] = [label for label in merge([detected("person", 123)], NOTHING) if label.name == "Person"]
    box = {"Width": 0.4, "Height": 0.4, "Left": 0.1, "Top": 0.1}
    assert person.on_the_wire() == {
        "Name": "Person",
        "Confidence": 99.9,
        "Instances": [{"BoundingBox": box, "Confidence": 99.9}],
        "Parents": [],
        "Aliases": [{"Name": "Human"}],
        "Categories": [{"Name": "Person Description"}],
    }


def test_taxonomy_is_complete_and_has_no_circle():
    words = taxonomy()
    used = {*words.imagenet, *words.coco.values(), *(name for parents in words.parents.values() for name in parents)}
    assert len(words.imagenet) == 1000
    assert used <= set(words.parents)
    assert [name for name, ancestors in words.parents.items() if name in ancestors] == []
    categories = {"Cat": "Animals and Pets", "Espresso": "Food and Beverage", "Car": "Vehicles and Automotive"}
    assert {name: words.category(name) for name in categories} == categories


@pytest.mark.parametrize(("other", "overlap"), [(Box(0, 0, 1, 1), 1), (Box(0, 0, 0.5, 1), 0.5), (Box(2, 2, 3, 3), 0)])
def test_overlap_is_intersection_over_union(other, overlap):
    assert Box(0, 0, 1, 1).overlap(other) == pytest.approx(overlap)
