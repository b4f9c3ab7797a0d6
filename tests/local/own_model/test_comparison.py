"""Comparisons in which something goes wrong: what is left in the bucket, what is told, and what is still drawn."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from local.demo.photo_demo import DemoFailed
from local.own_model import comparison, page
from tests.pictures import chunk, jpeg_of, scene

PNG = b"\x89PNG\r\n\x1a\n"
REFUSED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "S3")


class Bucket:
    """An S3 of one bucket that refuses what it is told to; and an account that has nothing else."""

    def __init__(self, *, no_put: str = "", no_delete: str = "") -> None:
        self.objects: set[tuple[str, str]] = set()
        self._no_put, self._no_delete = no_put, no_delete

    def client(self, _service: str) -> "Bucket":
        return self

    def put_object(self, **request: Any) -> dict[str, Any]:
        if self._no_put and request["Key"].endswith(self._no_put):
            raise REFUSED
        self.objects.add((request["Key"], "v1"))
        return {"ETag": '"1a2b"', "VersionId": "v1"}

    def delete_object(self, **request: Any) -> None:
        if self._no_delete and request["Key"].endswith(self._no_delete):
            raise REFUSED
        self.objects.remove((request["Key"], request["VersionId"]))

    def detect_labels(self, **_: Any) -> dict[str, Any]:
        return {"Labels": []}

    def invoke(self, **_: Any) -> None:
        raise REFUSED


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{number}.jpg" for number in range(3)]
    for file in files:
        file.write_bytes(b"a picture")
    return files


def failed(account: comparison.Account, pictures: list[Path]) -> str:
    with pytest.raises(DemoFailed) as error:
        comparison.compare(account, "amzn-s3-demo-bucket", "arn", pictures)
    return str(error.value)


def test_a_picture_that_cannot_be_stored_leaves_none_of_the_others(pictures: list[Path]) -> None:
    account = Bucket(no_put="/1.jpg")
    assert "the pictures cannot be compared (An error occurred (AccessDenied)" in failed(account, pictures)
    assert account.objects == set()


def test_a_function_that_cannot_be_asked_leaves_no_pictures(pictures: list[Path]) -> None:
    account = Bucket()
    failed(account, pictures)
    assert account.objects == set()


def test_a_picture_that_cannot_be_deleted_keeps_no_other(pictures: list[Path]) -> None:
    account = Bucket(no_delete="/0.jpg")
    told = failed(account, pictures)
    [(key, _)] = account.objects
    assert key.endswith("/0.jpg")
    assert f"; and 1 pictures are left in amzn-s3-demo-bucket; delete what is below {key[:-5]}" in told


class Seen(Bucket):
    """An account whose detectors look at every picture."""

    def __init__(self, before_it_answers: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._before_it_answers = before_it_answers

    def invoke(self, **request: Any) -> dict[str, Any]:
        self._before_it_answers()
        outcomes = [{"labels": []} for _ in json.loads(request["Payload"])["objects"]]
        return told({"detector": {"name": "own-model", "version": "7"}, "outcomes": outcomes})


def told(answer: Any) -> dict[str, Any]:
    return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class Answers(Bucket):
    """An account whose function is somebody else's."""

    def __init__(self, answer: Any, **beside: str) -> None:
        super().__init__()
        self._answer, self._beside = answer, beside

    def invoke(self, **_: Any) -> dict[str, Any]:
        return told(self._answer) | self._beside


class NoProfile:
    """An account that boto3 has no credentials of."""

    def client(self, _service: str) -> Any:
        raise ProfileNotFound(profile="nope")


def cards(account: Bucket, pictures: list[Path]) -> list[str]:
    """Return what the page has of each picture."""
    return page.render(comparison.compare(account, "amzn-s3-demo-bucket", "arn", pictures)).split("<article>")[1:]


def test_a_picture_that_takes_too_much_memory_is_not_drawn(tmp_path: Path) -> None:
    side = 16_000
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(side * (1 + side // 8))))
    file = tmp_path / "small.png"
    file.write_bytes(PNG + header + rows + chunk(b"IEND", b""))
    [card] = cards(Seen(), [file])
    assert "No picture" in card


def test_of_a_picture_its_thumbnail_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(jpeg_of(scene(2_000, 1_000)))
    [compared] = comparison.compare(Seen(), "amzn-s3-demo-bucket", "arn", [file]).images
    assert compared.thumbnail is not None
    assert (compared.thumbnail.width, compared.thumbnail.height) == (250, 125)


def test_a_picture_that_is_gone_by_now_loses_nothing_that_was_paid_for(tmp_path: Path) -> None:
    gone, there = tmp_path / "gone.jpg", tmp_path / "there.jpg"
    for file in (gone, there):
        file.write_bytes(jpeg_of(scene()))
    first, second = cards(Seen(gone.unlink), [gone, there])
    assert ("No picture" in first, "No picture" in second) == (True, False)


def test_credentials_that_are_not_there_are_a_sentence(pictures: list[Path]) -> None:
    told = "the pictures cannot be compared (The config profile (nope) could not be found); fix that and compare again"
    assert failed(NoProfile(), pictures) == told


OWN = {"name": "own-model", "version": "7"}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "hello",
        [],
        {"statusCode": 200, "body": "hello"},
        {"detector": OWN},
        {"detector": OWN, "outcomes": None},
        {"detector": "own-model", "outcomes": []},
        {"detector": OWN, "outcomes": ["Cat", "Cat", "Cat"]},
        {"detector": OWN, "outcomes": [{"labels": ["Cat"]}] * 3},
        {"detector": OWN, "outcomes": [{"labels": [{"name": "Cat", "confidence": None, "parents": []}]}] * 3},
        {"detector": OWN, "outcomes": [{"error": "CorruptImage"}] * 3},
    ],
)
def test_a_function_that_is_no_own_model_is_named(answer: Any, pictures: list[Path]) -> None:
    told = "arn does not answer as an own model does; name the output ClassifyImageFunctionArn of own-model.yaml"
    assert failed(Answers(answer), pictures) == told


@pytest.mark.parametrize("number", [2, 4])
def test_a_function_that_answers_of_other_images_than_it_was_asked_is_named(number: int, pictures: list[Path]) -> None:
    account = Answers({"detector": OWN, "outcomes": [{"labels": []}] * number})
    assert failed(account, pictures).startswith(f"arn answers of {number} images, not of 3; name the output")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [({"errorType": "OutOfMemory", "errorMessage": "no room"}, "OutOfMemory: no room"), (["odd"], '["odd"]')],
)
def test_a_function_that_fails_is_told_in_its_own_words(answer: Any, reason: str, pictures: list[Path]) -> None:
    account = Answers(answer, FunctionError="Unhandled")
    assert failed(account, pictures) == f"the own model's function failed: {reason}"


def test_a_folder_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r"/nowhere: there is no such folder; name a folder with pictures \(\.jpg"):
        comparison.pictures(tmp_path / "nowhere")


def test_a_picture_is_told_from_a_folder(pictures: list[Path]) -> None:
    with pytest.raises(DemoFailed, match=r"/0\.jpg: is a file; name a folder with pictures"):
        comparison.pictures(pictures[0])


def test_a_folder_without_pictures_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r" has no pictures; name a folder with some"):
        comparison.pictures(tmp_path)
