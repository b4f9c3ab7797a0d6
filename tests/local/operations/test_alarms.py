"""What the page of each alarm tells to look at and to do, for the alarms of photos, inspection and bulk runs."""

import json

import pytest

from tests.local.stack.pipeline import created, wait_for
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))


@pytest.fixture
def letter_in(pipeline):
    """Put an event into a dead-letter queue for the time of a test."""
    urls = []

    def put(url):
        version = pipeline.upload("somewhere/else.jpg", PHOTO)
        pipeline.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(created(version)))
        urls.append(url)
        return version

    yield put
    for url in urls:
        pipeline.client("sqs").purge_queue(QueueUrl=url)


def test_alarms_that_sound_are_listed(shell):
    # The engine measures nothing, so none sounds.
    assert shell("operations", "aws cloudwatch describe-alarms").strip() in ("", "None")


# None has ended so here: the commands have to work, and to find nothing.
def test_ends_of_start_processing_are_looked_for(shell):
    assert shell("alarms/StartProcessingErrorsAlarm", "aws logs filter-log-events").strip() in ("", "None")


def test_ends_of_track_execution_are_looked_for(shell):
    assert shell("alarms/TrackExecutionErrorsAlarm", "aws logs filter-log-events").strip() in ("", "None")


def test_ends_of_inspect_images_are_looked_for(shell):
    assert shell("alarms/InspectImagesErrorsAlarm", "aws logs filter-log-events").strip() in ("", "None")


def test_dead_uploads_are_looked_at_and_stay(shell, letter_in, pipeline):
    version = letter_in(pipeline.dead_letter_url)
    for _ in range(2):
        assert version.version_id in shell("alarms/ProcessingDeadLetterAlarm", "aws sqs receive-message")


def test_dead_images_are_looked_at_and_stay(shell, letter_in, pipeline):
    version = letter_in(pipeline.stack.outputs["InspectionDeadLetterQueueUrl"])
    for _ in range(2):
        assert version.version_id in shell("alarms/InspectionDeadLetterAlarm", "aws sqs receive-message")


def test_dead_events_of_bulk_runs_are_looked_at(shell, letter_in, pipeline):
    version = letter_in(pipeline.resource_name("BulkDeadLetterQueue"))
    assert version.version_id in shell("alarms/BulkDeadLetterAlarm", "aws sqs receive-message")


def test_the_queue_of_endings_is_emptied_after_a_look(shell, letter_in, pipeline):
    url = pipeline.resource_name("TrackingDeadLetterQueue")
    letter_in(url)
    assert json.loads(shell("alarms/TrackingDeadLetterAlarm", "aws lambda invoke"))["StatusCode"] == 200
    shell("alarms/TrackingDeadLetterAlarm", "aws sqs purge-queue")
    assert pipeline.depth(url) == 0


def test_the_reason_of_a_failed_execution_is_told(shell, pipeline):
    version = pipeline.upload("private/failed/uploads/text.jpg", b"this is a text")
    pipeline.finished(version)
    arn = pipeline.execution_arn(version)
    told = shell("alarms/FailedExecutionsAlarm", "aws stepfunctions list-executions", EXECUTION=arn)
    assert arn in told
    assert "NotSupportedImageType" in told


def test_the_last_events_of_an_execution_are_told(shell, pipeline):
    version = pipeline.upload("private/slow/uploads/photo.jpg", PHOTO)
    pipeline.finished(version)
    arn = pipeline.execution_arn(version)
    pipeline.closed(arn)
    told = json.loads(shell("alarms/TimedOutExecutionsAlarm", "aws stepfunctions get-execution-history", EXECUTION=arn))
    assert told["events"][0]["type"] == "ExecutionSucceeded"


def test_the_depth_of_the_queue_is_told(shell):
    told = json.loads(shell("alarms/OldestMessageAlarm", "aws sqs get-queue-attributes"))
    assert set(told["Attributes"]) == {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}


def test_the_reasons_of_failed_runs_are_told(shell, pipeline):
    states = pipeline.client("stepfunctions")
    machine = pipeline.stack.outputs["ProcessBucketStateMachineArn"]
    run = states.start_execution(stateMachineArn=machine, input='{"bucket": "of-somebody-else", "prefix": ""}')
    wait_for(lambda: states.describe_execution(executionArn=run["executionArn"])["status"] == "FAILED")
    assert "InvalidRun" in shell("alarms/FailedRunsAlarm", "for run in")
