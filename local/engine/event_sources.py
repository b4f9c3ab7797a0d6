"""Event source mappings: created only for a function whose role may read the queue."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.engine.iam import is_allowed_by_role

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")


def install() -> None:
    """Patch how the engine creates event source mappings."""
    make_only_mappings_that_the_role_can_read()


def make_only_mappings_that_the_role_can_read() -> None:
    """Refuse a mapping when the function's role may not receive and delete messages and read the queue's attributes.

    The engine's poller reads every queue as root, so a template without the permissions would work here and fail to
    deploy on AWS.
    """
    create = lambda_svc._create_esm
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    deploy = handlers["create"]

    def create_mapping(request: dict[str, Any]) -> Any:
        if refusal := missing_permission(request):
            return error_response_json("InvalidParameterValueException", refusal, 400)
        return create(request)

    def deploy_mapping(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        if refusal := missing_permission(properties):
            raise ValueError(refusal)
        return deploy(logical_id, properties, *rest)

    lambda_svc._create_esm = create_mapping
    handlers["create"] = deploy_mapping


def missing_permission(mapping: dict[str, Any]) -> str | None:
    """Return the error message of AWS when the role of a mapping's function lacks a permission, or None."""
    queue_arn = str(mapping.get("EventSourceArn", ""))
    if ":sqs:" not in queue_arn:
        return None
    _, config, _ = lambda_svc._get_func_record_for_ref(str(mapping.get("FunctionName", "")))
    role_arn = (config or {}).get("Role", "")
    for action in QUEUE_ACTIONS:
        if role_arn and not is_allowed_by_role(role_arn, f"sqs:{action}", queue_arn):
            return f"The provided execution role does not have permissions to call {action} on SQS"
    return None
