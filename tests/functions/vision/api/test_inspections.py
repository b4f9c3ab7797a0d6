"""Inspections: found by verdict, day and label, newest first, for operators."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import RESULTS
from tests.functions.darkroom import clock, inspect
from tests.functions.http_api import Caller
from vision.domain.envelopes import Envelope

LAST_DAY = "2026-11-20T10:00:00.000Z"


@pytest.fixture
def operator(api: Callable[..., Caller]) -> Caller:
    return api("olga", "operators")


def ids(operator: Caller, **query: Any) -> list[str]:
    with clock(LAST_DAY):
        answered = operator.get("/api/inspections", **{"from": "2026-11-01", "to": "2026-11-30"} | query)
    assert answered.status == 200, answered
    return [inspection["photo_id"] for inspection in answered.json()["inspections"]]


def pages(operator: Caller, **query: Any) -> list[str]:
    """The ids of all pages from the newest to the end."""
    found, following = [], ""
    while following is not None:
        answered = operator.get(
            "/api/inspections", **{"from": "2026-11-01", "to": "2026-11-30", "cursor": following} | query
        )
        found += [inspection["photo_id"] for inspection in answered.json()["inspections"]]
        following = answered.json()["cursor"]
    return found


def id_of(envelope: Envelope) -> str:
    return envelope.photo_id


def test_without_inspections_the_list_is_empty(operator: Caller) -> None:
    assert operator.get("/api/inspections").json() == {"inspections": [], "cursor": None}


def test_an_inspection_tells_verdict_rule_reasons_and_labels(operator: Caller) -> None:
    envelope = inspect("2026-11-03", "FAILURE", {"Rose": 71.5}, key="images/garden/rose 1.jpg")
    [found] = operator.get("/api/inspections", **{"from": "2026-11-03", "to": "2026-11-03"}).json()["inspections"]
    url = found.pop("image_url")
    assert found == {
        "photo_id": envelope.photo_id,
        "bucket": BUCKET,
        "key": "images/garden/rose 1.jpg",
        "verdict": "FAILURE",
        "rule": "garden",
        "reasons": ["Rose was not found with at least 90"],
        "labels": [{"name": "Rose", "confidence": 71.5}],
        "inspected_at": "2026-11-03T10:00:00.000Z",
    }
    assert urlsplit(url).path == "/images/garden/rose%201.jpg"
    assert parse_qs(urlsplit(url).query)["versionId"] == [envelope.object.version_id]


def test_the_address_of_an_image_that_was_moved_is_where_it_is_now(operator: Caller) -> None:
    inspect("2026-11-03", moved_to={"bucket": RESULTS, "key": "analyzed/success/rose.jpg"})
    [found] = operator.get("/api/inspections", **{"from": "2026-11-03", "to": "2026-11-03"}).json()["inspections"]
    address = urlsplit(found["image_url"])
    assert (address.netloc.startswith(RESULTS), address.path) == (True, "/analyzed/success/rose.jpg")


@pytest.mark.parametrize(
    ("known", "content_type", "disposition"),
    [
        ({"format": "PNG"}, "image/png", "inline; filename*=UTF-8''page.html.png"),
        ({}, "application/octet-stream", "attachment"),
    ],
)
def test_address_of_an_inspected_image_serves_it_as_what_its_content_is(
    operator: Caller, known: dict[str, str], content_type: str, disposition: str
) -> None:
    inspect("2026-11-03", key="images/garden/page.html", **known)
    [found] = operator.get("/api/inspections", **{"from": "2026-11-03", "to": "2026-11-03"}).json()["inspections"]
    query = parse_qs(urlsplit(found["image_url"]).query)
    assert (query["response-content-type"], query["response-content-disposition"]) == ([content_type], [disposition])


def test_inspections_of_both_verdicts_are_listed_newest_first(operator: Caller) -> None:
    made = [
        id_of(inspect(f"2026-11-0{day}T{hour}:00:00.000Z", judgement))
        for day in (1, 2)
        for hour, judgement in ((10, "SUCCESS"), (11, "FAILURE"), (12, "SUCCESS"))
    ]
    assert ids(operator) == made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_lose_and_repeat_nothing(operator: Caller, limit: int) -> None:
    made = [
        id_of(inspect(f"2026-11-0{day}T{hour}:00:00.000Z", judgement))
        for day in (1, 2)
        for hour, judgement in ((10, "SUCCESS"), (11, "FAILURE"), (12, "SUCCESS"))
    ]
    assert pages(operator, limit=limit) == made[::-1]


@pytest.mark.parametrize("judgements", [("SUCCESS",) * 6, ("SUCCESS", "FAILURE") * 3])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_pages_of_one_moment_lose_and_repeat_nothing(
    operator: Caller, hook: Callable[..., None], judgements: tuple[str, ...], is_reversed: bool
) -> None:
    made = [id_of(inspect("2026-11-03", judgement)) for judgement in judgements]
    if is_reversed:
        # DynamoDB promises no order for items of the same sort key of an index.
        hook("dynamodb", "after-call.SERVICE.Query", lambda parsed, **_: parsed["Items"].reverse())
    assert sorted(pages(operator, limit=1)) == sorted(made)


def test_a_verdict_finds_its_own(operator: Caller) -> None:
    failed, passed = (id_of(inspect("2026-11-03", judgement)) for judgement in ("FAILURE", "SUCCESS"))
    assert (ids(operator, verdict="FAILURE"), ids(operator, verdict="SUCCESS")) == ([failed], [passed])


def test_days_are_of_utc_and_both_ends_belong_to_them(operator: Caller) -> None:
    moments = (
        "2026-11-02T23:59:59.999Z",
        "2026-11-03T00:00:00.000Z",
        "2026-11-04T23:59:59.999Z",
        "2026-11-05T00:00:00.000Z",
    )
    made = [id_of(inspect(moment)) for moment in moments]
    assert ids(operator, **{"from": "2026-11-03", "to": "2026-11-04"}) == made[2:0:-1]


def test_a_label_finds_its_own_in_any_case(operator: Caller) -> None:
    rose = id_of(inspect("2026-11-03", labels={"Rose": 95.0}))
    inspect("2026-11-03", labels={"Weed": 99.0})
    assert (ids(operator, label="rose"), ids(operator, label="ROSE"), ids(operator, label="ros")) == (
        [rose],
        [rose],
        [],
    )


def test_a_label_and_a_confidence_ask_for_that_label(operator: Caller) -> None:
    id_of(inspect("2026-11-03", labels={"Rose": 60.0, "Weed": 99.0}))
    rose = id_of(inspect("2026-11-03", labels={"Rose": 95.0}))
    assert ids(operator, label="rose", min_confidence=95) == [rose]
    assert ids(operator, label="rose", min_confidence=95.1) == []


def test_a_confidence_alone_asks_for_any_label(operator: Caller) -> None:
    sure = id_of(inspect("2026-11-03", labels={"Weed": 99.0}))
    inspect("2026-11-03", labels={"Weed": 50.0})
    assert ids(operator, min_confidence=90) == [sure]


def test_without_days_it_is_the_last_month(operator: Caller) -> None:
    now = datetime.now(UTC)
    within, before = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (30, 31))
    inspect(before)
    recent = id_of(inspect(within))
    found = operator.get("/api/inspections").json()["inspections"]
    assert [one["photo_id"] for one in found] == [recent]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"from": "2026-08-31", "to": "2026-11-30"}, 200),
        ({"from": "2026-08-30", "to": "2026-11-30"}, 422),
        ({"from": "2026-11-30", "to": "2026-11-30"}, 200),
        ({"from": "2026-12-01", "to": "2026-11-30"}, 422),
        ({"from": "2000-01-01"}, 422),
        ({"from": "2999-12-31"}, 422),
        ({"to": "2000-01-01"}, 200),
        ({"to": "2999-12-31"}, 200),
        ({"from": "1999-12-31", "to": "2000-01-01"}, 422),
        ({"to": "3000-01-01"}, 422),
        ({"from": "yesterday"}, 422),
        ({"verdict": "success"}, 422),
        ({"verdict": ""}, 422),
        ({"label": "x" * 256}, 200),
        ({"label": "x" * 257}, 422),
        ({"min_confidence": "0"}, 200),
        ({"min_confidence": "100"}, 200),
        ({"min_confidence": "100.01"}, 422),
        ({"min_confidence": "-0.01"}, 422),
        ({"min_confidence": "nan"}, 422),
        ({"limit": "1"}, 200),
        ({"limit": "100"}, 200),
        ({"limit": "0"}, 422),
        ({"limit": "101"}, 422),
        ({"cursor": "x"}, 422),
    ],
)
def test_a_parameter_is_taken_up_to_its_limit(operator: Caller, query: dict[str, str], status: int) -> None:
    assert operator.get("/api/inspections", **query).status == status


def test_an_inspected_image_is_nobodys_photo_and_stays_when_all_of_those_are_deleted(operator: Caller) -> None:
    inspected = inspect("2026-11-03")
    everything = {"confirm": "delete all photos of everyone"}
    assert operator("DELETE", "/api/photos", everything).status == 204
    assert ids(operator) == [inspected.photo_id]
