"""A queue with its function from a template works like one that the API creates; parameters are checked."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.local.engine.account import LAMBDA_TRUST, resources, unique, wait_for

pytestmark = pytest.mark.local

MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"


def arn(resource: str) -> dict:
    return {"Fn::GetAtt": [resource, "Arn"]}


def template(*policies: str) -> dict:
    """Return a queue, its dead-letter queue and its function, with numbers from parameters."""
    function = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": arn("Role"),
        "Code": {"ZipFile": "def handler(event, context): raise ValueError"},
        "Timeout": {"Ref": "Seconds"},
    }
    mapping = {
        "EventSourceArn": arn("Queue"),
        "FunctionName": {"Ref": "Function"},
        "BatchSize": {"Ref": "Size"},
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "Size"}},
    }
    redrive = {"deadLetterTargetArn": arn("Dead"), "maxReceiveCount": 1}
    return {
        "Parameters": {"Size": {"Type": "Number", "Default": 2}, "Seconds": {"Type": "Number", "Default": 1}},
        "Resources": resources(
            Role=("IAM::Role", {"AssumeRolePolicyDocument": LAMBDA_TRUST, "ManagedPolicyArns": list(policies)}),
            Dead=("SQS::Queue", {}),
            Queue=("SQS::Queue", {"RedrivePolicy": redrive, "VisibilityTimeout": {"Ref": "Seconds"}}),
            Function=("Lambda::Function", function),
            Mapping=("Lambda::EventSourceMapping", mapping),
        ),
        "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}, "Dead": {"Value": {"Ref": "Dead"}}},
    }


def test_trigger_from_a_template_with_parameters_reads_its_queue_if_its_role_may(account):
    stack = account.deploy(template(MANAGED))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    sqs = account.client("sqs")
    sqs.send_message(QueueUrl=outputs["Queue"], MessageBody="photo")
    assert wait_for(lambda: sqs.receive_message(QueueUrl=outputs["Dead"]).get("Messages"))
    assert account.deploy(template())["StackStatus"] in ("ROLLBACK_COMPLETE", "CREATE_FAILED")


def test_change_set_is_refused_when_a_previous_value_does_not_match_the_new_pattern(account):
    """`sam deploy` sends UsePreviousValue for a parameter that is not named."""

    def stack(pattern: str) -> str:
        release = {
            "Type": "String",
            "Default": "a.table1",
            "AllowedPattern": pattern,
            "ConstraintDescription": "mind it.",
        }
        return json.dumps({"Parameters": {"Release": release}, "Resources": resources(Topic=("SNS::Topic", {}))})

    cloudformation, name = account.client("cloudformation"), unique("stack")
    account.deploy(json.loads(stack(".*[.]table1")), name)
    change = {
        "StackName": name,
        "ChangeSetName": "next",
        "ChangeSetType": "UPDATE",
        "Parameters": [{"ParameterKey": "Release", "UsePreviousValue": True}],
    }
    with pytest.raises(ClientError, match="mind it") as error:
        cloudformation.create_change_set(TemplateBody=stack(".*[.]table2"), **change)
    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert cloudformation.list_change_sets(StackName=name)["Summaries"] == []
    cloudformation.create_change_set(TemplateBody=stack(".*[.]table[12]"), **change)
