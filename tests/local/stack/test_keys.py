"""Keys that broke other pipelines, uploaded for real: through S3, EventBridge, SQS, Step Functions and back."""

import pytest

from tests.local.stack.pipeline import Pipeline
from tests.pictures import gradients, jpeg_of
from vision.domain.keys import KEY_LIMIT_BYTES

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(120, 90))

NAMES = [
    "photo (1).png",
    "café.jpg",
    "cafe\u0301.jpg",
    "a+b.png",
    "50%.jpg",
    "a%20b.jpg",
    "a b.jpg",
    "%2F.jpg",
    "my.photo.jpg",
    "my.other.jpg",
    "IMG_0001.JPG",
    "x/y/z.png",
    "uploads/private/again.jpg",
    "no-extension",
    " leading and trailing ",
    "写真/夏休み 2026.jpg",
    "📷🏖️.jpg",
    "שלום.jpg",
    "a&b=c?d#e;f.jpg",
    "quote'\"quote.jpg",
    "back\\slash.jpg",
    "<b>{{x}}$states[0].jpg",
    "tab\tnew\nline.jpg",
    "//double//slashes.jpg",
    "~!@$^*()_-=[]|:,.jpg",
]


def longest(owner: str, character: str) -> str:
    """A key of 1,024 bytes."""
    key = f"private/{owner}/uploads/"
    number, rest = divmod(KEY_LIMIT_BYTES - len(key.encode()), len(character.encode()))
    return key + character * number + "x" * rest


@pytest.fixture(scope="module")
def versions(shared_pipeline: Pipeline) -> dict:
    return {name: shared_pipeline.upload(f"private/keys/uploads/{name}", PHOTO) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_key_reaches_its_record_as_it_is(pipeline, versions, name):
    record = pipeline.finished(versions[name])
    assert (record["status"], record["object"]["key"]) == ("SUCCEEDED", f"private/keys/uploads/{name}")
    assert record["owner"] == "keys"


def test_keys_that_look_alike_are_different_photos(pipeline, versions):
    records = pipeline.all_finished(versions.values())
    assert len({record["photo_id"] for record in records}) == len(NAMES)
    assert len({record["thumbnail"]["key"] for record in records}) == len(NAMES)


@pytest.mark.parametrize("character", ["é", "写", "🏖"])
def test_a_key_of_1024_bytes_is_processed(pipeline, owner, character):
    key = longest(owner, character)
    assert len(key.encode()) == KEY_LIMIT_BYTES
    record = pipeline.finished(pipeline.upload(key, PHOTO))
    assert (record["status"], record["object"]["key"]) == ("SUCCEEDED", key)


@pytest.mark.parametrize(
    "name", ["Zoë +%20&", "夏", "a.b@example.com", "us-east-1:0f8fad5b-d9cb-469f-a165-70867728950e"]
)
def test_any_owner_gets_thumbnails_of_their_own(pipeline, name):
    record = pipeline.finished(pipeline.upload(f"private/{name}/uploads/a.jpg", PHOTO))
    assert (record["status"], record["owner"]) == ("SUCCEEDED", name)
    assert record["thumbnail"]["key"].startswith(f"private/{name}/resized/")
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")


def test_an_owner_whose_name_leaves_no_room_still_gets_a_thumbnail(pipeline):
    record = pipeline.finished(pipeline.upload(f"private/{'o' * 990}/uploads/a.jpg", PHOTO))
    assert record["status"] == "SUCCEEDED"
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")
