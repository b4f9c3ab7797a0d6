"""Permissions: each function may do what its code does, on the resources on which it does it, and nothing else."""

import json
import re
from pathlib import Path

import pytest

from tests.template.call_graph import CODE
from tests.template.cloudformation import REPOSITORY, TEMPLATE, listed, load, plain, resolve, walk
from tests.template.iam import ACCOUNT, PSEUDO_PARAMETERS, REGION, is_allowed, policy_of_aws
from vision.domain.bulk import bulk_run

# What IAM asks for a call of the SDK that an adapter makes, where it is not an action of its name.
# https://docs.aws.amazon.com/service-authorization/latest/reference/
READ, DELETE = ("s3:GetObject", "s3:GetObjectVersion"), ("s3:DeleteObject", "s3:DeleteObjectVersion")
OTHER_ACTIONS = {
    # With a version id the second one decides; without s3:ListBucket a missing object answers 403, and the record
    # would say AccessDenied where it means ObjectNotFound.
    **dict.fromkeys((("s3", "get_object"), ("s3", "head_object")), (*READ, "s3:ListBucket")),
    **dict.fromkeys((("s3", "head_bucket"), ("s3", "list_objects_v2")), ("s3:ListBucket",)),
    # A copy takes the tags along, and is refused where they may not be read or written.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    ("s3", "copy_object"): (
        *READ,
        "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
    ),
    # With a version id the second one decides; a bucket that lost its versioning has none.
    **dict.fromkeys((("s3", "delete_object"), ("s3", "delete_objects")), DELETE),
    ("s3", "list_object_versions"): ("s3:ListBucketVersions",),
    # What is signed can do no more than who signs.
    ("s3", "generate_presigned_post"): ("s3:PutObject",),
    ("s3", "generate_presigned_url"): READ,
    # Of updates only.
    ("dynamodb", "transact_write_items"): ("dynamodb:UpdateItem",),
    # Rekognition reads the object from S3 with the permissions of its caller; the own model's function has its own.
    ("rekognition", "detect_labels"): ("rekognition:DetectLabels", *READ),
    ("rekognition", "detect_custom_labels"): ("rekognition:DetectCustomLabels", *READ),
    ("lambda", "invoke"): ("lambda:InvokeFunction",),
    # The topic is encrypted with the key alias/aws/sns, whose policy admits all principals here that may publish.
    ("sns", "publish"): ("sns:Publish",),
}


def actions_of(handler):
    """Return what IAM asks for the calls that a handler can make."""
    named = {
        (service, call): f"{service.replace('stepfunctions', 'states')}:{call.title().replace('_', '')}"
        for service, call in CODE.aws_calls(handler)
    }
    return {action for call, name in named.items() for action in OTHER_ACTIONS.get(call, (name,))}


# What Lambda does with the role of a function.
READS_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
SENDS_FAILED_EVENTS = {"sqs:SendMessage"}
BY_CONFIGURATION = {
    "StartProcessingFunction": READS_QUEUE,
    "InspectImagesFunction": READS_QUEUE,
    "TrackExecutionFunction": SENDS_FAILED_EVENTS,
    "StopModelFunction": SENDS_FAILED_EVENTS,
    "ReleaseModelFunction": SENDS_FAILED_EVENTS,
    "SummarizeRunFunction": SENDS_FAILED_EVENTS,
}
# It lists the buckets only, and shares the policy of those that read them.
BEYOND_NEED = {"OpenRunFunction": {"s3:GetObject", "s3:GetObjectVersion"}}
# It reads what a run has just written, and pins no version.
WITHOUT_NEED = {"SummarizeRunFunction": {"s3:GetObjectVersion"}}

# What SAM gives a function that logs and traces.
OF_SAM = [
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
]

# What an action is on, by the longest prefix of its name, for every function that has no row of its own for it.
IMAGES, RESULTS = "${ImageBucket.Arn}", "${ResultsBucket.Arn}"
UPLOADS, PHOTOS, INSPECTED = f"{IMAGES}/private/*/uploads/*", f"{IMAGES}/private/*", f"{RESULTS}/analyzed/*"
THUMBNAILS, RESULTS_OF_A_RUN = f"{RESULTS}/thumbnails/*", f"{RESULTS}/imageLabelJobs/*"
EXECUTION = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution"
SESSION = "CustomModelSession"
MODELS = "arn:${AWS::Partition}:rekognition:${AWS::Region}:${AWS::AccountId}:project/*"
USUAL = {
    "dynamodb:": {"${ImageTable.Arn}"},
    "s3:GetObject": {UPLOADS},
    "s3:ListBucket": {IMAGES},
    "s3:ListBucketVersions": {IMAGES, RESULTS},
    "s3:DeleteObject": {PHOTOS, THUMBNAILS},
    "sqs:": {"${InspectionQueue.Arn}"},
    "sns:": {"${QualityTopic}"},
    "rekognition:DetectLabels": {"*"},
    "rekognition:DescribeProjectVersions": {"${ProjectArn}"},
    "rekognition:": {"${ModelVersionArn}"},
    "lambda:InvokeFunction": {"${OwnModelFunctionArn}"},
}
INSPECTION = {
    # A copy is read after it was made, and a repeated inspection finds the copy of the first.
    **{action: {f"{IMAGES}/images/*", INSPECTED, f"{RESULTS}/results/*"} for action in READ},
    # Of both sources of a copy: an image that moves, and the newer one that an older one was copied over.
    **{action: {f"{IMAGES}/images/*", INSPECTED} for action in ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")},
    "s3:ListBucket": {IMAGES, RESULTS},
    "s3:ListBucketVersions": {RESULTS},
    **{action: {f"{IMAGES}/images/*"} for action in DELETE},
    **{action: {INSPECTED, f"{RESULTS}/results/*"} for action in ("s3:PutObject", "s3:PutObjectTagging")},
}
BULK_BUCKETS = {
    "s3:ListBucket": {IMAGES, "${BulkBucketArns}"},
    **{action: {f"{IMAGES}/*", "${BulkBucketArns}/*"} for action in READ},
}
# The index of the release before, for one release: vision/adapters/table_upgrade.py.
OPEN_INDEXES = ("by_status", "listing", "open")
DEAD_LETTERS = {"sqs:SendMessage": {"${TrackingDeadLetterQueue.Arn}"}}
REACHED = {
    "StartProcessingFunction": {
        **{action: {"${ProcessingQueue.Arn}"} for action in READS_QUEUE},
        **{action: {UPLOADS} for action in DELETE},
        "states:StartExecution": {"${ProcessImage}"},
    },
    "GenerateThumbnailFunction": {"s3:PutObject": {f"{PHOTOS}/resized/*"}},
    "TrackExecutionFunction": {
        **DEAD_LETTERS,
        "dynamodb:Query": {f"${{ImageTable.Arn}}{index}" for index in ("", *map("/index/{}".format, OPEN_INDEXES))},
        "states:DescribeExecution": {f"{EXECUTION}:${{ProcessImage.Name}}:*"},
    },
    "InspectImagesFunction": INSPECTION,
    "DrainQueueFunction": INSPECTION,
    # The name of the state machine is generated and has its logical id in it; the state machine names the function.
    "StopModelFunction": {**DEAD_LETTERS, "states:DescribeExecution": {f"{EXECUTION}:*CustomModelSession-*:*"}},
    # It stops the model of the parameters before.
    "ReleaseModelFunction": {
        **DEAD_LETTERS,
        "rekognition:DescribeProjectVersions": {MODELS},
        "rekognition:StopProjectVersion": {f"{MODELS}/version/*"},
    },
    "OpenRunFunction": {**BULK_BUCKETS, "states:DescribeExecution": {f"{EXECUTION}:${{ProcessBucket.Name}}:*"}},
    "ProcessBatchFunction": {**BULK_BUCKETS, "s3:PutObject": {THUMBNAILS}},
    "SummarizeRunFunction": {
        "s3:ListBucket": {RESULTS},
        **{action: {RESULTS_OF_A_RUN} for action in ("s3:GetObject", "s3:PutObject")},
        "events:PutEvents": {"${VisionEventBus.Arn}"},
        "sqs:SendMessage": {"${BulkDeadLetterQueue.Arn}"},
    },
    "ApiFunction": {
        "dynamodb:Query": {"${ImageTable.Arn}", "${ImageTable.Arn}/index/listing"},
        "s3:PutObject": {UPLOADS},
        **{action: {PHOTOS, f"{IMAGES}/images/*", INSPECTED, THUMBNAILS} for action in READ},
        **{action: {"${ProcessBucket}"} for action in ("states:StartExecution", "states:ListExecutions")},
        "states:DescribeExecution": {f"{EXECUTION}:${{{name}.Name}}:*" for name in ("ProcessBucket", SESSION)},
        "states:GetExecutionHistory": {f"{EXECUTION}:${{{SESSION}.Name}}:*"},
    },
    "PreTokenGenerationFunction": {"cognito-idp:AdminGetUser": {"${UserPool.Arn}"}},
}

# What a Distributed Map needs: to list and read its items, to start executions of its own state machine and to look
# after them, and to write its results, in parts where they are large.
# https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
CHILDREN = {f"{EXECUTION}:${{ProcessBucket.Name}}{separator}*" for separator in ":/"}
DISTRIBUTED_MAP = {
    **BULK_BUCKETS,
    "states:StartExecution": {"${ProcessBucket}"},
    **dict.fromkeys(("states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"), CHILDREN),
    **{
        action: {RESULTS_OF_A_RUN}
        for action in ("s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
    },
    "s3:GetObject": {*BULK_BUCKETS["s3:GetObject"], RESULTS_OF_A_RUN},
}
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
# https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
LOGS_AND_TRACES = {
    *(f"logs:{action}LogDelivery" for action in ("Create", "Get", "Update", "Delete")),
    *("logs:ListLogDeliveries", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutResourcePolicy"),
    *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
}
# Statements whose actions have no resource.
WITHOUT_RESOURCE = {"DetectLabels", "DeliverLogs", "SendTraces"}

TEMPLATE_RESOURCES = load(TEMPLATE.read_text())["Resources"]
FUNCTIONS = {
    name: Path(one["Properties"]["CodeUri"]).name
    for name, one in TEMPLATE_RESOURCES.items()
    if one["Type"] == "AWS::Serverless::Function"
}
MACHINES = [name for name, one in TEMPLATE_RESOURCES.items() if one["Type"] == "AWS::Serverless::StateMachine"]


def _sides(node):
    """Return a node, or both sides of its condition where it has one."""
    return [side for side in node["Fn::If"][1:] if side != {"Ref": "AWS::NoValue"}] if "Fn::If" in node else [node]


def _statements(policies):
    documents = [side["PolicyDocument"] for policy in policies for side in _sides(policy)]
    return [side for document in documents for one in document["Statement"] for side in _sides(one)]


def _of_role(of_type, name):
    """Return what a role allows by itself, by policies that are attached to it, and by those that it shares."""
    role, shared = of_type("AWS::IAM::Role")[name], of_type("AWS::IAM::ManagedPolicy")
    attached = [one for one in of_type("AWS::IAM::Policy").values() if {"Ref": name} in one["Roles"]]
    named = [shared[arn["Ref"]] for arn in role.get("ManagedPolicyArns", []) if "Ref" in arn]
    return [one for one in _statements([*role.get("Policies", []), *attached, *named]) if one["Effect"] == "Allow"]


def _reached(statements):
    """Return the resources of each action."""
    found = {}
    for statement in statements:
        # All objects of each bucket of a list are written as Split(Sub(Join)).
        is_list = isinstance(statement["Resource"], dict) and "Fn::Split" in statement["Resource"]
        resources = {"${BulkBucketArns}/*"} if is_list else set(map(resolve, listed(statement["Resource"])))
        for action in listed(statement["Action"]):
            found.setdefault(action, set()).update(resources)
    return found


def _usual(action):
    return USUAL[max((one for one in USUAL if action.startswith(one)), key=len)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_may_do_what_its_code_does_where_it_does_it_and_nothing_else(of_type, function):
    required = actions_of(FUNCTIONS[function]) - WITHOUT_NEED.get(function, set()) | BEYOND_NEED.get(function, set())
    required |= BY_CONFIGURATION.get(function, set())
    own = REACHED.get(function, {})
    assert own.keys() <= required
    assert _reached(_of_role(of_type, f"{function}Role")) == {
        action: own[action] if action in own else _usual(action) for action in required
    }


@pytest.mark.parametrize("function", ["DetectLabelsFunction", "InspectImagesFunction", "ProcessBatchFunction"])
@pytest.mark.parametrize(
    ("is_own", "asked"), [(True, "lambda:InvokeFunction"), (False, "rekognition:DetectLabels")], ids=["own", "aws"]
)
def test_function_may_call_the_chosen_detector_only(of_type, function, is_own, asked):
    conditions = dict.fromkeys(("LooksAtPhotosWithOwnModel", "InspectsWithOwnModel"), is_own)
    policies = plain(of_type("AWS::IAM::Role")[f"{function}Role"]["Policies"], lambda name: name, conditions)
    actions = _reached(_statements(policies)).keys()
    assert actions & {"lambda:InvokeFunction", "rekognition:DetectLabels"} == {asked}
    if function == "DetectLabelsFunction":
        # An own model reads uploads with the permissions of its own function.
        assert ("s3:GetObject" in actions) is not is_own


@pytest.mark.parametrize(
    ("role", "started"), [("SessionScheduleRole", "${CustomModelSession}"), ("BulkRunRuleRole", "${ProcessBucket}")]
)
def test_rule_may_start_its_state_machine_and_nothing_else(of_type, role, started):
    assert _reached(_of_role(of_type, role)) == {"states:StartExecution": {started}}


def test_roles_are_of_functions_state_machines_rules_and_deployments(of_type):
    others = {"SessionScheduleRole", "BulkRunRuleRole", "DeploymentRole"}
    assert of_type("AWS::IAM::Role").keys() == {f"{name}Role" for name in (*FUNCTIONS, *MACHINES)} | others


@pytest.mark.parametrize("machine", MACHINES)
def test_state_machine_may_invoke_log_and_trace_and_nothing_else(of_type, machine):
    reached = _reached(_of_role(of_type, f"{machine}Role"))
    # Which functions, test_functions.py compares with its tasks.
    del reached["lambda:InvokeFunction"]
    assert reached == {
        **{action: {"*"} for action in LOGS_AND_TRACES},
        **(DISTRIBUTED_MAP if machine == "ProcessBucket" else {}),
    }


def test_role_has_no_policy_of_aws_but_those_that_sam_adds(of_type):
    policies = {"ReadBulkBucketsPolicy": ("OpenRunFunctionRole", "ProcessBatchFunctionRole", "ProcessBucketRole")}
    policies["StateMachineLogsAndTracesPolicy"] = [f"{machine}Role" for machine in MACHINES]
    policies["LogsAndTracesPolicy"] = [f"{function}Role" for function in FUNCTIONS]
    for name, role in of_type("AWS::IAM::Role").items():
        arns = role.get("ManagedPolicyArns", [])
        assert {arn["Ref"] for arn in arns if "Ref" in arn} == {one for one, roles in policies.items() if name in roles}
        of_aws = [arn for arn in arns if "Ref" not in arn]
        assert of_aws == (OF_SAM if name in policies["LogsAndTracesPolicy"] else []), name


OWN_GROUP, OTHER_GROUP = (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}" for name in ("own", "own-too"))


@pytest.mark.parametrize("name", ["template.yaml", "own-model.yaml"])
def test_function_writes_to_the_log_group_of_its_stack_only(name):
    resources = load((REPOSITORY / name).read_text())["Resources"]
    if name == "template.yaml":
        document = resources["LogsAndTracesPolicy"]["Properties"]["PolicyDocument"]
    else:
        (document,) = resources["ClassifyImageFunction"]["Properties"]["Policies"]
        document = {"Statement": [one for one in document["Statement"] if "LogGroup" in one.get("Sid", "")]}
    names = {**PSEUDO_PARAMETERS, "FunctionLogs": "own", "ClassifyImageLogs": "own"}
    names |= {f"{group}.Arn": f"{OWN_GROUP}:*" for group in ("FunctionLogs", "ClassifyImageLogs")}
    documents = [plain(document, names.__getitem__, {}), policy_of_aws(OF_SAM[0])]
    # IAM's reference names the ARN of a group without an ending for CreateLogStream; errors of AWS have one.
    for arn in (OWN_GROUP, f"{OWN_GROUP}:log-stream:", f"{OWN_GROUP}:*"):
        assert is_allowed(documents, "logs:CreateLogStream", arn)
    assert is_allowed(documents, "logs:PutLogEvents", f"{OWN_GROUP}:log-stream:a")
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        assert not is_allowed(documents, action, f"{OTHER_GROUP}:log-stream:a")
    assert not is_allowed(documents, "logs:CreateLogGroup", OWN_GROUP)


def test_every_resource_is_allowed_only_where_the_service_has_none_and_says_so(template, text):
    everywhere = {
        node["Sid"]
        for _, node in walk(template["Resources"])
        if isinstance(node, dict) and node.get("Effect") == "Allow" and "*" in listed(node.get("Resource", []))
    }
    assert everywhere == WITHOUT_RESOURCE
    above = re.findall(rf"((?: *#.*\n)*) *- Sid: (?:{'|'.join(WITHOUT_RESOURCE)})\n", text)
    assert all("no resource" in comment or "Nor have these" in comment for comment in above)


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
def test_bulk_roles_read_photos_of_people_only_with_the_parameter(resources, action, key, reads_photos, allowed):
    conditions = {"BulkLeavesPhotosOut": reads_photos == "false", "HasBulkBuckets": False}
    document = plain(
        resources["ReadBulkBucketsPolicy"]["Properties"]["PolicyDocument"],
        {"ImageBucket.Arn": "arn:aws:s3:::b"}.get,
        conditions,
    )
    assert is_allowed([document], action, f"arn:aws:s3:::b/{key}") is allowed


def test_policy_of_bulk_buckets_has_room_for_as_many_as_a_deployment_admits(resources):
    # The image bucket has a name of 63 characters here. IAM does not count white space:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    document = resources["ReadBulkBucketsPolicy"]["Properties"]["PolicyDocument"]
    statements = [side for one in document["Statement"] for side in _sides(one)]
    named = plain({**document, "Statement": statements}, lambda name: f"{name:b>76}", {})
    of_bulk_buckets = [one for one in named["Statement"] if "BulkBuckets" in one["Sid"]]
    assert len(of_bulk_buckets) == 2
    for statement in of_bulk_buckets:
        statement["Resource"] = []
    assert len(json.dumps(named, separators=(",", ":"))) + bulk_run.BUCKETS_LIMIT_CHARACTERS <= 6_144


def test_policies_without_a_version_use_no_policy_variable(expanded):
    # SAM writes inline policies without a Version, and those of 2008 take a variable for text.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
    for role in expanded.values():
        for policy in role.get("Properties", {}).get("Policies", []) if role["Type"] == "AWS::IAM::Role" else []:
            document = policy.get("PolicyDocument", policy)
            assert "Version" in document or "${aws:" not in str(document)
