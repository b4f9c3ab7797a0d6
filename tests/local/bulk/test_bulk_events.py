"""Bulk runs by event: one run for each request, and an event at its end."""

import json

import pytest

from tests.local.bulk.bulk_runs import OLDER_REQUESTED, OLDER_SOURCE, REQUESTED, SOURCE
from tests.local.stack.pipeline import wait_for

pytestmark = pytest.mark.local


@pytest.mark.parametrize("is_older", [False, True], ids=["own event", "event of the older sample"])
def test_event_starts_a_run(bulk, is_older):
    bulk.put_photos(2)
    if is_older:
        detail = {"myStateInput": {"Bucket": bulk.bucket, "Prefix": bulk.prefix}}
        bulk.ask(detail, source=OLDER_SOURCE, detail_type=OLDER_REQUESTED)
    else:
        bulk.ask({"bucket": bulk.bucket, "prefix": bulk.prefix})
    [execution] = wait_for(bulk.executions)
    assert bulk.pipeline.closed(execution)["status"] == "SUCCEEDED"
    assert len(bulk.image_records()) == 2


def test_invalid_event_fails_the_run_with_a_remedy_and_no_dead_letter(bulk):
    older = {"myStateInput": {"Bucket": "someone-elses", "Prefix": bulk.prefix}}
    bulk.ask(older, source=OLDER_SOURCE, detail_type=OLDER_REQUESTED)
    bulk.ask({"prefix": bulk.prefix})
    executions = wait_for(lambda: len(found := bulk.executions()) == 2 and found)
    ends = [bulk.pipeline.closed(execution) for execution in executions]
    assert {end["error"] for end in ends} == {"InvalidRun"}
    causes = "\n".join(sorted(end["cause"] for end in ends))
    assert "add its ARN to the parameter BulkBucketArns" in causes
    assert "bucket: missing; name the bucket" in causes
    assert bulk.dead_letters() == []


def test_unmatched_events_go_to_the_dead_letter_queue(bulk):
    unmatched = [(SOURCE, "bulk run requested"), (OLDER_SOURCE, REQUESTED), ("my.shop", REQUESTED)]
    for source, detail_type in unmatched:
        bulk.ask({"bucket": bulk.bucket, "prefix": bulk.prefix}, source=source, detail_type=detail_type)
    letters = wait_for(lambda: len(found := bulk.dead_letters()) == len(unmatched) and found)
    assert {(letter["source"], letter["detail-type"]) for letter in map(json.loads, letters)} == set(unmatched)
    assert bulk.executions() == []


def test_five_copies_of_an_event_start_one_run(bulk):
    bulk.put_photos(4)
    # The run does not end before all five events have arrived.
    bulk.pipeline.set_faults(latency_seconds=15)
    bulk.ask({"bucket": bulk.pipeline.bucket, "prefix": bulk.prefix}, times=5)
    wait_for(lambda: len(bulk.executions()) == 5)
    outputs = [json.loads(bulk.pipeline.closed(arn)["output"]) for arn in bulk.executions()]
    assert sorted(output.get("decision", "the run") for output in outputs) == ["BUSY"] * 4 + ["the run"]
    # The four refused executions name the run.
    assert len({output["execution_arn"] for output in outputs}) == 1
    assert bulk.calls() == 4


def test_end_of_a_run_is_a_file_a_record_and_an_event(bulk):
    bulk.put_photos(1)
    sqs, bus = bulk.pipeline.client("sqs"), bulk.pipeline.stack.outputs["VisionEventBusName"]
    rule, pattern = f"ended-{bulk.prefix.strip('/')}", {"source": [SOURCE], "detail-type": ["Bulk Run Ended"]}
    url, arn = bulk.pipeline.open_queue(rule)
    events = bulk.pipeline.client("events")
    events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    summary = bulk.run()
    message = wait_for(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))[0]
    events.remove_targets(Rule=rule, EventBusName=bus, Ids=["queue"])
    events.delete_rule(Name=rule, EventBusName=bus)
    assert json.loads(message["Body"])["detail"] == bulk.summary_file(summary) == summary
    assert bulk.record(summary["execution_arn"])["status"] == "SUCCEEDED"
    assert bulk.dead_letters() == []
