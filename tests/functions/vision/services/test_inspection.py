"""What an inspection ends with: a verdict, a reason, or nothing at all."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import RESULTS, TOPIC_ARN, ScriptedDetector, detect, upload
from tests.pictures import jpeg_of, png_of, scene
from vision.adapters import rekognition
from vision.adapters.aws_sdk import client
from vision.adapters.rekognition import Detection
from vision.adapters.table import Table
from vision.domain import events
from vision.domain.envelopes import Envelope
from vision.domain.errors import AccessDenied, Permanent, Transient
from vision.domain.inspection.results import result_file, result_key
from vision.domain.inspection.rules import Rule
from vision.domain.objects import ObjectVersion
from vision.services.inspection import Inspector
from vision.settings import InspectionSettings

Listing = Callable[[], list[Any]]


@pytest.mark.parametrize("is_marker", [False, True], ids=["its version", "a delete marker"])
def test_image_that_was_deleted_before_is_not_inspected(
    inspector: Inspector,
    inspected: Envelope,
    table: Table,
    results: Listing,
    notified: Listing,
    answer: Callable[..., list[dict[str, Any]]],
    is_marker: bool,
) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    version = inspected.object
    pin = {} if is_marker else {"VersionId": version.version_id}
    client("s3").delete_object(Bucket=version.bucket, Key=version.key, **pin)
    assert inspector.inspect(version) == "GONE"
    record = table.image(inspected) or {}
    assert (record["status"], record["error"]["name"]) == ("FAILED", "ObjectNotFound")
    assert (asked, results(), notified()) == ([], [], [])


REFUSED = {
    "empty": (b"", "CorruptImage", "0 bytes"),
    "text": (b"no image at all, whatever its name", "NotSupportedImageType", "convert it before upload"),
    "truncated": (jpeg_of(scene())[:40], "CorruptImage", ""),
    "too small": (jpeg_of(scene(79, 200)), "ImageTooSmall", "at least 80 px a side"),
    "too large": (jpeg_of(scene()).ljust(15 * 1024 * 1024 + 1, b"\0"), "ImageTooLarge", "resize before upload"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_image_that_cannot_be_inspected_is_acknowledged_with_the_reason(
    inspector: Inspector, inspected: Envelope, table: Table, kind: str
) -> None:
    content, name, cause = REFUSED[kind]
    version = upload(inspected, content)
    assert inspector.inspect(version) == name
    record = table.image(Envelope.of(version)) or {}
    assert (record["status"], record["error"]["name"], cause in record["error"]["cause"]) == ("FAILED", name, True)


@pytest.mark.parametrize("kind", REFUSED)
def test_an_image_that_cannot_be_inspected_costs_no_call_of_rekognition(
    inspector: Inspector, inspected: Envelope, answer: Callable[..., list[dict[str, Any]]], kind: str
) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    inspector.inspect(upload(inspected, REFUSED[kind][0]))
    assert asked == []


@pytest.mark.parametrize(
    ("code", "name"),
    [("InvalidImageFormatException", "InvalidImage"), ("ImageTooLargeException", "ImageTooLarge")],
)
def test_an_image_that_rekognition_refuses_is_acknowledged_with_the_reason(
    inspector: Inspector, inspected: Envelope, table: Table, refuse: Callable[..., None], code: str, name: str
) -> None:
    refuse("rekognition", "DetectLabels", code)
    assert inspector.inspect(inspected.object) == name
    assert (table.image(inspected) or {})["error"]["name"] == name


def test_a_refused_image_stays_where_it_is(inspector: Inspector, inspected: Envelope, results: Listing) -> None:
    version = upload(inspected, b"no image")
    inspector.inspect(version)
    kept = client("s3").get_object(Bucket=version.bucket, Key=version.key)["Body"].read()
    assert (kept, results()) == (b"no image", [])


def test_an_image_without_a_rule_is_acknowledged_with_the_parameter_to_change(
    inspector: Inspector, inspected: Envelope, table: Table, photo: bytes
) -> None:
    version = upload(inspected, photo, "images/kitchen/pan.jpg")
    assert inspector.inspect(version) == "NoRule"
    assert "InspectionRules" in (table.image(Envelope.of(version)) or {})["error"]["cause"]


def test_a_refused_image_that_is_sent_again_can_still_pass(
    inspector: Inspector, inspected: Envelope, table: Table, photo: bytes
) -> None:
    version = upload(inspected, photo, "images/kitchen/pan.jpg")
    inspector.inspect(version)
    mended = dataclasses.replace(inspector, rules=(Rule("all", "images/", 90.0, any_of=("Rose",)),))
    assert mended.inspect(version) == "SUCCESS"
    assert "error" not in (table.image(Envelope.of(version)) or {})


def test_a_verdict_is_not_undone_by_a_late_refusal(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    def slow(version: ObjectVersion, rule: Rule) -> Detection:
        inspector.inspect(version)
        raise Permanent("late")

    dataclasses.replace(inspector, detector=ScriptedDetector(slow)).inspect(inspected.object)
    assert (table.image(inspected) or {})["status"] == "SUCCEEDED"


@pytest.mark.parametrize("code", ["ThrottlingException", "silence"])
def test_a_busy_service_leaves_no_verdict_and_no_error(
    inspector: Inspector, inspected: Envelope, table: Table, refuse: Callable[..., None], code: str
) -> None:
    refuse("rekognition", "DetectLabels", code)
    with pytest.raises(Transient):
        inspector.inspect(inspected.object)
    assert (table.image(inspected) or {})["status"] == "PENDING"


def test_a_missing_permission_is_recorded_and_raised_so_that_the_message_comes_again(
    inspector: Inspector, inspected: Envelope, table: Table, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "DetectLabels", "AccessDeniedException")
    with pytest.raises(AccessDenied):
        inspector.inspect(inspected.object)
    assert (table.image(inspected) or {})["error"]["name"] == "AccessDenied"


def test_image_that_is_also_a_page_is_copied_as_the_image_that_it_is(
    inspector: Inspector, inspected: Envelope, table: Table
) -> None:
    # Whoever may put images could have them opened, with their address, as a page of the bucket's origin.
    page = jpeg_of(scene()) + b"<html><script>alert(document.domain)</script>"
    put = client("s3").put_object(
        Bucket=BUCKET, Key="images/garden/page.jpg", Body=page, ContentType="text/html", ContentDisposition="inline"
    )
    version = ObjectVersion(BUCKET, "images/garden/page.jpg", put["VersionId"], put["ETag"].strip('"'), "", len(page))
    assert inspector.inspect(version) == "SUCCESS"
    moved = (table.image(Envelope.of(version)) or {})["moved_to"]
    assert client("s3").head_object(Bucket=moved["bucket"], Key=moved["key"])["ContentType"] == "image/jpeg"


def test_image_goes_where_an_earlier_release_recorded_that_it_goes(
    inspector: Inspector,
    inspected: Envelope,
    table: Table,
    results: Listing,
    monkeypatch: pytest.MonkeyPatch,
    refuse: Callable[..., None],
) -> None:
    # It kept paths that climb out of their folder.
    refuse("s3", "PutObject", "SlowDown", 503, calls=(1,))
    with monkeypatch.context() as earlier:
        earlier.setattr("vision.domain.inspection.results.analyzed_key", lambda *_: "analyzed/success/../x.jpg")
        with pytest.raises(Transient):
            inspector.inspect(inspected.object)
    assert inspector.inspect(inspected.object) == "SUCCESS"
    assert (table.image(inspected) or {})["moved_to"]["key"] == "analyzed/success/../x.jpg"
    assert "analyzed/success/../x.jpg" in results()


def test_an_image_that_is_to_stay_stays_and_has_its_result(
    inspector: Inspector, inspected: Envelope, table: Table, results: Listing
) -> None:
    dataclasses.replace(inspector, moves=False).inspect(inspected.object)
    client("s3").head_object(Bucket=inspected.object.bucket, Key=inspected.object.key)
    assert results() == [result_key(inspected.object)]
    assert "moved_to" not in (table.image(inspected) or {})


@pytest.mark.parametrize(
    ("setting", "wanted", "told"),
    [
        ("all", "Rose", True),
        ("all", "Tulip", True),
        ("failures", "Rose", False),
        ("failures", "Tulip", True),
        ("off", "Rose", False),
        ("off", "Tulip", False),
    ],
)
def test_people_are_told_of_what_they_want_to_hear(
    table: Table, inspected: Envelope, notified: Listing, setting: str, wanted: str, told: bool
) -> None:
    rule = {"name": "garden", "prefix": "images/", "any_of": [wanted]}
    settings = InspectionSettings(BUCKET, table._items._name, RESULTS, TOPIC_ARN, json.dumps([rule]), "move", setting)
    verdict = Inspector.from_settings(settings, ScriptedDetector(detect)).inspect(inspected.object)
    assert [message["verdict"] for message in notified()] == [verdict] * told


def test_the_result_file_is_what_the_record_says(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    inspector.inspect(inspected.object)
    written = client("s3").get_object(Bucket=RESULTS, Key=result_key(inspected.object))
    assert written["ContentType"] == "application/json"
    assert written["Body"].read() == result_file(table.image(inspected) or {})


def test_all_labels_are_asked_for_down_to_the_lower_confidence(
    inspector: Inspector, inspected: Envelope, answer: Callable[..., list[dict[str, Any]]]
) -> None:
    asked = answer("rekognition", "DetectLabels", {"Labels": []})
    inspector.inspect(inspected.object)
    [request] = asked
    assert (request["MaxLabels"], request["MinConfidence"], "Settings" in request) == (1000, 60.0, False)


BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        (jpeg_of, {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}),
        # Rekognition takes a PNG as it is stored; seen upright it is turned by 90 degrees.
        (png_of, {"left": 0.4, "top": 0.1, "width": 0.4, "height": 0.3}),
    ],
)
def test_boxes_are_on_the_image_as_it_is_displayed(
    inspector: Inspector, inspected: Envelope, table: Table, encode: Callable[..., bytes], expected: dict[str, float]
) -> None:
    def boxed(version: ObjectVersion, rule: Rule) -> Detection:
        found = {"Labels": [{"Name": "Rose", "Confidence": 99.0, "Instances": [{"BoundingBox": BOX}]}]}
        return Detection(rekognition.labels.from_rekognition(found), {"name": "boxed", "version": "1"})

    image = scene()
    exif = image.getexif()
    exif[0x112] = 6
    version = upload(inspected, encode(image, exif=exif))
    dataclasses.replace(inspector, detector=ScriptedDetector(boxed)).inspect(version)
    [label] = (table.image(Envelope.of(version)) or {})["labels"]
    assert label["instances"][0]["box"] == expected


def test_a_message_is_all_the_images_that_it_announces(
    inspector: Inspector, inspected: Envelope, event: Callable[[str], dict[str, Any]]
) -> None:
    body = event("inspect_images_notification_url_encoded")["Records"][0]["body"]
    assert events.created_objects(body, BUCKET)[0].key == inspected.object.key
    told: list[str] = []
    inspector.inspect_message(body, report=told.append)
    assert told == ["SUCCESS"]


@pytest.mark.parametrize(
    "name",
    [
        "inspect_images_test_event",
        "inspect_images_object_deleted",
        "inspect_images_directory",
        "inspect_images_foreign_prefix",
    ],
)
def test_what_is_no_image_to_inspect_leaves_no_trace(
    inspector: Inspector,
    inspected: Envelope,
    event: Callable[[str], dict[str, Any]],
    items: Listing,
    name: str,
) -> None:
    for record in event(name)["Records"]:
        inspector.inspect_message(record["body"])
    assert items() == []
