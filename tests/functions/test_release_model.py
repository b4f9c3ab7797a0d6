"""release_model: a model that the stack no longer uses is stopped."""

import time
from typing import Any

import pytest

from tests.functions.conftest import Event, Handler, Refuse, Start
from tests.functions.sample_events import Model
from vision.domain.errors import AccessDenied, ModelNotReady, ServiceUnavailable, Throttled
from vision.domain.session.custom_model import STATUSES

Answers = list[dict[str, Any]]


@pytest.fixture
def handler(function: Start, model: Model, answered: Answers) -> Handler:
    model.status = "RUNNING"
    return function("release_model")


def _statuses(answered: Answers) -> list[str]:
    return [answer["Status"] for answer in answered]


@pytest.mark.parametrize("kind", ["create", "update"])
def test_resource_is_identified_by_the_arn_of_its_running_model(
    handler: Handler, event: Event, model: Model, answered: Answers, kind: str
) -> None:
    request = event(f"release_model_{kind}")
    handler(request)
    [answer] = answered
    assert answer["Status"] == "SUCCESS"
    assert answer["PhysicalResourceId"] == request["ResourceProperties"]["ModelVersionArn"]
    # After an update to another model, CloudFormation deletes the resource of the old one.
    assert answer["PhysicalResourceId"] != request.get("PhysicalResourceId")
    assert model.status == "RUNNING"
    assert model.stopped == 0


@pytest.mark.parametrize("status", sorted(STATUSES - {"STARTING"}))
def test_model_is_stopped_if_it_runs_before_success_is_answered(
    handler: Handler, event: Event, model: Model, answered: Answers, status: str
) -> None:
    model.status = status
    request = event("release_model_delete")
    handler(request)
    assert model.stopped == (status == "RUNNING")
    assert _statuses(answered) == ["SUCCESS"]
    assert answered[0]["PhysicalResourceId"] == request["PhysicalResourceId"]


def test_starting_model_is_stopped_once_it_runs(
    function: Start, event: Event, model: Model, answered: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATIENCE_SECONDS", "60")
    model.status = "STARTING"
    monkeypatch.setattr(
        time, "sleep", lambda _: setattr(model, "status", "RUNNING" if not model.stopped else "STOPPED")
    )
    function("release_model")(event("release_model_delete"))
    assert model.stopped == 1
    assert _statuses(answered) == ["SUCCESS"]


def test_model_that_starts_for_too_long_is_left_to_the_next_attempt(
    handler: Handler, event: Event, model: Model, answered: Answers
) -> None:
    model.status = "STARTING"
    with pytest.raises(ModelNotReady, match="it is tried again"):
        handler(event("release_model_delete"))
    assert answered == []


@pytest.mark.parametrize(
    "error", [("ThrottlingException", 400, Throttled), ("InternalServerError", 500, ServiceUnavailable)]
)
@pytest.mark.parametrize("operation", ["DescribeProjectVersions", "StopProjectVersion"])
def test_transient_error_is_left_to_the_next_attempt_without_an_answer(
    handler: Handler, event: Event, answered: Answers, refuse: Refuse, operation: str, error: tuple[str, int, Any]
) -> None:
    code, http_status, kind = error
    refuse("rekognition", operation, code, http_status)
    with pytest.raises(kind):
        handler(event("release_model_delete"))
    assert answered == []


@pytest.mark.parametrize(
    ("operation", "is_known"),
    [("DescribeProjectVersions", True), ("StopProjectVersion", True), ("StopProjectVersion", False)],
)
def test_missing_permission_fails_the_deletion_and_the_invocation(
    handler: Handler, event: Event, answered: Answers, refuse: Refuse, operation: str, is_known: bool
) -> None:
    # Lambda sends a failed invocation to the dead-letter queue, which has an alarm.
    refuse("rekognition", operation, "AccessDeniedException")
    request = event("release_model_delete")
    request["ResourceProperties"]["ModelVersionArn"] += "" if is_known else "4"
    with pytest.raises(AccessDenied):
        handler(request)
    assert _statuses(answered) == ["FAILED"]
    assert answered[0]["Reason"].startswith("AccessDenied: ")


def test_deleted_model_does_not_keep_the_stack(handler: Handler, event: Event, answered: Answers) -> None:
    request = event("release_model_delete")
    request["ResourceProperties"]["ModelVersionArn"] += "4"
    handler(request)
    assert _statuses(answered) == ["SUCCESS"]
