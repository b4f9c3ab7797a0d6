"""Messages of dead-letter queues are sent again by hand; a redrive of SQS would move too many."""

import json

import pytest

from tests.local.stack.pipeline import created
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))


def _send(pipeline, url, body):
    pipeline.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def test_uploads_are_redriven_and_processed_once(shell, pipeline):
    version = pipeline.upload("private/dead/uploads/photo.jpg", PHOTO)
    before = pipeline.finished(version)
    for _ in range(2):
        _send(pipeline, pipeline.dead_letter_url, json.dumps(created(version)))
    shown = shell("dead-letters", 'move "$ProcessingDeadLetterQueueUrl"')
    assert shown.splitlines()[-1] == "0"
    assert len(shown.splitlines()) == 3
    pipeline.wait_until_drained()
    assert pipeline.record(version) == before


def test_images_are_redriven_and_inspected(shell, sessions):
    [version] = sessions.put(1)
    sessions.client("sqs").purge_queue(QueueUrl=sessions.inspection_url)
    _send(sessions, sessions.inspection_dead_letter_url, json.dumps(created(version)))
    assert shell("dead-letters", 'move "$InspectionDeadLetterQueueUrl"').splitlines()[-1] == "0"
    assert sessions.waiting() == 1
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done([version]) == 1


def test_silent_executions_are_checked_at_once_and_the_tracking_dead_letters_are_purged(shell, pipeline):
    url = pipeline.resource_name("TrackingDeadLetterQueue")
    _send(pipeline, url, "{}")
    assert json.loads(shell("dead-letters", "aws lambda invoke"))["StatusCode"] == 200
    shell("dead-letters", "aws sqs purge-queue")
    assert pipeline.depth(url) == 0


def test_bulk_run_of_a_dead_letter_is_started(shell, pipeline):
    url = pipeline.resource_name("BulkDeadLetterQueue")
    _send(pipeline, url, '{"detail": {"prefix": "archive/"}}')
    shown = shell("dead-letters", "aws sqs receive-message")
    assert "archive/" in shown
    arn = json.loads("{" + shown.rpartition("{")[2])["executionArn"]
    assert pipeline.closed(arn)["status"] == "SUCCEEDED"
    assert pipeline.depth(url) == 0
