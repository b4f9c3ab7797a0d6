"""The OpenAPI document in the repository is the one of the code, and one that tools take."""

import json
from typing import Any

import pytest
import schemathesis

from local import openapi
from tests.functions.http_api import OPERATIONS, PROBLEM, document, operation

DESCRIBED = pytest.mark.parametrize(("method", "path"), OPERATIONS)


def _responses(method: str, path: str) -> dict[str, Any]:
    found = operation(method, path)
    assert found is not None
    return dict(found["responses"])


def test_the_document_is_that_of_the_code() -> None:
    written = openapi.DOCUMENT.read_text(encoding="utf-8")
    assert written == openapi.document(), "write it anew with `python -m local.openapi`"


def test_the_document_is_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document()).validate()


def test_the_api_hands_out_the_document_to_everybody(api: Any) -> None:
    answered = api("nobody").get("/api/openapi.json")
    assert (answered.status, answered.content_type) == (200, "application/json")
    assert answered.json() == document()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [found["operationId"] for methods in document()["paths"].values() for found in methods.values()]
    assert len(set(names)) == len(names)


@DESCRIBED
def test_an_operation_needs_a_token(method: str, path: str) -> None:
    found = operation(method, path) or {}
    assert found.get("security", document()["security"]) == [{"token": []}]


@DESCRIBED
def test_every_refusal_is_a_problem(method: str, path: str) -> None:
    # API Gateway itself tells of too many requests, and before the function is asked.
    refusals = {status: found for status, found in _responses(method, path).items() if status >= "400"}
    assert {"401", "403", "404", "409", "413", "415", "422", "429", "500", "503"} == set(refusals)
    assert [status for status, found in refusals.items() if PROBLEM not in found["content"]] == []


@DESCRIBED
def test_what_has_no_body_is_not_said_to_have_one(method: str, path: str) -> None:
    assert _responses(method, path).get("204", {}).get("content", {}) == {}


@DESCRIBED
def test_what_succeeds_is_described(method: str, path: str) -> None:
    done = {status for status in _responses(method, path) if status < "400"}
    expected = {
        ("POST", "/api/albums"): {"201"},
        ("POST", "/api/photos"): {"201"},
        ("POST", "/api/bulk-runs"): {"202"},
        ("DELETE", "/api/albums/{album_id}"): {"202", "204"},
        ("DELETE", "/api/photos"): {"202", "204"},
        ("DELETE", "/api/photos/{photo_id}"): {"204"},
    }
    assert done == expected.get((method, path), {"200"})


def test_no_owner_can_be_asked_for() -> None:
    # Whose things are meant is told by the token alone.
    words = json.dumps(
        [found.get("parameters", []) for methods in document()["paths"].values() for found in methods.values()]
    )
    forms = [
        document()["components"]["schemas"][name] for name in ("AlbumForm", "PhotoForm", "RunForm", "Confirmation")
    ]
    assert "owner" not in words.lower()
    assert [form for form in forms if "owner" in form["properties"] or form["additionalProperties"]] == []
