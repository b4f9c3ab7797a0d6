"""Unusual keys reach the record unchanged: through S3, EventBridge, SQS and Step Functions."""

import pytest

from tests.local.stack.pipeline import UNUSUAL_NAMES
from tests.pictures import gradients, jpeg_of
from vision.domain.keys import KEY_LIMIT_BYTES

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(120, 90))
FOLDER = "private/keys/uploads/"


def longest(character: str) -> str:
    """A key of as many bytes as S3 allows."""
    number, rest = divmod(KEY_LIMIT_BYTES - len(FOLDER), len(character.encode()))
    return FOLDER + character * number + "x" * rest


NAMES = [*UNUSUAL_NAMES, "my.other.jpg", "uploads/private/again.jpg", "no-extension", " leading and trailing "]
LONGEST = [longest(character) for character in ("é", "写", "🏖")]
OWNERS = ["Zoë +%20&", "夏", "a.b@example.com", "us-east-1:0f8fad5b-d9cb-469f-a165-70867728950e", "o" * 990]
KEYS = [*(FOLDER + name for name in NAMES), *LONGEST, *(f"private/{owner}/uploads/a.jpg" for owner in OWNERS)]


@pytest.fixture(scope="module")
def versions(shared_pipeline):
    return {key: shared_pipeline.upload(key, PHOTO) for key in KEYS}


@pytest.mark.parametrize("key", KEYS)
def test_unusual_key_and_owner_are_recorded_unchanged_and_have_a_thumbnail(pipeline, versions, key):
    record, owner = pipeline.finished(versions[key]), key.split("/")[1]
    assert record["status"] == "SUCCEEDED"
    assert record["object"]["key"] == key
    assert record["owner"] == owner
    # A name of 990 bytes leaves no room for the folder.
    assert len(owner) == 990 or record["thumbnail"]["key"].startswith(f"private/{owner}/resized/")
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")


def test_similar_keys_are_different_photos(pipeline, versions):
    records = pipeline.all_finished(versions.values())
    assert len({record["photo_id"] for record in records}) == len(KEYS)
    assert len({record["thumbnail"]["key"] for record in records}) == len(KEYS)
