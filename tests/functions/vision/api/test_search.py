"""Search of the caller's photos by label, class, days and confidence, alone and combined."""

from typing import Any

import pytest

from tests.functions.conftest import Hook
from tests.functions.darkroom import develop
from tests.functions.http_api import Caller, each


def ids(person: Caller, **query: Any) -> list[str]:
    answered = person.get("/api/photos", **query)
    assert answered.status == 200, answered
    return [photo["photo_id"] for photo in answered.json()["photos"]]


@pytest.mark.parametrize(
    "label", ["Cat", "Coupé", "Straße", "写真", "Ice Cream", "A#B", "50%", "R&B", "a+b", "Ärger", "Salt, Pepper"]
)
def test_label_finds_its_photos_in_any_case(ann: Caller, label: str) -> None:
    photo = develop(ann, {"Dog": 99.0, label: 70.0})
    develop(ann, {"Dog": 99.0})
    for written in (label, label.lower(), label.upper(), label.swapcase()):
        assert ids(ann, label=written) == [photo]


def test_part_of_a_label_finds_nothing(ann: Caller) -> None:
    develop(ann, {"Cat": 99.0, "Salt, Pepper": 70.0})
    parts = ["Ca", "Cats", "at", " Cat", "Cat ", "*", "%", "Cat#Dog", "#", "'", '"', "\\", "Salt"]
    assert [part for part in parts if ids(ann, label=part)] == []


def test_photo_that_meets_every_condition_is_found(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    wanted: dict[str, Any] = {"moment": "2026-11-03", "album_id": album}
    labels = {"Dog": 99.0, "Cat": 80.0}
    found = develop(ann, labels, **wanted)
    develop(ann, labels, **wanted | {"album_id": None})
    develop(ann, labels, **wanted | {"moment": "2026-11-05"})
    develop(ann, {"Dog": 99.0, "Cat": 79.0}, **wanted)
    develop(ann, {"Dog": 80.0, "Cat": 99.0}, **wanted)
    develop(ann, {"Dog": 99.0}, **wanted)
    query = {"album_id": album, "label": "cat", "class": "dog", "min_confidence": 80}
    assert ids(ann, **query, **{"from": "2026-11-02", "to": "2026-11-04"}) == [found]


DAYS = ["2000-01-01", "2024-02-29", "2999-12-31"]
OUT_OF_RANGE = ["1999-12-31", "3000-01-01", "2026-02-29", "2026-13-01"]
MALFORMED = ["", "2026-1-1", "2026-11-3x", "26-11-2026", "2026/11/03", "20261103", "1795219200", "2026-11-03T00:00:00Z"]
NO_DAYS = [*OUT_OF_RANGE, *MALFORMED, "yesterday", "٢٠٢٦-١١-٠٣", "9" * 400]
VALID = {
    "label": ["x" * 256, "😀" * 256, "ΐ" * 256],
    "class": ["x" * 256],
    "min_confidence": ["100"],
    "album_id": ["a" * 26],
    "from": DAYS,
    "to": DAYS,
}
INVALID = {
    "label": ["x" * 257],
    "class": ["x" * 257],
    "min_confidence": ["100.1", "-1", "nan", "inf", "much"],
    "album_id": ["", "a" * 25, "A" * 26],
    "from": NO_DAYS,
    "to": NO_DAYS,
}


def test_parameter_at_its_limit_is_accepted(ann: Caller) -> None:
    for name, value in each(VALID):
        assert ann.get("/api/photos", **{name: value}).status == 200, (name, value)


def test_invalid_parameter_is_rejected_by_name(ann: Caller) -> None:
    for name, value in each(INVALID):
        answered = ann.get("/api/photos", **{name: value})
        assert answered.status == 422, (name, value)
        assert answered.problem()["errors"][0]["field"] == name


def test_unknown_parameter_is_ignored_and_a_repeated_one_finds_no_more_photos(ann: Caller) -> None:
    photo = develop(ann, {"Cat": 99.0})
    assert ids(ann, owner="bob", sort="oldest") == [photo]
    for name, value in {"album_id": "a" * 26, "label": "cat", "min_confidence": 5, "limit": 5, "cursor": ""}.items():
        answered = ann("GET", f"/api/photos?{name}={value}&{name}={value}x")
        assert answered.status == 422 or answered.json()["photos"] == [], name
    answered = ann.get("/api/photos", **{"from": "2026-11-04", "to": "2026-11-03"})
    assert answered.status == 422
    assert "earlier day first" in answered.problem()["detail"]


def labels(person: Caller, prefix: str = "") -> list[str]:
    return list(person.get("/api/labels", prefix=prefix).json()["labels"])


def test_labels_are_suggested_by_prefix_in_any_case_and_alphabetical_order(ann: Caller) -> None:
    assert labels(ann) == []
    develop(ann, {"Cat": 99.0, "Car": 98.0, "dog": 97.0})
    develop(ann, {"Ant": 99.0, "Cat": 98.0})
    for prefix in ("c", "C", "ca", "CA"):
        assert labels(ann, prefix) == ["Car", "Cat"]
    assert labels(ann) == ["Ant", "Car", "Cat", "dog"]


def test_at_most_twenty_labels_are_suggested(ann: Caller) -> None:
    develop(ann, {f"Label {number:02}": 90.0 for number in range(21)})
    assert labels(ann, "label") == [f"Label {number:02}" for number in range(20)]


def test_prefix_of_no_label_suggests_nothing(ann: Caller, hook: Hook) -> None:
    develop(ann, {"Cat": 99.0})
    prefixes = ["x", "#", "\0", "\n", "%", "😀" * 256]
    assert [prefix for prefix in prefixes if labels(ann, prefix)] == []
    assert ann.get("/api/labels", prefix="x" * 257).status == 422
    # One that exceeds a key sends no query.
    sent: list[Any] = []
    hook("dynamodb", "provide-client-params.SERVICE.Query", lambda params, **_: sent.append(params))
    assert labels(ann, "ΐ" * 256) == sent == []
