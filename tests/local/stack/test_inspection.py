"""Inspection with Rekognition's generic labels, end to end: upload, verdict, record, move and notification."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.demo.sample_photos import PHOTOS_DIR
from tests.local.stack.inspections import Inspections
from tests.local.stack.pipeline import UNUSUAL_NAMES, created, wait_for
from tests.pictures import gradients, jpeg_of, png_of
from vision.domain import keys
from vision.domain.inspection.results import RESULT_SCHEMA
from vision.domain.keys import KEY_LIMIT_BYTES
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(160, 120))
OTHER_PHOTO = jpeg_of(gradients(120, 160))

NAMES = [*UNUSUAL_NAMES, "IMG_0002.JPEG", "Scan.Png", "images/private/uploads/again.jpg", " leading.jpg"]


def longest(character: str) -> str:
    """A name of which `images/names/` makes a key of as many bytes as S3 allows."""
    number, rest = divmod(KEY_LIMIT_BYTES - len("images/names/.jpg"), len(character.encode()))
    return f"{character * number}{'x' * rest}.jpg"


LONGEST = [longest(character) for character in ("é", "写", "🏖")]


@pytest.fixture(scope="module")
def shared_inspections(shared_pipeline):
    """The inspection; a message that meets a transient error comes back after 20 seconds instead of 12 minutes."""
    inspections = Inspections(shared_pipeline)
    with shared_pipeline.visibility_timeout(inspections.queue_url, 20):
        yield inspections


@pytest.fixture
def inspections(pipeline, shared_inspections):
    """The inspection; a test that uses it sends nothing to the dead-letter queue."""
    before = shared_inspections.dead_letters()
    yield shared_inspections
    shared_inspections.wait_until_drained()
    assert shared_inspections.dead_letters() == before


@pytest.fixture
def folder():
    """A folder below images/ that no other test uses."""
    return f"images/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def put(pipeline, folder):
    """Upload an image into this test's folder."""
    return lambda name, body=PHOTO, **options: pipeline.upload(f"{folder}/{name}", body, **options)


@pytest.fixture
def quick_redelivery(pipeline, inspections):
    """A failed message comes back after five seconds."""
    with pipeline.visibility_timeout(inspections.queue_url, 5):
        yield


def _names(described: dict) -> list[str]:
    return [label["name"] for label in described["labels"]]


@pytest.fixture(scope="module")
def person(shared_pipeline, shared_inspections):
    """A photo of a person, which fails the default rule, and its record; `deployed` has fetched the photo."""
    version = shared_pipeline.upload(
        "images/gate/photographer.png", (PHOTOS_DIR / "photographer.png").read_bytes(), ContentType="image/png"
    )
    return version, shared_inspections.moved(version)


def test_image_of_a_person_fails_the_default_rule_and_moves_unchanged(inspections, pipeline, person):
    version, record = person
    assert record["status"] == "SUCCEEDED"
    assert record["verdict"] == "FAILURE"
    assert record["rule"] == "no-people"
    [reason] = record["reasons"]
    assert reason.startswith("Person was found with 9")
    assert "Person" in _names(record)
    assert record["detector"]["name"] == "rekognition"
    assert record["moved_to"] == {"bucket": inspections.results, "key": "analyzed/failure/gate/photographer.png"}
    moved = inspections.read(record["moved_to"])
    assert moved["Body"] == (PHOTOS_DIR / "photographer.png").read_bytes()
    assert moved["ContentType"] == "image/png"
    left = pipeline.client("s3").list_object_versions(Bucket=version.bucket, Prefix=version.key)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


def test_result_file_and_notification_repeat_the_record(inspections, person):
    version, record = person
    result = inspections.result(record)
    assert record["result"]["key"].startswith("results/gate/photographer.png/")
    assert result["schema"] == RESULT_SCHEMA
    assert result["object"]["version_id"] == version.version_id
    assert result["image"] == record["moved_to"]
    for name in ("photo_id", "verdict", "rule", "reasons", "inspected_at"):
        assert result[name] == record[name], name
    assert _names(result) == _names(record)
    [notification] = wait_for(lambda: inspections.heard(version))
    for name in ("verdict", "rule", "reasons"):
        assert notification[name] == record[name], name
    assert _names(notification) == _names(record)
    assert notification["image"] == record["moved_to"]
    assert notification["id"].startswith(record["photo_id"])


def test_image_without_people_passes_without_notification_or_execution(pipeline, inspections, put, folder):
    before = len(pipeline.executions())
    version = put("hall.jpg")
    record = inspections.moved(version)
    assert record["verdict"] == "SUCCESS"
    assert record["reasons"] == []
    assert record["moved_to"]["key"] == f"analyzed/success/{folder.removeprefix('images/')}/hall.jpg"
    assert "notified_at" not in record
    assert inspections.heard(version) == []
    assert len(pipeline.executions()) == before


@pytest.fixture(scope="module")
def named(shared_pipeline):
    return {name: shared_pipeline.upload(f"images/names/{name}", PHOTO) for name in [*NAMES, *LONGEST]}


@pytest.mark.parametrize("name", NAMES)
def test_unusual_key_keeps_its_path(inspections, named, name):
    record = inspections.moved(named[name])
    assert record["object"]["key"] == f"images/names/{name}"
    assert record["moved_to"]["key"] == f"analyzed/success/names/{name}"
    assert inspections.read(record["moved_to"])["Body"] == PHOTO
    assert inspections.result(record)["object"]["key"] == f"images/names/{name}"


@pytest.mark.parametrize("name", LONGEST, ids=lambda name: name[0])
def test_key_of_1024_bytes_moves_to_the_photo_id(inspections, named, name):
    version = named[name]
    assert len(version.key.encode()) == KEY_LIMIT_BYTES
    record = inspections.moved(version)
    assert record["moved_to"]["key"] == f"analyzed/success/-/{keys.photo_id(version.bucket, version.key)}"
    assert inspections.read(record["moved_to"])["Body"] == PHOTO


def test_files_that_are_no_images_below_the_prefix_stay_untouched(inspections, pipeline, put, folder):
    keys_ = [f"{folder}/notes.txt", f"{folder}/no-extension", f"{folder}/", f"other/{folder}/a.jpg", "images.jpg"]
    foreign = [pipeline.upload(key, PHOTO) for key in keys_]
    inspections.moved(put("last.jpg"))
    assert [pipeline.record(version) for version in foreign] == [{}] * len(foreign)
    assert all(inspections.is_there(version) for version in foreign)


def test_unrelated_messages_are_deleted_without_side_effects(inspections, pipeline, folder):
    foreign = pipeline.upload(f"other/{folder}/a.jpg", PHOTO)
    deleted = created(foreign) | {"detail-type": "Object Deleted"}
    inspections.send({"Service": "Amazon S3", "Event": "s3:TestEvent"}, deleted, created(foreign))
    inspections.wait_until_drained()
    assert pipeline.record(foreign) == {}
    assert inspections.is_there(foreign)


def test_image_deleted_before_its_inspection_is_recorded_as_not_found(inspections, pipeline, folder):
    gone = ObjectVersion(pipeline.bucket, f"{folder}/gone.jpg", str(uuid.uuid4()), "0" * 32, "", 1000)
    inspections.send(created(gone))
    record = pipeline.finished(gone)
    assert record["status"] == "FAILED"
    assert record["error"]["name"] == "ObjectNotFound"


def test_redelivery_after_success_changes_nothing(inspections, pipeline, person):
    version, record = person

    def state() -> dict:
        moved = inspections.read(record["moved_to"])["VersionId"]
        return {"record": pipeline.record(version), "moved": moved, "paid": pipeline.counters()["paid"]}

    wait_for(lambda: inspections.heard(version) and "notified_at" in pipeline.record(version))
    before = state()
    inspections.send(created(version))
    inspections.wait_until_drained()
    assert state() == before
    assert len(inspections.heard(version)) == 1


def test_five_simultaneous_events_send_one_notification(inspections, pipeline, folder):
    version = pipeline.upload(f"{folder}/photographer.png", (PHOTOS_DIR / "photographer.png").read_bytes())
    inspections.send(*[created(version)] * 4)
    record = inspections.moved(version)
    inspections.wait_until_drained()
    assert pipeline.record(version)["verdict"] == record["verdict"] == "FAILURE"
    assert len({notification["id"] for notification in wait_for(lambda: inspections.heard(version))}) == 1


def test_new_version_has_its_own_result_and_survives_a_redelivery_of_the_older(inspections, pipeline, put):
    older = put("door.jpg")
    first = inspections.moved(older)
    second = inspections.moved(put("door.jpg", OTHER_PHOTO))
    assert first["result"]["key"] != second["result"]["key"]
    assert inspections.result(first)["object"]["version_id"] == older.version_id
    assert inspections.read(second["moved_to"])["Body"] == OTHER_PHOTO
    inspections.send(created(older))
    inspections.wait_until_drained()
    assert pipeline.record(older)["verdict"] == "SUCCESS"
    assert inspections.read(second["moved_to"])["Body"] == OTHER_PHOTO


@pytest.mark.usefixtures("quick_redelivery")
def test_concurrent_versions_of_one_key_both_get_a_verdict(inspections, put):
    bodies = [PHOTO, OTHER_PHOTO]
    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(lambda body: put("busy.jpg", body), bodies))
    records = [inspections.moved(version) for version in versions]
    assert {record["verdict"] for record in records} == {"SUCCESS"}
    assert len({record["result"]["key"] for record in records}) == 2
    assert inspections.read(records[0]["moved_to"])["Body"] in bodies


def test_file_that_cannot_be_inspected_stays_and_has_an_error(inspections, pipeline, put):
    files = {
        ("list.jpg", "NotSupportedImageType"): b"2 l milk\n6 eggs\n",
        ("empty.png", "CorruptImage"): b"",
        ("cut.jpg", "InvalidImage"): PHOTO[: len(PHOTO) // 2],
        ("tiny.png", "ImageTooSmall"): png_of(gradients(40, 40)),
    }
    versions = {(name, error): put(name, body) for (name, error), body in files.items()}
    for (name, error), version in versions.items():
        record = pipeline.finished(version)
        assert (record["status"], record["error"]["name"]) == ("FAILED", error), name
        assert record["error"]["cause"]
        assert "verdict" not in record
    inspections.wait_until_drained()
    assert all(inspections.is_there(version) for version in versions.values())


@pytest.mark.usefixtures("quick_redelivery")
def test_throttled_image_succeeds_after_a_redelivery(inspections, pipeline, put):
    pipeline.set_faults(throttle={"first": 8})
    version = put("patience.jpg")
    assert inspections.moved(version)["verdict"] == "SUCCESS"


@pytest.mark.usefixtures("quick_redelivery")
def test_malformed_messages_go_to_the_dead_letter_queue_and_others_are_processed(pipeline, shared_inspections, put):
    before = shared_inspections.dead_letters()
    shared_inspections.send("no event", json.dumps({"what": "else"}))
    assert shared_inspections.moved(put("neighbour.jpg"))["verdict"] == "SUCCESS"
    wait_for(lambda: shared_inspections.dead_letters() == before + 2)
    pipeline.take_messages(shared_inspections.dead_letter_url)
