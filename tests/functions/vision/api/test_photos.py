"""Photos: announced once with a form for exactly one file, and shown with signed URLs, labels and errors."""

import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import BUCKET
from tests.functions import darkroom
from tests.functions.darkroom import PICTURE, announce, clock, develop
from tests.functions.faults import Refuse
from tests.functions.http_api import Api, Caller, claims, each
from vision.adapters.aws_sdk import client

UNKNOWN = "a" * 26
LIMIT_BYTES = 15 * 1024 * 1024


def ids(person: Caller, **query: Any) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", **query).json()["photos"]]


Restart = Callable[..., Caller]


@pytest.fixture
def restarted(api: Api, function: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Restart:
    """Start the API with other environment variables, and return a caller."""
    api("ann")

    def restart(owner: str, **environment: str) -> Caller:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # The application that other tests share comes back afterwards.
        monkeypatch.delitem(sys.modules, "functions.api.app")
        return Caller(function("api"), claims(owner))

    return restart


# Announced


def test_announced_photo_is_pending_and_listed(ann: Caller) -> None:
    with clock("2026-11-03T10:00:00.000Z"):
        photo = announce(ann, name="beach.jpg").json()["photo"]
        assert ann.get(f"/api/photos/{photo['photo_id']}").json()["status"] == "PENDING"
        assert ann.get("/api/photos").json() == {"photos": [photo], "cursor": None}
    assert photo == {
        "photo_id": photo["photo_id"],
        "album_id": None,
        "name": "beach.jpg",
        "status": "PENDING",
        "is_uploaded": False,
        "created_at": "2026-11-03T10:00:00.000Z",
        "width": None,
        "height": None,
        "thumbnail": None,
        "labels": [],
        "error": None,
    }


def test_photo_is_announced_into_an_existing_album_only(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    photo = announce(ann, album_id=album).json()["photo"]
    assert photo["album_id"] == album
    assert announce(ann, album_id=UNKNOWN).status == 404
    other = announce(ann).json()["photo"]["photo_id"]
    assert ids(ann, album_id=album) == [photo["photo_id"]]
    assert sorted(ids(ann)) == sorted([photo["photo_id"], other])


# These join or direct letters, and do not reverse the text.
JOINERS = ["\u05d0\u200f!.jpg", "\u06cc\u200c\u06a9.jpg", "\U0001f469\u200d\U0001f52c.jpg"]
VALID: dict[str, list[Any]] = {
    "name": ["x", "x" * 255, "😀" * 255, "a/b\\c.jpg", *JOINERS],
    "size_bytes": [1, LIMIT_BYTES],
    "album_id": [None],
    "content_type": ["image/jpeg", "image/png"],
}
CONTROL_CHARACTERS = ["a\0b.jpg", "a\nb.jpg", "a\u0085b.jpg", "a\u2028b.jpg"]
# The rest reads from right to left: the first one looks like rose.exe.jpg.
DIRECTION_MARKS = ["rose.\u202egpj.exe", "\u2066rose.jpg", "rose.jpg\u2069"]
INVALID: dict[str, list[Any]] = {
    "name": ["", " ", "x" * 256, *CONTROL_CHARACTERS, *DIRECTION_MARKS, None, 5],
    "size_bytes": [0, -1, LIMIT_BYTES + 1, 10**400, 1.5, "100", True, None],
    "content_type": ["", "image/gif", "IMAGE/JPEG", "image/jpeg; charset=utf-8", "text/html", None],
    "album_id": ["", "a" * 25, "a" * 27, "A" * 26, "a" * 26 + "\n", 5],
    "photo_id": [UNKNOWN],
    "owner": ["bob"],
}


def test_field_at_its_limit_is_accepted(ann: Caller) -> None:
    for field, value in each(VALID):
        assert announce(ann, **{field: value}).status == 201, (field, value)


def test_invalid_or_missing_field_is_rejected_by_name(ann: Caller) -> None:
    for field, value in each(INVALID):
        answered = announce(ann, **{field: value})
        assert answered.status == 422, (field, value)
        assert {error["field"] for error in answered.problem()["errors"]} == {field}
    missing = {error["field"]: error["message"] for error in ann("POST", "/api/photos", {}).problem()["errors"]}
    assert missing == dict.fromkeys(("name", "content_type", "size_bytes"), "Field required")
    assert ids(ann) == []


# Announced again


def test_same_idempotency_key_announces_one_photo_with_a_new_form_for_it(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}, key="k1").json()["album_id"]
    first, second = announce(ann, key="k1").json(), announce(ann, key="k1").json()
    assert first["photo"] == second["photo"]
    assert first["upload"]["fields"]["key"] == second["upload"]["fields"]["key"]
    for change in ({"name": "b.jpg"}, {"size_bytes": 9}, {"content_type": "image/png"}, {"album_id": album}):
        refused = announce(ann, key="k1", **change)
        assert refused.status == 409
        assert "take a new key" in refused.problem()["detail"]
    assert ids(ann) == [first["photo"]["photo_id"]]
    # Without a key, each request announces a photo.
    assert len({announce(ann, key=key).json()["photo"]["photo_id"] for key in (None, None, "", "")}) == 4


def test_announcement_beyond_the_daily_allowance_is_rejected_until_the_next_day(restarted: Restart) -> None:
    ann = restarted("ann", DAILY_UPLOADS="1")
    with clock("2026-11-30T23:00:00.000Z"):
        assert announce(ann).status == 201
        refused = announce(ann)
    assert (refused.status, refused.headers["retry-after"]) == (429, "3600")
    assert "1 photos" in refused.problem()["detail"]
    assert "2026-12-01 00:00 UTC" in refused.problem()["detail"]
    with clock("2026-12-01T00:00:00.000Z"):
        assert announce(ann).status == 201


# Shown


def test_processed_photo_shows_its_record(ann: Caller) -> None:
    with clock("2026-11-03"):
        announced = announce(ann, name="beach.jpg").json()
        location = {"latitude": 48.85, "longitude": 2.29, "altitude_m": 35.0}
        darkroom.process(
            darkroom.upload(announced), {"Sand": 71.5, "Beach": 99.1}, location=location, camera_make="Apple"
        )
        photo = ann.get(f"/api/photos/{announced['photo']['photo_id']}").json()
    expected = {
        "status": "SUCCEEDED",
        "is_uploaded": True,
        "size_bytes": len(PICTURE),
        "width": 100,
        "height": 80,
        "format": "JPEG",
        "location": location | {"latitude_dms": None, "longitude_dms": None},
        "camera_make": "Apple",
        "camera_model": None,
        "detector": darkroom.DETECTOR,
        "name": "beach.jpg",
        "created_at": "2026-11-03T10:00:00.000Z",
    }
    assert {name: photo[name] for name in expected} == expected
    assert [(label["name"], label["confidence"]) for label in photo["labels"]] == [("Beach", 99.1), ("Sand", 71.5)]


def parameters(url: str) -> dict[str, str]:
    """Return the parameters of a presigned URL."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}


def test_urls_are_valid_for_an_hour_and_serve_images_whatever_was_uploaded(ann: Caller) -> None:
    photo = ann.get(f"/api/photos/{develop(ann, name='page.html')}").json()
    thumbnail = photo["thumbnail"]
    assert (thumbnail["width"], thumbnail["height"]) == (250, 188)
    for url in (photo["image_url"], thumbnail["url"]):
        assert urlsplit(url).path.startswith("/private/ann/")
        assert parameters(url)["X-Amz-Expires"] == "3600"
        assert parameters(url)["response-content-type"] == "image/jpeg"
    [version] = client("s3").list_object_versions(Bucket=BUCKET, Prefix="private/ann/uploads/")["Versions"]
    assert parameters(photo["image_url"])["versionId"] == version["VersionId"]
    assert parameters(photo["image_url"])["response-content-disposition"] == "inline; filename*=UTF-8''page.html.jpg"
    assert "response-content-disposition" not in parameters(thumbnail["url"])


def test_url_of_an_unprocessed_upload_downloads_it(ann: Caller) -> None:
    announced = announce(ann).json()
    path = f"/api/photos/{announced['photo']['photo_id']}"
    pending = ann.get(path).json()
    assert (pending["image_url"], pending["thumbnail"]) == (None, None)
    darkroom.upload(announced, b"<script>alert(document.domain)</script>")
    served = parameters(ann.get(path).json()["image_url"])
    assert served["response-content-type"] == "application/octet-stream"
    assert served["response-content-disposition"] == "attachment"


def test_execution_is_shown_to_operators_and_where_the_stack_allows_it_to_its_owner(
    ann: Caller, api: Api, restarted: Restart
) -> None:
    photo = f"/api/photos/{develop(ann)}"
    assert ann.get(photo).json()["execution_url"] is None
    assert darkroom.EXECUTION_ARN in api("ann", "operators").get(photo).json()["execution_url"]
    assert darkroom.EXECUTION_ARN in restarted("ann", EXECUTION_LINKS="owners").get(photo).json()["execution_url"]
    assert restarted("bob", EXECUTION_LINKS="owners").get(photo).status == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_or_malformed_photo_id_is_rejected(ann: Caller, method: str) -> None:
    assert ann(method, f"/api/photos/{UNKNOWN}").status == 404
    for malformed in ("a" * 25, "a" * 27, "A" * 26, "a" * 26 + "%0A", "..", "%2F", "%00", "é", "1"):
        assert ann(method, f"/api/photos/{malformed}").status in (404, 422), malformed


@pytest.mark.parametrize(
    ("code", "http_status", "status", "retry_after"),
    [
        ("ProvisionedThroughputExceededException", 400, 429, "3"),
        ("ThrottlingException", 400, 429, "3"),
        ("InternalServerError", 500, 503, "3"),
        ("AccessDeniedException", 400, 500, None),
        ("ValidationException", 400, 500, None),
    ],
)
def test_failure_of_the_table_asks_to_retry_or_reveals_no_internals(
    ann: Caller, refuse: Refuse, code: str, http_status: int, status: int, retry_after: str | None
) -> None:
    refuse("dynamodb", "Query", code, http_status)
    answered = ann.get("/api/photos")
    assert (answered.status, answered.headers.get("retry-after")) == (status, retry_after)
    assert not any(internal in answered.body for internal in (code, "as the service says it"))
