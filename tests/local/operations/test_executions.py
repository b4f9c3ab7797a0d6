"""Executions are stopped, repeated, paused and resumed with the commands of the guide."""

import json

import pytest

from tests.local.sessions.driver import picture
from tests.local.stack.pipeline import wait_for
from tests.local.stack.roles import statement_removed
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))


def test_stuck_execution_is_aborted_and_recorded(shell, pipeline):
    pipeline.set_faults(latency_seconds=30)
    version = pipeline.upload("private/stuck/uploads/photo.jpg", PHOTO)
    pipeline.wait_until_entered(version, "Detect Labels")
    arn = pipeline.execution_arn(version)
    assert arn in shell("executions", "aws stepfunctions list-executions", EXECUTION=arn)
    assert pipeline.finished(version)["status"] == "ABORTED"


def test_image_is_processed_again(shell, pipeline):
    version = pipeline.upload("private/again/uploads/photo.jpg", PHOTO)
    first = pipeline.finished(version)
    shown = shell("executions", 'again "$EXECUTION" 2', EXECUTION=first["execution_arn"])
    assert pipeline.closed(json.loads(shown)["executionArn"])["status"] == "SUCCEEDED"
    assert pipeline.record(version)["execution_arn"].endswith("-2")


def test_all_images_with_an_error_are_processed_again(shell, pipeline):
    with statement_removed(pipeline, "ExtractMetadataFunction", "ReadUploads"):
        versions = [pipeline.upload(f"private/denied/uploads/{number}.jpg", PHOTO) for number in range(2)]
        assert [record["error"]["name"] for record in pipeline.all_finished(versions)] == ["AccessDenied"] * 2
    shell("executions", "for execution in")
    wait_for(lambda: [pipeline.record(version)["status"] for version in versions] == ["SUCCEEDED"] * 2)


def test_object_copied_onto_itself_is_processed_as_a_new_version(shell, pipeline):
    key = "private/copied/uploads/photo.jpg"
    first = pipeline.upload(key, PHOTO)
    pipeline.finished(first)
    shell("executions", "aws s3api copy-object", KEY=key)
    wait_for(lambda: pipeline.photo(first)["object"]["version_id"] != first.version_id)


def test_inspected_image_is_copied_back_and_inspected_again(shell, sessions):
    key = "images/line-1/photographer.png"
    results = sessions.client("s3")
    results.put_object(Bucket=sessions.results_bucket, Key="analyzed/failure/line-1/photographer.png", Body=picture())
    shell("executions", "aws s3 cp")
    wait_for(lambda: sessions.waiting() == 1)
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert "Contents" not in results.list_objects_v2(Bucket=sessions.bucket, Prefix=key)


def test_uploads_wait_while_the_queue_is_paused(shell, pipeline):
    trigger = pipeline.resource_name("StartProcessingFunctionProcessingQueue")
    functions = pipeline.client("lambda")
    shell("executions", "aws lambda update-event-source-mapping --no-enabled")
    wait_for(lambda: functions.get_event_source_mapping(UUID=trigger)["State"] in ("Disabled", "Disabling"))
    version = pipeline.upload("private/paused/uploads/photo.jpg", PHOTO)
    wait_for(lambda: pipeline.depth(pipeline.queue_url) == 1)
    shell("executions", "aws lambda update-event-source-mapping --enabled")
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
