"""How the two models' answers become one list of labels. No model is needed."""

import numpy as np
import pytest

from local.rekognition.labels import merge, taxonomy
from local.rekognition.models import Box, DetectedObject

NOTHING = np.zeros(1000)


def _probabilities(**percent_by_label: float) -> np.ndarray:
    probabilities = NOTHING.copy()
    for name, percent in percent_by_label.items():
        probabilities[taxonomy().imagenet.index(name.replace("_", " "))] = percent
    return probabilities


def _names(objects: list[DetectedObject], probabilities: np.ndarray) -> dict[str, float]:
    return {label.name: round(label.confidence, 1) for label in merge(objects, probabilities)}


def _object(name: str, confidence: float, box: Box | None = None) -> DetectedObject:
    return DetectedObject(name, confidence, box or Box(0.1, 0.1, 0.5, 0.5))


def test_probabilities_are_summed_up_the_tree():
    names = _names([], _probabilities(Egyptian_Cat=40, Tabby_Cat=30, Tiger_Cat=20))

    assert (names["Cat"], names["Egyptian Cat"]) == (90, 40)


def test_an_object_is_a_label_with_its_ancestors():
    assert _names([_object("motorcycle", 91)], NOTHING) == {"Motorcycle": 91, "Vehicle": 91, "Transportation": 91}


def test_the_more_confident_model_wins():
    assert _names([_object("cat", 70)], _probabilities(Egyptian_Cat=95))["Cat"] == 95


def test_unlikely_objects_and_classes_are_dropped():
    assert _names([_object("dog", 39)], _probabilities(Espresso=9)) == {}


def test_a_class_without_a_name_is_dropped():
    assert _names([_object("???", 90)], NOTHING) == {}


def test_boxes_around_the_same_object_are_one_instance():
    objects = [_object("car", 90), _object("car", 60, Box(0.11, 0.1, 0.5, 0.52)), _object("car", 50, Box(0.6, 0, 1, 1))]

    car = next(label for label in merge(objects, NOTHING) if label.name == "Car")

    assert [found.confidence for found in car.instances] == [90, 50]


def test_labels_come_by_confidence_then_by_name():
    assert list(_names([_object("person", 60)], _probabilities(Espresso=80))) == [
        "Beverage",
        "Espresso",
        "Food",
        "Person",
    ]


def test_a_label_has_the_structure_of_the_api():
    label = next(label for label in merge([_object("person", 123)], NOTHING) if label.name == "Person")

    assert label.on_the_wire() == {
        "Name": "Person",
        "Confidence": 99.9,
        "Instances": [
            {"BoundingBox": {"Width": 0.4, "Height": 0.4, "Left": 0.1, "Top": 0.1}, "Confidence": 99.9},
        ],
        "Parents": [],
        "Aliases": [{"Name": "Human"}],
        "Categories": [{"Name": "Person Description"}],
    }


def test_every_class_of_imagenet_has_a_name():
    assert len(taxonomy().imagenet) == 1000


def test_every_word_of_the_taxonomy_is_a_label_of_its_own():
    words = taxonomy()
    used = {*words.imagenet, *words.coco.values(), *(name for names in words.parents.values() for name in names)}

    assert used <= set(words.parents)


def test_no_label_is_its_own_ancestor():
    assert [name for name, ancestors in taxonomy().parents.items() if name in ancestors] == []


@pytest.mark.parametrize(
    ("name", "category"),
    [("Cat", "Animals and Pets"), ("Espresso", "Food and Beverage"), ("Car", "Vehicles and Automotive")],
)
def test_a_label_has_the_category_of_its_family(name, category):
    assert taxonomy().category(name) == category


@pytest.mark.parametrize(("other", "overlap"), [(Box(0, 0, 1, 1), 1), (Box(0, 0, 0.5, 1), 0.5), (Box(2, 2, 3, 3), 0)])
def test_overlap_is_intersection_over_union(other, overlap):
    assert Box(0, 0, 1, 1).overlap(other) == pytest.approx(overlap)
