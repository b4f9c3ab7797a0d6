"""`make event`: the event of a picture of one's own, with which one function can be invoked."""

import json
from pathlib import Path

import pytest

from local.demo import own_event
from local.demo.photo_demo import DemoFailed
from local.stack.deployment import REPOSITORY
from tests.local.stack.pipeline import Pipeline

pytestmark = pytest.mark.local


def test_event_invokes_a_function_with_the_image(shared_pipeline: Pipeline, tmp_path: Path) -> None:
    image, file = REPOSITORY / "events/images/lighthouse.jpg", tmp_path / "new/event.json"
    envelope = own_event.write(shared_pipeline.stack, image, "me", file)
    assert envelope.object.key == "private/me/uploads/lighthouse.jpg"
    answer = shared_pipeline.client("lambda").invoke(
        FunctionName=shared_pipeline.resource_name("ExtractMetadataFunction"), Payload=file.read_bytes()
    )
    metadata = json.loads(answer["Payload"].read())
    assert (metadata["format"], metadata["orientation"]) == ("JPEG", 6)


def test_missing_image_is_named(shared_pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r"nosuch.jpg is not a file; name one of your pictures"):
        own_event.write(shared_pipeline.stack, tmp_path / "nosuch.jpg", "me", tmp_path / "event.json")
    assert not (tmp_path / "event.json").exists()
