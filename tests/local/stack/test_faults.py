"""Services that refuse, tire or deny: waiting heals what can heal, and the record tells the rest."""

import pytest

from tests.local.stack.pipeline import count
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))

# What the SDK tries in one invocation before the state machine takes over.
SDK_ATTEMPTS = 3


def failures(pipeline, version) -> list[str]:
    history = pipeline.history(pipeline.execution_arn(version))
    return [event["taskFailedEventDetails"]["error"] for event in history if event["type"] == "TaskFailed"]


def test_a_throttled_call_is_retried_and_labels_are_bought_once(pipeline, upload):
    pipeline.counters(reset=True)
    pipeline.set_faults(throttle={"first": SDK_ATTEMPTS + 1})
    version = upload("busy.jpg", PHOTO)
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    assert failures(pipeline, version) == ["Throttled"]
    counters = pipeline.counters()
    assert (counters["paid"], counters["throttled"]) == (1, SDK_ATTEMPTS + 1)


def test_an_unwell_service_is_asked_again(pipeline, upload):
    pipeline.counters(reset=True)
    pipeline.set_faults(error={"code": "InternalServerError", "first": SDK_ATTEMPTS})
    version = upload("unwell.jpg", PHOTO)
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    assert failures(pipeline, version) == ["ServiceUnavailable"]
    assert pipeline.counters()["paid"] == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", "AccessDenied"),
        ("ImageTooLargeException", "ImageTooLarge"),
        ("InvalidImageFormatException", "InvalidImage"),
    ],
)
def test_a_refusal_of_rekognition_is_told_at_once_and_the_thumbnail_is_kept(pipeline, upload, code, error):
    pipeline.set_faults(error=code)
    version = upload("refused.jpg", PHOTO)
    record = pipeline.finished(version)
    assert (record["status"], record["error"]["name"]) == ("PARTIAL", error)
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")
    assert failures(pipeline, version) == [error]


def test_a_partial_image_is_a_successful_execution(pipeline, upload):
    pipeline.set_faults(error="AccessDeniedException")
    version = upload("partial.jpg", PHOTO)
    pipeline.finished(version)
    assert pipeline.closed(pipeline.execution_arn(version))["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("code", "error"),
    [("InternalServerError", "ServiceUnavailable"), ("InvalidS3ObjectException", "ObjectNotAccessible")],
)
def test_what_waiting_does_not_heal_leaves_a_partial_record_after_five_attempts(pipeline, upload, code, error):
    pipeline.set_faults(error=code)
    version = upload("unwell-for-good.jpg", PHOTO)
    record = pipeline.finished(version)
    assert (record["status"], record["error"]["name"]) == ("PARTIAL", error)
    assert "labels" not in record
    assert pipeline.read(record["thumbnail"]["key"]).startswith(b"\xff\xd8")
    assert failures(pipeline, version) == [error] * 5


def test_one_image_that_rekognition_refuses_leaves_its_neighbours_alone(pipeline, upload):
    pipeline.set_faults(error={"code": "InvalidImageFormatException", "key_contains": "poison"})
    versions = [upload(name, PHOTO) for name in ("a.jpg", "poison.jpg", "b.jpg", "c.jpg")]
    statuses = [record["status"] for record in pipeline.all_finished(versions)]
    assert statuses == ["SUCCEEDED", "PARTIAL", "SUCCEEDED", "SUCCEEDED"]


def test_processing_again_on_purpose_heals_a_partial_record(pipeline, upload):
    pipeline.set_faults(error="AccessDeniedException")
    version = upload("heals.jpg", PHOTO)
    assert pipeline.finished(version)["status"] == "PARTIAL"
    pipeline.set_faults()
    pipeline.closed(pipeline.start(version, attempt=2))
    record = pipeline.record(version)
    assert record["status"] == "SUCCEEDED"
    assert "error" not in record


def test_every_attempt_is_in_the_history(pipeline, upload):
    pipeline.set_faults(error={"code": "InternalServerError", "first": SDK_ATTEMPTS})
    version = upload("attempts.jpg", PHOTO)
    pipeline.finished(version)
    history = pipeline.history(pipeline.execution_arn(version))
    assert count(history, "TaskScheduled") == count(history, "TaskStateEntered") + 1
