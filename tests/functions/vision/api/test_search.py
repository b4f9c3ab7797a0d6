"""Search of the caller's photos by label, class, days and confidence, alone and combined."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import Caller


def ids(person: Caller, **query: Any) -> list[str]:
    answered = person.get("/api/photos", **query)
    assert answered.status == 200, answered
    return [photo["photo_id"] for photo in answered.json()["photos"]]


# Labels and classes


@pytest.mark.parametrize(
    "label", ["Cat", "Coupé", "Straße", "写真", "Ice Cream", "A#B", "50%", "R&B", "a+b", "Ärger", "Salt, Pepper"]
)
def test_label_finds_its_photos_in_any_case(ann: Caller, label: str) -> None:
    photo = develop(ann, {"Dog": 99.0, label: 70.0})
    develop(ann, {"Dog": 99.0})
    for written in (label, label.lower(), label.upper(), label.swapcase()):
        assert ids(ann, label=written) == [photo]


@pytest.mark.parametrize(
    "label", ["Ca", "Cats", "at", " Cat", "Cat ", "*", "%", "Cat#Dog", "#", "'", '"', "\\", "Salt"]
)
def test_part_of_a_label_finds_nothing(ann: Caller, label: str) -> None:
    develop(ann, {"Cat": 99.0, "Salt, Pepper": 70.0})
    assert ids(ann, label=label) == []


def test_class_is_the_label_of_highest_confidence(ann: Caller) -> None:
    both = develop(ann, {"Cat": 70.0, "Dog": 99.0}, moment="2026-11-03")
    dog = develop(ann, {"Dog": 99.0}, moment="2026-11-02")
    cat = develop(ann, {"Cat": 99.0, "Dog": 70.0}, moment="2026-11-01")
    assert ids(ann, **{"class": "dog"}) == [both, dog]
    assert ids(ann, **{"class": "Cat"}) == [cat]
    assert ids(ann, label="cat", **{"class": "dog"}) == [both]


def test_photo_is_found_by_the_labels_of_its_newest_version_once_processed(ann: Caller) -> None:
    announced = announce(ann).json()
    assert ids(ann, label="cat") == []
    darkroom.process(darkroom.upload(announced, b"first"), {"Cat": 99.0})
    assert len(ids(ann, label="cat")) == 1
    darkroom.process(darkroom.upload(announced, b"second"), {"Dog": 99.0})
    assert ids(ann, label="cat") == []
    assert len(ids(ann, label="dog")) == 1


# Confidence


@pytest.mark.parametrize(
    ("confidence", "is_found"), [(0, True), (70, True), (70.5, True), (70.51, False), (100, False)]
)
def test_label_is_found_with_at_least_the_confidence(ann: Caller, confidence: float, is_found: bool) -> None:
    photo = develop(ann, {"Dog": 99.0, "Cat": 70.5})
    assert ids(ann, label="cat", min_confidence=confidence) == ([photo] if is_found else [])


def test_confidence_without_a_label_is_that_of_any_label(ann: Caller) -> None:
    sure = develop(ann, {"Dog": 99.0})
    develop(ann, {"Dog": 80.0})
    develop(ann, {})
    assert ids(ann, min_confidence=90) == [sure]


# Days


@pytest.fixture
def days(ann: Caller) -> list[str]:
    """Photos around two midnights, oldest first."""
    moments = ("02T23:59:59.999Z", "03T00:00:00.000Z", "03T23:59:59.999Z", "04T00:00:00.000Z")
    return [develop(ann, {"Cat": 99.0}, moment=f"2026-11-{moment}") for moment in moments]


@pytest.mark.parametrize("more", [{}, {"label": "cat"}, {"class": "cat"}, {"min_confidence": 90}])
def test_days_are_in_utc_include_both_ends_and_may_be_open(ann: Caller, days: list[str], more: dict[str, Any]) -> None:
    assert ids(ann, **{"from": "2026-11-03", "to": "2026-11-03"} | more) == [days[2], days[1]]
    assert ids(ann, **{"from": "2026-11-03"} | more) == days[:0:-1]
    assert ids(ann, to="2026-11-02", **more) == [days[0]]


def test_days_of_an_album_find_its_photos_only(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    inside = develop(ann, moment="2026-11-03", album_id=album)
    develop(ann, moment="2026-11-04", album_id=album)
    develop(ann, moment="2026-11-03")
    assert ids(ann, album_id=album, to="2026-11-03") == [inside]


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("day", ["2000-01-01", "2024-02-29", "2999-12-31"])
def test_day_at_its_limit_is_accepted(ann: Caller, name: str, day: str) -> None:
    assert ann.get("/api/photos", **{name: day}).status == 200


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize(
    "day",
    [
        "",
        "1999-12-31",
        "3000-01-01",
        "2026-02-29",
        "2026-13-01",
        "2026-1-1",
        "2026-11-3x",
        "26-11-2026",
        "2026/11/03",
        "20261103",
        "1795219200",
        "2026-11-03T00:00:00Z",
        "yesterday",
        "٢٠٢٦-١١-٠٣",
        "9" * 400,
    ],
)
def test_invalid_day_is_rejected(ann: Caller, name: str, day: str) -> None:
    answered = ann.get("/api/photos", **{name: day})
    assert (answered.status, answered.problem()["errors"][0]["field"]) == (422, name)


def test_last_day_before_the_first_is_rejected(ann: Caller) -> None:
    answered = ann.get("/api/photos", **{"from": "2026-11-04", "to": "2026-11-03"})
    assert answered.status == 422
    assert "earlier day first" in answered.problem()["detail"]


# Combined


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


@pytest.mark.parametrize(
    ("query", "is_valid"),
    [
        ({"label": "x" * 256}, True),
        ({"label": "😀" * 256}, True),
        ({"label": "ΐ" * 256}, True),
        ({"label": "x" * 257}, False),
        ({"class": "x" * 256}, True),
        ({"class": "x" * 257}, False),
        ({"min_confidence": "100"}, True),
        ({"min_confidence": "100.1"}, False),
        ({"min_confidence": "-1"}, False),
        ({"min_confidence": "nan"}, False),
        ({"min_confidence": "inf"}, False),
        ({"min_confidence": "much"}, False),
        ({"album_id": "a" * 26}, True),
        ({"album_id": ""}, False),
        ({"album_id": "a" * 25}, False),
        ({"album_id": "A" * 26}, False),
    ],
)
def test_parameter_is_accepted_up_to_its_limit(ann: Caller, query: dict[str, str], is_valid: bool) -> None:
    assert ann.get("/api/photos", **query).status == (200 if is_valid else 422)


def test_unknown_parameter_is_ignored(ann: Caller) -> None:
    photo = develop(ann)
    assert ids(ann, owner="bob", sort="oldest") == [photo]


@pytest.mark.parametrize("name", ["album_id", "label", "min_confidence", "limit", "cursor"])
def test_repeated_parameter_finds_no_more_photos(ann: Caller, name: str) -> None:
    develop(ann, {"Cat": 99.0})
    values = {"album_id": "a" * 26, "label": "cat", "min_confidence": "5", "limit": "5"}
    value = values.get(name, "")
    answered = ann("GET", f"/api/photos?{name}={value}&{name}={value}x")
    assert answered.status == 422 or answered.json()["photos"] == []


# Suggested labels


def labels(person: Caller, prefix: str = "") -> list[str]:
    return list(person.get("/api/labels", prefix=prefix).json()["labels"])


@pytest.mark.parametrize("prefix", ["c", "C", "ca", "CA"])
def test_labels_are_suggested_by_prefix_in_any_case_and_alphabetical_order(ann: Caller, prefix: str) -> None:
    assert labels(ann, prefix) == []
    develop(ann, {"Cat": 99.0, "Car": 98.0, "dog": 97.0})
    develop(ann, {"Ant": 99.0, "Cat": 98.0})
    assert labels(ann, prefix) == ["Car", "Cat"]
    assert labels(ann) == ["Ant", "Car", "Cat", "dog"]


def test_at_most_twenty_labels_are_suggested(ann: Caller) -> None:
    develop(ann, {f"Label {number:02}": 90.0 for number in range(21)})
    assert labels(ann, "label") == [f"Label {number:02}" for number in range(20)]


@pytest.mark.parametrize("prefix", ["x", "#", "\0", "\n", "%", "😀" * 256, "ΐ" * 256])
def test_prefix_of_no_label_suggests_nothing(ann: Caller, prefix: str) -> None:
    develop(ann, {"Cat": 99.0})
    assert labels(ann, prefix) == []


def test_prefix_that_exceeds_a_key_sends_no_query(ann: Caller, hook: Callable[..., None]) -> None:
    sent: list[Any] = []
    hook("dynamodb", "provide-client-params.SERVICE.Query", lambda params, **_: sent.append(params))
    assert labels(ann, "ΐ" * 256) == []
    assert sent == []


def test_prefix_beyond_its_limit_is_rejected(ann: Caller) -> None:
    assert ann.get("/api/labels", prefix="x" * 257).status == 422
