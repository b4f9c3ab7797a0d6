"""Inspection with Rekognition's generic labels, end to end: uploaded below images/, judged, recorded, moved, told."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.photos import PHOTOS_DIR
from tests.local.stack.inspections import Inspections
from tests.local.stack.pipeline import Pipeline, created, wait_for
from tests.unit.images.pictures import gradients, jpeg_of, png_of
from vision.domain import keys
from vision.domain.inspections import RESULT_SCHEMA
from vision.domain.keys import KEY_LIMIT_BYTES
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(160, 120))
OTHER_PHOTO = jpeg_of(gradients(120, 160))

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
    "IMG_0001.JPG",
    "IMG_0002.JPEG",
    "Scan.Png",
    "x/y/z.png",
    "images/private/uploads/again.jpg",
    " leading.jpg",
    "写真/夏休み 2026.jpg",
    "📷🏖️.jpg",
    "שלום.jpeg",
    "a&b=c?d#e;f.jpg",
    "quote'\"quote.jpg",
    "back\\slash.jpg",
    "<b>{{x}}$states[0].jpg",
    "tab\tnew\nline.jpg",
    "//double//slashes.jpg",
    "~!@$^*()_-=[]|:,.jpg",
]


@pytest.fixture(scope="module")
def shared_inspections(shared_pipeline: Pipeline) -> Inspections:
    return Inspections(shared_pipeline)


@pytest.fixture
def inspections(pipeline: Pipeline, shared_inspections: Inspections) -> Iterator[Inspections]:
    """The inspection; whatever a test does, nothing may end in the dead-letter queue unless it says so."""
    before = shared_inspections.dead_letters()
    yield shared_inspections
    shared_inspections.wait_until_drained()
    assert shared_inspections.dead_letters() == before


@pytest.fixture
def folder() -> str:
    """A folder below images/ that no other test uses."""
    return f"images/{uuid.uuid4().hex[:8]}"


@pytest.fixture
def put(pipeline: Pipeline, folder: str) -> Callable[..., ObjectVersion]:
    """Upload an image into this test's folder."""
    return lambda name, body=PHOTO, **options: pipeline.upload(f"{folder}/{name}", body, **options)


@pytest.fixture
def quick_redelivery(pipeline: Pipeline, inspections: Inspections) -> Iterator[None]:
    """A failed message comes back after five seconds instead of twelve minutes."""
    sqs, names = pipeline.client("sqs"), ["VisibilityTimeout"]
    before = sqs.get_queue_attributes(QueueUrl=inspections.queue_url, AttributeNames=names)["Attributes"]
    sqs.set_queue_attributes(QueueUrl=inspections.queue_url, Attributes={"VisibilityTimeout": "5"})
    yield
    sqs.set_queue_attributes(QueueUrl=inspections.queue_url, Attributes=before)


def _names(described: dict) -> list[str]:
    return [label["name"] for label in described["labels"]]


@pytest.fixture(scope="module")
def person(shared_pipeline: Pipeline, shared_inspections: Inspections) -> tuple[ObjectVersion, dict]:
    """A photo of a person, which the default rule does not want, and its record; `deployed` has fetched it."""
    version = shared_pipeline.upload(
        "images/gate/photographer.png", (PHOTOS_DIR / "photographer.png").read_bytes(), ContentType="image/png"
    )
    return version, shared_inspections.moved(version)


def test_a_person_fails_the_default_rule_and_the_record_says_why(person):
    _, record = person
    assert (record["status"], record["verdict"], record["rule"]) == ("SUCCEEDED", "FAILURE", "no-people")
    [reason] = record["reasons"]
    assert reason.startswith("Person was found with 9")
    assert "Person" in _names(record)
    assert record["detector"]["name"] == "rekognition"


def test_the_image_moves_below_its_verdict_as_it_was(inspections, person):
    _, record = person
    assert record["moved_to"] == {"bucket": inspections.results, "key": "analyzed/failure/gate/photographer.png"}
    moved = inspections.read(record["moved_to"])
    assert moved["Body"] == (PHOTOS_DIR / "photographer.png").read_bytes()
    assert moved["ContentType"] == "image/png"


def test_the_uploaded_version_is_deleted_and_leaves_no_marker(pipeline, person):
    version, _ = person
    listed = pipeline.client("s3").list_object_versions(Bucket=version.bucket, Prefix=version.key)
    assert not listed.get("Versions")
    assert not listed.get("DeleteMarkers")


def test_the_result_file_tells_what_the_record_tells(inspections, person):
    version, record = person
    result = inspections.result(record)
    assert record["result"]["key"].startswith("results/gate/photographer.png/")
    assert result["schema"] == RESULT_SCHEMA
    assert result["object"]["version_id"] == version.version_id
    assert result["image"] == record["moved_to"]
    for name in ("photo_id", "verdict", "rule", "reasons", "inspected_at"):
        assert result[name] == record[name], name
    assert _names(result) == _names(record)


def test_people_are_told_of_a_failure_once_and_without_the_picture(inspections, person):
    version, record = person
    [told] = wait_for(lambda: inspections.heard(version))
    assert (told["verdict"], told["rule"], told["reasons"]) == ("FAILURE", "no-people", record["reasons"])
    assert _names(told) == _names(record)
    assert told["image"] == record["moved_to"]
    assert told["id"].startswith(record["photo_id"])


def test_an_image_without_people_passes_and_nobody_is_told(inspections, put, folder):
    version = put("hall.jpg")
    record = inspections.moved(version)
    assert (record["verdict"], record["reasons"]) == ("SUCCESS", [])
    assert record["moved_to"]["key"] == f"analyzed/success/{folder.removeprefix('images/')}/hall.jpg"
    assert "notified_at" not in record
    assert inspections.heard(version) == []


def test_an_inspected_image_starts_no_execution_of_the_photo_workflow(pipeline, inspections, put):
    before = len(pipeline.executions())
    inspections.moved(put("hall.jpg"))
    assert len(pipeline.executions()) == before


@pytest.mark.parametrize("name", NAMES)
def test_every_key_keeps_its_path(inspections, put, folder, name):
    record = inspections.moved(put(name))
    assert record["object"]["key"] == f"{folder}/{name}"
    assert record["moved_to"]["key"] == f"analyzed/success/{folder.removeprefix('images/')}/{name}"
    assert inspections.read(record["moved_to"])["Body"] == PHOTO
    assert inspections.result(record)["object"]["key"] == f"{folder}/{name}"


@pytest.mark.parametrize("character", ["é", "写", "🏖"])
def test_a_key_of_1024_bytes_moves_under_the_photos_id(inspections, pipeline, folder, character):
    room = KEY_LIMIT_BYTES - len(f"{folder}/.jpg".encode())
    number, rest = divmod(room, len(character.encode()))
    version = pipeline.upload(f"{folder}/{character * number}{'x' * rest}.jpg", PHOTO)
    record = inspections.moved(version)
    assert record["moved_to"]["key"] == f"analyzed/success/-/{keys.photo_id(version.bucket, version.key)}"
    assert inspections.read(record["moved_to"])["Body"] == PHOTO


def test_foreign_files_never_reach_the_queue(inspections, pipeline, put, folder):
    foreign = [
        pipeline.upload(key, PHOTO)
        for key in (
            f"{folder}/notes.txt",
            f"{folder}/no-extension",
            f"{folder}/",
            f"other/{folder}/a.jpg",
            "images.jpg",
        )
    ]
    inspections.moved(put("last.jpg"))
    assert [pipeline.record(version) for version in foreign] == [{}] * len(foreign)
    assert all(inspections.is_there(version) for version in foreign)


def test_what_is_no_upload_of_an_image_is_acknowledged(inspections, pipeline, put, folder):
    """However it got into the queue: a notification of the bucket's own, a deletion, a file of another folder."""
    foreign = pipeline.upload(f"other/{folder}/a.jpg", PHOTO)
    deleted = created(foreign) | {"detail-type": "Object Deleted"}
    inspections.send({"Service": "Amazon S3", "Event": "s3:TestEvent"}, deleted, created(foreign))
    inspections.wait_until_drained()
    assert pipeline.record(foreign) == {}
    assert inspections.is_there(foreign)


def test_an_image_that_was_deleted_before_is_acknowledged_and_its_record_says_so(inspections, pipeline, folder):
    gone = ObjectVersion(pipeline.bucket, f"{folder}/gone.jpg", str(uuid.uuid4()), "0" * 32, "", 1000)
    inspections.send(created(gone))
    record = pipeline.finished(gone)
    assert (record["status"], record["error"]["name"]) == ("FAILED", "ObjectNotFound")


def test_a_redelivery_after_success_changes_nothing(inspections, pipeline, person):
    version, record = person
    wait_for(lambda: inspections.heard(version))
    wait_for(lambda: "notified_at" in pipeline.record(version))
    before = pipeline.record(version), inspections.read(record["moved_to"])["VersionId"], pipeline.counters()["paid"]
    inspections.send(created(version))
    inspections.wait_until_drained()
    after = pipeline.record(version), inspections.read(record["moved_to"])["VersionId"], pipeline.counters()["paid"]
    assert after == before
    assert len(inspections.heard(version)) == 1


def test_the_same_event_five_times_at_once_tells_people_once(inspections, pipeline, folder):
    body = (PHOTOS_DIR / "photographer.png").read_bytes()
    version = pipeline.upload(f"{folder}/photographer.png", body)
    inspections.send(*[created(version)] * 4)
    record = inspections.moved(version)
    inspections.wait_until_drained()
    assert pipeline.record(version)["verdict"] == record["verdict"] == "FAILURE"
    assert len({told["id"] for told in wait_for(lambda: inspections.heard(version))}) == 1


def test_a_re_upload_gets_a_verdict_and_a_result_of_its_own(inspections, put):
    older = put("door.jpg")
    first = inspections.moved(older)
    newer = put("door.jpg", OTHER_PHOTO)
    second = inspections.moved(newer)
    assert first["result"]["key"] != second["result"]["key"]
    assert inspections.result(first)["object"]["version_id"] == older.version_id
    assert inspections.read(second["moved_to"])["Body"] == OTHER_PHOTO


def test_a_redelivery_of_the_older_version_leaves_the_newer_image_in_place(inspections, pipeline, put):
    older = put("door.jpg")
    inspections.moved(older)
    record = inspections.moved(put("door.jpg", OTHER_PHOTO))
    inspections.send(created(older))
    inspections.wait_until_drained()
    assert pipeline.record(older)["verdict"] == "SUCCESS"
    assert inspections.read(record["moved_to"])["Body"] == OTHER_PHOTO


@pytest.mark.usefixtures("quick_redelivery")
def test_a_re_upload_while_the_older_version_is_inspected_gives_both_their_verdict(inspections, put):
    bodies = [PHOTO, OTHER_PHOTO]
    with ThreadPoolExecutor(2) as pool:
        versions = list(pool.map(lambda body: put("busy.jpg", body), bodies))
    records = [inspections.moved(version) for version in versions]
    assert {record["verdict"] for record in records} == {"SUCCESS"}
    assert len({record["result"]["key"] for record in records}) == 2
    assert inspections.read(records[0]["moved_to"])["Body"] in bodies


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("list.jpg", b"2 l milk\n6 eggs\n", "NotSupportedImageType"),
        ("empty.png", b"", "CorruptImage"),
        ("cut.jpg", PHOTO[: len(PHOTO) // 2], "InvalidImage"),
        ("tiny.png", png_of(gradients(40, 40)), "ImageTooSmall"),
    ],
)
def test_what_cannot_be_inspected_stays_and_its_record_says_why(inspections, pipeline, put, name, body, error):
    version = put(name, body)
    record = pipeline.finished(version)
    inspections.wait_until_drained()
    assert (record["status"], record["error"]["name"]) == ("FAILED", error)
    assert record["error"]["cause"]
    assert "verdict" not in record
    assert inspections.is_there(version)


@pytest.mark.usefixtures("quick_redelivery")
def test_a_busy_rekognition_costs_a_redelivery_and_nothing_else(inspections, pipeline, put):
    pipeline.set_faults(throttle={"first": 8})
    version = put("patience.jpg")
    assert inspections.moved(version)["verdict"] == "SUCCESS"


@pytest.mark.usefixtures("quick_redelivery")
def test_a_message_that_is_no_event_ends_in_the_dead_letter_queue_and_its_neighbours_are_done(
    pipeline, shared_inspections, put
):
    before = shared_inspections.dead_letters()
    shared_inspections.send("no event", json.dumps({"what": "else"}))
    assert shared_inspections.moved(put("neighbour.jpg"))["verdict"] == "SUCCESS"
    wait_for(lambda: shared_inspections.dead_letters() == before + 2)
    sqs = pipeline.client("sqs")
    while messages := sqs.receive_message(QueueUrl=shared_inspections.dead_letter_url).get("Messages"):
        for message in messages:
            sqs.delete_message(QueueUrl=shared_inspections.dead_letter_url, ReceiptHandle=message["ReceiptHandle"])
