"""Whatever an operator changes leaves two lines in the log, with ids and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions import darkroom
from tests.functions.darkroom import develop
from tests.functions.http_api import OPERATIONS, Caller, filled, good_body, operation
from vision.api import audit
from vision.services.gallery import ERASED_AT_ONCE

REQUEST_ID = "JKJaXmPLvHcESHA="
IDS = {"album_id": "a" * 26, "photo_id": "a" * 26, "run_id": "run"}
CHANGING = [(method, path) for method, path in OPERATIONS if method != "GET"]
OF_OPERATORS = [one for one in CHANGING if "Operators" in (operation(*one) or {})["tags"]]
CONFIRMED = {"confirm": "delete all photos of everyone"}
# What of a request, of a photo and of a bulk run no line may hold.
PRIVATE = ("photo.jpg", "uploads", "images/line-4", "confirm", "Bearer", "olga@example.com")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """The lines of the audit since they were read last."""

    def read() -> list[dict[str, Any]]:
        written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in written if str(line.get("message", "")).startswith("operator ")]

    return read


def is_of_operators(api: Callable[..., Caller], method: str, path: str) -> bool:
    """Tell whether a route refuses whoever is no operator, whatever the document says of it."""
    return api("ann")(method, filled(path, **IDS), good_body(method, path)).status == 403


def test_routes_by_which_operators_change_something_are_these(api: Callable[..., Caller]) -> None:
    found = [one for one in CHANGING if is_of_operators(api, *one)]
    assert found == OF_OPERATORS
    assert ("DELETE", "/api/photos") in found


@pytest.mark.parametrize(("method", "path"), OF_OPERATORS)
def test_each_route_by_which_an_operator_changes_something_says_who_and_what(
    api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]], method: str, path: str
) -> None:
    target = filled(path, **IDS)
    answered = api("olga", "operators")(method, target, good_body(method, path))
    assert answered.status < 500
    before, after = lines()
    assert (before["message"], after["message"]) == (audit.CHANGES, audit.CHANGED)
    for line in (before, after):
        assert (line["subject"], line["route"], line["correlation_id"]) == ("olga", f"{method} {target}", REQUEST_ID)
        assert isinstance(line["ids"], list)


@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_what_a_person_changes_or_is_refused_leaves_no_line_of_an_operator(
    api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]], method: str, path: str
) -> None:
    api("ann")(method, filled(path, **IDS), good_body(method, path))
    assert lines() == []


def test_run_is_named_by_its_id(api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]]) -> None:
    run = api("olga", "operators")("POST", "/api/bulk-runs", {"prefix": "images/line-4/"}).json()["run_id"]
    assert [line["ids"] for line in lines()] == [[], [run]]


def test_deleted_photos_are_named_by_their_ids(
    api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    kept = [develop(api(owner), {"Cat": 99.0}) for owner in ("ann", "bob")]
    lines()
    assert api("olga", "operators")("DELETE", "/api/photos", CONFIRMED).status == 204
    assert sorted(lines()[-1]["ids"]) == sorted(kept)


def test_each_step_of_a_deletion_names_its_own_photos(
    api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    darkroom.shelve("ann", ERASED_AT_ONCE + 5, "2026-11-03")
    olga = api("olga", "operators")
    cursor = olga("DELETE", "/api/photos", CONFIRMED).json()["cursor"]
    olga("DELETE", "/api/photos", {**CONFIRMED, "cursor": cursor})
    named = [line["ids"] for line in lines() if line["message"] == audit.CHANGED]
    assert [len(ids) for ids in named] == [ERASED_AT_ONCE, 5]
    assert len({one for ids in named for one in ids}) == ERASED_AT_ONCE + 5


@pytest.mark.parametrize(("code", "status"), [("ThrottlingException", 429), ("AccessDeniedException", 503)])
def test_change_that_breaks_off_says_what_it_had_begun(
    api: Callable[..., Caller],
    lines: Callable[[], list[dict[str, Any]]],
    refuse: Callable[..., None],
    code: str,
    status: int,
) -> None:
    photo = develop(api("ann"), {"Cat": 99.0})
    refuse("s3", "ListObjectVersions", code)
    lines()
    assert api("olga", "operators")("DELETE", "/api/photos", CONFIRMED).status == status
    before, after = lines()
    assert (before["message"], after["message"], after["ids"]) == (audit.CHANGES, audit.FAILED, [photo])
    assert after["error"] in ("Throttled", "NotErasedYet")


def test_lines_hold_no_name_no_key_and_no_token(
    api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    develop(api("ann"), {"Cat": 99.0})
    olga = api("olga", "operators")
    lines()
    olga("POST", "/api/bulk-runs", {"prefix": "images/line-4/"})
    olga("DELETE", "/api/photos", CONFIRMED)
    written = json.dumps(lines())
    assert [private for private in PRIVATE if private in written] == []
    assert "olga" in written


def test_level_of_the_log_does_not_silence_the_lines(
    api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    olga = api("olga", "operators")
    logger = audit._logger._logger.parent
    assert logger is not None
    level = logger.level
    logger.setLevel("ERROR")
    try:
        olga("POST", "/api/bulk-runs", {"prefix": ""})
    finally:
        logger.setLevel(level)
    assert len(lines()) == 2


def test_reading_leaves_no_line(api: Callable[..., Caller], lines: Callable[[], list[dict[str, Any]]]) -> None:
    assert api("olga", "operators").get("/api/bulk-runs").status == 200
    assert lines() == []


def test_route_that_forgets_the_lines_fails(api: Callable[..., Caller]) -> None:
    from types import SimpleNamespace

    from vision.api.caller import operator

    router: Any = SimpleNamespace(current_event=SimpleNamespace(http_method="DELETE", raw_event={}))
    with pytest.raises(RuntimeError, match="operator_changing"):
        operator(router)
