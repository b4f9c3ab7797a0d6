"""Queues and rules: a burst waits, a poison message ends in a dead-letter queue, and nothing is lost."""

import json
import re

import pytest
from ministack.services import eventbridge

from tests.template.cloudformation import TEMPLATE, load, references, resolve, walk
from vision.adapters.queue import RECEIVES_LIMIT
from vision.domain.inspection import results

DAY_SECONDS = 86_400
QUEUES = [name for name, one in load(TEMPLATE.read_text())["Resources"].items() if one["Type"] == "AWS::SQS::Queue"]


@pytest.fixture(params=QUEUES)
def queue_name(request):
    return request.param


@pytest.fixture
def queue(queue_name, of_type):
    return of_type("AWS::SQS::Queue")[queue_name]


def _kept_in(target):
    """Return where a rule keeps what it cannot deliver; what it sends to a dead-letter queue has no better place."""
    return target.get("DeadLetterConfig", target)["Arn"]


@pytest.fixture
def dead_letter_queues(of_type):
    redrives = [queue["RedrivePolicy"] for queue in of_type("AWS::SQS::Queue").values() if "RedrivePolicy" in queue]
    targets = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
    configured = [policy["deadLetterTargetArn"] for policy in redrives]
    configured += [_kept_in(target) for target in targets]
    return {arn["Fn::GetAtt"][0] for arn in configured}


def test_a_queue_has_a_dead_letter_queue_or_is_one(queue_name, queue, dead_letter_queues):
    assert ("RedrivePolicy" in queue) != (queue_name in dead_letter_queues)


def test_receives_are_bounded(queue):
    assert 3 <= queue.get("RedrivePolicy", {"maxReceiveCount": 5})["maxReceiveCount"] <= 10


def test_a_queue_is_encrypted(queue):
    assert queue["SqsManagedSseEnabled"] is True


def test_a_dead_letter_queue_keeps_messages_as_long_as_sqs_can(queue_name, queue, dead_letter_queues):
    if queue_name in dead_letter_queues:
        assert queue["MessageRetentionPeriod"] == 14 * DAY_SECONDS
    else:
        assert queue["MessageRetentionPeriod"] >= 4 * DAY_SECONDS


def test_a_message_has_days_left_when_it_reaches_the_dead_letter_queue(of_type):
    # Its age counts from the day on which it was sent, also there.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
    queues = of_type("AWS::SQS::Queue")
    for queue in queues.values():
        if "RedrivePolicy" in queue:
            target = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
            assert target["MessageRetentionPeriod"] - queue["MessageRetentionPeriod"] >= 2 * DAY_SECONDS


def test_an_image_waits_for_a_session_longer_than_its_schedule_may_let_it(template, of_type):
    kept_seconds = of_type("AWS::SQS::Queue")["InspectionQueue"]["MessageRetentionPeriod"]
    assert template["Parameters"]["MaximumAgeSeconds"]["MaxValue"] < kept_seconds


def test_a_message_stays_hidden_six_times_as_long_as_its_reader_may_run(of_type):
    # As Lambda asks of a queue that it reads; and no longer, since a message that failed waits for it.
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    queues, functions = of_type("AWS::SQS::Queue"), of_type("AWS::Lambda::Function")
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        visibility = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]["VisibilityTimeout"]
        if isinstance(visibility, dict):
            # A session reads the queue by itself, and then there is no mapping.
            condition, with_sessions, visibility = visibility["Fn::If"]
            assert condition == "UsesCustomLabels"
            assert with_sessions == 6 * functions["DrainQueueFunction"]["Timeout"]
        _, _, function = mapping["FunctionName"]["Fn::If"]
        batching_seconds = mapping.get("MaximumBatchingWindowInSeconds", 0)
        assert visibility == 6 * functions[function["Ref"]]["Timeout"] + batching_seconds


def test_a_reader_reports_which_messages_failed(of_type):
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_batch_size_and_concurrency_are_settings(of_type):
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["BatchSize"] == {"Ref": "ProcessingBatchSize"}
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ProcessingMaximumConcurrency"}}


def test_only_one_reads_the_inspection_queue_by_itself(expanded):
    # A session takes its messages itself, at the model's rate: a mapping would take them without a model.
    readers = {
        name: one.get("Condition")
        for name, one in expanded.items()
        if one["Type"] == "AWS::Lambda::EventSourceMapping"
        and one["Properties"]["EventSourceArn"] == {"Fn::GetAtt": ["InspectionQueue", "Arn"]}
    }
    assert readers == {"InspectImagesFunctionInspectionQueue": "InspectsAtOnce"}


def test_a_queue_refuses_callers_without_tls(queue_name, of_type):
    statements = [
        statement
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        if {"Ref": queue_name} in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    (deny,) = [one for one in statements if one["Effect"] == "Deny"]
    resource = deny["Resource"] if isinstance(deny["Resource"], list) else [deny["Resource"]]
    assert {"Fn::GetAtt": [queue_name, "Arn"]} in resource
    assert (deny["Principal"], deny["Action"]) == ("*", "sqs:*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_only_rules_of_this_account_send_to_a_queue(queue_name, of_type):
    statements = [
        statement
        for policy in of_type("AWS::SQS::QueuePolicy").values()
        if {"Ref": queue_name} in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    (allow,) = statements
    assert allow["Principal"] == {"Service": "events.amazonaws.com"}
    assert allow["Action"] == "sqs:SendMessage"
    assert allow["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert {"ArnEquals", "ArnLike"} & allow["Condition"].keys()


def test_a_rule_keeps_what_it_cannot_deliver(of_type):
    for rule in of_type("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            assert _kept_in(target)["Fn::GetAtt"][0].endswith("DeadLetterQueue")


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
def test_event_on_the_bus_is_taken_by_one_rule_unless_it_is_of_the_product(of_type, source, detail_type, taken_by):
    event = {"source": source, "detail-type": detail_type, "detail": {}}
    rules = {
        name: rule["EventPattern"]
        for name, rule in of_type("AWS::Events::Rule").items()
        if rule.get("EventBusName") == {"Ref": "VisionEventBus"}
    }
    assert [name for name, pattern in rules.items() if _matches(pattern, event)] == taken_by


def _matches(pattern, event):
    asked = {"EventPattern": json.dumps(pattern), "Event": json.dumps(event)}
    return json.loads(eventbridge._test_event_pattern(asked)[2])["Result"]


def test_an_asynchronous_function_keeps_the_events_it_could_not_take(of_type):
    for config in of_type("AWS::Lambda::EventInvokeConfig").values():
        of_a_run = config["FunctionName"] == {"Ref": "SummarizeRunFunction"}
        queue = "BulkDeadLetterQueue" if of_a_run else "TrackingDeadLetterQueue"
        assert config["DestinationConfig"]["OnFailure"] == {"Destination": {"Fn::GetAtt": [queue, "Arn"]}}


# CloudFormation calls it asynchronously, and waits for what it writes to an address and not for its answer.
OF_CLOUDFORMATION = {"ReleaseModelFunction"}


def test_every_function_that_a_rule_calls_is_asynchronous_with_a_destination(of_type):
    called = {
        target["Arn"]["Fn::GetAtt"][0]
        for rule in of_type("AWS::Events::Rule").values()
        for target in rule["Targets"]
        if "Fn::GetAtt" in target["Arn"] and "Function" in target["Arn"]["Fn::GetAtt"][0]
    }
    configured = {config["FunctionName"]["Ref"] for config in of_type("AWS::Lambda::EventInvokeConfig").values()}
    assert called == {"TrackExecutionFunction", "StopModelFunction", "SummarizeRunFunction"}
    assert configured == called | OF_CLOUDFORMATION


def _sent_on(pattern, key):
    return any(
        re.fullmatch(re.escape(condition["wildcard"]).replace(r"\*", ".*"), key)
        for condition in pattern["detail"]["object"]["key"]
    )


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        ("private/ann/uploads/photo (1).png", True),
        ("private/ann/uploads/café.JPG", True),
        ("private/ann/uploads/x/y/50%.jpg", True),
        ("private/ann/resized/id/version.jpg", False),
        ("images/a.jpg", False),
        ("uploads/a.jpg", False),
    ],
)
def test_the_upload_rule_sends_uploads_and_nothing_of_our_own(of_type, key, sent):
    assert _sent_on(of_type("AWS::Events::Rule")["UploadRule"]["EventPattern"], key) is sent


def test_the_upload_rule_sends_creations_in_the_image_bucket_only(of_type):
    pattern = of_type("AWS::Events::Rule")["UploadRule"]["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"]["bucket"] == {"name": [{"Ref": "ImageBucket"}]}


def test_the_execution_rule_sends_what_an_execution_cannot_record_itself(of_type):
    detail = of_type("AWS::Events::Rule")["ExecutionStatusRule"]["EventPattern"]["detail"]
    assert detail["stateMachineArn"] == [{"Ref": "ProcessImage"}]
    ended, redriven = detail["$or"]
    assert ended == {"status": ["FAILED", "TIMED_OUT", "ABORTED"]}
    assert redriven == {"status": ["RUNNING"], "redriveCount": [{"numeric": [">", 0]}]}


INSPECTION_RULES = ("InspectionRule", "InspectionRuleForCapitals", "InspectionRuleForInitialCapitals")


def _inspected(of_type, key):
    return sum(_sent_on(of_type("AWS::Events::Rule")[name]["EventPattern"], key) for name in INSPECTION_RULES)


@pytest.mark.parametrize(
    "key",
    [
        f"images/2026/a (1).{spelled}"
        for ending in ("jpg", "jpeg", "png")
        for spelled in (ending, ending.upper(), ending.capitalize())
    ],
)
def test_an_image_below_images_is_sent_to_its_inspection_once(of_type, key):
    assert _inspected(of_type, key) == 1
    assert results.is_inspected(key)


@pytest.mark.parametrize(
    "key",
    [
        "images/readme.txt",
        "images/folder/",
        "images/a.jpg.part",
        "images.jpg",
        "my/images/a.jpg",
        "private/ann/uploads/a.jpg",
        "analyzed/success/a.jpg",
        "results/a.jpg/v1.json",
    ],
)
def test_what_is_no_image_below_images_is_not_inspected(of_type, key):
    assert _inspected(of_type, key) == 0
    assert not results.is_inspected(key)


@pytest.mark.parametrize("name", INSPECTION_RULES)
def test_an_inspection_rule_sends_creations_in_the_image_bucket_to_the_queue_only(of_type, name):
    rule = of_type("AWS::Events::Rule")[name]
    assert rule["EventPattern"]["source"] == ["aws.s3"]
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert rule["EventPattern"]["detail"]["bucket"] == {"name": [{"Ref": "ImageBucket"}]}
    assert [target["Arn"] for target in rule["Targets"]] == [{"Fn::GetAtt": ["InspectionQueue", "Arn"]}]


def test_the_inspection_queue_takes_messages_of_its_rules_only(of_type):
    (allow,) = (
        one
        for one in of_type("AWS::SQS::QueuePolicy")["InspectionQueuePolicy"]["PolicyDocument"]["Statement"]
        if one["Effect"] == "Allow"
    )
    senders = {resolve(arn) for arn in allow["Condition"]["ArnEquals"]["aws:SourceArn"]}
    assert senders == {f"${{{name}.Arn}}" for name in INSPECTION_RULES}


def test_a_rule_has_few_wildcards(of_type):
    # PutRule refuses a pattern as too complex. The limit is not published; event-ruler counts, at the first wildcard,
    # each alternative twice, and four alternatives with one wildcard each are known to pass, four with two are not.
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html#eb-filtering-wildcard-matching-complexity
    # https://github.com/aws/event-ruler/blob/main/src/main/software/amazon/event/ruler/MachineComplexityEvaluator.java
    for rule in of_type("AWS::Events::Rule").values():
        wildcards = [node["wildcard"] for _, node in walk(rule) if isinstance(node, dict) and "wildcard" in node]
        assert sum(one.count("*") for one in wildcards) <= 4


def test_a_pattern_is_as_short_as_event_bridge_wants_it(of_type):
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html: 2,048 characters; names and ARNs come in.
    for rule in of_type("AWS::Events::Rule").values():
        assert len(json.dumps(rule.get("EventPattern", {}))) < 1500


def test_the_end_of_a_session_that_failed_calls_the_watchdog(of_type):
    (pattern,) = (
        rule["EventPattern"]
        for rule in of_type("AWS::Events::Rule").values()
        if rule.get("EventPattern", {}).get("detail", {}).get("stateMachineArn") == [{"Ref": "CustomModelSession"}]
    )
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]


def test_the_dead_letter_queue_of_a_rule_admits_that_rule(expanded):
    admitted = {}
    for policy in expanded.values():
        if policy["Type"] != "AWS::SQS::QueuePolicy":
            continue
        arns = [
            target
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
            for _, target in references(statement["Condition"])
        ]
        for _, queue in references(policy["Properties"]["Queues"]):
            admitted[queue] = arns
    refused = [
        (name, queue)
        for name, rule in expanded.items()
        if rule["Type"] == "AWS::Events::Rule"
        for target in rule["Properties"]["Targets"]
        for _, queue in references(_kept_in(target))
        if f"{name}.Arn" not in admitted[queue.removesuffix(".Arn")]
    ]
    assert refused == []


def test_the_inspection_knows_how_often_its_queue_gives_a_message_out(resources):
    redrive = resources["InspectionQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == RECEIVES_LIMIT
