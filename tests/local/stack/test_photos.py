"""Real photos, uploaded as any user does, become complete and true records."""

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
    """A photo, what it became, and what that cost."""

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
def started_before(shared_pipeline: Pipeline) -> int:
    return len(shared_pipeline.executions())


@pytest.fixture(scope="module")
def processed(shared_pipeline: Pipeline, started_before: int) -> list[Processed]:
    """Every photo of the demo, uploaded at once; S3's requests are recorded by CloudTrail meanwhile."""
    record_requests(shared_pipeline, True)

    def send(photo: Photo) -> ObjectVersion:
        key = f"private/{OWNER}/uploads/{photo.name}"
        return shared_pipeline.upload(key, (PHOTOS_DIR / photo.name).read_bytes())

    listed = photos()
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(send, listed))
    found = [look_at(shared_pipeline, *pair) for pair in zip(listed, versions, strict=True)]
    record_requests(shared_pipeline, False)
    return found


def record_requests(pipeline: Pipeline, switch: bool) -> None:
    content = {"cloudtrail._recording_enabled": str(switch)}
    control.ask(pipeline.stack.client_arguments(), content, path=control.CONFIGURATION_PATH)


def look_at(pipeline: Pipeline, photo: Photo, version: ObjectVersion) -> Processed:
    record = pipeline.finished(version)
    arn = pipeline.execution_arn(version)
    pipeline.closed(arn)
    thumbnail = pipeline.read(record["thumbnail"]["key"]) if "thumbnail" in record else None
    return Processed(photo, version, record, pipeline.history(arn), requests_of_functions(pipeline, record), thumbnail)


def requests_of_functions(pipeline: Pipeline, record: dict[str, Any]) -> list[str]:
    """What the functions asked of S3 for an image and its thumbnail."""
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
def good(processed: list[Processed]) -> list[Processed]:
    return [one for one in processed if one.photo.refused_as is None]


def test_there_are_enough_photos_of_every_kind(processed):
    assert len([one for one in processed if one.photo.refused_as is None]) >= 12
    assert {one.photo.orientation for one in processed} == set(range(1, 9))
    assert {one.photo.refused_as for one in processed} == {None, "NotSupportedImageType", "CorruptImage"}


def test_each_photo_ends_as_it_deserves(processed):
    assert {one.photo.name: one.record["status"] for one in processed} == {
        one.photo.name: "FAILED" if one.photo.refused_as else "SUCCEEDED" for one in processed
    }


def test_each_record_keeps_the_contract(processed):
    assert {one.photo.name: violations(one.record) for one in processed if violations(one.record)} == {}


def test_each_record_names_object_owner_and_execution(processed, shared_pipeline):
    for one in processed:
        told = one.record["object"]
        assert (told["bucket"], told["key"]) == (one.version.bucket, one.version.key)
        assert (told["version_id"], told["etag"]) == (one.version.version_id, one.version.etag)
        assert told["size_bytes"] == len(one.content)
        assert one.record["owner"] == OWNER
        assert one.record["execution_arn"] == shared_pipeline.execution_arn(one.version)


def test_pixels_are_those_that_are_displayed(good):
    assert {one.photo.name: (one.record["width"], one.record["height"]) for one in good} == {
        one.photo.name: (one.photo.width, one.photo.height) for one in good
    }


def test_the_format_is_that_of_the_content(good):
    assert {one.photo.name: one.record["format"] for one in good} == {
        one.photo.name: Image.open(io.BytesIO(one.content)).format.replace("MPO", "JPEG") for one in good
    }


def test_camera_and_capture_time_are_those_of_the_exif_block(good):
    def told(one: Processed) -> tuple[Any, ...]:
        return tuple(one.record.get(name) for name in ("camera_make", "camera_model", "capture_time"))

    # What the catalogue does not say is not known of the photo.
    known = [one for one in good if one.photo.camera]
    assert {one.photo.name: told(one) for one in known} == {
        one.photo.name: (*one.photo.camera, one.photo.capture_time) for one in known
    }


def test_photos_without_a_camera_have_none_in_their_record(good):
    assert [one.photo.name for one in good if not one.photo.camera and "camera_model" in one.record] == []


def test_places_are_those_of_the_exif_block(good):
    located = {one.photo.name: one.record.get("location") for one in good}
    for one in good:
        if one.photo.location is None:
            assert located[one.photo.name] is None
        else:
            place = located[one.photo.name]
            found = (float(place["latitude"]), float(place["longitude"]))
            assert found == pytest.approx(one.photo.location, abs=1e-5)


def test_every_photo_gets_the_labels_that_it_shows(good):
    # Without npm there is no detector, and these are not among what the classifier knows.
    unknown = set() if (MODELS_DIR / DETECTOR.name).is_file() else DETECTED_ONLY
    missing = {
        one.photo.name: set(one.photo.labels) - unknown - {label["name"] for label in one.record["labels"]}
        for one in good
    }
    assert {name: labels for name, labels in missing.items() if labels} == {}


def test_labels_have_boxes_when_the_detector_is_there(good):
    boxed = {
        one.photo.name: any(label["instances"] for label in one.record["labels"] if label["name"] == one.photo.boxed)
        for one in good
        if one.photo.boxed
    }
    assert set(boxed.values()) == {(MODELS_DIR / DETECTOR.name).is_file()}, boxed


def test_a_photo_without_any_certain_label_succeeds_with_an_empty_list(good):
    assert [one.record["labels"] for one in good if one.photo.name == "dahlia.jpg"] == [[]]


def test_the_record_says_that_the_labels_are_local(good):
    assert {one.record["detector"]["version"].partition(" ")[0] for one in good} == {"local-1.0"}


def test_refused_files_name_the_error_and_have_neither_labels_nor_thumbnail(processed):
    refused = [one for one in processed if one.photo.refused_as]
    assert {one.photo.name: one.record["error"]["name"] for one in refused} == {
        one.photo.name: one.photo.refused_as for one in refused
    }
    assert [one.photo.name for one in refused if {"labels", "thumbnail"} & one.record.keys()] == []


def test_a_truncated_photo_keeps_what_could_be_read(processed):
    [one] = [one for one in processed if one.photo.name == "interrupted-upload.jpg"]
    assert (one.record["width"], one.record["height"], one.record["format"]) == (640, 427, "JPEG")


def test_thumbnails_are_beside_the_uploads_of_their_owner(good):
    assert {one.record["thumbnail"]["bucket"] for one in good} == {one.version.bucket for one in good}
    assert all(one.record["thumbnail"]["key"].startswith(f"private/{OWNER}/resized/") for one in good)


def test_thumbnails_are_jpeg_files_of_the_size_that_the_record_says(good):
    for one in good:
        with Image.open(io.BytesIO(one.thumbnail)) as image:
            told = one.record["thumbnail"]
            assert (image.format, image.size) == ("JPEG", (told["width"], told["height"])), one.photo.name


def test_thumbnails_fit_into_250_pixels_and_are_never_enlarged(good):
    for one in good:
        with Image.open(io.BytesIO(one.thumbnail)) as image:
            assert max(image.size) == min(THUMBNAIL_SIDE, max(one.photo.width, one.photo.height)), one.photo.name


def test_thumbnails_keep_the_proportions(good):
    for one in good:
        with Image.open(io.BytesIO(one.thumbnail)) as image:
            expected = min(image.size) / max(image.size)
            sides = sorted((one.photo.width, one.photo.height))
            assert expected == pytest.approx(sides[0] / sides[1], abs=1 / max(image.size)), one.photo.name


def test_thumbnails_carry_no_metadata(good):
    for one in good:
        with Image.open(io.BytesIO(one.thumbnail)) as image:
            assert dict(image.getexif()) == {}, one.photo.name
            assert not {"exif", "comment", "xmp", "photoshop"} & image.info.keys(), one.photo.name


def test_thumbnails_show_the_photo_upright(good):
    difference = {one.photo.name: mean_difference(one.thumbnail, one.content) for one in good}
    assert {name: value for name, value in difference.items() if value > 12} == {}


def mean_difference(thumbnail: bytes, original: bytes) -> float:
    """Mean difference, of 255, between a thumbnail and the original as Pillow displays it."""
    with Image.open(io.BytesIO(thumbnail)) as small, Image.open(io.BytesIO(original)) as large:
        large.draft("RGB", (1024, 1024))
        upright = ImageOps.exif_transpose(large).convert("RGB").resize(small.size, Image.Resampling.LANCZOS)
        difference = ImageStat.Stat(ImageChops.difference(upright, small.convert("RGB"))).mean
    return sum(difference) / len(difference)


def test_a_normal_photo_takes_at_most_six_transitions(good):
    transitions = {one.photo.name: len(entered_states(one.history)) for one in good}
    assert {name: number for name, number in transitions.items() if number > 6} == {}


def test_no_photo_needs_a_second_attempt(processed):
    scheduled = {one.photo.name: count(one.history, "TaskScheduled") - len(tasks(one)) for one in processed}
    assert {name: extra for name, extra in scheduled.items() if extra} == {}


def tasks(one: Processed) -> list[str]:
    return [event for event in one.history if event["type"] == "TaskStateEntered"]


def test_metadata_takes_at_most_1_6_reads_on_average_and_a_thumbnail_one_read_and_one_write(good):
    reads = sum(one.requests.count("GetObject") for one in good)
    assert len(good) < reads <= (1.6 + 1) * len(good)
    assert {one.photo.name: one.requests.count("PutObject") for one in good} == {one.photo.name: 1 for one in good}
    assert {name for one in good for name in one.requests} == {"GetObject", "PutObject"}


def test_thumbnails_start_nothing(processed, shared_pipeline, started_before):
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
