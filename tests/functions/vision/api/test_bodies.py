"""What comes as a body: an object of JSON or nothing; anything else is refused with its reason."""

from collections.abc import Callable

import pytest

from tests.functions.http_api import OPERATIONS, Caller, filled
from vision.api.problems import BODY_LIMIT_BYTES

Api = Callable[..., Caller]
ID = "a" * 26
WITH_A_BODY = [(method, filled(path, album_id=ID)) for method, path in OPERATIONS if method in ("POST", "PATCH")]


@pytest.fixture
def ann(api: Api) -> Caller:
    return api("ann")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_body_that_is_too_long_is_refused_on_every_route(api: Api, method: str, path: str) -> None:
    body = b'{"name":"' + b"x" * BODY_LIMIT_BYTES + b'"}'
    answer = api("ann")(method, filled(path, album_id=ID, photo_id=ID, run_id="r"), body)
    assert (answer.status, "16,384 bytes" in answer.problem()["detail"]) == (413, True)


@pytest.mark.parametrize(("surplus", "status"), [(0, 422), (1, 413)])
def test_the_longest_body_is_read_and_one_byte_more_is_not(ann: Caller, surplus: int, status: int) -> None:
    body = b'{"name":"' + b"x" * (BODY_LIMIT_BYTES + surplus - len('{"name":""}')) + b'"}'
    assert ann("POST", "/api/albums", body).status == status


def test_a_long_body_is_measured_in_bytes(ann: Caller) -> None:
    body = ('{"name":"' + "é" * (BODY_LIMIT_BYTES // 2) + '"}').encode()
    assert ann("POST", "/api/albums", body).status == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "application/octet-stream",
        "application/jsonp",
        "application/merge-patch+json",
        "<script>alert(1)</script>",
        "ﬀ/ﬀ",
    ],
)
@pytest.mark.parametrize(("method", "path"), WITH_A_BODY)
def test_a_body_of_another_type_is_refused_and_not_guessed(api: Api, method: str, path: str, content_type: str) -> None:
    answer = api("ann")(method, path, b'{"name":"Rome"}', headers={"Content-Type": content_type})
    assert (answer.status, answer.problem()["detail"]) == (
        415,
        "Content-Type: only application/json is read; send the body as that.",
    )


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON", " application/json "]
)
def test_json_is_read_however_its_type_is_written(ann: Caller, content_type: str) -> None:
    assert ann("POST", "/api/albums", b'{"name":"Rome"}', headers={"Content-Type": content_type}).status == 201


NONSENSE = {
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


@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize(("method", "path"), WITH_A_BODY)
def test_nonsense_is_refused_as_a_field_that_is_wrong(api: Api, method: str, path: str, name: str) -> None:
    answer = api("ann")(method, path, NONSENSE[name])
    assert (answer.status, bool(answer.problem()["errors"])) == (422, True)


@pytest.mark.parametrize("depth", range(100, 1000, 25))
def test_however_deep_a_body_is_nested_it_is_refused_and_nothing_fails(ann: Caller, depth: int) -> None:
    body = b'{"name":' + b"[" * depth + b"]" * depth + b"}"
    assert ann("POST", "/api/albums", body).status == 422


def test_no_body_at_all_is_told(ann: Caller) -> None:
    assert ann("POST", "/api/albums").problem()["errors"] == [{"field": "body", "message": "Field required"}]


def test_a_field_that_is_not_known_is_refused(ann: Caller) -> None:
    answer = ann("POST", "/api/albums", {"name": "Rome", "owner": "bob"})
    assert answer.status == 422
    assert answer.problem()["errors"] == [{"field": "owner", "message": "Extra inputs are not permitted"}]


def test_a_body_of_nonsense_is_told_by_its_first_twenty_errors(ann: Caller) -> None:
    answer = ann("POST", "/api/albums", {f"field_{number}": number for number in range(300)})
    assert (answer.status, len(answer.problem()["errors"])) == (422, 20)


def test_a_body_where_none_is_wanted_changes_nothing(ann: Caller) -> None:
    assert ann("GET", "/api/me", {"owner": "bob"}).json()["owner"] == "ann"
