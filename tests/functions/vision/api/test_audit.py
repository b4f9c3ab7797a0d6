"""Every change by an operator leaves two log lines, with ids and nothing else."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import develop
from tests.functions.faults import Refuse
from tests.functions.http_api import OPERATIONS, Caller, filled, good_body, operation
from vision.api import audit
from vision.api import caller as callers
from vision.services.gallery import ERASED_AT_ONCE

REQUEST_ID = "JKJaXmPLvHcESHA="
IDS = {"album_id": "a" * 26, "photo_id": "a" * 26, "run_id": "run"}
CHANGING = [(method, path) for method, path in OPERATIONS if method != "GET"]
OF_OPERATORS = [one for one in CHANGING if "Operators" in (operation(*one) or {})["tags"]]
CONFIRMED = {"confirm": "delete all photos of everyone"}
# Parts of a request, a photo and a bulk run that no line may contain.
PRIVATE = ("photo.jpg", "uploads", "images/line-4", "confirm", "Bearer", "olga@example.com")

Api = Callable[..., Caller]
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return the audit lines since they were read last."""

    def read() -> list[dict[str, Any]]:
        written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in written if str(line.get("message", "")).startswith("operator ")]

    return read


def olga(api: Api) -> Caller:
    """An operator whose requests write to the log as it is captured during the test, and not during its set-up."""
    return api("olga", "operators")


def test_changing_routes_that_only_operators_may_call_are_those_of_the_document(ann: Caller) -> None:
    found = [one for one in CHANGING if ann(one[0], filled(one[1], **IDS), good_body(*one)).status == 403]
    assert found == OF_OPERATORS
    assert ("DELETE", "/api/photos") in found


@pytest.mark.parametrize(("method", "path"), OF_OPERATORS)
def test_change_by_an_operator_logs_who_and_what(api: Api, lines: Lines, method: str, path: str) -> None:
    target = filled(path, **IDS)
    assert olga(api)(method, target, good_body(method, path)).status < 500
    before, after = lines()
    assert (before["message"], after["message"]) == (audit.CHANGES, audit.CHANGED)
    for line in (before, after):
        assert (line["subject"], line["route"], line["correlation_id"]) == ("olga", f"{method} {target}", REQUEST_ID)
        assert isinstance(line["ids"], list)


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_request_of_a_person_leaves_no_line(api: Api, lines: Lines, method: str, path: str) -> None:
    api("ann")(method, filled(path, **IDS), good_body(method, path))
    assert lines() == []


def test_reading_leaves_no_line(api: Api, lines: Lines) -> None:
    assert olga(api).get("/api/bulk-runs").status == 200
    assert lines() == []


def test_lines_have_the_ids_of_runs_and_photos_and_no_names_keys_or_tokens(api: Api, lines: Lines) -> None:
    photos = [develop(api(owner), {"Cat": 99.0}) for owner in ("ann", "bob")]
    lines()
    run = olga(api)("POST", "/api/bulk-runs", {"prefix": "images/line-4/"}).json()["run_id"]
    assert olga(api)("DELETE", "/api/photos", CONFIRMED).status == 204
    written = lines()
    assert [sorted(line["ids"]) for line in written] == [[], [run], [], sorted(photos)]
    assert [private for private in PRIVATE if private in json.dumps(written)] == []


def test_each_step_of_a_deletion_logs_its_own_photos(api: Api, lines: Lines) -> None:
    darkroom.shelve("ann", ERASED_AT_ONCE + 5, "2026-11-03")
    cursor = olga(api)("DELETE", "/api/photos", CONFIRMED).json()["cursor"]
    olga(api)("DELETE", "/api/photos", {**CONFIRMED, "cursor": cursor})
    logged = [line["ids"] for line in lines() if line["message"] == audit.CHANGED]
    assert [len(ids) for ids in logged] == [ERASED_AT_ONCE, 5]
    assert len({one for ids in logged for one in ids}) == ERASED_AT_ONCE + 5


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 429), ("AccessDeniedException", 503)])
def test_failed_change_logs_what_it_had_begun(api: Api, lines: Lines, refuse: Refuse, code: str, status: int) -> None:
    photo = develop(api("ann"), {"Cat": 99.0})
    refuse("s3", "ListObjectVersions", code)
    lines()
    assert olga(api)("DELETE", "/api/photos", CONFIRMED).status == status
    before, after = lines()
    assert (before["message"], after["message"], after["ids"]) == (audit.CHANGES, audit.FAILED, [photo])
    assert after["error"] in ("Throttled", "NotErasedYet")


def test_log_level_does_not_suppress_the_lines(api: Api, lines: Lines) -> None:
    operator = olga(api)
    logger = audit._logger._logger.parent
    assert logger is not None
    level = logger.level
    logger.setLevel("ERROR")
    try:
        operator("POST", "/api/bulk-runs", {"prefix": ""})
    finally:
        logger.setLevel(level)
    assert len(lines()) == 2


def test_changing_route_without_an_audit_fails() -> None:
    router: Any = SimpleNamespace(current_event=SimpleNamespace(http_method="DELETE", raw_event={}))
    with pytest.raises(RuntimeError, match="operator_changing"):
        callers.require_operator_reading(router)
