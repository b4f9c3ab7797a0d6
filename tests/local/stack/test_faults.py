"""Errors of Rekognition: retries resolve transient ones, and the record names the others."""

import pytest

from tests.local.stack.pipeline import count, task_errors
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))

# Attempts of the SDK in one invocation, before the state machine retries.
SDK_ATTEMPTS = 3


def failures(pipeline, version) -> list[str]:
    return task_errors(pipeline.history(pipeline.execution_arn(version)))


def test_throttled_call_is_retried_and_labels_are_paid_once(pipeline, upload):
    pipeline.counters(reset=True)
    pipeline.set_faults(throttle={"first": SDK_ATTEMPTS + 1})
    version = upload("busy.jpg", PHOTO)
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    assert failures(pipeline, version) == ["Throttled"]
    counters = pipeline.counters()
    assert counters["paid"] == 1
    assert counters["throttled"] == SDK_ATTEMPTS + 1


def test_unavailable_service_is_retried_and_each_attempt_is_in_the_history(pipeline, upload):
    pipeline.counters(reset=True)
    pipeline.set_faults(error={"code": "InternalServerError", "first": SDK_ATTEMPTS})
    version = upload("unavailable.jpg", PHOTO)
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    history = pipeline.history(pipeline.execution_arn(version))
    assert task_errors(history) == ["ServiceUnavailable"]
    assert count(history, "TaskScheduled") == count(history, "TaskStateEntered") + 1
    assert pipeline.counters()["paid"] == 1


@pytest.mark.parametrize(
    ("code", "error", "attempts"),
    [
        ("AccessDeniedException", "AccessDenied", 1),
        ("ImageTooLargeException", "ImageTooLarge", 1),
        ("InvalidImageFormatException", "InvalidImage", 1),
        ("InternalServerError", "ServiceUnavailable", 5),
        ("InvalidS3ObjectException", "ObjectNotAccessible", 5),
    ],
)
def test_lasting_error_leaves_a_partial_record_with_a_thumbnail(pipeline, upload, code, error, attempts):
    pipeline.set_faults(error=code)
    version = upload("refused.jpg", PHOTO)
    record = pipeline.finished(version)
    assert record["status"] == "PARTIAL"
    assert record["error"]["name"] == error
    assert "labels" not in record
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")
    assert failures(pipeline, version) == [error] * attempts
    assert pipeline.closed(pipeline.execution_arn(version))["status"] == "SUCCEEDED"


def test_image_refused_by_rekognition_does_not_affect_others(pipeline, upload):
    pipeline.set_faults(error={"code": "InvalidImageFormatException", "key_contains": "poison"})
    versions = [upload(name, PHOTO) for name in ("a.jpg", "poison.jpg", "b.jpg", "c.jpg")]
    statuses = [record["status"] for record in pipeline.all_finished(versions)]
    assert statuses == ["SUCCEEDED", "PARTIAL", "SUCCEEDED", "SUCCEEDED"]


def test_second_execution_completes_a_partial_record(pipeline, upload):
    pipeline.set_faults(error="AccessDeniedException")
    version = upload("partial.jpg", PHOTO)
    assert pipeline.finished(version)["status"] == "PARTIAL"
    pipeline.set_faults()
    pipeline.closed(pipeline.start(version, attempt=2))
    record = pipeline.record(version)
    assert record["status"] == "SUCCEEDED"
    assert "error" not in record
