"""The commands on the pages of alarms of photos, inspection and bulk runs."""

import json

import pytest

from tests.local.stack.pipeline import created, wait_for
from tests.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

PHOTO = jpeg_of(gradients(320, 240))


@pytest.fixture
def letter_in(pipeline):
    """Put an event into a dead-letter queue until the end of the test."""
    urls = []

    def put(url):
        version = pipeline.upload("somewhere/else.jpg", PHOTO)
        pipeline.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(created(version)))
        urls.append(url)
        return version

    yield put
    for url in urls:
        pipeline.client("sqs").purge_queue(QueueUrl=url)


def test_commands_for_alarms_and_errors_find_nothing_in_a_healthy_stack(shell):
    # The engine has no metrics, so no alarm is raised; no function has failed.
    found = [
        shell("operations", "aws cloudwatch describe-alarms"),
        shell("alarms/StartProcessingErrorsAlarm", "aws logs filter-log-events"),
        shell("alarms/TrackExecutionErrorsAlarm", "aws logs filter-log-events"),
        shell("alarms/InspectImagesErrorsAlarm", "aws logs filter-log-events"),
    ]
    assert {output.strip() for output in found} <= {"", "None"}


def test_dead_letters_are_shown_and_stay(shell, letter_in, pipeline):
    upload = letter_in(pipeline.dead_letter_url)
    image = letter_in(pipeline.stack.outputs["InspectionDeadLetterQueueUrl"])
    bulk = letter_in(pipeline.resource_name("BulkDeadLetterQueue"))
    for _ in range(2):
        assert upload.version_id in shell("alarms/ProcessingDeadLetterAlarm", "aws sqs receive-message")
        assert image.version_id in shell("alarms/InspectionDeadLetterAlarm", "aws sqs receive-message")
    assert bulk.version_id in shell("alarms/BulkDeadLetterAlarm", "aws sqs receive-message")


def test_tracking_dead_letter_queue_is_purged_after_a_check(shell, letter_in, pipeline):
    url = pipeline.resource_name("TrackingDeadLetterQueue")
    letter_in(url)
    assert json.loads(shell("alarms/TrackingDeadLetterAlarm", "aws lambda invoke"))["StatusCode"] == 200
    shell("alarms/TrackingDeadLetterAlarm", "aws sqs purge-queue")
    assert pipeline.depth(url) == 0


def test_reason_of_a_failed_execution_and_last_events_of_another_are_shown(shell, pipeline):
    failed = pipeline.upload("private/failed/uploads/text.jpg", b"this is a text")
    good = pipeline.upload("private/slow/uploads/photo.jpg", PHOTO)
    pipeline.finished(failed)
    arn = pipeline.execution_arn(failed)
    shown = shell("alarms/FailedExecutionsAlarm", "aws stepfunctions list-executions", EXECUTION=arn)
    assert arn in shown
    assert "NotSupportedImageType" in shown
    arn = pipeline.execution_arn(good)
    pipeline.closed(arn)
    events = shell("alarms/TimedOutExecutionsAlarm", "aws stepfunctions get-execution-history", EXECUTION=arn)
    assert json.loads(events)["events"][0]["type"] == "ExecutionSucceeded"


def test_depth_of_the_queue_is_shown(shell):
    shown = json.loads(shell("alarms/OldestMessageAlarm", "aws sqs get-queue-attributes"))
    assert set(shown["Attributes"]) == {"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"}


def test_reasons_of_failed_runs_are_shown(shell, pipeline):
    states = pipeline.client("stepfunctions")
    machine = pipeline.stack.outputs["ProcessBucketStateMachineArn"]
    run = states.start_execution(stateMachineArn=machine, input='{"bucket": "of-somebody-else", "prefix": ""}')
    wait_for(lambda: states.describe_execution(executionArn=run["executionArn"])["status"] == "FAILED")
    assert "InvalidRun" in shell("alarms/FailedRunsAlarm", "for run in")
