"""Any request, valid or invalid by the OpenAPI document, is answered as that says and reveals no internals."""

import json
import re
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.transport import Response

from tests.conftest import BUCKET, TABLE
from tests.functions.conftest import ENVIRONMENT, RESULTS
from tests.functions.darkroom import announce, develop, inspect
from tests.functions.http_api import OPERATIONS, Answer, Api, Caller, answer_of, document, event, operation

HOST = "https://app.example.com"
pytestmark = pytest.mark.thorough
load_all_checks()
# API Gateway checks tokens before it calls the function; tests/local/app sends requests without one.
SCHEMA = schemathesis.openapi.from_dict({name: part for name, part in document().items() if name != "security"})

# Enough to reach every field of each operation, few enough for every run.
EXAMPLES = 30
repeatable = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# Internals of the service. Operators see executions and buckets, each in a field of its own.
INTERNALS = re.compile(
    rf"Traceback|File \"|\.py\b|boto|moto|powertools|pydantic|dynamodb|{re.escape(TABLE)}|{RESULTS}|"
    rf"{BUCKET}|arn:aws|123456789012|OWNER#|PHOTO#|ALBUM#|LABEL#|listing_|testing|{ENVIRONMENT['USER_POOL_CLIENT_ID']}",
    re.IGNORECASE,
)
SHOWN = {"url", "fields", "image_url", "execution_url", "bucket"}


def modes(method: str, path: str) -> list[GenerationMode]:
    """Send valid requests, and invalid ones where the document leaves anything to do wrong."""
    described = operation(method, path) or {}
    is_plain = not described.get("parameters") and "requestBody" not in described
    return [GenerationMode.POSITIVE] if is_plain else list(GenerationMode)


@pytest.fixture
def people(api: Api) -> list[Caller]:
    """A person with photos and an album, and an operator, in a world where things have happened."""
    ann, olga = api("ann"), api("olga", "operators")
    for person in (ann, olga):
        album = person("POST", "/api/albums", {"name": "Rome"}).json()["album_id"]
        develop(person, {"Cat": 99.0}, album_id=album)
        announce(person)
    inspect("2026-11-21", labels={"Rose": 95.0})
    olga("POST", "/api/bulk-runs", {"prefix": "2026/"})
    return [ann, olga]


def known_ids(person: Caller) -> dict[str, list[str]]:
    return {
        "album_id": [album["album_id"] for album in person.get("/api/albums").json()["albums"]],
        "photo_id": [photo["photo_id"] for photo in person.get("/api/photos").json()["photos"]],
        "run_id": [run["run_id"] for run in person.get("/api/bulk-runs").json().get("runs", [])],
    }


def send(person: Caller, request: requests.PreparedRequest) -> Answer:
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    headers = {name: text(value) for name, value in request.headers.items()}
    target = str(request.url).removeprefix(HOST)
    return answer_of(person.handler(event(str(request.method), target, body, headers, person.claims)))


def text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def assert_no_internals(answer: Answer) -> None:
    shown = answer.body
    if answer.status < HTTPStatus.BAD_REQUEST and shown:
        shown = json.dumps(without(SHOWN, answer.json()), ensure_ascii=False)
    found = INTERNALS.search(f"{shown} {answer.headers}")
    assert not found, f"{found} in {answer}"


def without(names: set[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without(names, part) for name, part in value.items() if name not in names}
    return [without(names, part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("method", "path", "mode"), [(*one, mode) for one in OPERATIONS for mode in modes(*one)])
def test_operation_answers_as_documented(people: list[Caller], method: str, path: str, mode: GenerationMode) -> None:
    known = [known_ids(person) for person in people]

    @repeatable
    @given(case=SCHEMA[path][method].as_strategy(generation_mode=mode), choice=st.integers(0, 7))
    def fuzz(case: Case[Any], choice: int) -> None:
        # Half of the requests of each person have existing ids, so that they get beyond the first check.
        person, ids = people[choice % 2], known[choice % 2]
        given_ids = {name: ids[name][0] for name in case.path_parameters or {} if choice > 3 and ids.get(name)}
        case.path_parameters = {**(case.path_parameters or {}), **given_ids}
        request = requests.Request(**case.as_transport_kwargs(base_url=HOST)).prepare()
        answer = send(person, request)
        headers = {name: [value] for name, value in answer.headers.items()}
        response = Response(answer.status, headers, answer.body.encode(), request, 0.0, False)
        case.validate_response(response, checks=expected(case, given_ids))
        assert_no_internals(answer)

    fuzz()


def expected(case: Case[Any], replaced: dict[str, str]) -> list[Any]:
    """The checks that an answer is held to."""
    names = ["status_code_conformance", "content_type_conformance", "response_schema_conformance", "not_a_server_error"]
    sent = {*(case.query or {}), *(case.body if isinstance(case.body, dict) else {})}
    # The schema cannot say all that a cursor or days must be, and a replaced id is valid.
    if not sent & {"cursor", "from", "to"} and not replaced:
        names += ["negative_data_rejection", "positive_data_acceptance"]
    return list(CHECKS.get_by_names(names))


@pytest.mark.parametrize("is_operator", [False, True])
def test_any_other_path_is_answered_without_a_failure(people: list[Caller], is_operator: bool) -> None:
    letters = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
    segments = st.one_of(
        letters, st.sampled_from(["api", "photos", "albums", "static", "..", "openapi.json", "a" * 26])
    )
    methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
    bodies = st.one_of(st.none(), st.binary(max_size=40), st.just(b"{}"))

    @repeatable
    @given(method=methods, path=st.lists(segments, max_size=4), query=letters, body=bodies, content_type=letters)
    def fuzz(method: str, path: list[str], query: str, body: bytes | None, content_type: str) -> None:
        target = f"/{'/'.join(quote(segment, safe='') for segment in path)}?{quote(query, safe='=&')}"
        sent = event(method, target, body, {"Content-Type": content_type}, people[is_operator].claims)
        answer = answer_of(people[is_operator].handler(sent))
        assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, answer
        if answer.content_type.startswith("application/problem"):
            assert_no_internals(answer)

    fuzz()
