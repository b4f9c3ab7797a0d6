"""The own model as the detector: its answers are recorded, its failures have names."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Answer, Event, Handler, Refuse, Start
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


class Payload:
    """A response body that can be read repeatedly."""

    def __init__(self, content: Any) -> None:
        self._content = json.dumps(content).encode()

    def read(self) -> bytes:
        return io.BytesIO(self._content).read()


def label(name: str, confidence: float) -> dict[str, Any]:
    return {"name": name, "confidence": confidence, "parents": [], "instances": []}


@pytest.fixture
def own_model(monkeypatch: pytest.MonkeyPatch, function: Start) -> Start:
    """Start a function cold whose detector is the own model."""

    def start_cold(name: str) -> Handler:
        monkeypatch.setenv("OWN_MODEL_FUNCTION_ARN", ARN)
        return function(name)

    return start_cold


@pytest.fixture
def respond(answer: Answer) -> Answer:
    """Let the own model answer an image with labels or with an error, and return the list of requests."""

    def register(*labels: dict[str, Any], error: str = "") -> list[dict[str, Any]]:
        outcome = {"error": {"name": error, "cause": "as the model says it"}} if error else {"labels": list(labels)}
        return answer(
            "lambda", "Invoke", {"Payload": Payload({"detector": DETECTOR, "outcomes": [outcome], "gb_seconds": 0.25})}
        )

    return register


@pytest.fixture
def fail(answer: Answer) -> Callable[[str], None]:
    """Let the own model's function end with an error."""

    def register(error_type: str) -> None:
        error = {"errorType": error_type, "errorMessage": "as Lambda says it"}
        answer("lambda", "Invoke", {"FunctionError": "Unhandled", "Payload": Payload(error)})

    return register


def asked_for(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert {request["FunctionName"] for request in requests} == {ARN}
    return [json.loads(request["Payload"]) for request in requests]


def test_own_model_is_called_for_the_version_in_place_of_rekognition(
    own_model: Start, respond: Answer, answer: Answer, event: Event
) -> None:
    rekognition = answer("rekognition", "DetectLabels", {"Labels": []})
    requests = respond(label("Red", 97.5), label("Blue", 61.0))
    assert own_model("detect_labels")(event("detect_labels")) == {
        "labels": [label("Red", 97.5), label("Blue", 61.0)],
        "detector": DETECTOR,
    }
    assert asked_for(requests) == [{"objects": [event("detect_labels")["object"]]}]
    assert rekognition == []


def test_best_class_is_kept_below_the_minimum_confidence(own_model: Start, respond: Answer, event: Event) -> None:
    respond(label("Red", 41.0), label("Blue", 40.0))
    assert own_model("detect_labels")(event("detect_labels"))["labels"] == [label("Red", 41.0)]


@pytest.mark.parametrize("kind", [CorruptImage, ObjectNotFound, AccessDenied, UnusableAnswer])
def test_error_of_image_keeps_its_name(
    own_model: Start, respond: Answer, event: Event, kind: type[VisionError]
) -> None:
    respond(error=kind.__name__)
    with pytest.raises(kind, match="as the model says it"):
        own_model("detect_labels")(event("detect_labels"))


@pytest.mark.parametrize(
    ("error_type", "kind"),
    [
        *((name, InvalidModel) for name in ("InvalidModel", "Runtime.ImportModuleError", "Runtime.InvalidEntrypoint")),
        *((name, ServiceUnavailable) for name in ("Sandbox.Timedout", "Runtime.ExitError", "KeyError")),
    ],
)
def test_error_of_the_function_is_named_by_its_cause(
    own_model: Start, fail: Callable[[str], None], event: Event, error_type: str, kind: type[VisionError]
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
def test_error_of_the_invocation_is_named_by_its_cause(
    own_model: Start, refuse: Refuse, event: Event, code: str, http_status: int, kind: type[VisionError]
) -> None:
    refuse("lambda", "Invoke", code, http_status)
    with pytest.raises(kind):
        own_model("detect_labels")(event("detect_labels"))


@pytest.mark.parametrize(("name", "verdict"), [("Rose", "SUCCESS"), ("Weed", "FAILURE"), ("unknown", "FAILURE")])
def test_inspection_is_judged_by_all_classes_of_the_own_model(
    own_model: Start, respond: Answer, event: Event, inspected: Envelope, table: Table, name: str, verdict: str
) -> None:
    requests = respond(label(name, 100))
    own_model("inspect_images")(event("inspect_images"))
    record = table.image(inspected) or {}
    assert record["verdict"] == verdict
    assert record["detector"] == DETECTOR
    # The verdict does not depend on the top_k of the manifest.
    assert [request["top_k"] for request in asked_for(requests)] == [100]


def test_image_with_an_unusable_answer_gets_no_verdict(
    own_model: Start, respond: Answer, event: Event, inspected: Envelope, table: Table
) -> None:
    respond(error="UnusableAnswer")
    own_model("inspect_images")(event("inspect_images"))
    record = table.image(inspected) or {}
    assert "verdict" not in record
    assert record["error"]["name"] == "UnusableAnswer"
