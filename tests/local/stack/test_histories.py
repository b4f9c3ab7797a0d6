"""What the history of an execution keeps of a person, for 90 days and for everybody who may read it."""

import json

import pytest

from tests.conftest import EVENTS
from tests.local.stack.pipeline import entered_states

pytestmark = pytest.mark.local


def test_history_of_a_photo_has_its_key_and_neither_place_time_camera_nor_labels(pipeline, upload):
    version = upload("lighthouse.jpg", (EVENTS / "images/lighthouse.jpg").read_bytes())
    record = pipeline.finished(version)
    arn = pipeline.execution_arn(version)
    kept = json.dumps([pipeline.closed(arn), pipeline.history(arn)], default=str, ensure_ascii=False)
    assert record["status"] == "SUCCEEDED"
    assert version.key in kept
    place = record["location"]
    private = [record["capture_time"], record["camera_make"], record["camera_model"], place["latitude_dms"]]
    private += [str(place["latitude"]), str(place["longitude"]), *(label["name"] for label in record["labels"])]
    assert len(private) > 6
    assert [value for value in private if value in kept] == []


def test_good_photo_takes_five_transitions(pipeline, upload):
    version = upload("traffic-light.png", (EVENTS / "images/traffic-light.png").read_bytes())
    pipeline.finished(version)
    arn = pipeline.execution_arn(version)
    pipeline.closed(arn)
    assert len(entered_states(pipeline.history(arn))) == 5
