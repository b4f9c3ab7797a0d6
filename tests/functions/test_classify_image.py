"""classify_image: each object of a batch has its own outcome, independent of the others."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import BUCKET
from tests.functions.conftest import Handler, Metrics, Start
from tests.own_models import colour_model, write_model
from tests.pictures import gradients, jpeg_of, png_of
from vision.adapters.aws_sdk import client
from vision.domain.errors import InvalidEvent, InvalidModel
from vision.domain.image_file import pixels
from vision.domain.objects import ObjectVersion
from vision.services.own_model import classification
from vision.services.own_model.runtime import Classifier

Put = Callable[[str, bytes], dict[str, Any]]


def colour(red: int, green: int, blue: int) -> bytes:
    return jpeg_of(Image.new("RGB", (120, 90), (red, green, blue)))


@pytest.fixture
def handler(function: Start) -> Handler:
    return function("classify_image")


@pytest.fixture
def put(bucket: str) -> Put:
    """Put an object into the bucket, and return its version as an envelope has it."""

    def store(key: str, content: bytes) -> dict[str, Any]:
        stored = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return ObjectVersion(bucket, key, stored["VersionId"], stored["ETag"].strip('"'), "01", len(content)).as_dict()

    return store


def summary(answer: dict[str, Any]) -> list[str]:
    """The best class of each image, or the name of its error."""
    return [one["error"]["name"] if "error" in one else one["labels"][0]["name"] for one in answer["outcomes"]]


NO_OBJECTS: list[Any] = [None, [], {}, "a.jpg", [{}] * 33]
NO_TOP_K = [0, 101, "3", True, 2.0]


def test_each_image_has_its_classes_in_the_form_of_all_detectors(handler: Handler, put: Put) -> None:
    answer = handler({"objects": [put("a.jpg", colour(250, 5, 5)), put("b.jpg", colour(5, 5, 250))]})
    assert summary(answer) == ["Red", "Blue"]
    assert answer["outcomes"][0]["labels"][0].keys() == {"name", "confidence", "parents", "instances"}
    assert answer["detector"]["name"] == "own-model"
    assert answer["detector"]["version"].startswith("colours 7 ")


def test_unusable_images_of_a_batch_fail_alone(handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_MAX_VALUES", 900 * 900)
    good = put("good.jpg", colour(5, 250, 5))
    objects = {
        "Green": good,
        "CorruptImage": put("cut.jpg", jpeg_of(gradients(300, 300))[:-900]),
        "NotSupportedImageType": put("list.jpg", b"2 l milk\n"),
        "TooManyPixels": put("huge.png", png_of(gradients(901, 900))),
        "ObjectNotFound": good | {"key": "nowhere.jpg"},
        "InvalidEvent": {"bucket": BUCKET},
        "Blue": put("last.png", png_of(Image.new("RGB", (9, 9), (0, 0, 255)))),
    }
    assert summary(handler({"objects": [*objects.values(), put("empty.png", b"")]})) == [*objects, "CorruptImage"]


def test_image_has_the_same_outcome_alone_and_in_a_batch(handler: Handler, put: Put) -> None:
    # The requested version counts, not the current one.
    objects = [put("same.jpg", colour(shade, 120, 40)) for shade in range(0, 250, 10)]
    together = handler({"objects": objects})["outcomes"]
    assert together == [handler({"objects": [one]})["outcomes"][0] for one in objects]
    assert summary(handler({"objects": [objects[0], objects[-1]]})) == ["Green", "Red"]


def test_at_most_eight_images_are_decoded_for_one_call_of_the_model(
    handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    answers = Classifier.answers
    monkeypatch.setattr(Classifier, "answers", lambda self, pixels: sizes.append(len(pixels)) or answers(self, pixels))
    handler({"objects": [put("a.jpg", colour(250, 5, 5))] * 20})
    assert sizes == [8, 8, 4]


@pytest.mark.parametrize("announced_bytes", [None, 10])
def test_object_above_the_size_limit_is_refused(
    handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch, announced_bytes: int | None
) -> None:
    monkeypatch.setattr(classification, "SIZE_LIMIT_BYTES", 1000)
    large = put("large.jpg", jpeg_of(gradients(300, 300)))
    small = put("small.png", png_of(Image.new("RGB", (2, 2), "red")))
    announced = {} if announced_bytes is None else {"size_bytes": announced_bytes}
    assert summary(handler({"objects": [large | announced, small]})) == ["ImageTooLarge", "Red"]


def test_answer_has_top_k_classes_or_unknown_below_the_threshold(handler: Handler, put: Put) -> None:
    version = put("a.jpg", colour(250, 5, 5))
    assert [len(handler({"objects": [version], "top_k": n})["outcomes"][0]["labels"]) for n in (1, 2, 3)] == [1, 2, 3]
    assert summary(handler({"objects": [put("grey.jpg", colour(128, 128, 128))]})) == ["unknown"]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        *(({"objects": objects}, "expected a list of 1 to 32 object versions") for objects in NO_OBJECTS),
        *(({"objects": [{}], "top_k": top_k}, "top_k: .*expected a whole number from 1 to 100") for top_k in NO_TOP_K),
    ],
)
def test_event_without_images_with_too_many_or_an_invalid_top_k_is_refused(
    handler: Handler, event: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidEvent, match=words):
        handler(event)


def test_answer_that_is_not_a_number_is_unusable_for_each_image(
    function: Start, put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "model", colour_model(divisor=0))
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    # The model passed the trial of the cold start.
    monkeypatch.setattr(Classifier, "_try", lambda _: None)
    answer = function("classify_image")({"objects": [put("a.jpg", colour(1, 2, 3)), put("b.jpg", colour(3, 2, 1))]})
    assert summary(answer) == ["UnusableAnswer", "UnusableAnswer"]
    assert not [one for one in answer["outcomes"] if "labels" in one]


@pytest.mark.parametrize(
    ("divisor", "replaced_by", "words"),
    [(0, None, "tried with a picture of grey: colours: answered nan"), (1, b"another", "SHA-256 is ")],
)
def test_function_with_an_unusable_model_does_not_start(
    function: Start, tmp_path: Path, monkeypatch: Any, divisor: float, replaced_by: bytes | None, words: str
) -> None:
    folder = write_model(tmp_path / "model", colour_model(divisor=divisor))
    if replaced_by is not None:
        (folder / "colours.onnx").write_bytes(replaced_by)
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    with pytest.raises(InvalidModel, match=words):
        function("classify_image")


def test_answer_has_the_gigabyte_seconds_of_the_call(handler: Handler, put: Put, monkeypatch: Any) -> None:
    moments = iter((100.0, 100.5))
    monkeypatch.setattr("functions.classify_image.app.time.monotonic", lambda: next(moments))
    monkeypatch.setattr(classification, "classify", lambda *_: {"detector": {}, "outcomes": []})
    assert handler({"objects": [put("a.jpg", colour(1, 2, 3))]})["gb_seconds"] == 1.0


def test_images_are_counted_by_their_outcome(handler: Handler, put: Put, metrics: Metrics) -> None:
    handler({"objects": [put("a.jpg", colour(250, 5, 5)), put("list.jpg", b"milk")]})
    counted = metrics()
    assert (counted["ImagesClassified"], counted["ImagesNotClassified"]) == (1, 1)
