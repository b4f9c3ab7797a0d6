"""What lies in dead-letter queues is sent again by hand; SQS itself would move more of it."""

import json

import pytest

from tests.local.stack.pipeline import created
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))


def _waits(pipeline, url, body):
    pipeline.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def test_uploads_are_moved_back_and_nothing_is_done_twice(shell, pipeline):
    version = pipeline.upload("private/dead/uploads/photo.jpg", PHOTO)
    before = pipeline.finished(version)
    for _ in range(2):
        _waits(pipeline, pipeline.dead_letter_url, json.dumps(created(version)))
    told = shell("dead-letters", 'move "$ProcessingDeadLetterQueueUrl"')
    assert told.splitlines()[-1] == "0"
    assert len(told.splitlines()) == 3
    pipeline.wait_until_drained()
    assert pipeline.record(version) == before


def test_images_are_moved_back_and_inspected(shell, sessions):
    [version] = sessions.put(1)
    sessions.client("sqs").purge_queue(QueueUrl=sessions.inspection_url)
    _waits(sessions, sessions.inspection_dead_letter_url, json.dumps(created(version)))
    assert shell("dead-letters", 'move "$InspectionDeadLetterQueueUrl"').splitlines()[-1] == "0"
    assert sessions.waiting() == 1
    assert sessions.run_session()["status"] == "SUCCEEDED"
    assert sessions.done([version]) == 1


def test_silent_ends_are_looked_for_at_once(shell):
    assert json.loads(shell("dead-letters", "aws lambda invoke"))["StatusCode"] == 200


def test_the_queue_of_endings_is_emptied(shell, pipeline):
    url = pipeline.resource_name("TrackingDeadLetterQueue")
    _waits(pipeline, url, "{}")
    shell("dead-letters", "aws sqs purge-queue")
    assert pipeline.depth(url) == 0


def test_a_bulk_run_that_did_not_start_is_started(shell, pipeline):
    url = pipeline.resource_name("BulkDeadLetterQueue")
    _waits(pipeline, url, '{"detail": {"prefix": "archive/"}}')
    told = shell("dead-letters", "aws sqs receive-message")
    assert "archive/" in told
    arn = json.loads("{" + told.rpartition("{")[2])["executionArn"]
    assert pipeline.closed(arn)["status"] == "SUCCEEDED"
    assert pipeline.depth(url) == 0
