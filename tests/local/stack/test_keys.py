"""Unusual keys reach the record unchanged: through S3, EventBridge, SQS and Step Functions."""

import pytest

from tests.local.stack.pipeline import UNUSUAL_NAMES
from tests.pictures import gradients, jpeg_of
from vision.domain.keys import KEY_LIMIT_BYTES

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(120, 90))

NAMES = [*UNUSUAL_NAMES, "my.other.jpg", "uploads/private/again.jpg", "no-extension", " leading and trailing "]


@pytest.fixture(scope="module")
def versions(shared_pipeline):
    return {name: shared_pipeline.upload(f"private/keys/uploads/{name}", PHOTO) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_unusual_key_is_recorded_unchanged(pipeline, versions, name):
    record = pipeline.finished(versions[name])
    assert record["status"] == "SUCCEEDED"
    assert record["object"]["key"] == f"private/keys/uploads/{name}"
    assert record["owner"] == "keys"


def test_similar_keys_are_different_photos(pipeline, versions):
    records = pipeline.all_finished(versions.values())
    assert len({record["photo_id"] for record in records}) == len(NAMES)
    assert len({record["thumbnail"]["key"] for record in records}) == len(NAMES)


@pytest.mark.parametrize("character", ["é", "写", "🏖"])
def test_key_of_1024_bytes_is_processed(pipeline, owner, character):
    folder = f"private/{owner}/uploads/"
    number, rest = divmod(KEY_LIMIT_BYTES - len(folder.encode()), len(character.encode()))
    key = folder + character * number + "x" * rest
    record = pipeline.finished(pipeline.upload(key, PHOTO))
    assert record["status"] == "SUCCEEDED"
    assert record["object"]["key"] == key


@pytest.mark.parametrize(
    "name", ["Zoë +%20&", "夏", "a.b@example.com", "us-east-1:0f8fad5b-d9cb-469f-a165-70867728950e", "o" * 990]
)
def test_any_owner_has_thumbnails(pipeline, name):
    record = pipeline.finished(pipeline.upload(f"private/{name}/uploads/a.jpg", PHOTO))
    assert record["status"] == "SUCCEEDED"
    assert record["owner"] == name
    # A name of 990 bytes leaves no room for the folder.
    assert len(name) == 990 or record["thumbnail"]["key"].startswith(f"private/{name}/resized/")
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")
