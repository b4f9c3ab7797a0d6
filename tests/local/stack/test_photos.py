"""Photos of cameras, uploaded as users do, become complete and correct records."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from local.demo.sample_photos import PHOTOS_DIR, Photo, photos
from local.engine import control
from local.rekognition.fetch import DETECTOR, MODELS_DIR
from tests.local.stack.pipeline import Pipeline, count, entered_states
from tests.local.stack.record_form import violations
from vision.domain.objects import ObjectVersion

pytestmark = pytest.mark.local

DETECTED_ONLY = {"Person", "Cup", "Dining Table", "Motorcycle", "Car"}

OWNER = "photographer"
THUMBNAIL_SIDE = 250


@dataclass(frozen=True)
class Processed:
    """A photo, its results and its requests."""

    photo: Photo
    version: ObjectVersion
    record: dict[str, Any]
    history: list[dict[str, Any]]
    requests: list[str]
    thumbnail: bytes | None

    @property
    def content(self) -> bytes:
        return (PHOTOS_DIR / self.photo.name).read_bytes()


@pytest.fixture(scope="module")
def started_before(shared_pipeline):
    return len(shared_pipeline.executions())


@pytest.fixture(scope="module")
def processed(shared_pipeline, started_before):
    """All photos of the demo, uploaded at once, while CloudTrail records the requests of S3."""
    record_requests(shared_pipeline, True)

    def send(photo: Photo) -> ObjectVersion:
        key = f"private/{OWNER}/uploads/{photo.name}"
        return shared_pipeline.upload(key, (PHOTOS_DIR / photo.name).read_bytes())

    listed = photos()
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(send, listed))
    found = [collect(shared_pipeline, *pair) for pair in zip(listed, versions, strict=True)]
    record_requests(shared_pipeline, False)
    return found


def record_requests(pipeline: Pipeline, switch: bool) -> None:
    content = {"cloudtrail._recording_enabled": str(switch)}
    control.ask(pipeline.stack.client_arguments(), content, path=control.CONFIGURATION_PATH)


def collect(pipeline: Pipeline, photo: Photo, version: ObjectVersion) -> Processed:
    record = pipeline.finished(version)
    arn = pipeline.execution_arn(version)
    pipeline.closed(arn)
    thumbnail = pipeline.read(record["thumbnail"]["key"]) if "thumbnail" in record else None
    return Processed(photo, version, record, pipeline.history(arn), requests_of_functions(pipeline, record), thumbnail)


def requests_of_functions(pipeline: Pipeline, record: dict[str, Any]) -> list[str]:
    """The requests of the functions to S3 for an image and its thumbnail."""
    keys = [record["object"]["key"], record.get("thumbnail", {}).get("key")]
    names = []
    for key in filter(None, keys):
        attribute = {"AttributeKey": "ResourceName", "AttributeValue": key}
        for event in pipeline.client("cloudtrail").lookup_events(LookupAttributes=[attribute])["Events"]:
            call = json.loads(event["CloudTrailEvent"])
            if call["eventSource"] == "s3.amazonaws.com" and "image-recognition-pipeline" in call["userAgent"]:
                names.append(call["eventName"])
    return sorted(names)


@pytest.fixture
def good(processed):
    return [one for one in processed if one.photo.refused_as is None]


def test_demo_has_photos_of_every_orientation_and_refused_files(processed, good):
    assert len(good) >= 12
    assert {one.photo.orientation for one in processed} == set(range(1, 9))
    assert {one.photo.refused_as for one in processed} == {None, "NotSupportedImageType", "CorruptImage"}


def test_each_record_is_complete_and_has_the_expected_status(processed, shared_pipeline):
    for one in processed:
        name, record, version = one.photo.name, one.record, one.version
        assert record["status"] == ("FAILED" if one.photo.refused_as else "SUCCEEDED"), name
        assert violations(record) == [], name
        for attribute in ("bucket", "key", "version_id", "etag"):
            assert record["object"][attribute] == getattr(version, attribute)
        assert record["object"]["size_bytes"] == len(one.content)
        assert record["owner"] == OWNER
        assert record["execution_arn"] == shared_pipeline.execution_arn(version)
        # Each task has had one attempt.
        assert count(one.history, "TaskScheduled") == count(one.history, "TaskStateEntered"), name


def test_format_size_camera_time_and_location_are_those_of_the_file(good):
    for one in good:
        photo, record = one.photo, one.record
        assert (record["width"], record["height"]) == (photo.width, photo.height), photo.name
        assert record["format"] == Image.open(io.BytesIO(one.content)).format.replace("MPO", "JPEG"), photo.name
        if photo.camera:
            found = [record.get(name) for name in ("camera_make", "camera_model", "capture_time")]
            assert found == [*photo.camera, photo.capture_time], photo.name
        else:
            assert "camera_model" not in record, photo.name
        if photo.location is None:
            assert "location" not in record, photo.name
        else:
            location = record["location"]
            found = (float(location["latitude"]), float(location["longitude"]))
            assert found == pytest.approx(photo.location, abs=1e-5), photo.name


def test_each_photo_has_the_labels_of_its_content(good):
    # Without npm there is no detector, and the classifier does not know these.
    unknown = set() if (MODELS_DIR / DETECTOR.name).is_file() else DETECTED_ONLY
    missing = {
        one.photo.name: set(one.photo.labels) - unknown - {label["name"] for label in one.record["labels"]}
        for one in good
    }
    assert {name: labels for name, labels in missing.items() if labels} == {}
    # No label of this photo is certain enough.
    assert [one.record["labels"] for one in good if one.photo.name == "dahlia.jpg"] == [[]]
    assert {one.record["detector"]["version"].partition(" ")[0] for one in good} == {"local-1.0"}


def test_labels_have_boxes_if_there_is_a_detector(good):
    boxed = {
        one.photo.name: any(label["instances"] for label in one.record["labels"] if label["name"] == one.photo.boxed)
        for one in good
        if one.photo.boxed
    }
    assert set(boxed.values()) == {(MODELS_DIR / DETECTOR.name).is_file()}, boxed


def test_refused_files_have_an_error_and_no_labels_or_thumbnail(processed):
    refused = [one for one in processed if one.photo.refused_as]
    for one in refused:
        assert one.record["error"]["name"] == one.photo.refused_as
        assert not {"labels", "thumbnail"} & one.record.keys(), one.photo.name
    # Metadata of a truncated file that could be read is kept.
    [record] = [one.record for one in refused if one.photo.name == "interrupted-upload.jpg"]
    assert (record["width"], record["height"], record["format"]) == (640, 427, "JPEG")


def test_thumbnails_are_small_upright_jpeg_files_of_their_owner_without_metadata(good):
    for one in good:
        photo, described = one.photo, one.record["thumbnail"]
        assert described["bucket"] == one.version.bucket
        assert described["key"].startswith(f"private/{OWNER}/resized/")
        with Image.open(io.BytesIO(one.thumbnail)) as image:
            assert image.format == "JPEG"
            assert image.size == (described["width"], described["height"]), photo.name
            # Small photos are not enlarged.
            assert max(image.size) == min(THUMBNAIL_SIDE, max(photo.width, photo.height)), photo.name
            proportion, sides = min(image.size) / max(image.size), sorted((photo.width, photo.height))
            assert proportion == pytest.approx(sides[0] / sides[1], abs=1 / max(image.size)), photo.name
            assert dict(image.getexif()) == {}, photo.name
            assert not {"exif", "comment", "xmp", "photoshop"} & image.info.keys(), photo.name
        assert mean_difference(one.thumbnail, one.content) <= 12, photo.name


def mean_difference(thumbnail: bytes, original: bytes) -> float:
    """Mean difference, from 0 to 255, between a thumbnail and the original as Pillow displays it."""
    with Image.open(io.BytesIO(thumbnail)) as small, Image.open(io.BytesIO(original)) as large:
        large.draft("RGB", (1024, 1024))
        upright = ImageOps.exif_transpose(large).convert("RGB").resize(small.size, Image.Resampling.LANCZOS)
        difference = ImageStat.Stat(ImageChops.difference(upright, small.convert("RGB"))).mean
    return sum(difference) / len(difference)


def test_photo_takes_at_most_six_transitions_few_reads_and_one_write(good):
    transitions = {one.photo.name: len(entered_states(one.history)) for one in good}
    assert {name: number for name, number in transitions.items() if number > 6} == {}
    # On average 1.6 reads for the metadata, and one for the thumbnail.
    reads = sum(one.requests.count("GetObject") for one in good)
    assert len(good) < reads <= (1.6 + 1) * len(good)
    assert {one.photo.name: one.requests.count("PutObject") for one in good} == {one.photo.name: 1 for one in good}
    assert {name for one in good for name in one.requests} == {"GetObject", "PutObject"}


def test_thumbnails_start_no_execution(processed, shared_pipeline, started_before):
    shared_pipeline.wait_until_drained()
    assert len(shared_pipeline.executions()) == started_before + len(processed)


def test_each_photo_is_listed_under_its_owner(processed, shared_pipeline):
    listed = shared_pipeline.client("dynamodb").query(
        TableName=shared_pipeline.table,
        IndexName="listing",
        KeyConditionExpression="listing_pk = :owner",
        ExpressionAttributeValues={":owner": {"S": f"OWNER#{OWNER}"}},
    )
    assert listed["Count"] == len(processed)
