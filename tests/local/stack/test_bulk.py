"""Bulk runs from the real template in the local AWS: an event, a Distributed Map, records, a summary."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.local.stack.bulk_runs import SOURCE, Bulk, photo
from tests.local.stack.pipeline import Pipeline, function_processes, wait_for
from tests.unit.images.pictures import gradients, jpeg_of

pytestmark = pytest.mark.local

# The keys of ../shared/traps.md, raw as a listing has them.
KEYS = [
    "photo (1).png",
    "café.jpg",
    "a+b.png",
    "50%.jpg",
    "a%20b.jpg",
    "my.photo.jpg",
    "my.other.jpg",
    "x/y/z.png",
    "é" * 500,
]


@pytest.fixture
def bulk(pipeline: Pipeline) -> Bulk:
    runs = Bulk.of(pipeline)
    runs.calls()
    return runs


@pytest.fixture
def slow(pipeline: Pipeline) -> Iterator[None]:
    """Each call of Rekognition takes a while, so that a run can be met in the middle."""
    pipeline.set_faults(latency_seconds=2)
    yield
    pipeline.set_faults()


def test_every_image_under_a_prefix_is_labelled_and_recorded(bulk: Bulk) -> None:
    bulk.put_photos(12)
    summary = bulk.run()
    assert (summary["seen"], summary["labelled"], summary["calls"]) == (12, 12, 12)
    records = bulk.image_records()
    assert [record["status"] for record in records] == ["SUCCEEDED"] * 12
    assert all("labels" in record and record["width"] == 160 for record in records)


def test_a_second_run_pays_for_nothing(bulk: Bulk) -> None:
    bulk.put_photos(6)
    bulk.run()
    bulk.calls()
    summary = bulk.run()
    assert (summary["skipped"], summary["calls"], bulk.calls()) == (6, 0, 0)


def test_only_what_is_new_is_labelled(bulk: Bulk) -> None:
    bulk.put_photos(3)
    bulk.run()
    bulk.put({"0001.jpg": photo(1001), "new.jpg": photo(1002)})
    summary = bulk.run()
    assert (summary["skipped"], summary["labelled"]) == (2, 2)


def test_with_force_everything_is_labelled_again(bulk: Bulk) -> None:
    bulk.put_photos(3)
    bulk.run()
    assert bulk.run(force=True)["labelled"] == 3


def test_a_further_step_is_done_without_buying_labels_again(bulk: Bulk) -> None:
    bulk.put_photos(3)
    bulk.run()
    summary = bulk.run(steps=["labels", "thumbnail"])
    assert (summary["labelled"], summary["calls"], summary["thumbnails"]) == (3, 0, 3)
    [first, *_] = bulk.image_records()
    assert bulk.pipeline.client("s3").head_object(Bucket=first["thumbnail"]["bucket"], Key=first["thumbnail"]["key"])


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key[:16])
def test_a_key_is_what_it_is(bulk: Bulk, key: str) -> None:
    bulk.put({key: photo(7)})
    assert bulk.run()["labelled"] == 1
    assert [record["object"]["key"] for record in bulk.image_records()] == [f"{bulk.prefix}{key}"]


def test_what_is_no_image_is_an_outcome_and_harms_nobody(bulk: Bulk) -> None:
    bulk.put({"a.jpg": photo(1), "text.jpg": b"no image", "empty.jpg": b"", "folder/": b"", "cut.jpg": photo(2)[:300]})
    summary = bulk.run(tolerated_failure_percentage=80)
    assert (summary["labelled"], summary["failed"], summary["skipped"]) == (1, 3, 1)
    assert summary["reasons"]["NotSupportedImageType"] == 1
    assert sum(summary["reasons"].values()) == 3


def test_above_the_tolerated_share_the_run_fails_and_names_what_led(bulk: Bulk) -> None:
    bulk.put({"a.jpg": photo(1), "text.jpg": b"no image", "more.jpg": b"nor this"})
    error, cause = bulk.refused(tolerated_failure_percentage=50)
    assert error == "TooManyImagesFailed"
    assert cause.startswith(
        "2 of 3 images failed, 66.7 % where 50 % are tolerated: NotSupportedImageType 2; mend these and run again"
    )


def test_a_prefix_without_objects_is_told_and_no_failure(bulk: Bulk) -> None:
    summary = bulk.run()
    assert (summary["seen"], summary["status"]) == (0, "SUCCEEDED")
    assert summary["note"].startswith("no object has a key that starts with this prefix")


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"bucket": "somebody-elses"}, "bucket: somebody-elses is none of "),
        ({"prefx": "a/"}, "'prefx': no such field; known are bucket, prefix, "),
        ({"steps": ["tags"]}, 'steps: "tags" is none of metadata, labels, thumbnail, verdict'),
        (
            {"tolerated_failure_percentage": 101},
            "tolerated_failure_percentage: expected a number from 0 to 100, got 101",
        ),
    ],
)
def test_a_request_that_cannot_be_fulfilled_fails_in_words(bulk: Bulk, request_: dict, told: str) -> None:
    error, cause = bulk.refused(**request_)
    assert (error, cause[: len(told)]) == ("InvalidRun", told)


def test_an_event_starts_a_run(bulk: Bulk) -> None:
    bulk.put_photos(2)
    bulk.ask({"bucket": bulk.pipeline.bucket, "prefix": bulk.prefix})
    [execution] = wait_for(bulk.executions)
    assert bulk.pipeline.closed(execution)["status"] == "SUCCEEDED"
    assert len(bulk.image_records()) == 2


def test_a_malformed_event_fails_in_words(bulk: Bulk) -> None:
    bulk.ask({"prefix": bulk.prefix})
    [execution] = wait_for(bulk.executions)
    ended = bulk.pipeline.closed(execution)
    assert (ended["error"], ended["cause"]) == (
        "InvalidRun",
        "bucket: missing; name the bucket whose images are labelled",
    )


@pytest.mark.usefixtures("slow")
def test_the_same_event_five_times_starts_one_run(bulk: Bulk) -> None:
    bulk.put_photos(4)
    bulk.ask({"bucket": bulk.pipeline.bucket, "prefix": bulk.prefix}, times=5)
    wait_for(lambda: len(bulk.executions()) == 5)
    outputs = [json.loads(bulk.pipeline.closed(arn)["output"]) for arn in bulk.executions()]
    assert sorted(output.get("decision", "the run") for output in outputs) == ["BUSY"] * 4 + ["the run"]
    assert bulk.calls() == 4


@pytest.mark.usefixtures("slow")
def test_a_run_that_is_stopped_keeps_what_is_done_and_the_next_does_the_rest(bulk: Bulk) -> None:
    bulk.put_photos(40)
    execution = bulk.start()
    wait_for(lambda: len(bulk.image_records()) > 3)
    bulk.pipeline.client("stepfunctions").stop_execution(executionArn=execution)
    wait_for(lambda: bulk.record(execution)["status"] == "ABORTED")
    bulk.pipeline.set_faults()
    # A worker that was under way ends its batch: Lambda does not hear that its caller is gone.
    summary = bulk.run()
    assert summary["seen"] == summary["skipped"] + summary["labelled"] == 40
    assert len(bulk.image_records()) == 40


@pytest.mark.usefixtures("slow")
def test_a_worker_that_is_killed_costs_no_image_and_no_more_labels_than_were_under_way(bulk: Bulk) -> None:
    bulk.put_photos(40)
    execution = bulk.start()
    wait_for(lambda: len(bulk.image_records()) > 3)
    name = bulk.pipeline.resource_name("ProcessBatchFunction")
    for process in function_processes(bulk.pipeline.stack.endpoint_url, name):
        os.kill(process, signal.SIGKILL)
    bulk.pipeline.set_faults()
    ended = bulk.pipeline.closed(execution)
    summary = json.loads(ended["output"])
    assert (summary["seen"], summary["labelled"], summary["failed"]) == (40, 40, 0)
    assert bulk.calls() <= 40 + 16


def test_throttling_is_waited_out(bulk: Bulk) -> None:
    bulk.put_photos(6)
    bulk.pipeline.set_faults(throttle={"first": 12})
    assert bulk.run()["labelled"] == 6


def test_what_the_photo_workflow_has_labelled_is_not_labelled_again(pipeline: Pipeline, owner: str) -> None:
    version = pipeline.upload(f"private/{owner}/uploads/rose.jpg", jpeg_of(gradients(320, 240)))
    assert pipeline.finished(version)["status"] == "SUCCEEDED"
    bulk = Bulk(pipeline, f"private/{owner}/")
    bulk.calls()
    summary = bulk.run()
    # The photo, and its thumbnail beside it.
    assert (summary["seen"], summary["skipped"], bulk.calls()) == (2, 2, 0)


def test_the_end_is_told_in_a_file_a_record_and_an_event(bulk: Bulk) -> None:
    bulk.put_photos(1)
    sqs, bus = bulk.pipeline.client("sqs"), bulk.pipeline.stack.outputs["VisionEventBusName"]
    url = sqs.create_queue(QueueName=f"ended-{bulk.prefix.strip('/')}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule, pattern = f"ended-{bulk.prefix.strip('/')}", {"source": [SOURCE], "detail-type": ["Bulk Run Ended"]}
    policy = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [policy]})}
    )
    events = bulk.pipeline.client("events")
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    summary = bulk.run()
    message = wait_for(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]
    events.remove_targets(Rule=rule, EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name=rule, EventBusName=bus)
    place = summary["results"]
    written = bulk.pipeline.client("s3").get_object(Bucket=place["bucket"], Key=f"{place['prefix']}summary.json")
    assert json.loads(message["Body"])["detail"] == json.loads(written["Body"].read()) == summary
    assert bulk.record(summary["execution_arn"])["status"] == "SUCCEEDED"
