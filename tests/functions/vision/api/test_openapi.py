"""The OpenAPI document in the repository is generated from the code, valid, and complete."""

import json
from typing import Any

import pytest
import schemathesis

from local import openapi
from tests.functions.http_api import OPERATIONS, PROBLEM, document, operation


def test_document_is_generated_from_the_code() -> None:
    written = openapi.DOCUMENT.read_text(encoding="utf-8")
    assert written == openapi.document(), "write it again with `python -m local.openapi`"


def test_document_is_valid_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(document()).validate()


def test_api_serves_the_document_to_any_caller(api: Any) -> None:
    answered = api("nobody").get("/api/openapi.json")
    assert (answered.status, answered.content_type) == (200, "application/json")
    assert answered.json() == document()


def test_operation_ids_are_unique() -> None:
    names = [found["operationId"] for methods in document()["paths"].values() for found in methods.values()]
    assert len(set(names)) == len(names)


SUCCESSES = {
    ("POST", "/api/albums"): {"201"},
    ("POST", "/api/photos"): {"201"},
    ("POST", "/api/bulk-runs"): {"202"},
    ("DELETE", "/api/albums/{album_id}"): {"202", "204"},
    ("DELETE", "/api/photos"): {"202", "204"},
    ("DELETE", "/api/photos/{photo_id}"): {"204"},
}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_operation_needs_a_token_and_describes_every_response(method: str, path: str) -> None:
    found = operation(method, path)
    assert found is not None
    assert found.get("security", document()["security"]) == [{"token": []}]
    responses = found["responses"]
    assert {status for status in responses if status < "400"} == SUCCESSES.get((method, path), {"200"})
    assert responses.get("204", {}).get("content", {}) == {}
    # API Gateway itself answers some of them, such as 429, before it calls the function.
    refusals = {status for status in responses if status >= "400"}
    assert refusals == {"401", "403", "404", "409", "413", "415", "422", "429", "500", "503"}
    assert [status for status in refusals if PROBLEM not in responses[status]["content"]] == []


def test_no_parameter_or_form_names_an_owner() -> None:
    # The owner comes from the token only.
    words = json.dumps(
        [found.get("parameters", []) for methods in document()["paths"].values() for found in methods.values()]
    )
    assert "owner" not in words.lower()
    for name in ("AlbumForm", "PhotoForm", "RunForm", "Confirmation"):
        form = document()["components"]["schemas"][name]
        assert "owner" not in form["properties"]
        assert form["additionalProperties"] is False
