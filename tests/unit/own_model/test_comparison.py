"""What a comparison leaves in the bucket when something fails in between: nothing, or a sentence that says where."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.demo import DemoFailed
from local.own_model import comparison

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


def failed(account: Bucket, pictures: list[Path]) -> str:
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


def test_a_folder_that_is_not_there_is_said_not_to_be(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r"/nowhere: there is no such folder; name a folder with pictures \(\.jpg"):
        comparison.pictures(tmp_path / "nowhere")


def test_a_picture_is_told_from_a_folder(pictures: list[Path]) -> None:
    with pytest.raises(DemoFailed, match=r"/0\.jpg: is a file; name a folder with pictures"):
        comparison.pictures(pictures[0])


def test_a_folder_without_pictures_is_said_to_have_none(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r" has no pictures; name a folder with some"):
        comparison.pictures(tmp_path)
