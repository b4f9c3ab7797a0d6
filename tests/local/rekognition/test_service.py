"""DetectLabels with the real models: labels of known photos, and the wire behaviour around them."""

import base64
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from local.demo.sample_photos import photos
from local.rekognition.fetch import CLASSIFIER
from local.rekognition.models import Box
from local.rekognition.service import Rekognition
from tests.local.rekognition.conftest import error_of, no_object

pytestmark = pytest.mark.local

MEGABYTE = 1024 * 1024


def labels_of(answer):
    status, body = answer
    assert status == 200, body
    return {label["Name"]: label for label in body["Labels"]}


def box_of(label):
    box = label["Instances"][0]["BoundingBox"]
    return Box(box["Left"], box["Top"], box["Left"] + box["Width"], box["Top"] + box["Height"])


@pytest.fixture(scope="module")
def cat(photos_dir):
    return (photos_dir / "cat.png").read_bytes()


@pytest.fixture
def detect_photo(photos_dir, detect):
    return lambda name, **members: detect((photos_dir / name).read_bytes(), **members)


@pytest.mark.usefixtures("from_npm")
def test_known_photos_get_their_labels_and_boxes_unless_they_are_broken(photos_dir, detect_photo):
    known = photos(photos_dir)
    assert len(known) >= 16
    for photo in known:
        answer = detect_photo(photo.name, MinConfidence=60)
        if photo.refused_as:
            assert error_of(answer) == (400, "InvalidImageFormatException")
        else:
            assert set(photo.labels) <= set(labels_of(answer)), photo.name
            assert not photo.boxed or labels_of(detect_photo(photo.name))[photo.boxed]["Instances"], photo.name


@pytest.mark.usefixtures("from_npm")
@pytest.mark.parametrize(
    ("name", "label", "where"),
    [
        ("motorcycle.png", "Motorcycle", Box(0.14, 0.10, 0.93, 0.90)),
        ("coffee.png", "Cup", Box(0.28, 0.06, 0.70, 0.80)),
        ("astronaut.png", "Person", Box(0.03, 0.01, 0.73, 0.99)),
        # Boxes are those of the displayed image.
        *((f"waterfall-orientation-{turn}.jpg", "Person", Box(0.37, 0.61, 0.49, 0.85)) for turn in range(1, 9)),
    ],
)
def test_box_is_around_its_object(name, label, where, detect_photo):
    assert box_of(labels_of(detect_photo(name))[label]).overlap(where) > 0.8


@pytest.mark.usefixtures("from_npm")
def test_cat_is_a_cat_in_the_members_of_detect_labels_alone(cat, detect):
    answer = detect(cat)
    assert labels_of(answer)["Cat"]["Confidence"] == pytest.approx(90, abs=6)
    _, body = answer
    assert set(body) == {"Labels", "LabelModelVersion"}
    assert set(body["Labels"][0]) == {"Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"}
    assert body["LabelModelVersion"] == "local-1.0 (EfficientDet-Lite2 + EfficientNet-Lite3)"


def test_labels_have_no_boxes_without_the_detector_and_need_the_classifier(cat, models_dir, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m local\.rekognition\.fetch"):
        Rekognition(tmp_path)
    (tmp_path / CLASSIFIER.name).symlink_to(models_dir / CLASSIFIER.name)
    request = {"Image": {"Bytes": base64.b64encode(cat).decode()}}
    _, body = Rekognition(tmp_path).handle("DetectLabels", request, no_object)
    assert body["LabelModelVersion"].startswith("local-1.0 (EfficientNet-Lite3, no boxes")
    assert body["Labels"][0]["Instances"] == []


def test_answer_is_the_same_from_each_thread(detect_photo):
    names = ["cat.png", "coffee.png", "rocket.jpg"]
    alone = [detect_photo(name) for name in names]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detect_photo, names * 8)) == alone * 8


# --- settings ---


@pytest.mark.usefixtures("from_npm")
def test_min_confidence_is_55_by_default_and_max_labels_keeps_the_most_confident(detect_photo):
    pagoda = detect_photo("pagoda.jpg")
    assert pagoda == detect_photo("pagoda.jpg", MinConfidence=55)
    assert len(labels_of(detect_photo("pagoda.jpg", MinConfidence=20))) > len(labels_of(pagoda))
    confident = labels_of(detect_photo("cat.png", MinConfidence=80))
    assert all(label["Confidence"] >= 80 for label in confident.values())
    assert list(labels_of(detect_photo("coffee.png", MaxLabels=3))) == list(labels_of(detect_photo("coffee.png")))[:3]


def test_filters_select_the_labels(cat, detect):
    for filters, expected in [
        ({"LabelInclusionFilters": ["Cat"]}, {"Cat"}),
        ({"LabelExclusionFilters": ["Animal", "Feline", "Mammal", "Pet", "Egyptian Cat"]}, {"Cat"}),
        ({"LabelCategoryExclusionFilters": ["Animals and Pets"]}, set()),
        ({"LabelCategoryInclusionFilters": ["Food and Beverage"]}, set()),
    ]:
        assert set(labels_of(detect(cat, Settings={"GeneralLabels": filters}))) == expected, filters


def test_value_outside_the_service_model_is_a_validation_error(cat, detect):
    for members in (
        *({"MinConfidence": value} for value in (101, -1, "high")),
        *({"MaxLabels": value} for value in (-1, "ten")),
        {"Settings": {"GeneralLabels": {"LabelInclusionFilters": ["x"] * 101}}},
    ):
        assert error_of(detect(cat, **members)) == (400, "ValidationException"), members


def test_image_properties_and_unknown_operations_are_refused_by_name(cat, detect, service):
    assert "IMAGE_PROPERTIES" in detect(cat, Features=["IMAGE_PROPERTIES"])[1]["Message"]
    for operation in ("DetectFaces", "LocalRekognition.Explode", "DynamoDB_20120810.GetItem"):
        answer = service.handle(operation, {}, no_object)
        assert error_of(answer) == (400, "UnknownOperationException")
        assert operation in answer[1]["Message"]


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (None, "ValidationException"),
        ({}, "InvalidParameterException"),
        ({"Bytes": "aGk=", "S3Object": {"Bucket": "bucket", "Name": "a"}}, "InvalidParameterException"),
        ({"S3Object": {"Bucket": "bucket"}}, "InvalidParameterException"),
        ({"S3Object": {"Bucket": "no spaces", "Name": "a"}}, "ValidationException"),
        ({"Bytes": "not base64!"}, "SerializationException"),
        ({"Bytes": ""}, "ValidationException"),
        ({"Bytes": base64.b64encode(bytes(5 * MEGABYTE + 1)).decode()}, "ValidationException"),
    ],
)
def test_request_without_a_usable_image_is_refused(image, code, service):
    request = {} if image is None else {"Image": image}
    assert error_of(service.handle("DetectLabels", request, no_object)) == (400, code)


def test_object_is_read_by_bucket_key_and_version(service, cat):
    read = Mock(side_effect=[cat, KeyError(), PermissionError()])
    reference = {"Bucket": "bucket", "Name": "a+b %20é.jpg", "Version": "v1"}
    request = {"Image": {"S3Object": reference}}
    assert service.handle("DetectLabels", request, read)[0] == 200
    read.assert_called_once_with("bucket", "a+b %20é.jpg", "v1")
    for _ in range(2):
        assert error_of(service.handle("DetectLabels", request, read)) == (400, "InvalidS3ObjectException")


def test_object_of_15_mb_is_accepted_and_a_larger_one_refused_in_the_shape_of_the_wire(cat, detect):
    assert detect(cat.ljust(15 * MEGABYTE, b"\0"))[0] == 200
    status, body = detect(cat.ljust(15 * MEGABYTE + 1, b"\0"))
    assert status == 400
    assert body.pop("Logref")
    assert body.pop("Message")
    assert body == {"__type": "ImageTooLargeException", "Code": "ImageTooLargeException"}


def test_throttled_call_is_neither_answered_nor_paid(service, cat, detect):
    service.handle("LocalRekognition.SetFaults", {"throttle": {"first": 1}}, no_object)
    assert [detect(cat)[0], detect(cat)[0]] == [400, 200]
    counters = {"calls": {"DetectLabels": 2}, "paid": 1, "throttled": 1, "errors": {"ThrottlingException": 1}}
    assert service.handle("LocalRekognition.Counters", {}, no_object)[1] == counters


def test_counting_is_exact_under_threads(service, detect):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: detect(b"text"), range(800)))
    counters = service.handle("LocalRekognition.Counters", {}, no_object)[1]
    assert counters["calls"] == {"DetectLabels": 800}
    assert counters["errors"] == {"InvalidImageFormatException": 800}
