import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import KEY_TRAPS, identities, text_of
from vision.domain import keys
from vision.domain.envelopes import Envelope
from vision.domain.failures import Failure
from vision.domain.image_file.metadata import Metadata
from vision.domain.inspection import results
from vision.domain.inspection.verdicts import Judgement, Verdict
from vision.domain.labels import Label
from vision.domain.objects import ObjectVersion

NOW = "2026-11-20T09:30:00.123Z"
judgements = st.sampled_from(Judgement)
paths = st.one_of(text_of(1024 - len("images/")), st.sampled_from(KEY_TRAPS))
versions = st.builds(
    lambda path, identity: ObjectVersion("amzn-s3-demo-bucket", f"images/{path}", identity, "e1", "", 7),
    paths,
    identities,
)
VERSION = ObjectVersion("amzn-s3-demo-bucket", "images/garden/rose (1).jpg", "v1", "e1", "", 7)
FOUND: list[Label] = [
    {"name": "Rose", "confidence": 98.71, "parents": ["Flower"], "instances": []},
    {"name": "Straße", "confidence": 90.0, "parents": [], "instances": []},
]
DETECTOR = {"name": "rekognition", "version": "3.0"}
PLACES = {
    "result": {"bucket": "amzn-s3-demo-results", "key": results.result_key(VERSION)},
    "moved_to": {"bucket": "amzn-s3-demo-results", "key": "analyzed/failure/garden/rose (1).jpg"},
}


def _record(**changes: Any) -> dict[str, Any]:
    verdict = Verdict(Judgement.FAILURE, "garden", ("Weed was found with 95",))
    metadata = Metadata("JPEG", 640, 480, capture_time="2026-11-11T16:04:05+01:00")
    judged = results.inspection_attributes(verdict, FOUND, DETECTOR, metadata, PLACES, NOW)
    envelope = Envelope.of(VERSION)
    return {"photo_id": envelope.photo_id, "object": VERSION.as_dict(), **judged, **changes}


# Keys


@pytest.mark.parametrize(
    "key",
    ["images/a.jpg", "images/a.JPG", "images/x/y/z.jpeg", "images/a+b 50%.PNG", "images/images/a.png", "images/.jpg"],
)
def test_jpeg_or_png_below_images_is_inspected(key: str) -> None:
    assert results.is_inspected(key)


FOLDERS = ["images/", "images/garden/", "images/a.jpg/"]
ELSEWHERE = ["image/a.jpg", "Images/a.jpg", "/images/a.jpg", "private/ann/uploads/images/a.jpg"]
RESULTS = ["analyzed/success/a.jpg", "results/a.jpg/v.json"]


@pytest.mark.parametrize("key", ["images/a.gif", *FOLDERS, *ELSEWHERE, *RESULTS])
def test_other_key_is_not_inspected(key: str) -> None:
    assert not results.is_inspected(key)


def _is_kept(key: str) -> bool:
    return len(key.encode()) <= 1024 and ".." not in key.replace("\\", "/").split("/")


@given(versions, judgements)
def test_analyzed_image_keeps_its_path_if_it_fits_a_key_and_stays_in_its_folder(
    version: ObjectVersion, judgement: Judgement
) -> None:
    path = version.key.removeprefix("images/")
    kept = f"analyzed/{judgement.lower()}/{path}"
    shortened = f"analyzed/{judgement.lower()}/-/{keys.photo_id(version.bucket, version.key)}"
    assert results.analyzed_key(version, judgement) == (kept if _is_kept(kept) else shortened)


@given(versions)
def test_result_file_keeps_the_path_of_the_image_if_it_fits_a_key(version: ObjectVersion) -> None:
    token = keys.version_digest(version)
    kept = f"results/{version.key.removeprefix('images/')}/{token}.json"
    shortened = f"results/-/{keys.photo_id(version.bucket, version.key)}/{token}.json"
    assert results.result_key(version) == (kept if _is_kept(kept) else shortened)


@given(versions, judgements)
def test_keys_fit_s3_and_are_neither_uploads_nor_inspected_again(version: ObjectVersion, judgement: Judgement) -> None:
    for key in (results.analyzed_key(version, judgement), results.result_key(version)):
        assert len(key.encode()) <= keys.KEY_LIMIT_BYTES
        assert not results.is_inspected(key)
        assert keys.upload_key(key) is None


@given(versions, versions, identities)
def test_each_version_has_its_own_result_file(one: ObjectVersion, other: ObjectVersion, identity: str) -> None:
    same = (one.key, one.version_id) == (other.key, other.version_id)
    assert (results.result_key(one) == results.result_key(other)) == same
    newer = replace(one, version_id=f"{identity}{one.version_id}")
    assert results.result_key(newer) != results.result_key(one)


@pytest.mark.parametrize(
    "path", ["../../x.jpg", "a/../x.jpg", "a/..", "..\\..\\x.jpg", "a\\../x.jpg", "..", "../.ssh/k.jpg"]
)
def test_path_that_leaves_its_folder_is_replaced_by_the_photo_id(path: str) -> None:
    # A script that downloads the results bucket and trusts its keys would write outside its folder.
    version = replace(VERSION, key=f"images/{path}")
    photo_id = keys.photo_id(version.bucket, version.key)
    assert results.analyzed_key(version, Judgement.SUCCESS) == f"analyzed/success/-/{photo_id}"
    assert results.result_key(version) == f"results/-/{photo_id}/{keys.version_digest(version)}.json"


@pytest.mark.parametrize("path", ["...", "a..b.jpg", "..a/x.jpg", "x..", "./x.jpg", "a//x.jpg"])
def test_dots_that_stay_in_the_folder_are_kept(path: str) -> None:
    version = replace(VERSION, key=f"images/{path}")
    assert results.analyzed_key(version, Judgement.SUCCESS) == f"analyzed/success/{path}"


def test_two_images_with_too_long_paths_have_two_keys() -> None:
    long, longer = (replace(VERSION, key=f"images/{'é' * 500}{end}.jpg") for end in ("a", "b"))
    assert results.analyzed_key(long, Judgement.SUCCESS) != results.analyzed_key(longer, Judgement.SUCCESS)


# Records


def test_inspected_image_has_succeeded_and_is_listed_by_verdict_and_day() -> None:
    record = _record()
    assert (record["status"], record["verdict"]) == ("SUCCEEDED", "FAILURE")
    assert (record["listing_pk"], record["listing_sk"]) == ("VERDICT#FAILURE#2026-11-20", NOW)
    # A refused one has failed with the reason.
    failure = Failure("NoRule", "no rule covers it")
    assert results.refusal_attributes(failure) == {"status": "FAILED", "error": failure.as_dict()}


# Result files


def test_result_file_has_the_verdict_the_labels_and_the_new_key() -> None:
    assert json.loads(results.result_file(_record())) == {
        "schema": "image-recognition/inspection-result/1",
        "inspected_at": NOW,
        "photo_id": Envelope.of(VERSION).photo_id,
        "object": VERSION.as_dict(),
        "verdict": "FAILURE",
        "rule": "garden",
        "reasons": ["Weed was found with 95"],
        "labels": FOUND,
        "detector": DETECTOR,
        "format": "JPEG",
        "width": 640,
        "height": 480,
        "image": PLACES["moved_to"],
    }


def test_result_file_has_no_location_no_camera_and_no_new_key_of_an_image_that_stays() -> None:
    record = _record(location={"latitude": 48.858}, camera_make="Apple", camera_model="iPhone 15")
    del record["moved_to"]
    written = json.loads(results.result_file(record))
    assert written.keys().isdisjoint({"location", "camera_make", "camera_model", "capture_time", "image"})


def test_result_file_is_the_same_for_later_changes_and_any_order_of_attributes() -> None:
    later = _record(notified_at="2026-11-20T10:00:00.000Z", updated_at="2026-11-20T10:00:00.000Z")
    for record in (later, dict(reversed(_record().items()))):
        assert results.result_file(record) == results.result_file(_record())


# Notifications


def test_message_has_the_verdict_its_labels_and_the_keys() -> None:
    envelope = Envelope.of(VERSION)
    message = {
        "id": f"{envelope.photo_id}-{keys.version_digest(VERSION)}",
        "verdict": "FAILURE",
        "rule": "garden",
        "reasons": ["Weed was found with 95"],
        "labels": [{"name": "Rose", "confidence": 98.71}, {"name": "Straße", "confidence": 90.0}],
        "object": {"bucket": VERSION.bucket, "key": VERSION.key},
        "image": PLACES["moved_to"],
        "result": PLACES["result"],
        "inspected_at": NOW,
    }
    # A repeated message is the same.
    for notified_at in ("", NOW):
        assert results.message(envelope, _record(notified_at=notified_at)) == message


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "failed the rule garden. Weed was found with 95."),
        ({"verdict": "SUCCESS", "reasons": []}, "passed the rule garden. Found: Rose 99 %, Straße 90 %."),
        ({"verdict": "SUCCESS", "reasons": [], "labels": []}, "passed the rule garden. Nothing was found."),
    ],
)
def test_email_begins_with_the_verdict_in_words(changes: dict[str, Any], sentence: str) -> None:
    assert results.sentence(_record(**changes)) == f"images/garden/rose (1).jpg {sentence}"


def test_key_adds_no_line_to_an_email() -> None:
    key = "images/a passed.\n\nYour account\r\u2028is\x85locked\x00\u202e.png"
    changes = {"object": {"bucket": "b", "key": key}, "rule": "gar\nden", "reasons": ["Weed\tis there"]}
    sentence = results.sentence(_record(**changes))
    assert sentence == ("images/a passed.  Your account  is locked  .png failed the rule gar den. Weed is there.")
