"""Request bodies: a JSON object or nothing; anything else is rejected with the reason."""

import pytest

from tests.functions.http_api import OPERATIONS, Caller, filled
from vision.api.problems import BODY_LIMIT_BYTES

ID = "a" * 26
WITH_A_BODY = [(method, filled(path, album_id=ID)) for method, path in OPERATIONS if method in ("POST", "PATCH")]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_too_long_body_is_rejected_on_every_route(ann: Caller, method: str, path: str) -> None:
    body = b'{"name":"' + b"x" * BODY_LIMIT_BYTES + b'"}'
    answer = ann(method, filled(path, album_id=ID, photo_id=ID, run_id="r"), body)
    assert answer.status == 413
    assert "16,384 bytes" in answer.problem()["detail"]


@pytest.mark.parametrize(
    ("name", "status"),
    [("x" * (BODY_LIMIT_BYTES - 11), 422), ("x" * (BODY_LIMIT_BYTES - 10), 413), ("é" * (BODY_LIMIT_BYTES // 2), 413)],
    ids=["at the limit", "one byte more", "more bytes than characters"],
)
def test_body_is_limited_in_bytes(ann: Caller, name: str, status: int) -> None:
    assert ann("POST", "/api/albums", f'{{"name":"{name}"}}'.encode()).status == status


CONTENT_TYPES = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
CONTENT_TYPES += ["multipart/form-data", "application/octet-stream", "application/jsonp"]
CONTENT_TYPES += ["application/merge-patch+json", "<script>alert(1)</script>", "ﬀ/ﬀ"]


@pytest.mark.parametrize(("method", "path"), WITH_A_BODY)
def test_body_of_another_content_type_is_rejected(ann: Caller, method: str, path: str) -> None:
    for content_type in CONTENT_TYPES:
        answer = ann(method, path, b'{"name":"Rome"}', headers={"Content-Type": content_type})
        assert answer.status == 415, content_type
        assert "application/json" in answer.problem()["detail"]


def test_json_is_read_in_any_spelling_of_its_type(ann: Caller) -> None:
    for spelling in ("application/json", "application/json; charset=utf-8", "Application/JSON", " application/json "):
        headers = {"Content-Type": spelling}
        assert ann("POST", "/api/albums", b'{"name":"Rome"}', headers=headers).status == 201, spelling


MALFORMED = {
    "no json": b"name=Rome",
    "half an object": b'{"name":',
    "two objects": b'{"name":"a"}{"name":"b"}',
    "half a string": b'{"name":"Rome',
    "text": b'"Rome"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "a list": b'[{"name":"Rome"}]',
    "an empty list": b"[]",
    "lists in lists": b"[" * 8000,
    "lists in lists that end": b'{"name":' + b"[" * 8000 + b"]" * 8000 + b"}",
    "objects in objects": b'{"name":' * 1500 + b"1" + b"}" * 1500,
    "a number of thousands of digits": b'{"name":' + b"9" * 5000 + b"}",
    "NUL": b"\x00",
    "a byte order mark": b'\xef\xbb\xbf{"name":"Rome"}',
    "UTF-16": '{"name":"Rome"}'.encode("utf-16"),
    "UTF-16 without its mark": '{"name":"Rome"}'.encode("utf-16-le"),
    "UTF-32": '{"name":"Rome"}'.encode("utf-32"),
}


@pytest.mark.parametrize(("method", "path"), WITH_A_BODY)
def test_malformed_body_is_rejected_as_a_wrong_field(ann: Caller, method: str, path: str) -> None:
    for name, body in MALFORMED.items():
        answer = ann(method, path, body)
        assert answer.status == 422, name
        assert answer.problem()["errors"]


def test_nested_body_of_any_depth_is_rejected_without_a_failure(ann: Caller) -> None:
    for depth in range(100, 1000, 25):
        body = b'{"name":' + b"[" * depth + b"]" * depth + b"}"
        assert ann("POST", "/api/albums", body).status == 422, depth


def test_first_twenty_errors_of_a_body_are_listed_and_name_its_fields(ann: Caller) -> None:
    def errors(body: object) -> list[dict[str, str]]:
        answer = ann("POST", "/api/albums", body)
        assert answer.status == 422
        return list(answer.problem()["errors"])

    assert errors(None) == [{"field": "body", "message": "Field required"}]
    unknown = [{"field": "owner", "message": "Extra inputs are not permitted"}]
    assert errors({"name": "Rome", "owner": "bob"}) == unknown
    assert len(errors({f"field_{number}": number for number in range(300)})) == 20


def test_body_of_a_route_without_one_is_ignored(ann: Caller) -> None:
    assert ann("GET", "/api/me", {"owner": "bob"}).json()["owner"] == "ann"
