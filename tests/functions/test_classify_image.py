"""The function of the own model: a batch of objects in, an outcome for each out, whatever its neighbours are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import BUCKET
from tests.functions.conftest import Handler
from tests.own_models import colour_model, write_model
from tests.pictures import gradients, jpeg_of, png_of
from vision.adapters.aws_sdk import client
from vision.domain.errors import InvalidEvent, InvalidModel
from vision.domain.image_file import pixels
from vision.services.own_model import classification
from vision.services.own_model.runtime import Classifier

Put = Callable[[str, bytes], dict[str, Any]]


def colour(red: int, green: int, blue: int) -> bytes:
    return jpeg_of(Image.new("RGB", (120, 90), (red, green, blue)))


@pytest.fixture
def handler(function: Callable[[str], Handler]) -> Handler:
    return function("classify_image")


@pytest.fixture
def put(bucket: str) -> Put:
    """Put an object into the bucket, and return its version as an envelope has it."""

    def store(key: str, content: bytes) -> dict[str, Any]:
        answer = client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return {
            "bucket": bucket,
            "key": key,
            "version_id": answer["VersionId"],
            "etag": answer["ETag"].strip('"'),
            "sequencer": "01",
            "size_bytes": len(content),
        }

    return store


def summary(answer: dict[str, Any]) -> list[str]:
    """The best class of each image, or the name of its error."""
    return [one["error"]["name"] if "error" in one else one["labels"][0]["name"] for one in answer["outcomes"]]


def test_each_image_of_a_batch_has_its_classes_in_the_form_of_every_detector(handler: Handler, put: Put) -> None:
    answer = handler({"objects": [put("a.jpg", colour(250, 5, 5)), put("b.jpg", colour(5, 5, 250))]})
    assert summary(answer) == ["Red", "Blue"]
    assert answer["outcomes"][0]["labels"][0].keys() == {"name", "confidence", "parents", "instances"}


def test_an_answer_says_which_model_in_which_version_gave_it(handler: Handler, put: Put) -> None:
    detector = handler({"objects": [put("a.jpg", colour(250, 5, 5))]})["detector"]
    assert detector["name"] == "own-model"
    assert detector["version"].startswith("colours 7 ")


def test_bad_images_of_a_batch_leave_their_neighbours_untouched(
    handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixels, "_MAX_VALUES", 900 * 900)
    good = put("good.jpg", colour(5, 250, 5))
    objects = [
        good,
        put("cut.jpg", jpeg_of(gradients(300, 300))[:-900]),
        put("list.jpg", b"2 l milk\n"),
        put("empty.png", b""),
        put("huge.png", png_of(gradients(901, 900))),
        good | {"key": "nowhere.jpg"},
        {"bucket": BUCKET},
        put("last.png", png_of(Image.new("RGB", (9, 9), (0, 0, 255)))),
    ]
    assert summary(handler({"objects": objects})) == [
        "Green",
        "CorruptImage",
        "NotSupportedImageType",
        "CorruptImage",
        "TooManyPixels",
        "ObjectNotFound",
        "InvalidEvent",
        "Blue",
    ]


def test_an_image_answers_the_same_alone_and_among_others(handler: Handler, put: Put) -> None:
    objects = [put(f"{shade}.jpg", colour(shade, 120, 40)) for shade in range(0, 250, 10)]
    together = handler({"objects": objects})["outcomes"]
    assert together == [handler({"objects": [one]})["outcomes"][0] for one in objects]


def test_no_more_than_eight_images_are_in_memory_before_the_model_looks(
    handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    answers = Classifier.answers
    monkeypatch.setattr(Classifier, "answers", lambda self, pixels: sizes.append(len(pixels)) or answers(self, pixels))
    handler({"objects": [put("a.jpg", colour(250, 5, 5))] * 20})
    assert sizes == [8, 8, 4]


def test_an_object_that_is_larger_than_is_read_is_refused_without_filling_the_memory(
    handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification, "SIZE_LIMIT_BYTES", 1000)
    big = put("big.jpg", jpeg_of(gradients(300, 300)))
    assert summary(handler({"objects": [big, put("small.png", png_of(Image.new("RGB", (2, 2), "red")))]})) == [
        "ImageTooLarge",
        "Red",
    ]


def test_an_object_that_is_larger_than_its_event_says_is_refused_too(
    handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification, "SIZE_LIMIT_BYTES", 1000)
    big = put("big.jpg", jpeg_of(gradients(300, 300)))
    assert summary(handler({"objects": [big | {"size_bytes": 10}]})) == ["ImageTooLarge"]


def test_the_model_sees_the_version_that_was_asked_for(handler: Handler, put: Put) -> None:
    first = put("same.jpg", colour(250, 5, 5))
    put("same.jpg", colour(5, 250, 5))
    assert summary(handler({"objects": [first]})) == ["Red"]


def test_as_many_classes_are_told_as_the_event_asks_for(handler: Handler, put: Put) -> None:
    version = put("a.jpg", colour(250, 5, 5))
    assert [len(handler({"objects": [version], "top_k": n})["outcomes"][0]["labels"]) for n in (1, 2, 3)] == [1, 2, 3]


def test_an_image_of_which_the_model_is_not_sure_is_unknown(handler: Handler, put: Put) -> None:
    assert summary(handler({"objects": [put("grey.jpg", colour(128, 128, 128))]})) == ["unknown"]


@pytest.mark.parametrize("objects", [None, [], {}, "a.jpg", [{}] * 33])
def test_an_event_without_images_or_with_too_many_is_refused(handler: Handler, objects: Any) -> None:
    with pytest.raises(InvalidEvent, match="expected a list of 1 to 32 object versions"):
        handler({"objects": objects})


@pytest.mark.parametrize("top_k", [0, 101, "3", True, 2.0])
def test_a_number_of_classes_that_is_none_is_refused(handler: Handler, put: Put, top_k: Any) -> None:
    with pytest.raises(InvalidEvent, match=r"top_k: .*expected a whole number from 1 to 100"):
        handler({"objects": [put("a.jpg", colour(1, 2, 3))], "top_k": top_k})


def test_a_model_that_answers_no_numbers_refuses_each_image_and_records_nothing_as_truth(
    function: Callable[[str], Handler], put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "model", colour_model(divisor=0))
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    # It answered with numbers to whatever it was tried with.
    monkeypatch.setattr(Classifier, "_try", lambda _: None)
    answer = function("classify_image")({"objects": [put("a.jpg", colour(1, 2, 3)), put("b.jpg", colour(3, 2, 1))]})
    assert summary(answer) == ["UnusableAnswer", "UnusableAnswer"]
    assert not [one for one in answer["outcomes"] if "labels" in one]


def test_a_function_whose_model_answers_no_numbers_to_anything_does_not_start(
    function: Callable[[str], Handler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_model(tmp_path / "model", colour_model(divisor=0))
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    with pytest.raises(InvalidModel, match="tried with a picture of grey: colours: answered nan"):
        function("classify_image")


def test_a_function_whose_model_was_changed_after_the_build_does_not_start(
    function: Callable[[str], Handler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "colours.onnx").write_bytes(b"another")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    with pytest.raises(InvalidModel, match="SHA-256 is "):
        function("classify_image")


def test_an_answer_says_what_the_call_took(handler: Handler, put: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((100.0, 100.5))
    monkeypatch.setattr("functions.classify_image.app.time.monotonic", lambda: next(moments))
    monkeypatch.setattr(classification, "classify", lambda *_: {"detector": {}, "outcomes": []})
    assert handler({"objects": [put("a.jpg", colour(1, 2, 3))]})["gb_seconds"] == 1.0


def test_images_are_counted_by_how_they_went(handler: Handler, put: Put, capsys: pytest.CaptureFixture[str]) -> None:
    handler({"objects": [put("a.jpg", colour(250, 5, 5)), put("list.jpg", b"milk")]})
    counted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert {name: one[name] for one in counted for name in one if name.startswith("Images")} == {
        "ImagesClassified": [1.0],
        "ImagesNotClassified": [1.0],
    }
