"""What a template makes in the engine works like what the API makes."""

import json

import pytest

from tests.local.engine.account import unique, wait_for

pytestmark = pytest.mark.local

CODE = "def handler(event, context): raise ValueError"
ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
MANAGED = "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole"


def template(*policies: str) -> str:
    """Make a queue, its dead-letter queue and its function, with numbers from parameters."""
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 1}
    function = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": CODE},
        "Timeout": {"Ref": "Seconds"},
    }
    mapping = {
        "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "FunctionName": {"Ref": "Function"},
        "BatchSize": {"Ref": "Size"},
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "Size"}},
    }
    resources = {
        "Role": ("IAM::Role", {"AssumeRolePolicyDocument": ASSUME, "ManagedPolicyArns": list(policies)}),
        "Dead": ("SQS::Queue", {}),
        "Queue": ("SQS::Queue", {"RedrivePolicy": redrive, "VisibilityTimeout": {"Ref": "Seconds"}}),
        "Function": ("Lambda::Function", function),
        "Mapping": ("Lambda::EventSourceMapping", mapping),
    }
    return json.dumps(
        {
            "Parameters": {
                "Size": {"Type": "Number", "Default": 2},
                "Seconds": {"Type": "Number", "Default": 1},
            },
            "Resources": {
                name: {"Type": f"AWS::{kind}", "Properties": properties}
                for name, (kind, properties) in resources.items()
            },
            "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}, "Dead": {"Value": {"Ref": "Dead"}}},
        }
    )


def deploy(account, body: str) -> dict:
    cloudformation, name = account.client("cloudformation"), unique("stack")
    cloudformation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])

    def done() -> dict | None:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    return wait_for(done)


def test_numbers_from_parameters_configure_a_trigger_that_reads_its_queue(account):
    stack = deploy(account, template(MANAGED))
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    sqs = account.client("sqs")
    sqs.send_message(QueueUrl=outputs["Queue"], MessageBody="photo")
    assert wait_for(lambda: sqs.receive_message(QueueUrl=outputs["Dead"]).get("Messages"))


def test_a_stack_whose_role_may_not_read_the_queue_is_rolled_back(account):
    stack = deploy(account, template())
    assert stack["StackStatus"] in ("ROLLBACK_COMPLETE", "CREATE_FAILED")
