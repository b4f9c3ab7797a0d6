"""Permissions: each function may do what its code does, on the resources that it does it to, and nothing else."""

import json
import re

import pytest

from tests.template.call_graph import Code
from tests.template.cloudformation import TEMPLATE, listed, load, plain, resolve, walk
from tests.template.iam import is_allowed
from vision.domain.bulk import bulk_run

# What IAM asks for each call of the SDK that an adapter makes.
# https://docs.aws.amazon.com/service-authorization/latest/reference/
ACTIONS = {
    # With a version id the second one decides; without s3:ListBucket a missing object answers 403, and the record
    # would say AccessDenied where it means ObjectNotFound.
    ("s3", "get_object"): {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
    ("s3", "head_object"): {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
    ("s3", "head_bucket"): {"s3:ListBucket"},
    ("s3", "list_objects_v2"): {"s3:ListBucket"},
    ("s3", "put_object"): {"s3:PutObject"},
    # A copy takes the tags along, and is refused where they may not be read or written.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    ("s3", "copy_object"): {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
    },
    # With a version id the second one decides; a bucket that lost its versioning has none.
    ("s3", "delete_object"): {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    ("s3", "list_object_versions"): {"s3:ListBucketVersions"},
    ("s3", "delete_objects"): {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    # What is signed can do no more than who signs.
    ("s3", "generate_presigned_post"): {"s3:PutObject"},
    ("s3", "generate_presigned_url"): {"s3:GetObject", "s3:GetObjectVersion"},
    ("dynamodb", "put_item"): {"dynamodb:PutItem"},
    ("dynamodb", "update_item"): {"dynamodb:UpdateItem"},
    ("dynamodb", "get_item"): {"dynamodb:GetItem"},
    ("dynamodb", "batch_get_item"): {"dynamodb:BatchGetItem"},
    ("dynamodb", "query"): {"dynamodb:Query"},
    ("dynamodb", "scan"): {"dynamodb:Scan"},
    ("dynamodb", "batch_write_item"): {"dynamodb:BatchWriteItem"},
    # Of updates only.
    ("dynamodb", "transact_write_items"): {"dynamodb:UpdateItem"},
    ("stepfunctions", "list_executions"): {"states:ListExecutions"},
    ("stepfunctions", "get_execution_history"): {"states:GetExecutionHistory"},
    ("stepfunctions", "start_execution"): {"states:StartExecution"},
    ("stepfunctions", "describe_execution"): {"states:DescribeExecution"},
    # Rekognition reads the object from S3 with the permissions of its caller.
    ("rekognition", "detect_labels"): {"rekognition:DetectLabels", "s3:GetObject", "s3:GetObjectVersion"},
    ("rekognition", "detect_custom_labels"): {"rekognition:DetectCustomLabels", "s3:GetObject", "s3:GetObjectVersion"},
    ("rekognition", "describe_project_versions"): {"rekognition:DescribeProjectVersions"},
    ("rekognition", "start_project_version"): {"rekognition:StartProjectVersion"},
    ("rekognition", "stop_project_version"): {"rekognition:StopProjectVersion"},
    # The own model's function reads the object with permissions of its own.
    ("lambda", "invoke"): {"lambda:InvokeFunction"},
    ("events", "put_events"): {"events:PutEvents"},
    ("cognito-idp", "admin_get_user"): {"cognito-idp:AdminGetUser"},
    ("sqs", "get_queue_attributes"): {"sqs:GetQueueAttributes"},
    ("sqs", "receive_message"): {"sqs:ReceiveMessage"},
    ("sqs", "delete_message"): {"sqs:DeleteMessage"},
    ("sqs", "change_message_visibility"): {"sqs:ChangeMessageVisibility"},
    ("sqs", "send_message"): {"sqs:SendMessage"},
    # The topic is encrypted with the key alias/aws/sns, whose policy lets in whoever of this account may publish.
    ("sns", "publish"): {"sns:Publish"},
    ("sns", "subscribe"): {"sns:Subscribe"},
}
# What Lambda itself does in a function's name.
QUEUE_READER = {
    "sqs:ReceiveMessage": "reads the queue",
    "sqs:DeleteMessage": "removes what is done",
    "sqs:GetQueueAttributes": "learns how long a message stays hidden",
}
DESTINATION = {"sqs:SendMessage": "sends the events that failed to its destination"}
BY_CONFIGURATION = {
    "StartProcessingFunction": QUEUE_READER,
    "InspectImagesFunction": QUEUE_READER,
    "TrackExecutionFunction": DESTINATION,
    "StopModelFunction": DESTINATION,
    "ReleaseModelFunction": DESTINATION,
    "SummarizeRunFunction": DESTINATION,
}
# What a role takes from the policy that it shares with others.
SHARED = {
    "OpenRunFunctionRole": "ReadBulkBucketsPolicy",
    "ProcessBatchFunctionRole": "ReadBulkBucketsPolicy",
    "ProcessBucketRole": "ReadBulkBucketsPolicy",
}

# Where each action of each function may reach.
UPLOADS = {
    "s3:GetObject": {"${ImageBucket.Arn}/private/*/uploads/*"},
    "s3:GetObjectVersion": {"${ImageBucket.Arn}/private/*/uploads/*"},
    "s3:ListBucket": {"${ImageBucket.Arn}"},
}
RECORDS = {action: {"${ImageTable.Arn}"} for action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:GetItem")}
INSPECTED = "${ResultsBucket.Arn}/analyzed/*"
RESULTS = {INSPECTED, "${ResultsBucket.Arn}/results/*"}
IMAGES = {"${ImageBucket.Arn}/images/*"}
INSPECTION = {
    **RECORDS,
    # A copy is looked at after it was made, and a repeated inspection finds the one of the first.
    "s3:GetObject": IMAGES | RESULTS,
    "s3:GetObjectVersion": IMAGES | RESULTS,
    # Of both sources of a copy: an image that moves, and the newer one that an older one was copied over.
    "s3:GetObjectTagging": {*IMAGES, INSPECTED},
    "s3:GetObjectVersionTagging": {*IMAGES, INSPECTED},
    "s3:ListBucket": {"${ImageBucket.Arn}", "${ResultsBucket.Arn}"},
    "s3:ListBucketVersions": {"${ResultsBucket.Arn}"},
    "s3:DeleteObject": IMAGES,
    "s3:DeleteObjectVersion": IMAGES,
    "s3:PutObject": RESULTS,
    "s3:PutObjectTagging": RESULTS,
    "sns:Publish": {"${QualityTopic}"},
}
INSPECTION_QUEUE = {
    action: {"${InspectionQueue.Arn}"} for action in (*QUEUE_READER, "sqs:ChangeMessageVisibility", "sqs:SendMessage")
}
BULK_BUCKETS = {
    "s3:ListBucket": {"${ImageBucket.Arn}", "${BulkBucketArns}"},
    "s3:GetObject": {"${ImageBucket.Arn}/*", "${BulkBucketArns}/*"},
    "s3:GetObjectVersion": {"${ImageBucket.Arn}/*", "${BulkBucketArns}/*"},
}
FILING = {
    action: {"${ImageTable.Arn}"} for action in ("dynamodb:Query", "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem")
}
ERASURE = {
    "s3:ListBucketVersions": {"${ImageBucket.Arn}", "${ResultsBucket.Arn}"},
    "s3:DeleteObject": {"${ImageBucket.Arn}/private/*", "${ResultsBucket.Arn}/thumbnails/*"},
    "s3:DeleteObjectVersion": {"${ImageBucket.Arn}/private/*", "${ResultsBucket.Arn}/thumbnails/*"},
}
SHOWN = {
    "${ImageBucket.Arn}/private/*",
    "${ImageBucket.Arn}/images/*",
    INSPECTED,
    "${ResultsBucket.Arn}/thumbnails/*",
}
EXECUTIONS = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution"
RESULTS_OF_A_RUN = "${ResultsBucket.Arn}/imageLabelJobs/*"
DEAD_LETTERS = {"sqs:SendMessage": {"${TrackingDeadLetterQueue.Arn}"}}
# Each where it is the one that was chosen.
DETECTORS = {"rekognition:DetectLabels": {"*"}, "lambda:InvokeFunction": {"${OwnModelFunctionArn}"}}
RESOURCES = {
    "StartProcessingFunction": {
        **RECORDS,
        **{action: {"${ProcessingQueue.Arn}"} for action in QUEUE_READER},
        "dynamodb:BatchWriteItem": {"${ImageTable.Arn}"},
        "s3:DeleteObject": {"${ImageBucket.Arn}/private/*/uploads/*"},
        "s3:DeleteObjectVersion": {"${ImageBucket.Arn}/private/*/uploads/*"},
        "states:StartExecution": {"${ProcessImage}"},
    },
    "ExtractMetadataFunction": UPLOADS,
    "DetectLabelsFunction": {**UPLOADS, **DETECTORS},
    "GenerateThumbnailFunction": {**UPLOADS, "s3:PutObject": {"${ImageBucket.Arn}/private/*/resized/*"}},
    "StoreMetadataFunction": {**RECORDS, **FILING, **ERASURE},
    "TrackExecutionFunction": {
        **RECORDS,
        **DEAD_LETTERS,
        **FILING,
        **ERASURE,
        "dynamodb:Query": {
            "${ImageTable.Arn}",
            "${ImageTable.Arn}/index/by_status",
            "${ImageTable.Arn}/index/listing",
        },
        "states:DescribeExecution": {
            "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:${ProcessImage.Name}:*"
        },
    },
    "ValidateRulesFunction": {"sns:Subscribe": {"${QualityTopic}"}},
    "InspectImagesFunction": {**INSPECTION, **INSPECTION_QUEUE, **DETECTORS},
    "CheckQueueFunction": {**RECORDS, **INSPECTION_QUEUE},
    "StartModelFunction": {
        **RECORDS,
        "rekognition:DescribeProjectVersions": {"${ProjectArn}"},
        "rekognition:StartProjectVersion": {"${ModelVersionArn}"},
    },
    "DrainQueueFunction": {
        **INSPECTION,
        **INSPECTION_QUEUE,
        "rekognition:DetectCustomLabels": {"${ModelVersionArn}"},
    },
    "StopModelFunction": {
        **RECORDS,
        **DEAD_LETTERS,
        "rekognition:DescribeProjectVersions": {"${ProjectArn}"},
        "rekognition:StopProjectVersion": {"${ModelVersionArn}"},
        # The machine's name is generated, with its logical id in it, and the machine names the function.
        "states:DescribeExecution": {
            "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:*CustomModelSession-*:*"
        },
    },
    # What it stops is the model of the parameters before.
    "ReleaseModelFunction": {
        **DEAD_LETTERS,
        "rekognition:DescribeProjectVersions": {
            "arn:${AWS::Partition}:rekognition:${AWS::Region}:${AWS::AccountId}:project/*"
        },
        "rekognition:StopProjectVersion": {
            "arn:${AWS::Partition}:rekognition:${AWS::Region}:${AWS::AccountId}:project/*/version/*"
        },
    },
    "OpenRunFunction": {
        **RECORDS,
        **BULK_BUCKETS,
        "states:DescribeExecution": {
            "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:${ProcessBucket.Name}:*"
        },
    },
    "ProcessBatchFunction": {
        **RECORDS,
        **BULK_BUCKETS,
        "dynamodb:BatchGetItem": {"${ImageTable.Arn}"},
        "s3:PutObject": {"${ResultsBucket.Arn}/thumbnails/*"},
        **DETECTORS,
    },
    "ApiFunction": {
        **RECORDS,
        **FILING,
        **ERASURE,
        "dynamodb:Query": {"${ImageTable.Arn}", "${ImageTable.Arn}/index/listing"},
        "dynamodb:Scan": {"${ImageTable.Arn}"},
        "s3:PutObject": {"${ImageBucket.Arn}/private/*/uploads/*"},
        "s3:GetObject": SHOWN,
        "s3:GetObjectVersion": SHOWN,
        "states:StartExecution": {"${ProcessBucket}"},
        "states:ListExecutions": {"${ProcessBucket}"},
        "states:DescribeExecution": {
            f"{EXECUTIONS}:${{ProcessBucket.Name}}:*",
            f"{EXECUTIONS}:${{CustomModelSession.Name}}:*",
        },
        "states:GetExecutionHistory": {f"{EXECUTIONS}:${{CustomModelSession.Name}}:*"},
    },
    "PreTokenGenerationFunction": {"cognito-idp:AdminGetUser": {"${UserPool.Arn}"}},
    "SummarizeRunFunction": {
        **RECORDS,
        "dynamodb:BatchGetItem": {"${ImageTable.Arn}"},
        "s3:ListBucket": {"${ResultsBucket.Arn}"},
        "s3:GetObject": {RESULTS_OF_A_RUN},
        "s3:PutObject": {RESULTS_OF_A_RUN},
        "events:PutEvents": {"${VisionEventBus.Arn}"},
        "sqs:SendMessage": {"${BulkDeadLetterQueue.Arn}"},
    },
}
# It lists the buckets only, and shares the policy of those that read them.
BEYOND_NEED = {"OpenRunFunction": {"s3:GetObject", "s3:GetObjectVersion"}}
# It reads what a run has just written, and pins no version.
WITHOUT_NEED = {"SummarizeRunFunction": {"s3:GetObjectVersion"}}
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

# What a Distributed Map needs: to list and read its items, to start executions of its own state machine and to look
# after them, and to write its results, in parts where they are large.
# https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
RESULT_WRITER = {"s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"}
MAP_ACTIONS = {
    *BULK_BUCKETS,
    *RESULT_WRITER,
    "states:StartExecution",
    "states:DescribeExecution",
    "states:StopExecution",
    "states:RedriveExecution",
}

CODE = Code()
TEMPLATE_RESOURCES = load(TEMPLATE.read_text())["Resources"]
FUNCTIONS = [name for name, one in TEMPLATE_RESOURCES.items() if one["Type"] == "AWS::Serverless::Function"]
MACHINES = [name for name, one in TEMPLATE_RESOURCES.items() if one["Type"] == "AWS::Serverless::StateMachine"]


def _folder(function):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()


def _statements(role):
    return _flat([one for policy in role.get("Policies", []) for one in policy["PolicyDocument"]["Statement"]])


def _flat(statements):
    """Return all statements, those of either side of a condition too."""
    sides = [one["Fn::If"][1:] if "Fn::If" in one else [one] for one in statements]
    return [one for side in sides for one in side if "Effect" in one]


def _held(statements, holds):
    """Return statements as they are where all conditions hold, or none."""
    chosen = [one["Fn::If"][1 if holds else 2] if "Fn::If" in one else one for one in statements]
    return [one for one in chosen if "Effect" in one]


def _all_statements(of_type, name):
    """Return what a role may do by itself, by policies that are made after it, and by those that it shares."""
    statements = _statements(of_type("AWS::IAM::Role")[name])
    for policy in of_type("AWS::IAM::Policy").values():
        if {"Ref": name} in policy["Roles"]:
            statements = statements + policy["PolicyDocument"]["Statement"]
    if name in SHARED:
        document = of_type("AWS::IAM::ManagedPolicy")[SHARED[name]]["PolicyDocument"]
        statements = statements + [one for one in _flat(document["Statement"]) if one["Effect"] == "Allow"]
    return statements


def _resources(statement):
    # All objects of each bucket of a list are written as Split(Sub(Join)).
    if isinstance(statement["Resource"], dict) and "Fn::Split" in statement["Resource"]:
        return {"${BulkBucketArns}/*"}
    return set(map(resolve, listed(statement["Resource"])))


@pytest.fixture
def roles(of_type):
    return of_type("AWS::IAM::Role")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_exactly_what_its_code_does(of_type, function):
    statements = _all_statements(of_type, f"{function}Role")
    allowed = {action for statement in statements for action in listed(statement["Action"])}
    required = {action for call in CODE.aws_calls(_folder(function)) for action in ACTIONS[call]}
    required = required - WITHOUT_NEED.get(function, set()) | BEYOND_NEED.get(function, set())
    assert allowed == required | BY_CONFIGURATION.get(function, {}).keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_reaches_exactly_what_its_actions_are_for(of_type, function):
    reached = {}
    for statement in _all_statements(of_type, f"{function}Role"):
        for action in listed(statement["Action"]):
            reached.setdefault(action, set()).update(_resources(statement))
    assert reached == {action: RESOURCES[function][action] for action in reached}


@pytest.mark.parametrize("function", ["DetectLabelsFunction", "InspectImagesFunction", "ProcessBatchFunction"])
@pytest.mark.parametrize(
    ("is_own", "asked"), [(True, "lambda:InvokeFunction"), (False, "rekognition:DetectLabels")], ids=["own", "aws"]
)
def test_only_the_detector_that_was_chosen_may_be_asked(roles, function, is_own, asked):
    statements = [
        one for policy in roles[f"{function}Role"]["Policies"] for one in policy["PolicyDocument"]["Statement"]
    ]
    actions = {action for one in _held(statements, is_own) for action in listed(one["Action"])}
    assert actions & DETECTORS.keys() == {asked}


def test_nobody_reads_uploads_for_rekognition_where_the_own_model_looks(roles):
    (policy,) = roles["DetectLabelsFunctionRole"]["Policies"]
    actions = {action for one in _held(policy["PolicyDocument"]["Statement"], True) for action in listed(one["Action"])}
    assert not {action for action in actions if action.startswith("s3:Get")}


def test_the_schedule_may_start_sessions_and_nothing_else(roles):
    (statement,) = _statements(roles["SessionScheduleRole"])
    assert (statement["Action"], resolve(statement["Resource"])) == ("states:StartExecution", "${CustomModelSession}")


def test_the_rule_of_bulk_runs_may_start_them_and_nothing_else(roles):
    (statement,) = _statements(roles["BulkRunRuleRole"])
    assert (statement["Action"], resolve(statement["Resource"])) == ("states:StartExecution", "${ProcessBucket}")


def test_a_role_is_of_a_function_or_a_state_machine_or_a_rule_that_starts_one_or_of_deployments(roles):
    of_rules = {"SessionScheduleRole", "BulkRunRuleRole"}
    assert roles.keys() == {f"{name}Role" for name in (*FUNCTIONS, *MACHINES)} | of_rules | {"DeploymentRole"}


@pytest.mark.parametrize("machine", MACHINES)
def test_a_state_machine_may_invoke_write_its_log_and_trace_and_nothing_else(roles, of_type, machine):
    actions = {action for one in _all_statements(of_type, f"{machine}Role") for action in listed(one["Action"])}
    beyond = MAP_ACTIONS if machine == "ProcessBucket" else set()
    assert {one for one in actions - LOG_DELIVERY if not one.startswith("xray:")} == {"lambda:InvokeFunction"} | beyond


def test_a_distributed_map_reaches_its_own_executions_its_buckets_and_its_results(of_type):
    reached = {}
    for statement in _all_statements(of_type, "ProcessBucketRole"):
        for action in listed(statement["Action"]):
            reached.setdefault(action, set()).update(_resources(statement))
    children = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:${ProcessBucket.Name}"
    looked_after = {f"{children}:*", f"{children}/*"}
    assert {action: reached[action] for action in MAP_ACTIONS} == {
        **BULK_BUCKETS,
        "states:StartExecution": {"${ProcessBucket}"},
        "states:DescribeExecution": looked_after,
        "states:StopExecution": looked_after,
        "states:RedriveExecution": looked_after,
        "s3:GetObject": BULK_BUCKETS["s3:GetObject"] | {RESULTS_OF_A_RUN},
        **{action: {RESULTS_OF_A_RUN} for action in RESULT_WRITER if action != "s3:GetObject"},
    }


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
    named = [number for number, line in enumerate(lines) if line.strip() == f"- Sid: {sid}"]
    assert named
    assert all("no resource" in lines[at - 1] or "Nor have these" in lines[at - 1] for at in named)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_state_machine_may_write_its_log(roles, machine):
    (delivery,) = [one for one in _statements(roles[f"{machine}Role"]) if one.get("Sid") == "DeliverItsLogs"]
    assert set(delivery["Action"]) == LOG_DELIVERY


def test_a_role_shares_only_the_policies_for_logs_and_traces_and_for_the_buckets_of_runs(roles):
    # A policy of AWS's own would reach all log groups and queues of the account.
    for name, role in roles.items():
        shared = [{"Ref": "LogsAndTracesPolicy"}] if name.endswith("FunctionRole") else []
        shared += [{"Ref": SHARED[name]}] if name in SHARED else []
        assert (name, role.get("ManagedPolicyArns", [])) == (name, shared)


def test_the_shared_policy_writes_to_the_log_group_of_this_stack_only(of_type):
    policy = of_type("AWS::IAM::ManagedPolicy")["LogsAndTracesPolicy"]
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


@pytest.mark.parametrize(
    ("key", "reads_photos", "allowed"),
    [
        ("private/ann/uploads/a.jpg", "false", False),
        ("private/ann/uploads/a.jpg", "true", True),
        ("images/a.jpg", "false", True),
        ("privateer/a.jpg", "false", True),
    ],
)
@pytest.mark.parametrize("action", ["s3:GetObject", "s3:GetObjectVersion"])
def test_bulk_roles_read_photos_of_people_only_where_a_parameter_says_so(resources, action, key, reads_photos, allowed):
    conditions = {"BulkLeavesPhotosOut": reads_photos == "false", "HasBulkBuckets": False}
    document = plain(
        resources["ReadBulkBucketsPolicy"]["Properties"]["PolicyDocument"],
        {"ImageBucket.Arn": "arn:aws:s3:::b"}.get,
        conditions,
    )
    assert is_allowed([document], action, f"arn:aws:s3:::b/{key}") is allowed


def test_policy_has_room_for_as_many_buckets_as_the_deployment_takes(resources):
    # The image bucket has a name of 63 characters here. IAM does not count white space:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    document = resources["ReadBulkBucketsPolicy"]["Properties"]["PolicyDocument"]
    named = plain({**document, "Statement": _flat(document["Statement"])}, lambda name: f"{name:b>76}", {})
    of_bulk_buckets = [one for one in named["Statement"] if "BulkBuckets" in one["Sid"]]
    assert len(of_bulk_buckets) == 2
    for statement in of_bulk_buckets:
        statement["Resource"] = []
    assert len(json.dumps(named, separators=(",", ":"))) + bulk_run.BUCKETS_LIMIT_CHARACTERS <= 6_144
