"""Bursts, duplicates, wrong order and malformed messages: each version is processed once."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image

from tests.local.stack.pipeline import Pipeline, created, wait_for
from tests.pictures import gradients, jpeg_of
from vision.domain import keys
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

OLDER, NEWER = "00000660BDDCAC376F", "00000660BDDCAC3770"


def photo(number: int = 0) -> bytes:
    """A small JPEG, different for each number."""
    image = gradients(160, 120)
    image.paste((number % 256, 40, 200), (0, 0, 40, 40))
    return jpeg_of(image)


@pytest.fixture
def silent(pipeline):
    """Uploads emit no events: the test sends them."""
    rule = pipeline.resource_name("UploadRule").rpartition("|")[2]
    pipeline.client("events").disable_rule(Name=rule)
    yield
    pipeline.client("events").enable_rule(Name=rule)


@pytest.fixture
def quick_redelivery(pipeline):
    """A failed message comes back after a second instead of three minutes."""
    with pipeline.visibility_timeout(pipeline.queue_url, 1):
        yield


def started(pipeline: Pipeline, version: ObjectVersion) -> int:
    """Number of executions of all versions of a photo."""
    photo_id = keys.photo_id(version.bucket, version.key)
    return sum(one["name"].startswith(photo_id) for one in pipeline.executions())


def test_sixty_simultaneous_uploads_succeed(pipeline, upload):
    before = len(pipeline.executions())
    with ThreadPoolExecutor(60) as pool:
        versions = list(pool.map(lambda number: upload(f"{number}.jpg", photo(number)), range(60)))
    statuses = [record["status"] for record in pipeline.all_finished(versions)]
    pipeline.wait_until_drained()
    assert statuses == ["SUCCEEDED"] * 60
    assert len(pipeline.executions()) == before + 60
    assert pipeline.take_dead_letters() == []


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("together", [False, True], ids=["at the same time", "in one batch"])
def test_five_copies_of_an_event_are_processed_once(pipeline, upload, together):
    version = replace(upload("five.jpg", photo()), sequencer=OLDER)
    paid = pipeline.counters()["paid"]
    if together:
        pipeline.send(*[created(version)] * 5)
    else:
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda _: pipeline.send(created(version)), range(5)))
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    pipeline.wait_until_drained()
    assert started(pipeline, version) == 1
    assert {item["sk"] for item in pipeline.records_of(version)} == {"CURRENT", f"VERSION#{version.version_id}"}
    assert pipeline.counters()["paid"] == paid + 1


def test_redelivery_after_success_changes_nothing(pipeline, upload):
    version = upload("again.jpg", photo())
    record = pipeline.finished(version)
    before, paid = pipeline.records_of(version), pipeline.counters()["paid"]
    pipeline.send(created(replace(version, sequencer=record["object"]["sequencer"])))
    pipeline.wait_until_drained()
    assert pipeline.records_of(version) == before
    assert started(pipeline, version) == 1
    assert pipeline.counters()["paid"] == paid


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "in one batch"])
def test_newest_version_is_current_whatever_the_order_of_events(pipeline, upload, together):
    older = replace(upload("twice.jpg", photo(1)), sequencer=OLDER)
    newer = replace(upload("twice.jpg", photo(2)), sequencer=NEWER)
    if together:
        pipeline.send(created(newer), created(older))
    else:
        pipeline.send(created(newer))
        pipeline.finished(newer)
        pipeline.send(created(older))
    assert [record["status"] for record in pipeline.all_finished([older, newer])] == ["SUCCEEDED"] * 2
    assert pipeline.photo(older)["object"]["version_id"] == newer.version_id


def test_upload_during_the_first_execution_has_its_own_record(pipeline, upload):
    pipeline.set_faults(latency_seconds=2)
    first = upload("holiday.jpg", photo(1))
    pipeline.wait_until_entered(first, "Detect Labels")
    second = upload("holiday.jpg", jpeg_of(Image.new("RGB", (200, 100), "green")))
    records = pipeline.all_finished([first, second])
    assert [(record["status"], record["width"]) for record in records] == [("SUCCEEDED", 160), ("SUCCEEDED", 200)]
    assert pipeline.photo(first)["object"]["version_id"] == second.version_id
    assert len({record["thumbnail"]["key"] for record in records}) == 2


@pytest.mark.usefixtures("silent", "quick_redelivery")
def test_malformed_messages_go_to_the_dead_letter_queue_and_others_succeed(pipeline, upload):
    malformed = ["{not json", json.dumps({"detail-type": "Object Created", "source": "aws.s3", "detail": {}})]
    versions = [replace(upload(f"{number}.jpg", photo(number)), sequencer=OLDER) for number in range(8)]
    bodies = [json.dumps(created(version)) for version in versions]
    pipeline.send(*bodies[:4], *malformed, *bodies[4:])
    assert {record["status"] for record in pipeline.all_finished(versions)} == {"SUCCEEDED"}
    wait_for(lambda: pipeline.depth(pipeline.dead_letter_url) == 2 and pipeline.depth(pipeline.queue_url) == 0)
    assert sorted(pipeline.take_dead_letters()) == sorted(malformed)


@pytest.mark.usefixtures("silent")
def test_unrelated_messages_are_deleted_and_start_no_execution(pipeline, upload):
    version = replace(upload("any.jpg", photo()), sequencer=OLDER)
    no_photos = ["private/a/resized/uploads/b.jpg", "analyzed/a.jpg", "private/a/uploads/", "private//uploads/a.jpg"]
    before = len(pipeline.executions())
    pipeline.send(
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": version.bucket},
        {**created(version), "detail-type": "Object Deleted"},
        {"Records": [{"eventName": "ObjectRemoved:Delete"}]},
        {**created(version), "source": "aws.ec2"},
        *[created(replace(version, key=key)) for key in no_photos],
    )
    pipeline.wait_until_drained()
    assert len(pipeline.executions()) == before
    assert pipeline.take_dead_letters() == []


def test_objects_outside_uploads_start_no_execution(pipeline, upload):
    before = len(pipeline.executions())
    resized = ["private/a/resized/b.jpg", "private/a/resized/uploads/b.jpg"]
    for key in ("images/a.jpg", "private/a/uploads/", "a.jpg", *resized):
        pipeline.upload(key, photo())
    pipeline.finished(upload("after.jpg", photo()))
    pipeline.wait_until_drained()
    assert len(pipeline.executions()) == before + 1


def test_deleting_an_upload_keeps_its_record_and_starts_no_execution(pipeline, upload):
    version = upload("deleted.jpg", photo())
    before = pipeline.finished(version)
    pipeline.client("s3").delete_object(Bucket=version.bucket, Key=version.key)
    pipeline.finished(upload("after.jpg", photo()))
    pipeline.wait_until_drained()
    assert pipeline.record(version) == before
    assert started(pipeline, version) == 1
