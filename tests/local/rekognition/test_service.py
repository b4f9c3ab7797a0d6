"""DetectLabels with the real models: labels of known photos, and the wire behaviour around them."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.demo.sample_photos import photos
from local.rekognition.fetch import CLASSIFIER
from local.rekognition.models import Box
from local.rekognition.service import Rekognition

pytestmark = pytest.mark.local


def _labels(answer):
    status, body = answer
    assert status == 200, body
    return {label["Name"]: label for label in body["Labels"]}


def _box(instance):
    box = instance["BoundingBox"]
    return Box(box["Left"], box["Top"], box["Left"] + box["Width"], box["Top"] + box["Height"])


def _error(answer):
    status, body = answer
    return status, body["__type"]


@pytest.fixture(scope="module")
def cat(photos_dir):
    return (photos_dir / "cat.png").read_bytes()


@pytest.fixture(scope="module")
def known(photos_dir):
    listed = photos(photos_dir)
    assert len(listed) >= 16
    return listed


# --- what it sees ---


@pytest.mark.usefixtures("from_npm")
def test_every_known_photo_gets_its_labels(known, photos_dir, detect):
    missing = {
        photo.name: set(photo.labels) - set(_labels(detect((photos_dir / photo.name).read_bytes(), MinConfidence=60)))
        for photo in known
        if not photo.refused_as
    }
    assert {name: labels for name, labels in missing.items() if labels} == {}


@pytest.mark.usefixtures("from_npm")
def test_the_expected_label_of_a_photo_has_a_box(known, photos_dir, detect):
    without = [
        photo.name
        for photo in known
        if photo.boxed and not _labels(detect((photos_dir / photo.name).read_bytes()))[photo.boxed]["Instances"]
    ]
    assert without == []


def test_broken_photos_are_refused(known, photos_dir, detect):
    answers = {
        photo.name: _error(detect((photos_dir / photo.name).read_bytes())) for photo in known if photo.refused_as
    }
    assert answers == {
        "shopping-list.jpg": (400, "InvalidImageFormatException"),
        "interrupted-upload.jpg": (400, "InvalidImageFormatException"),
    }


def test_the_cat_is_a_cat(cat, detect):
    assert _labels(detect(cat))["Cat"]["Confidence"] == pytest.approx(90, abs=6)


@pytest.mark.usefixtures("from_npm")
@pytest.mark.parametrize(
    ("name", "label", "where"),
    [
        ("motorcycle.png", "Motorcycle", Box(0.14, 0.10, 0.93, 0.90)),
        ("coffee.png", "Cup", Box(0.28, 0.06, 0.70, 0.80)),
        ("astronaut.png", "Person", Box(0.03, 0.01, 0.73, 0.99)),
    ],
)
def test_a_box_is_around_its_object(name, label, where, photos_dir, detect):
    instance = _labels(detect((photos_dir / name).read_bytes()))[label]["Instances"][0]

    assert _box(instance).overlap(where) > 0.8


@pytest.mark.usefixtures("from_npm")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_box_of_a_turned_photo_is_in_the_displayed_image(orientation, photos_dir, detect):
    data = (photos_dir / f"waterfall-orientation-{orientation}.jpg").read_bytes()

    person = _labels(detect(data))["Person"]["Instances"][0]

    assert _box(person).overlap(Box(0.37, 0.61, 0.49, 0.85)) > 0.8


def test_the_response_has_nothing_that_detect_labels_does_not_send(cat, detect):
    _, body = detect(cat)

    assert set(body) == {"Labels", "LabelModelVersion"}
    assert set(body["Labels"][0]) == {"Name", "Confidence", "Instances", "Parents", "Aliases", "Categories"}


@pytest.mark.usefixtures("from_npm")
def test_the_model_version_says_that_it_is_local(cat, detect):
    assert detect(cat)[1]["LabelModelVersion"] == "local-1.0 (EfficientDet-Lite2 + EfficientNet-Lite3)"


def test_without_the_detector_labels_come_without_boxes(cat, models_dir, tmp_path):
    (tmp_path / CLASSIFIER.name).symlink_to(models_dir / CLASSIFIER.name)

    service = Rekognition(tmp_path)
    request = {"Image": {"Bytes": base64.b64encode(cat).decode()}}
    _, body = service.handle("DetectLabels", request, lambda *_: b"")

    assert body["LabelModelVersion"].startswith("local-1.0 (EfficientNet-Lite3, no boxes")
    assert body["Labels"][0]["Instances"] == []


def test_a_missing_classifier_is_named_with_the_command_that_fetches_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"python -m local\.rekognition\.fetch"):
        Rekognition(tmp_path)


def test_the_answer_is_the_same_from_any_thread(cat, photos_dir, detect):
    images = [cat, (photos_dir / "coffee.png").read_bytes(), (photos_dir / "rocket.jpg").read_bytes()] * 8
    alone = [detect(image) for image in images[:3]] * 8

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(detect, images))

    assert together == alone


# --- settings ---


def test_no_label_is_below_min_confidence(cat, detect):
    assert [name for name, label in _labels(detect(cat, MinConfidence=80)).items() if label["Confidence"] < 80] == []


def test_min_confidence_is_55_by_default(photos_dir, detect):
    data = (photos_dir / "pagoda.jpg").read_bytes()

    assert detect(data) == detect(data, MinConfidence=55)
    assert len(detect(data, MinConfidence=20)[1]["Labels"]) > len(detect(data)[1]["Labels"])


@pytest.mark.usefixtures("from_npm")
def test_max_labels_keeps_the_most_confident(photos_dir, detect):
    data = (photos_dir / "coffee.png").read_bytes()

    assert list(_labels(detect(data, MaxLabels=3))) == list(_labels(detect(data)))[:3]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"LabelInclusionFilters": ["Cat"]}, {"Cat"}),
        ({"LabelExclusionFilters": ["Animal", "Feline", "Mammal", "Pet", "Egyptian Cat"]}, {"Cat"}),
        ({"LabelCategoryExclusionFilters": ["Animals and Pets"]}, set()),
        ({"LabelCategoryInclusionFilters": ["Food and Beverage"]}, set()),
    ],
)
def test_filters_keep_the_labels_of_interest(filters, expected, cat, detect):
    assert set(_labels(detect(cat, Settings={"GeneralLabels": filters}))) == expected


# --- refusals ---


@pytest.mark.parametrize(
    "parameters",
    [
        {"MinConfidence": 101},
        {"MinConfidence": -1},
        {"MinConfidence": "high"},
        {"MaxLabels": -1},
        {"MaxLabels": "ten"},
        {"Settings": {"GeneralLabels": {"LabelInclusionFilters": ["x"] * 101}}},
    ],
)
def test_a_value_outside_the_service_model_is_a_validation_error(parameters, cat, detect):
    assert _error(detect(cat, **parameters)) == (400, "ValidationException")


def test_image_properties_are_refused_in_a_sentence(cat, detect):
    assert detect(cat, Features=["IMAGE_PROPERTIES"])[1]["Message"] == "The local Rekognition has no IMAGE_PROPERTIES"


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
        ({"Bytes": base64.b64encode(bytes(5 * 1024 * 1024 + 1)).decode()}, "ValidationException"),
        ({"Bytes": "aGk="}, "InvalidImageFormatException"),
    ],
)
def test_a_request_that_cannot_be_served_is_refused(image, code, service):
    request = {} if image is None else {"Image": image}

    assert _error(service.handle("DetectLabels", request, lambda *_: b"")) == (400, code)


@pytest.mark.parametrize("refusal", [KeyError, PermissionError])
def test_an_object_that_cannot_be_read_is_an_invalid_s3_object(refusal, service):
    def read_object(bucket, key, version):
        raise refusal(key)

    request = {"Image": {"S3Object": {"Bucket": "bucket", "Name": "gone.jpg"}}}

    assert _error(service.handle("DetectLabels", request, read_object)) == (400, "InvalidS3ObjectException")


def test_the_object_is_read_by_bucket_key_and_version(service, cat):
    asked = []

    def read_object(*reference):
        asked.append(reference)
        return cat

    reference = {"Bucket": "bucket", "Name": "a+b %20é.jpg", "Version": "v1"}
    service.handle("DetectLabels", {"Image": {"S3Object": reference}}, read_object)

    assert asked == [("bucket", "a+b %20é.jpg", "v1")]


def test_an_object_above_15_mb_is_too_large(cat, detect):
    assert _error(detect(cat.ljust(15 * 1024 * 1024 + 1, b"\0"))) == (400, "ImageTooLargeException")


def test_an_object_of_15_mb_is_taken(cat, detect):
    assert detect(cat.ljust(15 * 1024 * 1024, b"\0"))[0] == 200


def test_an_error_has_the_shape_of_the_wire(service):
    status, body = service.handle("DetectLabels", {"Image": {"Bytes": "aGk="}}, lambda *_: b"")

    assert (status, body.pop("Logref") != "") == (400, True)
    assert body == {
        "__type": "InvalidImageFormatException",
        "Code": "InvalidImageFormatException",
        "Message": "Request has invalid image format",
    }


@pytest.mark.parametrize("operation", ["DetectFaces", "LocalRekognition.Explode", "DynamoDB_20120810.GetItem"])
def test_an_unknown_operation_is_named(operation, service):
    status, body = service.handle(operation, {}, lambda *_: b"")

    assert (status, body["__type"]) == (400, "UnknownOperationException")
    assert operation in body["Message"]


# --- faults over the wire ---


def test_a_throttled_call_is_neither_answered_nor_paid(service, cat, detect):
    service.handle("LocalRekognition.SetFaults", {"throttle": {"first": 1}}, lambda *_: b"")

    codes = [detect(cat)[0], detect(cat)[0]]
    counters = service.handle("LocalRekognition.Counters", {}, lambda *_: b"")[1]

    assert codes == [400, 200]
    assert counters == {
        "calls": {"DetectLabels": 2},
        "paid": 1,
        "throttled": 1,
        "errors": {"ThrottlingException": 1},
    }


def test_an_internal_error_is_a_500(service, cat, detect):
    service.handle("LocalRekognition.SetFaults", {"error": "InternalServerError"}, lambda *_: b"")

    assert _error(detect(cat)) == (500, "InternalServerError")


def test_an_unknown_fault_is_refused(service):
    assert _error(service.handle("LocalRekognition.SetFaults", {"explode": True}, lambda *_: b"")) == (
        400,
        "InvalidParameterException",
    )


def test_counting_is_exact_under_threads(service, detect):
    def refuse_many():
        for _ in range(200):
            detect(b"text")

    threads = [threading.Thread(target=refuse_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    counters = service.handle("LocalRekognition.Counters", {}, lambda *_: b"")[1]
    assert (counters["calls"], counters["errors"]) == (
        {"DetectLabels": 800},
        {"InvalidImageFormatException": 800},
    )
