"""Queues and rules: a burst waits, a poison message ends in a dead-letter queue, and nothing is lost."""

import json
import re

import pytest
from ministack.services import eventbridge

from tests.template.cloudformation import TEMPLATE, listed, load, references, resolve, walk
from vision.adapters.queue import RECEIVES_LIMIT
from vision.domain.inspection import results

DAY_SECONDS = 86_400
QUEUES = [name for name, one in load(TEMPLATE.read_text())["Resources"].items() if one["Type"] == "AWS::SQS::Queue"]
INSPECTION_RULES = ("InspectionRule", "InspectionRuleForCapitals", "InspectionRuleForInitialCapitals")


@pytest.fixture
def queues(of_type):
    return of_type("AWS::SQS::Queue")


@pytest.fixture
def rules(of_type):
    return of_type("AWS::Events::Rule")


def _kept_in(target):
    """Return where a rule keeps what it cannot deliver; a dead-letter queue is its own such place."""
    return target.get("DeadLetterConfig", target)["Arn"]["Fn::GetAtt"][0]


@pytest.mark.parametrize("name", QUEUES)
def test_queue_is_encrypted_and_has_a_dead_letter_queue_or_is_one(queues, rules, name):
    queue = queues[name]
    assert queue["SqsManagedSseEnabled"] is True
    targets = [target for rule in rules.values() for target in rule["Targets"]]
    redrives = [one["RedrivePolicy"]["deadLetterTargetArn"] for one in queues.values() if "RedrivePolicy" in one]
    dead_letter_queues = {*map(_kept_in, targets), *(arn["Fn::GetAtt"][0] for arn in redrives)}
    if name in dead_letter_queues:
        assert "RedrivePolicy" not in queue
        assert queue["MessageRetentionPeriod"] == 14 * DAY_SECONDS
    else:
        assert 3 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 10
        # The age of a message counts from the day on which it was sent, in the dead-letter queue too.
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
        assert 4 * DAY_SECONDS <= queue["MessageRetentionPeriod"] <= 12 * DAY_SECONDS


def test_inspection_queue_keeps_an_image_until_its_session_and_the_code_knows_its_receives(template, queues):
    queue = queues["InspectionQueue"]
    assert template["Parameters"]["MaximumAgeSeconds"]["MaxValue"] < queue["MessageRetentionPeriod"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == RECEIVES_LIMIT


def test_message_stays_hidden_six_times_as_long_as_its_reader_may_run(of_type, queues):
    # As Lambda recommends; and no longer, since a message that failed waits for it.
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    functions = of_type("AWS::Lambda::Function")
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        visibility = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["VisibilityTimeout"]
        if isinstance(visibility, dict):
            # A session receives from the queue itself, and then there is no mapping.
            condition, with_sessions, visibility = visibility["Fn::If"]
            assert condition == "UsesCustomLabels"
            assert with_sessions == 6 * functions["DrainQueueFunction"]["Timeout"]
        _, _, function = mapping["FunctionName"]["Fn::If"]
        batching_seconds = mapping.get("MaximumBatchingWindowInSeconds", 0)
        assert visibility == 6 * functions[function["Ref"]]["Timeout"] + batching_seconds


def test_inspection_queue_has_one_reader(expanded):
    # A session receives at the rate of the model: a mapping would take its messages without a model.
    readers = {
        name: one.get("Condition")
        for name, one in expanded.items()
        if one["Type"] == "AWS::Lambda::EventSourceMapping"
        and one["Properties"]["EventSourceArn"] == {"Fn::GetAtt": ["InspectionQueue", "Arn"]}
    }
    assert readers == {"InspectImagesFunctionInspectionQueue": "InspectsAtOnce"}


@pytest.mark.parametrize("name", QUEUES)
def test_queue_takes_messages_with_tls_and_from_rules_of_this_account_only(of_type, name):
    (policy,) = [one for one in of_type("AWS::SQS::QueuePolicy").values() if {"Ref": name} in one["Queues"]]
    allow, deny = policy["PolicyDocument"]["Statement"]
    assert allow["Effect"] == "Allow"
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert allow["Action"] == "sqs:SendMessage"
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sqs:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    for statement in (allow, deny):
        assert {"Fn::GetAtt": [name, "Arn"]} in listed(statement["Resource"])


def test_queue_admits_exactly_the_rules_that_send_to_it_or_keep_failed_events_in_it(of_type, rules):
    sending = {}
    for name, rule in rules.items():
        for target in rule["Targets"]:
            assert _kept_in(target).endswith("DeadLetterQueue")
            for queue in {_kept_in(target), target["Arn"].get("Fn::GetAtt", [""])[0]} & set(QUEUES):
                sending.setdefault(queue, set()).add(f"{name}.Arn")
    for policy in of_type("AWS::SQS::QueuePolicy").values():
        allow, _ = policy["PolicyDocument"]["Statement"]
        admitted = {arn for _, arn in references(allow["Condition"]["ArnEquals"])} - {"AWS::NoValue"}
        assert admitted == set().union(*(sending[queue] for _, queue in references(policy["Queues"])))


@pytest.mark.parametrize(
    ("source", "detail_type", "taken_by"),
    [
        ("image-recognition", "Bulk Run Requested", ["BulkRunRule"]),
        ("serverless-data-processing", "ServerlessDataProcessing", ["BulkRunRule"]),
        ("image-recognition", "Bulk Run Ended", []),
        ("image-recognition", "bulk run requested", ["OtherEventRule"]),
        ("image-recognition", "ServerlessDataProcessing", ["OtherEventRule"]),
        ("serverless-data-processing", "Bulk Run Requested", ["OtherEventRule"]),
        ("serverless-data-processing", "Bulk Run Ended", ["OtherEventRule"]),
        ("Serverless-Data-Processing", "ServerlessDataProcessing", ["OtherEventRule"]),
        ("my.shop", "Bulk Run Requested", ["OtherEventRule"]),
    ],
)
def test_event_on_the_bus_matches_one_rule_unless_it_is_of_the_product(rules, source, detail_type, taken_by):
    event = {"source": source, "detail-type": detail_type, "detail": {}}
    on_the_bus = {name: one for name, one in rules.items() if one.get("EventBusName") == {"Ref": "VisionEventBus"}}
    assert [name for name, rule in on_the_bus.items() if _matches(rule["EventPattern"], event)] == taken_by


def _matches(pattern, event):
    asked = {"EventPattern": json.dumps(pattern), "Event": json.dumps(event)}
    return json.loads(eventbridge._test_event_pattern(asked)[2])["Result"]


def test_function_that_is_called_asynchronously_keeps_the_events_that_failed(of_type, rules):
    called = {
        target["Arn"]["Fn::GetAtt"][0]
        for rule in rules.values()
        for target in rule["Targets"]
        if "Fn::GetAtt" in target["Arn"] and "Function" in target["Arn"]["Fn::GetAtt"][0]
    }
    kept = {
        one["FunctionName"]["Ref"]: one["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
        for one in of_type("AWS::Lambda::EventInvokeConfig").values()
    }
    # CloudFormation calls it asynchronously, and waits for what it writes to a URL and not for its answer.
    assert kept.keys() == called | {"ReleaseModelFunction"}
    for function, queue in kept.items():
        assert queue == ("BulkDeadLetterQueue" if function == "SummarizeRunFunction" else "TrackingDeadLetterQueue")


def _matched_key(rule, key):
    wildcards = [condition["wildcard"] for condition in rule["EventPattern"]["detail"]["object"]["key"]]
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), key) for one in wildcards)


@pytest.mark.parametrize(
    ("key", "is_sent"),
    [
        ("private/ann/uploads/photo (1).png", True),
        ("private/ann/uploads/café.JPG", True),
        ("private/ann/uploads/x/y/50%.jpg", True),
        ("private/ann/resized/id/version.jpg", False),
        ("images/a.jpg", False),
        ("uploads/a.jpg", False),
    ],
)
def test_upload_rule_matches_uploads_only(rules, key, is_sent):
    assert _matched_key(rules["UploadRule"], key) is is_sent


@pytest.mark.parametrize(
    ("name", "queue"),
    [("UploadRule", "ProcessingQueue"), *((name, "InspectionQueue") for name in INSPECTION_RULES)],
)
def test_rule_sends_objects_created_in_the_image_bucket_to_its_queue(rules, name, queue):
    pattern = rules[name]["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["bucket"] == {"name": [{"Ref": "ImageBucket"}]}
    assert [resolve(target["Arn"]) for target in rules[name]["Targets"]] == [f"${{{queue}.Arn}}"]


SPELLINGS = [spelled for suffix in ("jpg", "jpeg", "png") for spelled in (suffix, suffix.upper(), suffix.capitalize())]


@pytest.mark.parametrize(
    ("key", "times"),
    [
        *((f"images/2026/a (1).{suffix}", 1) for suffix in SPELLINGS),
        *((f"images/{name}", 0) for name in ("readme.txt", "folder/", "a.jpg.part")),
        *((key, 0) for key in ("images.jpg", "my/images/a.jpg", "private/ann/uploads/a.jpg")),
        *((key, 0) for key in ("analyzed/success/a.jpg", "results/a.jpg/v1.json")),
    ],
)
def test_image_below_images_is_sent_to_its_inspection_once(rules, key, times):
    assert sum(_matched_key(rules[name], key) for name in INSPECTION_RULES) == times
    assert results.is_inspected(key) is bool(times)


def test_ends_that_an_execution_cannot_record_and_redrives_are_sent(rules):
    detail = rules["ExecutionStatusRule"]["EventPattern"]["detail"]
    assert detail["stateMachineArn"] == [{"Ref": "ProcessImage"}]
    ended, redriven = detail["$or"]
    assert ended == {"status": ["FAILED", "TIMED_OUT", "ABORTED"]}
    assert redriven == {"status": ["RUNNING"], "redriveCount": [{"numeric": [">", 0]}]}
    of_sessions = rules["StopModelDeadSessionRule"]["EventPattern"]["detail"]
    assert of_sessions == {"stateMachineArn": [{"Ref": "CustomModelSession"}], **ended}


def test_rule_is_simple_and_short_enough_for_eventbridge(rules):
    # PutRule refuses a pattern as too complex. The limit is not published; event-ruler counts, at the first wildcard,
    # each alternative twice, and four alternatives with one wildcard each are known to pass, four with two are not.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching-complexity
    # https://github.com/aws/event-ruler/blob/main/src/main/software/amazon/event/ruler/MachineComplexityEvaluator.java
    for rule in rules.values():
        wildcards = [node["wildcard"] for _, node in walk(rule) if isinstance(node, dict) and "wildcard" in node]
        assert sum(one.count("*") for one in wildcards) <= 4
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: 2,048 characters with names and ARNs.
        assert len(json.dumps(rule.get("EventPattern", {}))) < 1500
