"""Comparisons in which something fails: what is left in the bucket, what is reported, what is still drawn."""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from local.demo.photo_demo import DemoFailed
from local.own_model import comparison, page
from tests.pictures import chunk, jpeg_of, scene

BUCKET = "amzn-s3-demo-bucket"
OWN = {"name": "own-model", "version": "7"}
REFUSED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "S3")


class Account:
    """One bucket, a Rekognition without labels, and an own model's function that answers as `invoke` does.

    `no_put` and `no_delete` are how the keys end that S3 refuses to put or to delete.
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


def test_failed_comparison_leaves_no_pictures_but_one_that_cannot_be_deleted(pictures):
    for account in (Account(no_labels, no_put="/1.jpg"), Account(denied)):
        assert "the pictures cannot be compared (An error occurred (AccessDenied)" in failure(account, pictures)
        assert account.objects == set()
    account = Account(denied, no_delete="/0.jpg")
    reported = failure(account, pictures)
    [(key, _)] = account.objects
    assert key.endswith("/0.jpg")
    assert f"; and 1 pictures are left in {BUCKET}; delete what is below {key[:-5]}" in reported


def test_picture_that_takes_too_much_memory_is_not_drawn(tmp_path):
    side = 16_000
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(side * (1 + side // 8))))
    file = tmp_path / "small.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + rows + chunk(b"IEND", b""))
    assert "No picture" in page.render(comparison.compare(Account(no_labels), BUCKET, "arn", [file]))


def test_thumbnail_and_labels_of_a_picture_are_kept_even_when_it_is_deleted(tmp_path):
    deleted, kept = tmp_path / "deleted.jpg", tmp_path / "kept.jpg"
    for file in (deleted, kept):
        file.write_bytes(jpeg_of(scene(2_000, 1_000)))

    def invoke(payload: Any) -> Any:
        deleted.unlink()
        return no_labels(payload)

    compared = comparison.compare(Account(invoke), BUCKET, "arn", [deleted, kept])
    thumbnail = compared.images[1].thumbnail
    assert thumbnail is not None
    assert (thumbnail.width, thumbnail.height) == (250, 125)
    _, first, second = page.render(compared).split("<article>")
    assert "No picture" in first
    assert "No picture" not in second


def test_missing_credentials_are_reported(pictures):
    no_profile = Mock(client=Mock(side_effect=ProfileNotFound(profile="nope")))
    assert "The config profile (nope) could not be found" in failure(no_profile, pictures)


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
def test_function_that_is_not_an_own_model_is_refused_with_the_remedy(answer, pictures):
    reported = failure(Account(lambda _: answer), pictures)
    assert reported.startswith("arn does not answer as an own model does; ")
    assert "ClassifyImageFunctionArn" in reported


def test_answer_for_another_number_of_images_or_an_error_is_reported(pictures):
    for number in (2, 4):
        account = Account(lambda _, number=number: {"detector": OWN, "outcomes": [{"labels": []}] * number})
        assert failure(account, pictures).startswith(f"arn answers of {number} images, not of 3; ")
    out_of_memory = {"errorType": "OutOfMemory", "errorMessage": "no room"}
    for answer, reason in ((out_of_memory, "OutOfMemory: no room"), (["odd"], '["odd"]')):
        account = Account(lambda _, answer=answer: answer, FunctionError="Unhandled")
        assert failure(account, pictures) == f"the own model's function failed: {reason}"


def test_folder_without_pictures_is_refused(tmp_path, pictures):
    (tmp_path / "empty").mkdir()
    for folder, message in (
        (tmp_path / "nowhere", r"/nowhere: there is no such folder; name a folder with pictures \(\.jpg"),
        (pictures[0], r"/0\.jpg: is a file; name a folder with pictures"),
        (tmp_path / "empty", r"/empty has no pictures; name a folder with some"),
    ):
        with pytest.raises(DemoFailed, match=message):
            comparison.pictures(folder)
