"""release_model: a model that the stack does not name any more does not run on."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.functions.conftest import Handler, Model
from vision.domain.errors import AccessDenied, ModelNotReady, ServiceUnavailable, Throttled
from vision.domain.session.custom_model import STATUSES

Event = Callable[[str], dict[str, Any]]
Answers = list[dict[str, Any]]


@pytest.fixture
def handler(function: Callable[[str], Handler], model: Model, answered: Answers) -> Handler:
    model.status = "RUNNING"
    return function("release_model")


@pytest.mark.parametrize("kind", ["create", "update"])
def test_the_resource_is_identified_by_the_arn_of_the_model(
    handler: Handler, event: Event, answered: Answers, kind: str
) -> None:
    request = event(f"release_model_{kind}")
    handler(request)
    [answer] = answered
    arn = request["ResourceProperties"]["ModelVersionArn"]
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", arn)


def test_another_model_is_another_resource_so_that_cloudformation_deletes_the_old_one(
    handler: Handler, event: Event, answered: Answers
) -> None:
    request = event("release_model_update")
    handler(request)
    assert answered[0]["PhysicalResourceId"] != request["PhysicalResourceId"]


@pytest.mark.parametrize("kind", ["create", "update"])
def test_a_model_that_the_stack_names_is_not_touched(handler: Handler, event: Event, model: Model, kind: str) -> None:
    handler(event(f"release_model_{kind}"))
    assert (model.status, model.stopped) == ("RUNNING", 0)


def test_a_running_model_is_stopped_before_success_is_answered(
    handler: Handler, event: Event, model: Model, answered: Answers
) -> None:
    request = event("release_model_delete")
    handler(request)
    [answer] = answered
    assert (model.stopped, answer["Status"]) == (1, "SUCCESS")
    assert answer["PhysicalResourceId"] == request["PhysicalResourceId"]


@pytest.mark.parametrize("status", sorted(STATUSES - {"RUNNING", "STARTING"}))
def test_a_model_that_rests_or_is_about_to_is_left_as_it_is(
    handler: Handler, event: Event, model: Model, answered: Answers, status: str
) -> None:
    model.status = status
    handler(event("release_model_delete"))
    assert (model.stopped, [answer["Status"] for answer in answered]) == (0, ["SUCCESS"])


def test_a_model_that_starts_is_waited_for_and_then_stopped(
    function: Callable[[str], Handler],
    event: Event,
    model: Model,
    answered: Answers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATIENCE_SECONDS", "60")
    model.status = "STARTING"
    monkeypatch.setattr(
        time, "sleep", lambda _: setattr(model, "status", "RUNNING" if not model.stopped else "STOPPED")
    )
    function("release_model")(event("release_model_delete"))
    assert (model.stopped, [answer["Status"] for answer in answered]) == (1, ["SUCCESS"])


def test_a_model_that_starts_for_too_long_is_left_to_the_next_try_without_an_answer(
    handler: Handler, event: Event, model: Model, answered: Answers
) -> None:
    model.status = "STARTING"
    with pytest.raises(ModelNotReady, match="it is tried again"):
        handler(event("release_model_delete"))
    assert answered == []


@pytest.mark.parametrize(
    ("code", "http_status", "kind"),
    [("ThrottlingException", 400, Throttled), ("InternalServerError", 500, ServiceUnavailable)],
)
@pytest.mark.parametrize("operation", ["DescribeProjectVersions", "StopProjectVersion"])
def test_what_waiting_heals_is_left_to_the_next_try_without_an_answer(
    handler: Handler,
    event: Event,
    answered: Answers,
    refuse: Callable[..., None],
    operation: str,
    code: str,
    http_status: int,
    kind: type[Exception],
) -> None:
    refuse("rekognition", operation, code, http_status)
    with pytest.raises(kind):
        handler(event("release_model_delete"))
    assert answered == []


@pytest.mark.parametrize("operation", ["DescribeProjectVersions", "StopProjectVersion"])
def test_model_that_may_not_be_stopped_fails_the_deletion_and_the_invocation(
    handler: Handler, event: Event, answered: Answers, refuse: Callable[..., None], operation: str
) -> None:
    # Lambda sends an invocation that failed to the dead-letter queue, which has an alarm.
    refuse("rekognition", operation, "AccessDeniedException")
    with pytest.raises(AccessDenied):
        handler(event("release_model_delete"))
    [answer] = answered
    assert (answer["Status"], answer["Reason"].startswith("AccessDenied: ")) == ("FAILED", True)


def test_model_that_its_project_does_not_know_and_that_may_not_be_stopped_fails_the_deletion(
    handler: Handler, event: Event, answered: Answers, refuse: Callable[..., None]
) -> None:
    refuse("rekognition", "StopProjectVersion", "AccessDeniedException")
    request = event("release_model_delete")
    request["ResourceProperties"]["ModelVersionArn"] += "4"
    with pytest.raises(AccessDenied):
        handler(request)
    assert [answer["Status"] for answer in answered] == ["FAILED"]


def test_a_model_that_is_gone_does_not_keep_the_stack(handler: Handler, event: Event, answered: Answers) -> None:
    request = event("release_model_delete")
    request["ResourceProperties"]["ModelVersionArn"] += "4"
    handler(request)
    assert [answer["Status"] for answer in answered] == ["SUCCESS"]
