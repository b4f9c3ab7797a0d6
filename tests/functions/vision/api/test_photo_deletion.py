"""Photos are deleted with all versions and objects, and a failed deletion can be repeated."""

from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import develop
from tests.functions.faults import Answer
from tests.functions.http_api import Api, Caller


def ids(person: Caller, **query: Any) -> list[str]:
    return [photo["photo_id"] for photo in person.get("/api/photos", **query).json()["photos"]]


def test_photo_is_deleted_with_its_objects_and_without_its_neighbour(ann: Caller) -> None:
    neighbour = develop(ann)
    left = darkroom.objects()
    photo = develop(ann, {"Cat": 99.0})
    for _ in range(2):
        assert ann("DELETE", f"/api/photos/{photo}").status == 204
        assert ann.get(f"/api/photos/{photo}").status == 404
        assert (ids(ann), ids(ann, label="cat")) == ([neighbour], [])
        assert darkroom.objects() == left
    assert ann.get(f"/api/photos/{neighbour}").json()["is_uploaded"] is True


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/photos/{photo_id}", None),
        ("/api/albums/{album_id}", None),
        ("/api/photos", {"confirm": "delete all photos of everyone"}),
    ],
)
def test_deletion_that_a_policy_denies_hides_the_photo_and_asks_to_retry(
    api: Api, ann: Caller, answer: Answer, path: str, body: Any
) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    photo = develop(ann, album_id=album)
    answer("s3", "DeleteObjects", {"Errors": [{"Key": "private/ann/uploads/a", "Code": "AccessDenied"}]})
    caller = api("ann", "operators") if body else ann
    answered = caller("DELETE", path.format(photo_id=photo, album_id=album), body)
    assert (answered.status, answered.headers["retry-after"]) == (503, "900")
    assert answered.problem()["detail"].startswith("A policy does not let this service delete files")
    assert ids(ann) == []
