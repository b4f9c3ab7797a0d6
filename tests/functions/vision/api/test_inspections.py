"""Inspections: listed newest first for operators, and searched by verdict, day and label."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import BUCKET
from tests.functions.darkroom import clock, inspect
from tests.functions.http_api import Caller, each

LAST_DAY = "2026-11-20T10:00:00.000Z"
DAYS = {"from": "2026-11-01", "to": "2026-11-30"}


def ids(operator: Caller, **query: Any) -> list[str]:
    with clock(LAST_DAY):
        answered = operator.get("/api/inspections", **DAYS | query)
    assert answered.status == 200, answered
    return [inspection["photo_id"] for inspection in answered.json()["inspections"]]


def only(operator: Caller) -> dict[str, Any]:
    day = {"from": "2026-11-03", "to": "2026-11-03"}
    [found] = operator.get("/api/inspections", **day).json()["inspections"]
    return dict(found)


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


def test_pages_of_both_verdicts_are_listed_newest_first_and_searched(operator: Caller) -> None:
    made = [
        inspect(f"2026-11-0{day}", judgement, labels).photo_id
        for day, judgement, labels in (
            (3, "SUCCESS", {"Rose": 95.0}),
            (2, "FAILURE", {"Rose": 60.0}),
            (1, "SUCCESS", {}),
        )
    ]
    first = operator.get("/api/inspections", **DAYS, limit=2).json()
    second = operator.get("/api/inspections", **DAYS, limit=2, cursor=first["cursor"]).json()
    assert [one["photo_id"] for one in first["inspections"] + second["inspections"]] == made
    assert second["cursor"] is None
    assert ids(operator, verdict="FAILURE") == [made[1]]
    assert ids(operator, label="rose") == made[:2]
    assert ids(operator, label="rose", min_confidence=95) == made[:1]


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


VALID = {
    "from": ["2026-08-31", "2026-11-30"],
    "to": ["2026-11-30", "2026-12-01"],
    "label": ["x" * 256],
    "min_confidence": ["0", "100"],
    "limit": ["1", "100"],
}
INVALID = {
    "from": ["2026-08-30", "2026-12-01", "1999-12-31", "2999-12-31", "yesterday"],
    "to": ["2026-10-31", "3000-01-01"],
    "verdict": ["success", ""],
    "label": ["x" * 257],
    "min_confidence": ["100.01", "-0.01", "nan"],
    "limit": ["0", "101"],
    "cursor": ["x"],
}


def test_parameter_is_accepted_up_to_its_limit(operator: Caller) -> None:
    for values, status in ((VALID, 200), (INVALID, 422)):
        for name, value in each(values):
            assert operator.get("/api/inspections", **DAYS | {name: value}).status == status, (name, value)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"to": "2000-01-01"}, 200),
        ({"to": "2999-12-31"}, 200),
        ({"from": "1999-12-31", "to": "2000-01-01"}, 422),
        ({"from": "2000-01-01"}, 422),
        ({"from": "2999-12-31"}, 422),
    ],
)
def test_open_days_are_accepted_up_to_the_limits(operator: Caller, query: dict[str, str], status: int) -> None:
    assert operator.get("/api/inspections", **query).status == status
