"""Search: by label, class, days and confidence, alone and together, in the caller's photos."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import announce, develop
from tests.functions.http_api import Caller


@pytest.fixture
def ann(api: Callable[..., Caller]) -> Caller:
    return api("ann")


def ids(person: Caller, **query: Any) -> list[str]:
    answered = person.get("/api/photos", **query)
    assert answered.status == 200, answered
    return [photo["photo_id"] for photo in answered.json()["photos"]]


# Labels and classes


@pytest.mark.parametrize("label", ["Cat", "cat", "CAT", "cAt"])
def test_a_label_finds_its_photos_in_any_case(ann: Caller, label: str) -> None:
    cat = develop(ann, {"Dog": 99.0, "Cat": 70.0})
    develop(ann, {"Dog": 99.0})
    assert ids(ann, label=label) == [cat]


@pytest.mark.parametrize("label", ["Ca", "Cats", "at", " Cat", "Cat ", "*", "%", "Cat#Dog", "#", "'", '"', "\\"])
def test_what_is_no_label_finds_nothing(ann: Caller, label: str) -> None:
    develop(ann, {"Cat": 99.0})
    assert ids(ann, label=label) == []


@pytest.mark.parametrize("label", ["Coupé", "Straße", "写真", "Ice Cream", "A#B", "50%", "R&B", "a+b", "Ärger"])
def test_a_label_of_any_letters_is_found(ann: Caller, label: str) -> None:
    photo = develop(ann, {label: 99.0})
    assert ids(ann, label=label.upper()) == [photo]


def test_a_label_with_a_comma_is_found(ann: Caller) -> None:
    photo = develop(ann, {"Salt, Pepper": 99.0})
    assert (ids(ann, label="Salt, Pepper"), ids(ann, label="Salt")) == ([photo], [])


def test_the_class_is_the_label_of_highest_confidence(ann: Caller) -> None:
    dog = develop(ann, {"Cat": 70.0, "Dog": 99.0})
    assert (ids(ann, **{"class": "dog"}), ids(ann, **{"class": "Cat"})) == ([dog], [])


def test_label_and_class_are_wanted_both(ann: Caller) -> None:
    both = develop(ann, {"Cat": 70.0, "Dog": 99.0})
    develop(ann, {"Dog": 99.0})
    develop(ann, {"Cat": 99.0, "Dog": 70.0})
    assert ids(ann, label="cat", **{"class": "dog"}) == [both]


def test_a_photo_processed_again_is_found_by_what_it_shows_now(ann: Caller) -> None:
    announced = announce(ann).json()
    darkroom.process(darkroom.upload(announced, b"first"), {"Cat": 99.0})
    darkroom.process(darkroom.upload(announced, b"second"), {"Dog": 99.0})
    assert (ids(ann, label="cat"), len(ids(ann, label="dog"))) == ([], 1)


def test_a_photo_that_waits_has_no_label_yet(ann: Caller) -> None:
    announce(ann)
    assert ids(ann, label="cat") == []


# Confidence


@pytest.mark.parametrize(
    ("confidence", "is_found"), [(0, True), (70, True), (70.5, True), (70.51, False), (100, False)]
)
def test_a_label_is_wanted_with_at_least_its_confidence(ann: Caller, confidence: float, is_found: bool) -> None:
    photo = develop(ann, {"Dog": 99.0, "Cat": 70.5})
    assert ids(ann, label="cat", min_confidence=confidence) == ([photo] if is_found else [])


def test_a_confidence_alone_is_of_any_label(ann: Caller) -> None:
    sure = develop(ann, {"Dog": 99.0})
    develop(ann, {"Dog": 80.0})
    develop(ann, {})
    assert ids(ann, min_confidence=90) == [sure]


# Days


@pytest.fixture
def days(ann: Caller) -> list[str]:
    """Photos around two midnights, the oldest first."""
    moments = ("02T23:59:59.999Z", "03T00:00:00.000Z", "03T23:59:59.999Z", "04T00:00:00.000Z")
    return [develop(ann, {"Cat": 99.0}, moment=f"2026-11-{moment}") for moment in moments]


@pytest.mark.parametrize("more", [{}, {"label": "cat"}, {"class": "cat"}, {"min_confidence": 90}])
def test_a_day_is_of_utc_and_whole(ann: Caller, days: list[str], more: dict[str, Any]) -> None:
    assert ids(ann, **{"from": "2026-11-03", "to": "2026-11-03"} | more) == [days[2], days[1]]


def test_an_open_end_has_all_from_there(ann: Caller, days: list[str]) -> None:
    assert ids(ann, **{"from": "2026-11-03"}) == days[:0:-1]


def test_an_open_beginning_has_all_until_there(ann: Caller, days: list[str]) -> None:
    assert ids(ann, to="2026-11-02") == [days[0]]


def test_days_of_an_album_are_its_own(ann: Caller) -> None:
    album = ann("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
    inside = develop(ann, moment="2026-11-03", album_id=album)
    develop(ann, moment="2026-11-04", album_id=album)
    develop(ann, moment="2026-11-03")
    assert ids(ann, album_id=album, to="2026-11-03") == [inside]


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("day", ["2000-01-01", "2024-02-29", "2999-12-31"])
def test_a_day_at_its_limit_is_taken(ann: Caller, name: str, day: str) -> None:
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
def test_what_is_no_day_is_refused(ann: Caller, name: str, day: str) -> None:
    answered = ann.get("/api/photos", **{name: day})
    assert (answered.status, answered.problem()["errors"][0]["field"]) == (422, name)


def test_days_the_wrong_way_round_are_refused(ann: Caller) -> None:
    answered = ann.get("/api/photos", **{"from": "2026-11-04", "to": "2026-11-03"})
    assert (answered.status, "earlier day first" in answered.problem()["detail"]) == (422, True)


# All together


def test_only_what_is_wanted_in_every_way_is_found(ann: Caller) -> None:
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
    ("query", "is_taken"),
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
def test_a_parameter_is_taken_up_to_its_limit(ann: Caller, query: dict[str, str], is_taken: bool) -> None:
    assert ann.get("/api/photos", **query).status == (200 if is_taken else 422)


def test_a_parameter_that_is_not_known_changes_nothing(ann: Caller) -> None:
    photo = develop(ann)
    assert ids(ann, owner="bob", sort="oldest") == [photo]


@pytest.mark.parametrize("name", ["album_id", "label", "min_confidence", "limit", "cursor"])
def test_a_parameter_that_comes_twice_is_not_taken_for_less(ann: Caller, name: str) -> None:
    develop(ann, {"Cat": 99.0})
    values = {"album_id": "a" * 26, "label": "cat", "min_confidence": "5", "limit": "5"}
    value = values.get(name, "")
    answered = ann("GET", f"/api/photos?{name}={value}&{name}={value}x")
    assert answered.status == 422 or answered.json()["photos"] == []


# Labels as one types


def labels(person: Caller, prefix: str = "") -> list[str]:
    return list(person.get("/api/labels", prefix=prefix).json()["labels"])


def test_nobody_has_labels_at_first(ann: Caller) -> None:
    assert ann.get("/api/labels").json() == {"labels": []}


@pytest.mark.parametrize("prefix", ["c", "C", "ca", "CA"])
def test_labels_are_offered_by_their_first_letters_in_any_case(ann: Caller, prefix: str) -> None:
    develop(ann, {"Cat": 99.0, "Car": 98.0, "Dog": 97.0})
    assert labels(ann, prefix) == ["Car", "Cat"]


def test_all_labels_are_offered_in_alphabetical_order(ann: Caller) -> None:
    develop(ann, {"dog": 99.0, "Cat": 98.0})
    develop(ann, {"Ant": 99.0, "Cat": 98.0})
    assert labels(ann) == ["Ant", "Cat", "dog"]


def test_at_most_twenty_labels_are_offered(ann: Caller) -> None:
    develop(ann, {f"Label {number:02}": 90.0 for number in range(21)})
    assert labels(ann, "label") == [f"Label {number:02}" for number in range(20)]


@pytest.mark.parametrize("prefix", ["x", "#", "\0", "\n", "%", "😀" * 256, "ΐ" * 256])
def test_letters_that_no_label_begins_with_offer_nothing(ann: Caller, prefix: str) -> None:
    develop(ann, {"Cat": 99.0})
    assert labels(ann, prefix) == []


def test_no_label_is_asked_for_by_more_than_a_key_may_have(ann: Caller, hook: Callable[..., None]) -> None:
    asked: list[Any] = []
    hook("dynamodb", "provide-client-params.SERVICE.Query", lambda params, **_: asked.append(params))
    assert (labels(ann, "ΐ" * 256), asked) == ([], [])


def test_letters_beyond_their_limit_are_refused(ann: Caller) -> None:
    assert ann.get("/api/labels", prefix="x" * 257).status == 422
