"""Comparisons in which something fails: what is left in the bucket, what is reported, what is still drawn."""

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

BUCKET = "amzn-s3-demo-bucket"
OWN = {"name": "own-model", "version": "7"}
REFUSED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "S3")


class Account:
    """One bucket, a Rekognition without labels, and the own model's function.

    Parameters
    ----------
    invoke
        Returns what the function answers to a payload.
    no_put, no_delete
        How the keys end that S3 refuses to put or to delete.
    """

    def __init__(self, invoke: Callable[[Any], Any], no_put: str = "-", no_delete: str = "-", **fields: str) -> None:
        self.objects: set[tuple[str, str]] = set()
        self._invoke, self._no_put, self._no_delete, self._fields = invoke, no_put, no_delete, fields

    def client(self, _service: str) -> "Account":
        return self

    def put_object(self, **request: Any) -> dict[str, Any]:
        if request["Key"].endswith(self._no_put):
            raise REFUSED
        self.objects.add((request["Key"], "v1"))
        return {"ETag": '"1a2b"', "VersionId": "v1"}

    def delete_object(self, **request: Any) -> None:
        if request["Key"].endswith(self._no_delete):
            raise REFUSED
        self.objects.remove((request["Key"], request["VersionId"]))

    def detect_labels(self, **_: Any) -> dict[str, Any]:
        return {"Labels": []}

    def invoke(self, **request: Any) -> dict[str, Any]:
        answer = self._invoke(json.loads(request["Payload"]))
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **self._fields}


def no_labels(payload: Any) -> Any:
    return {"detector": OWN, "outcomes": [{"labels": []} for _ in payload["objects"]]}


def denied(_payload: Any) -> Any:
    raise REFUSED


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    files = [tmp_path / f"{number}.jpg" for number in range(3)]
    for file in files:
        file.write_bytes(b"a picture")
    return files


def failure(account: comparison.Account, pictures: list[Path]) -> str:
    with pytest.raises(DemoFailed) as error:
        comparison.compare(account, BUCKET, "arn", pictures)
    return str(error.value)


def cards(account: Account, pictures: list[Path]) -> list[str]:
    """Return the part of the page about each picture."""
    return page.render(comparison.compare(account, BUCKET, "arn", pictures)).split("<article>")[1:]


# What is left in the bucket


@pytest.mark.parametrize("account", [Account(no_labels, no_put="/1.jpg"), Account(denied)], ids=["put", "invoke"])
def test_failed_comparison_leaves_no_pictures(account: Account, pictures: list[Path]) -> None:
    assert "the pictures cannot be compared (An error occurred (AccessDenied)" in failure(account, pictures)
    assert account.objects == set()


def test_only_a_picture_that_cannot_be_deleted_is_left_and_reported(pictures: list[Path]) -> None:
    account = Account(denied, no_delete="/0.jpg")
    reported = failure(account, pictures)
    [(key, _)] = account.objects
    assert key.endswith("/0.jpg")
    assert f"; and 1 pictures are left in {BUCKET}; delete what is below {key[:-5]}" in reported


# What is drawn


def test_picture_that_takes_too_much_memory_is_not_drawn(tmp_path: Path) -> None:
    side = 16_000
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(side * (1 + side // 8))))
    file = tmp_path / "small.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
    [card] = cards(Account(no_labels), [file])
    assert "No picture" in card


def test_only_the_thumbnail_of_a_picture_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(jpeg_of(scene(2_000, 1_000)))
    [compared] = comparison.compare(Account(no_labels), BUCKET, "arn", [file]).images
    assert compared.thumbnail is not None
    assert compared.thumbnail.width == 250
    assert compared.thumbnail.height == 125


def test_labels_of_a_deleted_picture_are_kept(tmp_path: Path) -> None:
    deleted, kept = tmp_path / "deleted.jpg", tmp_path / "kept.jpg"
    for file in (deleted, kept):
        file.write_bytes(jpeg_of(scene()))

    def invoke(payload: Any) -> Any:
        deleted.unlink()
        return no_labels(payload)

    first, second = cards(Account(invoke), [deleted, kept])
    assert "No picture" in first
    assert "No picture" not in second


# What is reported


def test_missing_credentials_are_reported(pictures: list[Path]) -> None:
    class NoProfile:
        def client(self, _service: str) -> Any:
            raise ProfileNotFound(profile="nope")

    assert "The config profile (nope) could not be found" in failure(NoProfile(), pictures)


@pytest.mark.parametrize(
    "answer",
    [
        *(None, "hello", [], {"statusCode": 200, "body": "hello"}, {"detector": OWN}),
        {"detector": OWN, "outcomes": None},
        {"detector": "own-model", "outcomes": []},
        {"detector": OWN, "outcomes": ["Cat", "Cat", "Cat"]},
        {"detector": OWN, "outcomes": [{"labels": ["Cat"]}] * 3},
        {"detector": OWN, "outcomes": [{"labels": [{"name": "Cat", "confidence": None, "parents": []}]}] * 3},
        {"detector": OWN, "outcomes": [{"error": "CorruptImage"}] * 3},
    ],
)
def test_function_that_is_not_an_own_model_is_refused_with_the_remedy(answer: Any, pictures: list[Path]) -> None:
    reported = failure(Account(lambda _: answer), pictures)
    assert reported.startswith("arn does not answer as an own model does; ")
    assert "ClassifyImageFunctionArn" in reported


@pytest.mark.parametrize("number", [2, 4])
def test_answer_for_another_number_of_images_is_refused(number: int, pictures: list[Path]) -> None:
    account = Account(lambda _: {"detector": OWN, "outcomes": [{"labels": []}] * number})
    assert failure(account, pictures).startswith(f"arn answers of {number} images, not of 3; ")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [({"errorType": "OutOfMemory", "errorMessage": "no room"}, "OutOfMemory: no room"), (["odd"], '["odd"]')],
)
def test_error_of_the_function_is_reported(answer: Any, reason: str, pictures: list[Path]) -> None:
    account = Account(lambda _: answer, FunctionError="Unhandled")
    assert failure(account, pictures) == f"the own model's function failed: {reason}"


def test_folder_without_pictures_is_refused(tmp_path: Path, pictures: list[Path]) -> None:
    with pytest.raises(DemoFailed, match=r"/nowhere: there is no such folder; name a folder with pictures \(\.jpg"):
        comparison.pictures(tmp_path / "nowhere")
    with pytest.raises(DemoFailed, match=r"/0\.jpg: is a file; name a folder with pictures"):
        comparison.pictures(pictures[0])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DemoFailed, match=r"/empty has no pictures; name a folder with some"):
        comparison.pictures(tmp_path / "empty")
