"""Queues and rules: a burst waits, a poison message ends in a dead-letter queue, and nothing is lost."""

import re

import pytest

from tests.template.cloudformation import TEMPLATE, load

DAY_SECONDS = 86_400
QUEUES = [name for name, one in load(TEMPLATE.read_text())["Resources"].items() if one["Type"] == "AWS::SQS::Queue"]


@pytest.fixture(params=QUEUES)
def queue_name(request):
    return request.param


@pytest.fixture
def queue(queue_name, of_type):
    return of_type("AWS::SQS::Queue")[queue_name]


@pytest.fixture
def dead_letter_queues(of_type):
    redrives = [queue["RedrivePolicy"] for queue in of_type("AWS::SQS::Queue").values() if "RedrivePolicy" in queue]
    targets = [target for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]]
    configured = [policy["deadLetterTargetArn"] for policy in redrives]
    configured += [target["DeadLetterConfig"]["Arn"] for target in targets]
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


def test_a_dead_letter_queue_keeps_a_message_longer_than_its_source(of_type):
    queues = of_type("AWS::SQS::Queue")
    for queue in queues.values():
        if "RedrivePolicy" in queue:
            target = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
            assert target["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]


def test_visibility_is_six_times_the_timeout_of_the_reader(of_type):
    queues, functions = of_type("AWS::SQS::Queue"), of_type("AWS::Lambda::Function")
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        queue = queues[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        timeout = functions[mapping["FunctionName"]["Ref"]]["Timeout"]
        assert queue["VisibilityTimeout"] >= 6 * timeout + mapping.get("MaximumBatchingWindowInSeconds", 0)


def test_a_reader_reports_which_messages_failed(of_type):
    for mapping in of_type("AWS::Lambda::EventSourceMapping").values():
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_batch_size_and_concurrency_are_settings(of_type):
    (mapping,) = of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["BatchSize"] == {"Ref": "ProcessingBatchSize"}
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "ProcessingMaximumConcurrency"}}


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
            assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].endswith("DeadLetterQueue")


def test_an_asynchronous_function_keeps_the_events_it_could_not_take(of_type):
    (config,) = of_type("AWS::Lambda::EventInvokeConfig").values()
    assert config["DestinationConfig"]["OnFailure"] == {
        "Destination": {"Fn::GetAtt": ["TrackingDeadLetterQueue", "Arn"]}
    }


def _sent_on(pattern, key):
    (condition,) = pattern["detail"]["object"]["key"]
    return re.fullmatch(re.escape(condition["wildcard"]).replace(r"\*", ".*"), key) is not None


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
