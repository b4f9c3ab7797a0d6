"""Inspections: listed newest first for operators, and searched by verdict, day and label."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import BUCKET
from tests.functions.conftest import RESULTS
from tests.functions.darkroom import clock, inspect
from tests.functions.http_api import Caller

LAST_DAY = "2026-11-20T10:00:00.000Z"


def ids(operator: Caller, **query: Any) -> list[str]:
    with clock(LAST_DAY):
        answered = operator.get("/api/inspections", **{"from": "2026-11-01", "to": "2026-11-30"} | query)
    assert answered.status == 200, answered
    return [inspection["photo_id"] for inspection in answered.json()["inspections"]]


def pages(operator: Caller, **query: Any) -> list[str]:
    """Return the ids of all pages, newest first."""
    found, following = [], ""
    while following is not None:
        answered = operator.get(
            "/api/inspections", **{"from": "2026-11-01", "to": "2026-11-30", "cursor": following} | query
        )
        found += [inspection["photo_id"] for inspection in answered.json()["inspections"]]
        following = answered.json()["cursor"]
    return found


def made_on_two_days() -> list[str]:
    """Inspect six images, and return their ids, newest first."""
    return [
        inspect(f"2026-11-0{day}T{hour}:00:00.000Z", judgement).photo_id
        for day in (2, 1)
        for hour, judgement in ((12, "SUCCESS"), (11, "FAILURE"), (10, "SUCCESS"))
    ]


def only(operator: Caller) -> dict[str, Any]:
    day = {"from": "2026-11-03", "to": "2026-11-03"}
    [found] = operator.get("/api/inspections", **day).json()["inspections"]
    return dict(found)


# Shown


def test_inspection_shows_verdict_rule_reasons_and_labels(operator: Caller) -> None:
    assert operator.get("/api/inspections").json() == {"inspections": [], "cursor": None}
    envelope = inspect("2026-11-03", "FAILURE", {"Rose": 71.5}, key="images/garden/rose 1.jpg")
    found = only(operator)
    url = urlsplit(found.pop("image_url"))
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
    assert url.path == "/images/garden/rose%201.jpg"
    assert parse_qs(url.query)["versionId"] == [envelope.object.version_id]


def test_url_of_a_moved_image_leads_to_its_new_key(operator: Caller) -> None:
    inspect("2026-11-03", moved_to={"bucket": RESULTS, "key": "analyzed/success/rose.jpg"})
    url = urlsplit(only(operator)["image_url"])
    assert url.netloc.startswith(RESULTS)
    assert url.path == "/analyzed/success/rose.jpg"


@pytest.mark.parametrize(
    ("known", "content_type", "disposition"),
    [
        ({"format": "PNG"}, "image/png", "inline; filename*=UTF-8''page.html.png"),
        ({}, "application/octet-stream", "attachment"),
    ],
)
def test_url_serves_an_image_with_the_type_of_its_content(
    operator: Caller, known: dict[str, str], content_type: str, disposition: str
) -> None:
    inspect("2026-11-03", key="images/garden/page.html", **known)
    query = parse_qs(urlsplit(only(operator)["image_url"]).query)
    assert query["response-content-type"] == [content_type]
    assert query["response-content-disposition"] == [disposition]


# Listed


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_both_verdicts_are_complete_and_newest_first(operator: Caller, limit: int) -> None:
    made = made_on_two_days()
    assert ids(operator) == made
    assert pages(operator, limit=limit) == made


@pytest.mark.parametrize("judgements", [("SUCCESS",) * 6, ("SUCCESS", "FAILURE") * 3])
@pytest.mark.parametrize("is_reversed", [False, True])
def test_pages_of_one_moment_are_complete(
    operator: Caller, hook: Callable[..., None], judgements: tuple[str, ...], is_reversed: bool
) -> None:
    made = [inspect("2026-11-03", judgement).photo_id for judgement in judgements]
    if is_reversed:
        # DynamoDB promises no order for items of the same sort key of an index.
        hook("dynamodb", "after-call.SERVICE.Query", lambda parsed, **_: parsed["Items"].reverse())
    assert sorted(pages(operator, limit=1)) == sorted(made)


def test_last_month_is_the_default(operator: Caller) -> None:
    now = datetime.now(UTC)
    within, before = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (30, 31))
    inspect(before)
    recent = inspect(within).photo_id
    found = operator.get("/api/inspections").json()["inspections"]
    assert [one["photo_id"] for one in found] == [recent]


def test_inspected_image_is_no_photo_and_stays_when_all_photos_are_deleted(operator: Caller) -> None:
    inspected = inspect("2026-11-03")
    everything = {"confirm": "delete all photos of everyone"}
    assert operator("DELETE", "/api/photos", everything).status == 204
    assert ids(operator) == [inspected.photo_id]


# Searched


def test_inspections_are_found_by_verdict(operator: Caller) -> None:
    failed, passed = (inspect("2026-11-03", judgement).photo_id for judgement in ("FAILURE", "SUCCESS"))
    assert ids(operator, verdict="FAILURE") == [failed]
    assert ids(operator, verdict="SUCCESS") == [passed]


def test_days_are_in_utc_and_include_both_ends(operator: Caller) -> None:
    moments = (
        "2026-11-02T23:59:59.999Z",
        "2026-11-03T00:00:00.000Z",
        "2026-11-04T23:59:59.999Z",
        "2026-11-05T00:00:00.000Z",
    )
    made = [inspect(moment).photo_id for moment in moments]
    assert ids(operator, **{"from": "2026-11-03", "to": "2026-11-04"}) == made[2:0:-1]


def test_inspections_are_found_by_label_in_any_case_and_by_confidence(operator: Caller) -> None:
    unsure = inspect("2026-11-03T10:00:00.000Z", labels={"Rose": 60.0, "Weed": 99.0}).photo_id
    rose = inspect("2026-11-03T11:00:00.000Z", labels={"Rose": 95.0}).photo_id
    assert ids(operator, label="rose") == ids(operator, label="ROSE") == [rose, unsure]
    assert ids(operator, label="ros") == []
    assert ids(operator, label="rose", min_confidence=95) == [rose]
    assert ids(operator, label="rose", min_confidence=95.1) == []
    # Without a label, the confidence is that of any label.
    assert ids(operator, min_confidence=96) == [unsure]


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
def test_parameter_is_accepted_up_to_its_limit(operator: Caller, query: dict[str, str], status: int) -> None:
    assert operator.get("/api/inspections", **query).status == status
