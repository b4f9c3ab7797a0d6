"""Those who ask the own model's function: what it answers is recorded, what it cannot is an error by its name."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Handler
from vision.adapters.table import Table
from vision.domain.envelopes import Envelope
from vision.domain.errors import (
    AccessDenied,
    CorruptImage,
    InvalidModel,
    ObjectNotFound,
    ServiceUnavailable,
    Throttled,
    UnusableAnswer,
    VisionError,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:own-model-ClassifyImageFunction-1a2b"
DETECTOR = {"name": "own-model", "version": "colours 7 0123456789ab"}
Answer = Callable[..., list[dict[str, Any]]]
Tell = Callable[..., list[dict[str, Any]]]


class Payload:
    """A body that can be read for each answer anew."""

    def __init__(self, content: Any) -> None:
        self._content = json.dumps(content).encode()

    def read(self) -> bytes:
        return io.BytesIO(self._content).read()


def label(name: str, confidence: float) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "parents": [], "instances": []}


@pytest.fixture
def own_model(monkeypatch: pytest.MonkeyPatch, function: Callable[[str], Handler]) -> Callable[[str], Handler]:
    """Start a function cold whose detector is the own model."""

    def start_cold(name: str) -> Handler:
        monkeypatch.setenv("OWN_MODEL_FUNCTION_ARN", ARN)
        return function(name)

    return start_cold


@pytest.fixture
def tell(answer: Answer) -> Tell:
    """Let the own model answer each image with labels, or with the name of an error; return what it is asked."""

    def register(*labels: dict[str, Any], error: str = "") -> list[dict[str, Any]]:
        outcome = {"error": {"name": error, "cause": "as the model says it"}} if error else {"labels": list(labels)}
        return answer(
            "lambda", "Invoke", {"Payload": Payload({"detector": DETECTOR, "outcomes": [outcome], "gb_seconds": 0.25})}
        )

    return register


@pytest.fixture
def fail(answer: Answer) -> Callable[[str], None]:
    """Let the function of the own model fail as a whole."""

    def register(error_type: str) -> None:
        told = {"errorType": error_type, "errorMessage": "as Lambda says it"}
        answer("lambda", "Invoke", {"FunctionError": "Unhandled", "Payload": Payload(told)})

    return register


def asked_for(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert {request["FunctionName"] for request in requests} == {ARN}
    return [json.loads(request["Payload"]) for request in requests]


def test_labels_and_detector_of_the_own_model_are_those_of_the_state(
    own_model: Callable[[str], Handler], tell: Tell, event: Callable[[str], Any]
) -> None:
    tell(label("Red", 97.5), label("Blue", 61.0))
    assert own_model("detect_labels")(event("detect_labels")) == {
        "labels": [label("Red", 97.5), label("Blue", 61.0)],
        "detector": DETECTOR,
    }


def test_the_own_model_is_asked_for_the_version_and_rekognition_for_nothing(
    own_model: Callable[[str], Handler], tell: Tell, answer: Answer, event: Callable[[str], Any]
) -> None:
    requests, rekognition = tell(label("Red", 97.5)), answer("rekognition", "DetectLabels", {"Labels": []})
    own_model("detect_labels")(event("detect_labels"))
    assert asked_for(requests) == [{"objects": [event("detect_labels")["object"]]}]
    assert rekognition == []


def test_the_class_is_kept_below_the_confidence_that_others_need(
    own_model: Callable[[str], Handler], tell: Tell, event: Callable[[str], Any]
) -> None:
    tell(label("Red", 41.0), label("Blue", 40.0))
    assert own_model("detect_labels")(event("detect_labels"))["labels"] == [label("Red", 41.0)]


@pytest.mark.parametrize("kind", [CorruptImage, ObjectNotFound, AccessDenied, UnusableAnswer])
def test_what_the_model_says_of_an_image_keeps_its_name(
    own_model: Callable[[str], Handler], tell: Tell, event: Callable[[str], Any], kind: type[VisionError]
) -> None:
    tell(error=kind.__name__)
    with pytest.raises(kind, match="as the model says it"):
        own_model("detect_labels")(event("detect_labels"))


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        ("InvalidModel", InvalidModel),
        ("Runtime.ImportModuleError", InvalidModel),
        ("Runtime.InvalidEntrypoint", InvalidModel),
        ("Sandbox.Timedout", ServiceUnavailable),
        ("Runtime.ExitError", ServiceUnavailable),
        ("KeyError", ServiceUnavailable),
    ],
)
def test_a_function_that_fails_as_a_whole_is_an_error_by_its_reason(
    own_model: Callable[[str], Handler],
    fail: Callable[[str], None],
    event: Callable[[str], Any],
    error_type: str,
    kind: type[VisionError],
) -> None:
    fail(error_type)
    with pytest.raises(kind):
        own_model("detect_labels")(event("detect_labels"))


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [
        ("ResourceNotFoundException", 404, InvalidModel),
        ("ResourceConflictException", 409, ServiceUnavailable),
        ("TooManyRequestsException", 429, Throttled),
        ("AccessDeniedException", 403, AccessDenied),
        ("ServiceException", 500, ServiceUnavailable),
        ("silence", 0, ServiceUnavailable),
    ],
)
def test_a_function_that_cannot_be_asked_is_an_error_by_its_reason(
    own_model: Callable[[str], Handler],
    refuse: Callable[..., None],
    event: Callable[[str], Any],
    code: str,
    http_status: int,
    kind: type[VisionError],
) -> None:
    refuse("lambda", "Invoke", code, http_status)
    with pytest.raises(kind):
        own_model("detect_labels")(event("detect_labels"))


@pytest.mark.parametrize(("name", "verdict"), [("Rose", "SUCCESS"), ("Weed", "FAILURE"), ("unknown", "FAILURE")])
def test_an_inspection_is_judged_by_the_own_model(
    own_model: Callable[[str], Handler],
    tell: Tell,
    event: Callable[[str], Any],
    inspected: Envelope,
    table: Table,
    name: str,
    verdict: str,
) -> None:
    tell(label(name, 100))
    own_model("inspect_images")(event("inspect_images"))
    record = table.image(inspected) or {}
    assert (record["verdict"], record["detector"]) == (verdict, DETECTOR)


def test_a_verdict_does_not_depend_on_how_many_classes_a_manifest_tells(
    own_model: Callable[[str], Handler], tell: Tell, event: Callable[[str], Any], inspected: Envelope
) -> None:
    requests = tell(label("Rose", 100))
    own_model("inspect_images")(event("inspect_images"))
    assert [request["top_k"] for request in asked_for(requests)] == [100]


def test_an_inspected_image_that_the_model_cannot_answer_for_gets_no_verdict(
    own_model: Callable[[str], Handler], tell: Tell, event: Callable[[str], Any], inspected: Envelope, table: Table
) -> None:
    tell(error="UnusableAnswer")
    own_model("inspect_images")(event("inspect_images"))
    record = table.image(inspected) or {}
    assert ("verdict" in record, record["error"]["name"]) == (False, "UnusableAnswer")
