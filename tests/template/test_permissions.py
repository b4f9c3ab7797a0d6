"""Permissions: each function may do what its code does, on the resources that it does it to, and nothing else."""

import re

import pytest

from tests.template.call_graph import Code
from tests.template.cloudformation import TEMPLATE, listed, load, resolve, walk

# What IAM asks for each call of the SDK that an adapter makes.
# https://docs.aws.amazon.com/service-authorization/latest/reference/
ACTIONS = {
    # With a version id the second one decides; without s3:ListBucket a missing object answers 403, and the record
    # would say AccessDenied where it means ObjectNotFound.
    ("s3", "get_object"): {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
    ("s3", "put_object"): {"s3:PutObject"},
    ("dynamodb", "put_item"): {"dynamodb:PutItem"},
    ("dynamodb", "update_item"): {"dynamodb:UpdateItem"},
    ("dynamodb", "get_item"): {"dynamodb:GetItem"},
    ("dynamodb", "query"): {"dynamodb:Query"},
    ("stepfunctions", "start_execution"): {"states:StartExecution"},
    ("stepfunctions", "describe_execution"): {"states:DescribeExecution"},
    # Rekognition reads the object from S3 with the permissions of its caller.
    ("rekognition", "detect_labels"): {"rekognition:DetectLabels", "s3:GetObject", "s3:GetObjectVersion"},
}
# What Lambda itself does in a function's name.
BY_CONFIGURATION = {
    "StartProcessingFunction": {
        "sqs:ReceiveMessage": "reads the queue",
        "sqs:DeleteMessage": "removes what is done",
        "sqs:GetQueueAttributes": "learns how long a message stays hidden",
    },
    "TrackExecutionFunction": {"sqs:SendMessage": "sends the events that failed to its destination"},
}

# Where each action may reach.
RESOURCES = {
    "s3:GetObject": {"${ImageBucket.Arn}/private/*/uploads/*"},
    "s3:GetObjectVersion": {"${ImageBucket.Arn}/private/*/uploads/*"},
    "s3:ListBucket": {"${ImageBucket.Arn}"},
    "s3:PutObject": {"${ImageBucket.Arn}/private/*/resized/*"},
    "dynamodb:PutItem": {"${ImageTable.Arn}"},
    "dynamodb:UpdateItem": {"${ImageTable.Arn}"},
    "dynamodb:Query": {"${ImageTable.Arn}/index/by_status"},
    "states:StartExecution": {"${ProcessImage}"},
    "states:DescribeExecution": {
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:${ProcessImage.Name}:*"
    },
    "sqs:ReceiveMessage": {"${ProcessingQueue.Arn}"},
    "sqs:DeleteMessage": {"${ProcessingQueue.Arn}"},
    "sqs:GetQueueAttributes": {"${ProcessingQueue.Arn}"},
    "sqs:SendMessage": {"${TrackingDeadLetterQueue.Arn}"},
    "rekognition:DetectLabels": {"*"},
    "lambda:InvokeFunction": {
        "${ExtractMetadataFunction.Arn}",
        "${DetectLabelsFunction.Arn}",
        "${GenerateThumbnailFunction.Arn}",
        "${StoreMetadataFunction.Arn}",
    },
}
# Statements that may say "*", because their actions have no resource.
WITHOUT_RESOURCE = {"DetectLabels", "DeliverItsLogs", "SendTraces", "SendItsTraces"}

# What Step Functions needs to write its log.
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:CreateLogStream",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutLogEvents",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}

CODE = Code()
FUNCTIONS = [
    name for name, one in load(TEMPLATE.read_text())["Resources"].items() if one["Type"] == "AWS::Serverless::Function"
]


def _folder(function):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()


def _statements(role):
    return [one for policy in role.get("Policies", []) for one in policy["PolicyDocument"]["Statement"]]


@pytest.fixture
def roles(of_type):
    return of_type("AWS::IAM::Role")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_exactly_what_its_code_does(roles, function):
    allowed = {action for statement in _statements(roles[f"{function}Role"]) for action in listed(statement["Action"])}
    required = {action for call in CODE.aws_calls(_folder(function)) for action in ACTIONS[call]}
    assert allowed == required | BY_CONFIGURATION.get(function, {}).keys()


def test_a_role_reaches_only_what_its_actions_are_for(roles):
    beyond = {
        (name, action, resolve(resource))
        for name, role in roles.items()
        for statement in _statements(role)
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        if action not in LOG_DELIVERY and not action.startswith("xray:") and resolve(resource) not in RESOURCES[action]
    }
    assert not beyond


def test_a_role_only_allows(roles):
    assert {one["Effect"] for role in roles.values() for one in _statements(role)} == {"Allow"}


def test_no_action_is_a_wildcard(roles):
    assert not [
        action
        for role in roles.values()
        for statement in _statements(role)
        for action in listed(statement["Action"])
        if "*" in action
    ]


def test_every_resource_is_used_only_where_the_service_has_none(template):
    everywhere = {
        node["Sid"]
        for _, node in walk(template["Resources"])
        if isinstance(node, dict) and node.get("Effect") == "Allow" and "*" in listed(node.get("Resource", []))
    }
    assert everywhere == WITHOUT_RESOURCE


@pytest.mark.parametrize("sid", sorted(WITHOUT_RESOURCE))
def test_every_such_exception_says_why(text, sid):
    lines = text.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.strip() == f"- Sid: {sid}"]
    assert "no resource" in lines[at - 1] or "Nor have these" in lines[at - 1]


def test_the_state_machine_may_write_its_log(roles):
    (delivery,) = [one for one in _statements(roles["ProcessImageRole"]) if one.get("Sid") == "DeliverItsLogs"]
    assert set(delivery["Action"]) == LOG_DELIVERY


def test_a_function_shares_only_the_policy_for_logs_and_traces(roles):
    # A policy of AWS's own would reach all log groups and queues of the account.
    for name, role in roles.items():
        shared = [] if name == "ProcessImageRole" else [{"Ref": "LogsAndTracesPolicy"}]
        assert (name, role.get("ManagedPolicyArns", [])) == (name, shared)


def test_the_shared_policy_writes_to_the_log_group_of_this_stack_only(of_type):
    (policy,) = of_type("AWS::IAM::ManagedPolicy").values()
    (logs,) = [one for one in policy["PolicyDocument"]["Statement"] if one["Sid"] == "WriteLogs"]
    assert resolve(logs["Resource"]) == "${FunctionLogs.Arn}"


def test_every_statement_has_a_name_that_says_what_it_is_for(template):
    unnamed = [
        path
        for path, node in walk(template["Resources"])
        if isinstance(node, dict)
        and "Effect" in node
        and "AssumeRolePolicyDocument" not in path
        and not re.fullmatch(r"[A-Z][A-Za-z]+", node.get("Sid", ""))
    ]
    assert not unnamed
