"""Photos: announced once with a form for exactly one file, looked at, listed newest first, and deleted whole."""

import base64
import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import BUCKET
from tests.functions import darkroom
from tests.functions.darkroom import PICTURE, announce, clock, develop
from tests.functions.http_api import Caller, claims
from vision.adapters.aws_sdk import client
from vision.domain.gallery.pending_uploads import UPLOAD_LIMIT_BYTES

UNKNOWN = "a" * 26
LIMIT_BYTES = 15 * 1024 * 1024


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


def ids(person: Caller, **query: Any) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", **query).json()["photos"]]


def policy(announced: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(announced["upload"]["fields"]["policy"]))


# Announced


def test_an_announced_photo_waits_for_its_file(ann: Caller) -> None:
    with clock("2026-11-03T10:00:00.000Z"):
        photo = announce(ann, name="beach.jpg").json()["photo"]
        assert ann.get(f"/api/photos/{photo['photo_id']}").json()["status"] == "PENDING"
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


def test_the_key_is_chosen_here(ann: Caller) -> None:
    fields = announce(ann, name="../../etc/passwd").json()["upload"]["fields"]
    assert re.fullmatch(r"private/ann/uploads/[a-z0-9]{20,}", fields["key"])


def test_the_form_takes_exactly_one_key_one_type_and_one_size(ann: Caller) -> None:
    announced = announce(ann, content_type="image/png", size_bytes=4321).json()
    conditions = policy(announced)["conditions"]
    assert {"bucket": BUCKET} in conditions
    assert {"key": announced["upload"]["fields"]["key"]} in conditions
    assert {"Content-Type": "image/png"} in conditions
    assert ["content-length-range", 4321, 4321] in conditions


def test_the_form_says_for_how_long_it_can_be_sent(ann: Caller) -> None:
    announced = announce(ann).json()
    said = datetime.fromisoformat(announced["upload"]["expires_at"])
    signed = datetime.fromisoformat(policy(announced)["expiration"])
    assert abs(said - signed) < timedelta(seconds=5)
    assert abs(said - datetime.now(UTC) - timedelta(minutes=15)) < timedelta(seconds=30)


def test_an_announced_photo_is_listed(ann: Caller) -> None:
    photo = announce(ann).json()["photo"]
    assert ann.get("/api/photos").json() == {"photos": [photo], "cursor": None}


def test_a_photo_is_announced_into_an_album(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    photo = announce(ann, album_id=album).json()["photo"]
    announce(ann)
    assert photo["album_id"] == album
    assert ids(ann, album_id=album) == [photo["photo_id"]]


def test_no_photo_is_announced_into_an_album_that_is_not_there(ann: Caller) -> None:
    assert announce(ann, album_id=UNKNOWN).status == 404
    assert ids(ann) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x"),
        ("name", "x" * 255),
        ("name", "😀" * 255),
        ("name", "a/b\\c.jpg"),
        ("name", "\u05d0\u200f!.jpg"),
        ("name", "\u06cc\u200c\u06a9.jpg"),
        ("name", "\U0001f469\u200d\U0001f52c.jpg"),
        ("size_bytes", 1),
        ("size_bytes", LIMIT_BYTES),
        ("album_id", None),
        ("content_type", "image/jpeg"),
        ("content_type", "image/png"),
    ],
)
def test_a_field_at_its_limit_is_taken(ann: Caller, field: str, value: Any) -> None:
    assert announce(ann, **{field: value}).status == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " "),
        ("name", "x" * 256),
        ("name", "a\0b.jpg"),
        ("name", "a\nb.jpg"),
        ("name", "a\u0085b.jpg"),
        ("name", "a\u2028b.jpg"),
        # What follows reads from right to left: it looks like rose.exe.jpg.
        ("name", "rose.\u202egpj.exe"),
        ("name", "\u2066rose.jpg"),
        ("name", "rose.jpg\u2069"),
        ("name", None),
        ("name", 5),
        ("size_bytes", 0),
        ("size_bytes", -1),
        ("size_bytes", LIMIT_BYTES + 1),
        ("size_bytes", 10**400),
        ("size_bytes", 1.5),
        ("size_bytes", "100"),
        ("size_bytes", True),
        ("size_bytes", None),
        ("content_type", ""),
        ("content_type", "image/gif"),
        ("content_type", "IMAGE/JPEG"),
        ("content_type", "image/jpeg; charset=utf-8"),
        ("content_type", "text/html"),
        ("content_type", None),
        ("album_id", ""),
        ("album_id", "a" * 25),
        ("album_id", "a" * 27),
        ("album_id", "A" * 26),
        ("album_id", "a" * 26 + "\n"),
        ("album_id", 5),
        ("photo_id", UNKNOWN),
        ("owner", "bob"),
    ],
)
def test_a_field_beyond_its_limit_is_refused_by_its_name(ann: Caller, field: str, value: Any) -> None:
    answered = announce(ann, **{field: value})
    assert (answered.status, {error["field"] for error in answered.problem()["errors"]}) == (422, {field})
    assert ids(ann) == []


@pytest.mark.parametrize("field", ["name", "content_type", "size_bytes"])
def test_a_field_that_is_missing_is_told(ann: Caller, field: str) -> None:
    form = {"name": "a.jpg", "content_type": "image/jpeg", "size_bytes": 5}
    del form[field]
    answered = ann("POST", "/api/photos", form)
    assert answered.problem()["errors"] == [{"field": field, "message": "Field required"}]


def test_the_limit_of_the_form_is_that_of_the_upload() -> None:
    assert UPLOAD_LIMIT_BYTES == LIMIT_BYTES


# Announced again


def test_the_same_key_announces_the_same_photo_with_a_new_form(ann: Caller) -> None:
    first, second = announce(ann, key="k1").json(), announce(ann, key="k1").json()
    assert first["photo"] == second["photo"]
    assert first["upload"]["fields"]["key"] == second["upload"]["fields"]["key"]
    assert ids(ann) == [first["photo"]["photo_id"]]


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_each_request_announces_a_photo(ann: Caller, key: str | None) -> None:
    assert announce(ann, key=key).json()["photo"]["photo_id"] != announce(ann, key=key).json()["photo"]["photo_id"]


@pytest.mark.parametrize("change", [{"name": "b.jpg"}, {"size_bytes": 9}, {"content_type": "image/png"}])
def test_a_key_that_announced_a_photo_announces_no_other(ann: Caller, change: dict[str, Any]) -> None:
    photo = announce(ann, key="k1").json()["photo"]["photo_id"]
    refused = announce(ann, key="k1", **change)
    assert (refused.status, "take a new key" in refused.problem()["detail"]) == (409, True)
    assert ids(ann) == [photo]


def test_a_key_that_announced_a_photo_into_an_album_announces_it_into_no_other(ann: Caller) -> None:
    first, second = (ann("POST", "/api/albums", {"name": name}).json()["album_id"] for name in ("Rome", "Paris"))
    announce(ann, key="k1", album_id=first)
    assert announce(ann, key="k1", album_id=second).status == 409
    assert announce(ann, key="k1").status == 409
    assert ids(ann, album_id=second) == []


def test_a_key_that_made_an_album_announces_a_photo_too(ann: Caller) -> None:
    ann("POST", "/api/albums", {"name": "Rome"}, key="k1")
    assert announce(ann, key="k1").status == 201


def test_the_key_of_a_deleted_photo_announces_nothing(ann: Caller) -> None:
    photo = announce(ann, key="k1").json()["photo"]["photo_id"]
    ann("DELETE", f"/api/photos/{photo}")
    refused = announce(ann, key="k1")
    assert (refused.status, "deleted" in refused.problem()["detail"]) == (409, True)


# The allowance of a day


def test_announcement_past_the_allowance_is_told_when_to_come_again(
    api: Callable[..., Caller], function: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    api("ann")
    # The application that other tests share comes back afterwards.
    monkeypatch.delitem(sys.modules, "functions.api.app")
    monkeypatch.setenv("DAILY_UPLOADS", "1")
    ann = Caller(function("api"), claims("ann"))
    with clock("2026-11-30T23:00:00.000Z"):
        answers = [announce(ann), announce(ann)]
    assert [answer.status for answer in answers] == [201, 429]
    assert answers[1].headers["retry-after"] == "3600"
    assert "1 photos" in answers[1].problem()["detail"]
    assert "2026-12-01 00:00 UTC" in answers[1].problem()["detail"]
    with clock("2026-12-01T00:00:00.000Z"):
        assert announce(ann).status == 201


# Looked at


def test_a_processed_photo_tells_what_is_known_of_it(ann: Caller) -> None:
    with clock("2026-11-03"):
        announced = announce(ann, name="beach.jpg").json()
        location = {"latitude": 48.85, "longitude": 2.29, "altitude_m": 35.0}
        darkroom.process(
            darkroom.upload(announced), {"Sand": 71.5, "Beach": 99.1}, location=location, camera_make="Apple"
        )
        photo = ann.get(f"/api/photos/{announced['photo']['photo_id']}").json()
    assert photo["status"] == "SUCCEEDED"
    assert (photo["is_uploaded"], photo["size_bytes"]) == (True, len(PICTURE))
    assert (photo["width"], photo["height"], photo["format"]) == (100, 80, "JPEG")
    assert [(label["name"], label["confidence"]) for label in photo["labels"]] == [("Beach", 99.1), ("Sand", 71.5)]
    assert photo["location"] == location | {"latitude_dms": None, "longitude_dms": None}
    assert (photo["camera_make"], photo["camera_model"]) == ("Apple", None)
    assert photo["detector"] == darkroom.DETECTOR
    assert (photo["name"], photo["created_at"]) == ("beach.jpg", "2026-11-03T10:00:00.000Z")


def test_addresses_of_image_and_thumbnail_are_signed_for_an_hour(ann: Caller) -> None:
    photo = ann.get(f"/api/photos/{develop(ann)}").json()
    for url in (photo["image_url"], photo["thumbnail"]["url"]):
        assert urlsplit(url).path.startswith("/private/ann/")
        assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["3600"]
    assert (photo["thumbnail"]["width"], photo["thumbnail"]["height"]) == (50, 40)


def test_the_address_of_an_image_is_that_of_the_version_that_was_looked_at(ann: Caller) -> None:
    photo = ann.get(f"/api/photos/{develop(ann)}").json()
    [version] = client("s3").list_object_versions(Bucket=BUCKET, Prefix="private/ann/uploads/")["Versions"]
    assert parse_qs(urlsplit(photo["image_url"]).query)["versionId"] == [version["VersionId"]]


def asked_of_s3(url: str) -> tuple[list[str], list[str] | None]:
    query = parse_qs(urlsplit(url).query)
    return query["response-content-type"], query.get("response-content-disposition")


def test_addresses_serve_image_and_thumbnail_as_images(ann: Caller) -> None:
    # Whatever the object was uploaded as, by means other than the form.
    photo = ann.get(f"/api/photos/{develop(ann, name='page.html')}").json()
    assert asked_of_s3(photo["image_url"]) == (["image/jpeg"], ["inline; filename*=UTF-8''page.html.jpg"])
    assert asked_of_s3(photo["thumbnail"]["url"]) == (["image/jpeg"], None)


def test_address_of_what_nothing_has_read_saves_it_and_shows_nothing(ann: Caller) -> None:
    announced = announce(ann).json()
    darkroom.upload(announced, b"<script>alert(document.domain)</script>")
    photo = ann.get(f"/api/photos/{announced['photo']['photo_id']}").json()
    assert asked_of_s3(photo["image_url"]) == (["application/octet-stream"], ["attachment"])


def test_a_photo_that_is_not_uploaded_has_no_addresses(ann: Caller) -> None:
    photo = ann.get(f"/api/photos/{announce(ann).json()['photo']['photo_id']}").json()
    assert (photo["image_url"], photo["thumbnail"]) == (None, None)


def test_the_execution_is_for_operators_alone(api: Callable[..., Caller]) -> None:
    photo = f"/api/photos/{develop(api('ann'))}"
    assert api("ann").get(photo).json()["execution_url"] is None
    assert darkroom.EXECUTION_ARN in api("ann", "operators").get(photo).json()["execution_url"]


def test_execution_is_for_its_owner_too_where_the_stack_links_to_owners(
    api: Callable[..., Caller], function: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = f"/api/photos/{develop(api('ann'))}"
    # The application that other tests share comes back afterwards.
    monkeypatch.delitem(sys.modules, "functions.api.app")
    monkeypatch.setenv("EXECUTION_LINKS", "owners")
    linked = function("api")
    assert darkroom.EXECUTION_ARN in Caller(linked, claims("ann")).get(photo).json()["execution_url"]
    assert Caller(linked, claims("bob")).get(photo).status == 404


def test_a_failure_comes_with_its_remedy(ann: Caller) -> None:
    announced = announce(ann).json()
    failure = {"name": "CorruptImage", "cause": "image: ends before its end"}
    darkroom.process(darkroom.upload(announced, b"no"), {}, status="FAILED", error=failure)
    photo = ann.get(f"/api/photos/{announced['photo']['photo_id']}").json()
    remedy = "The file is damaged; export it again from where it came from, and add that."
    assert (photo["status"], photo["error"]) == ("FAILED", failure | {"remedy": remedy})


def test_an_upload_that_never_came_says_so_after_a_day(ann: Caller) -> None:
    with clock("2026-11-03T10:00:00.000Z"):
        photo = announce(ann).json()["photo"]["photo_id"]
    with clock("2026-11-04T10:00:00.000Z"):
        assert ann.get(f"/api/photos/{photo}").json()["status"] == "PENDING"
    with clock("2026-11-04T10:00:01.000Z"):
        late = ann.get(f"/api/photos/{photo}").json()
    assert (late["status"], late["error"]["name"]) == ("FAILED", "UploadMissing")


def test_a_list_shows_the_ten_most_certain_labels(ann: Caller) -> None:
    develop(ann, {f"L{number}": float(number) for number in range(60, 72)})
    [photo] = ann.get("/api/photos").json()["photos"]
    assert [label["name"] for label in photo["labels"]] == [f"L{number}" for number in range(71, 61, -1)]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_there_is_no_photo_that_was_never_announced(ann: Caller, method: str) -> None:
    assert ann(method, f"/api/photos/{UNKNOWN}").status == 404


@pytest.mark.parametrize("photo_id", ["a" * 25, "a" * 27, "A" * 26, "a" * 26 + "%0A", "..", "%2F", "%00", "é", "1"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_id_of_another_form_is_refused(ann: Caller, method: str, photo_id: str) -> None:
    assert ann(method, f"/api/photos/{photo_id}").status in (404, 422)


# Deleted


def test_a_deleted_photo_is_gone_with_its_objects(ann: Caller) -> None:
    photo = develop(ann, {"Cat": 99.0})
    assert ann("DELETE", f"/api/photos/{photo}").status == 204
    assert ann.get(f"/api/photos/{photo}").status == 404
    assert (ids(ann), ids(ann, label="cat"), darkroom.objects()) == ([], [], [])


def test_all_versions_of_a_deleted_photo_go(ann: Caller) -> None:
    announced = announce(ann).json()
    for content in (b"first", b"second"):
        darkroom.process(darkroom.upload(announced, content), {"Cat": 99.0})
    client("s3").delete_object(Bucket=BUCKET, Key=announced["upload"]["fields"]["key"])
    ann("DELETE", f"/api/photos/{announced['photo']['photo_id']}")
    left = client("s3").list_object_versions(Bucket=BUCKET)
    assert (left.get("Versions"), left.get("DeleteMarkers")) == (None, None)


def test_what_is_beside_a_deleted_photo_stays(ann: Caller) -> None:
    photo, neighbour = develop(ann), develop(ann)
    ann("DELETE", f"/api/photos/{photo}")
    assert ids(ann) == [neighbour]
    assert ann.get(f"/api/photos/{neighbour}").json()["is_uploaded"] is True
    assert len(darkroom.objects()) == 2


def test_a_photo_that_was_never_uploaded_can_be_deleted(ann: Caller) -> None:
    photo = announce(ann).json()["photo"]["photo_id"]
    assert (ann("DELETE", f"/api/photos/{photo}").status, ids(ann)) == (204, [])


def test_to_delete_a_photo_again_is_no_error(ann: Caller) -> None:
    photo = develop(ann)
    assert [ann("DELETE", f"/api/photos/{photo}").status for _ in range(2)] == [204, 204]


def test_a_deletion_that_s3_interrupts_can_be_sent_again(ann: Caller, refuse: Callable[..., None]) -> None:
    photo = develop(ann)
    refuse("s3", "DeleteObjects", "SlowDown", 503, calls=(1,))
    assert ann("DELETE", f"/api/photos/{photo}").status == 429
    assert ids(ann) == []
    assert (ann("DELETE", f"/api/photos/{photo}").status, darkroom.objects()) == (204, [])


@pytest.mark.parametrize(
    ("method", "path", "body", "groups"),
    [
        ("DELETE", "/api/photos/{photo_id}", None, ()),
        ("DELETE", "/api/albums/{album_id}", None, ()),
        ("DELETE", "/api/photos", {"confirm": "delete all photos of everyone"}, ("operators",)),
    ],
)
def test_deletion_that_a_policy_forbids_is_no_crash_and_says_who_can_allow_it(
    api: Callable[..., Caller],
    ann: Caller,
    answer: Callable[..., list[Any]],
    method: str,
    path: str,
    body: Any,
    groups: tuple[str, ...],
) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    photo = develop(ann, album_id=album)
    answer("s3", "DeleteObjects", {"Errors": [{"Key": "private/ann/uploads/a", "Code": "AccessDenied"}]})
    answered = api("ann", *groups)(method, path.format(photo_id=photo, album_id=album), body)
    assert (answered.status, answered.headers["retry-after"]) == (503, "900")
    assert answered.problem()["detail"].startswith("A policy keeps this service from deleting files")
    # Hidden all the same, and erased by a later look.
    assert ids(ann) == []


# When a service refuses


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ThrottlingException"])
def test_a_busy_table_asks_to_come_again(ann: Caller, refuse: Callable[..., None], code: str) -> None:
    refuse("dynamodb", "Query", code)
    answered = ann.get("/api/photos")
    assert (answered.status, answered.headers["retry-after"]) == (429, "3")


def test_a_table_that_does_not_answer_is_a_fault_of_the_service(ann: Caller, refuse: Callable[..., None]) -> None:
    refuse("dynamodb", "Query", "InternalServerError", 500)
    answered = ann.get("/api/photos")
    assert (answered.status, answered.headers["retry-after"]) == (503, "3")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ValidationException"])
def test_what_we_did_not_foresee_tells_nothing_of_us(ann: Caller, refuse: Callable[..., None], code: str) -> None:
    refuse("dynamodb", "Query", code)
    answered = ann.get("/api/photos")
    assert (answered.status, answered.problem()["detail"]) == (
        500,
        "Something of ours failed; it is in the log. Try again later.",
    )
