"""Bulk runs by event: one run for each wish, whose end is told to whoever listens."""

import json

import pytest

from tests.local.bulk.bulk_runs import OLDER_REQUESTED, OLDER_SOURCE, REQUESTED, SOURCE, Bulk
from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local


def test_an_event_starts_a_run(bulk: Bulk) -> None:
    bulk.put_photos(2)
    bulk.ask({"bucket": bulk.pipeline.bucket, "prefix": bulk.prefix})
    [execution] = wait_for(bulk.executions)
    assert bulk.pipeline.closed(execution)["status"] == "SUCCEEDED"
    assert len(bulk.image_records()) == 2


def test_event_of_the_older_sample_starts_a_run(bulk: Bulk) -> None:
    bulk.put_photos(2)
    older = {"myStateInput": {"Bucket": bulk.pipeline.bucket, "Prefix": bulk.prefix}}
    bulk.ask(older, source=OLDER_SOURCE, detail_type=OLDER_REQUESTED)
    [execution] = wait_for(bulk.executions)
    assert bulk.pipeline.closed(execution)["status"] == "SUCCEEDED"
    assert len(bulk.image_records()) == 2


def test_event_of_the_older_sample_over_an_unknown_bucket_names_the_remedy(bulk: Bulk) -> None:
    older = {"myStateInput": {"Bucket": "someone-elses", "Prefix": bulk.prefix}}
    bulk.ask(older, source=OLDER_SOURCE, detail_type=OLDER_REQUESTED)
    [execution] = wait_for(bulk.executions)
    ended = bulk.pipeline.closed(execution)
    assert ended["error"] == "InvalidRun"
    assert ended["cause"].endswith("add its ARN to the parameter BulkBucketArns")


@pytest.mark.parametrize(
    ("source", "detail_type"), [(SOURCE, "bulk run requested"), (OLDER_SOURCE, REQUESTED), ("my.shop", REQUESTED)]
)
def test_event_that_no_rule_knows_waits_in_the_dead_letter_queue(bulk: Bulk, source: str, detail_type: str) -> None:
    bulk.ask({"bucket": bulk.bucket, "prefix": bulk.prefix}, source=source, detail_type=detail_type)
    [letter] = wait_for(bulk.dead_letters)
    assert (json.loads(letter)["source"], json.loads(letter)["detail-type"]) == (source, detail_type)
    assert bulk.executions() == []


def test_a_malformed_event_fails_in_words_and_waits_in_no_queue(bulk: Bulk) -> None:
    bulk.ask({"prefix": bulk.prefix})
    [execution] = wait_for(bulk.executions)
    ended = bulk.pipeline.closed(execution)
    assert (ended["error"], ended["cause"]) == (
        "InvalidRun",
        "bucket: missing; name the bucket whose images are labelled",
    )
    assert bulk.dead_letters() == []


def test_the_same_event_five_times_starts_one_run(bulk: Bulk) -> None:
    bulk.put_photos(4)
    # The run is not over before all five have come.
    bulk.pipeline.set_faults(latency_seconds=15)
    bulk.ask({"bucket": bulk.pipeline.bucket, "prefix": bulk.prefix}, times=5)
    wait_for(lambda: len(bulk.executions()) == 5)
    outputs = [json.loads(bulk.pipeline.closed(arn)["output"]) for arn in bulk.executions()]
    assert sorted(output.get("decision", "the run") for output in outputs) == ["BUSY"] * 4 + ["the run"]
    # The four name the one, and so does its summary.
    assert len({output["execution_arn"] for output in outputs}) == 1
    assert bulk.calls() == 4


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
    assert bulk.dead_letters() == []
