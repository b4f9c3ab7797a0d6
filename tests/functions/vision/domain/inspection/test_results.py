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


@pytest.mark.parametrize(
    "key",
    ["images/a.jpg", "images/a.JPG", "images/x/y/z.jpeg", "images/a+b 50%.PNG", "images/images/a.png", "images/.jpg"],
)
def test_a_jpeg_or_png_below_images_is_inspected(key: str) -> None:
    assert results.is_inspected(key)


@pytest.mark.parametrize(
    "key",
    [
        "images/",
        "images/garden/",
        "images/a.gif",
        "images/a.jpg/",
        "image/a.jpg",
        "Images/a.jpg",
        "/images/a.jpg",
        "private/ann/uploads/images/a.jpg",
        "analyzed/success/a.jpg",
        "results/a.jpg/v.json",
    ],
)
def test_nothing_else_is_inspected(key: str) -> None:
    assert not results.is_inspected(key)


def _is_kept(key: str) -> bool:
    return len(key.encode()) <= 1024 and ".." not in key.replace("\\", "/").split("/")


@given(versions, judgements)
def test_an_analyzed_image_keeps_its_path_where_a_key_has_room_and_climbs_nowhere(
    version: ObjectVersion, judgement: Judgement
) -> None:
    path = version.key.removeprefix("images/")
    kept = f"analyzed/{judgement.lower()}/{path}"
    shortened = f"analyzed/{judgement.lower()}/-/{keys.photo_id(version.bucket, version.key)}"
    assert results.analyzed_key(version, judgement) == (kept if _is_kept(kept) else shortened)


@given(versions)
def test_a_result_file_keeps_the_images_path_where_a_key_has_room(version: ObjectVersion) -> None:
    token = keys.version_digest(version)
    kept = f"results/{version.key.removeprefix('images/')}/{token}.json"
    shortened = f"results/-/{keys.photo_id(version.bucket, version.key)}/{token}.json"
    assert results.result_key(version) == (kept if _is_kept(kept) else shortened)


@given(versions, judgements)
def test_no_name_of_an_image_makes_a_key_that_s3_refuses(version: ObjectVersion, judgement: Judgement) -> None:
    made = (results.analyzed_key(version, judgement), results.result_key(version))
    assert max(len(key.encode()) for key in made) <= keys.KEY_LIMIT_BYTES


@given(versions, judgements)
def test_what_an_inspection_writes_is_never_an_upload_nor_inspected_again(
    version: ObjectVersion, judgement: Judgement
) -> None:
    for key in (results.analyzed_key(version, judgement), results.result_key(version)):
        assert (results.is_inspected(key), keys.upload_key(key)) == (False, None)


@given(versions, versions)
def test_two_versions_never_share_a_result_file(one: ObjectVersion, other: ObjectVersion) -> None:
    same = (one.key, one.version_id) == (other.key, other.version_id)
    assert (results.result_key(one) == results.result_key(other)) == same


@given(versions, identities)
def test_a_new_version_of_an_image_has_a_result_file_of_its_own(version: ObjectVersion, identity: str) -> None:
    newer = replace(version, version_id=f"{identity}{version.version_id}")
    assert results.result_key(newer) != results.result_key(version)


@pytest.mark.parametrize(
    "path", ["../../x.jpg", "a/../x.jpg", "a/..", "..\\..\\x.jpg", "a\\../x.jpg", "..", "../.ssh/k.jpg"]
)
def test_path_that_climbs_out_of_its_folder_is_replaced_by_the_id_of_the_photo(path: str) -> None:
    # Who downloads the results bucket with a script that trusts keys would write beside the folder that it names.
    version = replace(VERSION, key=f"images/{path}")
    photo_id = keys.photo_id(version.bucket, version.key)
    assert results.analyzed_key(version, Judgement.SUCCESS) == f"analyzed/success/-/{photo_id}"
    assert results.result_key(version) == f"results/-/{photo_id}/{keys.version_digest(version)}.json"


@pytest.mark.parametrize("path", ["...", "a..b.jpg", "..a/x.jpg", "x..", "./x.jpg", "a//x.jpg"])
def test_dots_that_climb_nowhere_are_kept(path: str) -> None:
    version = replace(VERSION, key=f"images/{path}")
    assert results.analyzed_key(version, Judgement.SUCCESS) == f"analyzed/success/{path}"


def test_two_images_whose_paths_are_too_long_are_not_mixed_up() -> None:
    long, longer = (replace(VERSION, key=f"images/{'é' * 500}{end}.jpg") for end in ("a", "b"))
    assert results.analyzed_key(long, Judgement.SUCCESS) != results.analyzed_key(longer, Judgement.SUCCESS)


def test_a_record_can_be_listed_by_verdict_and_day() -> None:
    record = _record()
    assert (record["listing_pk"], record["listing_sk"]) == ("VERDICT#FAILURE#2026-11-20", NOW)


def test_a_judged_image_has_succeeded_whatever_the_verdict() -> None:
    assert (_record()["status"], _record()["verdict"]) == ("SUCCEEDED", "FAILURE")


def test_a_refused_image_has_failed_with_the_reason() -> None:
    assert results.refusal_attributes(Failure("NoRule", "no rule covers it")) == {
        "status": "FAILED",
        "error": {"name": "NoRule", "cause": "no rule covers it"},
    }


def test_a_result_file_says_what_was_seen_and_where_everything_is() -> None:
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


def test_the_result_file_of_an_image_that_stays_names_no_new_place() -> None:
    record = _record()
    del record["moved_to"]
    assert "image" not in json.loads(results.result_file(record))


def test_the_result_file_tells_nothing_of_place_and_camera() -> None:
    record = _record(location={"latitude": 48.858}, camera_make="Apple", camera_model="iPhone 15")
    told = json.loads(results.result_file(record))
    assert not {"location", "camera_make", "camera_model", "capture_time"} & told.keys()


def test_the_same_record_is_the_same_file_in_whatever_order_its_attributes_come() -> None:
    record = _record()
    shuffled = dict(reversed(record.items()))
    assert results.result_file(shuffled) == results.result_file(record)


def test_later_changes_of_the_record_do_not_change_the_file() -> None:
    later = _record(notified_at="2026-11-20T10:00:00.000Z", updated_at="2026-11-20T10:00:00.000Z")
    assert results.result_file(later) == results.result_file(_record())


def test_a_message_tells_the_verdict_with_its_labels_and_places() -> None:
    envelope = Envelope.of(VERSION)
    assert results.message(envelope, _record()) == {
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


def test_two_messages_about_one_version_have_one_id() -> None:
    envelope = Envelope.of(VERSION)
    first, second = (results.message(envelope, _record(notified_at=at)) for at in ("", NOW))
    assert first["id"] == second["id"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "images/garden/rose (1).jpg failed the rule garden. Weed was found with 95."),
        (
            {"verdict": "SUCCESS", "reasons": []},
            "images/garden/rose (1).jpg passed the rule garden. Found: Rose 99 %, Straße 90 %.",
        ),
        (
            {"verdict": "SUCCESS", "reasons": [], "labels": []},
            "images/garden/rose (1).jpg passed the rule garden. Nothing was found.",
        ),
    ],
)
def test_mail_begins_with_the_verdict_in_words(changes: dict[str, Any], sentence: str) -> None:
    assert results.sentence(_record(**changes)) == sentence


def test_key_adds_no_line_to_a_mail() -> None:
    key = "images/a passed.\n\nYour account\r\u2028is\x85locked\x00\u202e.png"
    key_of = {"object": {"bucket": "b", "key": key}, "rule": "gar\nden", "reasons": ["Weed\tis there"]}
    sentence = results.sentence(_record(**key_of))
    assert sentence == ("images/a passed.  Your account  is locked  .png failed the rule gar den. Weed is there.")
