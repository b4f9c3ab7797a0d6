"""What IAM says to a call, by the engine's evaluator."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam

REGION, ACCOUNT = "eu-west-1", "123456789012"
PSEUDO_PARAMETERS = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def is_allowed(
    documents: Iterable[dict[str, Any]], action: str, arn: str, context: Mapping[str, str] | None = None
) -> bool:
    """Tell whether the policies of a role allow an action on an ARN, with these condition keys in the request."""
    request = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=arn,
        region=REGION,
        service_context={
            key: list(value) if isinstance(value, tuple) else value for key, value in (context or {}).items()
        },
    )
    policies = [iam_evaluator.parse_policy_document(one) for one in documents]
    return iam_evaluator.evaluate(request, policies).decision == "Allow"


def policy_of_aws(arn: str) -> dict[str, Any]:
    """Return the document of a policy that AWS manages, as the engine carries it."""
    document: dict[str, Any] = json.loads(iam._aws_managed_policies[arn]["Versions"]["v1"]["Document"])
    return document
