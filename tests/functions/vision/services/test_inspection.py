"""Outcomes of an inspection: a verdict, a reason, or nothing."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import RESULTS, TOPIC_ARN, Answer, Event, Listing, Refuse
from tests.functions.vision.services.conftest import ScriptedDetector, detect, upload
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


@pytest.fixture
def asked(answer: Answer) -> list[dict[str, Any]]:
    """The requests to Rekognition, which finds nothing."""
    return answer("rekognition", "DetectLabels", {"Labels": []})


def _image(table: Table, version: ObjectVersion) -> dict[str, Any]:
    return table.image(Envelope.of(version)) or {}


@pytest.mark.parametrize("pins", [True, False], ids=["version deleted", "delete marker"])
def test_deleted_image_is_not_inspected(
    inspector: Inspector, inspected: Envelope, table: Table, results: Listing, notified: Listing, asked: Any, pins: bool
) -> None:
    version = inspected.object
    pin = {"VersionId": version.version_id} if pins else {}
    client("s3").delete_object(Bucket=version.bucket, Key=version.key, **pin)
    assert inspector.inspect(version) == "GONE"
    record = _image(table, version)
    assert (record["status"], record["error"]["name"]) == ("FAILED", "ObjectNotFound")
    assert asked == results() == notified() == []


REFUSED = {
    "empty": (b"", "CorruptImage", "0 bytes"),
    "text": (b"no image at all, whatever its name", "NotSupportedImageType", "convert it before upload"),
    "truncated": (jpeg_of(scene())[:40], "CorruptImage", ""),
    "too small": (jpeg_of(scene(79, 200)), "ImageTooSmall", "at least 80 px a side"),
    "too large": (jpeg_of(scene()).ljust(15 * 1024 * 1024 + 1, b"\0"), "ImageTooLarge", "resize before upload"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_unusable_image_stays_in_place_without_a_paid_call(
    inspector: Inspector, inspected: Envelope, table: Table, results: Listing, asked: list[dict[str, Any]], kind: str
) -> None:
    content, name, cause = REFUSED[kind]
    version = upload(inspected, content)
    assert inspector.inspect(version) == name
    record = _image(table, version)
    assert record["status"] == "FAILED"
    assert record["error"]["name"] == name
    assert cause in record["error"]["cause"]
    assert client("s3").get_object(Bucket=version.bucket, Key=version.key)["Body"].read() == content
    assert asked == results() == []


@pytest.mark.parametrize(
    ("code", "name"), [("InvalidImageFormatException", "InvalidImage"), ("ImageTooLargeException", "ImageTooLarge")]
)
def test_image_that_rekognition_rejects_has_the_reason_in_its_record(
    inspector: Inspector, inspected: Envelope, table: Table, refuse: Refuse, code: str, name: str
) -> None:
    refuse("rekognition", "DetectLabels", code)
    assert inspector.inspect(inspected.object) == name
    assert _image(table, inspected.object)["error"]["name"] == name


def test_image_without_a_rule_names_the_parameter_and_passes_with_a_rule(
    inspector: Inspector, inspected: Envelope, table: Table, photo: bytes
) -> None:
    version = upload(inspected, photo, "images/kitchen/pan.jpg")
    assert inspector.inspect(version) == "NoRule"
    assert "InspectionRules" in _image(table, version)["error"]["cause"]
    covered = dataclasses.replace(inspector, rules=(Rule("all", "images/", 90.0, any_of=("Rose",)),))
    assert covered.inspect(version) == "SUCCESS"
    assert "error" not in _image(table, version)


def test_late_refusal_does_not_replace_a_verdict(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    def slow(version: ObjectVersion, _: Rule) -> Detection:
        inspector.inspect(version)
        raise Permanent("late")

    dataclasses.replace(inspector, detector=ScriptedDetector(slow)).inspect(inspected.object)
    assert _image(table, inspected.object)["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("code", "kind", "recorded"),
    [
        ("ThrottlingException", Transient, {"status": "PENDING"}),
        ("silence", Transient, {"status": "PENDING"}),
        ("AccessDeniedException", AccessDenied, {"status": "FAILED", "error": "AccessDenied"}),
    ],
)
def test_failure_of_rekognition_is_raised_for_another_delivery(
    inspector: Inspector, inspected: Envelope, table: Table, refuse: Refuse, code: str, kind: Any, recorded: Any
) -> None:
    refuse("rekognition", "DetectLabels", code)
    with pytest.raises(kind):
        inspector.inspect(inspected.object)
    record = _image(table, inspected.object)
    assert (record["status"], record.get("error", {}).get("name")) == (recorded["status"], recorded.get("error"))


def test_image_stored_as_a_page_is_copied_as_an_image(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    # Otherwise anyone who may upload images could serve a page from the bucket's origin.
    page = jpeg_of(scene()) + b"<html><script>alert(document.domain)</script>"
    put = client("s3").put_object(
        Bucket=BUCKET, Key="images/garden/page.jpg", Body=page, ContentType="text/html", ContentDisposition="inline"
    )
    version = ObjectVersion(BUCKET, "images/garden/page.jpg", put["VersionId"], put["ETag"].strip('"'), "", len(page))
    assert inspector.inspect(version) == "SUCCESS"
    moved = _image(table, version)["moved_to"]
    assert client("s3").head_object(Bucket=moved["bucket"], Key=moved["key"])["ContentType"] == "image/jpeg"


def test_image_moves_to_the_key_that_an_earlier_release_recorded(
    inspector: Inspector, inspected: Envelope, table: Table, results: Listing, refuse: Refuse
) -> None:
    # Earlier releases kept `..` in keys.
    refuse("s3", "PutObject", "SlowDown", 503, calls=(1,))
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr("vision.domain.inspection.results.analyzed_key", lambda *_: "analyzed/success/../x.jpg")
        with pytest.raises(Transient):
            inspector.inspect(inspected.object)
    assert inspector.inspect(inspected.object) == "SUCCESS"
    assert _image(table, inspected.object)["moved_to"]["key"] == "analyzed/success/../x.jpg"
    assert "analyzed/success/../x.jpg" in results()


def test_image_stays_when_moving_is_off(
    inspector: Inspector, inspected: Envelope, table: Table, results: Listing
) -> None:
    dataclasses.replace(inspector, moves=False).inspect(inspected.object)
    client("s3").head_object(Bucket=inspected.object.bucket, Key=inspected.object.key)
    assert results() == [result_key(inspected.object)]
    assert "moved_to" not in _image(table, inspected.object)


@pytest.mark.parametrize(
    ("setting", "label", "is_sent"),
    [
        ("all", "Rose", True),
        ("all", "Tulip", True),
        ("failures", "Rose", False),
        ("failures", "Tulip", True),
        ("off", "Rose", False),
        ("off", "Tulip", False),
    ],
)
def test_notifications_setting_chooses_the_verdicts_that_are_sent(
    table: Table, inspected: Envelope, notified: Listing, setting: str, label: str, is_sent: bool
) -> None:
    rule = {"name": "garden", "prefix": "images/", "any_of": [label]}
    settings = InspectionSettings(BUCKET, table._items._name, RESULTS, TOPIC_ARN, json.dumps([rule]), "move", setting)
    verdict = Inspector.from_settings(settings, ScriptedDetector(detect)).inspect(inspected.object)
    assert [message["verdict"] for message in notified()] == [verdict] * is_sent


def test_result_file_matches_the_record(inspector: Inspector, inspected: Envelope, table: Table) -> None:
    inspector.inspect(inspected.object)
    written = client("s3").get_object(Bucket=RESULTS, Key=result_key(inspected.object))
    assert written["ContentType"] == "application/json"
    assert written["Body"].read() == result_file(table.image(inspected) or {})


def test_detector_is_asked_for_all_labels_above_the_lower_confidence(
    inspector: Inspector, inspected: Envelope, asked: list[dict[str, Any]]
) -> None:
    inspector.inspect(inspected.object)
    [request] = asked
    assert request["MaxLabels"] == 1000
    assert request["MinConfidence"] == 60.0
    assert "Settings" not in request


BOX = {"Left": 0.1, "Top": 0.2, "Width": 0.3, "Height": 0.4}


@pytest.mark.parametrize(
    ("encode", "expected"),
    [
        (jpeg_of, {"left": 0.1, "top": 0.2, "width": 0.3, "height": 0.4}),
        # Rekognition ignores the orientation of a PNG; displayed upright, this one is rotated by 90 degrees.
        (png_of, {"left": 0.4, "top": 0.1, "width": 0.4, "height": 0.3}),
    ],
)
def test_boxes_are_relative_to_the_displayed_image(
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
    [label] = _image(table, version)["labels"]
    assert label["instances"][0]["box"] == expected


def test_message_inspects_each_image_that_it_announces(inspector: Inspector, inspected: Envelope, event: Event) -> None:
    body = event("inspect_images_notification_url_encoded")["Records"][0]["body"]
    assert events.created_objects(body, BUCKET)[0].key == inspected.object.key
    reported: list[str] = []
    inspector.inspect_message(body, report=reported.append)
    assert reported == ["SUCCESS"]


def test_other_message_leaves_no_record(
    inspector: Inspector, inspected: Envelope, event: Event, items: Listing
) -> None:
    for name in ("test_event", "object_deleted", "directory", "foreign_prefix"):
        for record in event(f"inspect_images_{name}")["Records"]:
            inspector.inspect_message(record["body"])
    assert items() == []
