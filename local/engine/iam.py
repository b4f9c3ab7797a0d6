"""IAM: Rekognition's actions, HTTPS conditions on loopback, wildcards, and the S3 access of a caller."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator
from ministack.core.iam_evaluator import AuthError, EvalContext
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam, lambda_svc

# Operations that IAM authorizes on the project; all others that name a version, on the version.
_ON_THE_PROJECT = ("DescribeProjectVersions", "CreateProjectVersion", "DeleteProject")


def install() -> None:
    """Patch the engine's IAM."""
    know_the_actions_of_rekognition()
    count_loopback_as_encrypted()
    match_every_character()
    parse_each_policy_once()
    keep_every_slash_of_a_key()


def know_the_actions_of_rekognition() -> None:
    """Authorize every call as `rekognition:<Operation>` on the resource that it names.

    The engine does not know the service and allows every call, whatever the role says.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrekognition.html
    """
    iam_actions.SERVICE_TO_IAM_NAMESPACE["rekognition"] = "rekognition"
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes, *rest: object
    ) -> str:
        if service != "rekognition":
            return str(extract(service, method, path, headers, body, *rest))
        return rekognition_resource(headers.get("x-amz-target", ""), body)

    iam_actions.extract_resource_arn = extract_resource_arn


def rekognition_resource(target: str, body: bytes) -> str:
    """Return the ARN on which a Rekognition request is authorized; `*` when it names no resource."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return "*"
    operation = target.rpartition(".")[2]
    if operation in _ON_THE_PROJECT:
        return str(request.get("ProjectArn") or "*")
    return str(request.get("ProjectVersionArn") or request.get("ProjectArn") or "*")


def count_loopback_as_encrypted() -> None:
    """Make `aws:SecureTransport` true for the SDK's requests, which go through HTTPS on AWS.

    Here they use HTTP on loopback; a bucket policy that requires TLS would deny them all.
    """
    pin = app.pin_request_origin

    def pin_request_origin(source_ip: str, _secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = pin_request_origin


def match_every_character() -> None:
    """Let `*` and `?` of a policy match a line break too, which an S3 key may contain."""
    compile_pattern = iam_evaluator._fnmatch_compile

    # Kept here, since the cache of `re` is smaller than the number of patterns in the policies of a stack.
    @lru_cache(maxsize=4096)
    def compile_for_every_character(pattern: str, ignore_case: bool) -> re.Pattern[str]:
        compiled = compile_pattern(pattern, ignore_case)
        return re.compile(compiled.pattern, compiled.flags | re.DOTALL)

    iam_evaluator._fnmatch_compile = compile_for_every_character


def parse_each_policy_once() -> None:
    """Keep the statements of each policy, by its text: the engine parses all policies of a role for each request.

    A changed policy has another text, so a decision is never older than the policies. Decisions themselves are not
    kept, since nearly each one is on another object or under another condition.
    """
    parse = iam_evaluator.parse_policy_document
    parse_text = lru_cache(maxsize=1024)(parse)

    def parse_policy_document(document: str | dict[str, Any]) -> Any:
        return parse_text(document) if isinstance(document, str) else parse(document)

    iam_evaluator.parse_policy_document = parse_policy_document


def keep_every_slash_of_a_key() -> None:
    """Authorize a call on the key that it names, even with consecutive slashes.

    The engine drops empty parts of a path, so it checks `private//resized/a.jpg` as another key.
    """
    extract = iam_actions.extract_resource_arn

    def extract_resource_arn(service: str, method: str, path: str, *rest: object) -> str:
        if service == "s3" and "//" in path:
            return f"arn:aws:s3:::{path[1:]}"
        return str(extract(service, method, path, *rest))

    iam_actions.extract_resource_arn = extract_resource_arn


def is_s3_read_allowed(access_key_id: str, bucket: str, key: str, version_id: str | None) -> bool:
    """Return whether the owner of an access key may read an object, by its role and the bucket's policy.

    Parameters
    ----------
    access_key_id
        Access key of the request for which the object is read.
    bucket, key
        The object.
    version_id
        With a version the action is `s3:GetObjectVersion`, without one `s3:GetObject`.
    """
    principal = iam_evaluator.resolve_principal(access_key_id, get_account_id())
    if isinstance(principal, AuthError):
        return False
    if principal.policies is None:
        return True
    resource = f"arn:aws:s3:::{bucket}/{key}"
    service_context: dict[str, Any] = {"aws:tagkeys": None}
    if version_id:
        service_context["s3:versionid"] = version_id
    context = EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action="s3:GetObjectVersion" if version_id else "s3:GetObject",
        resource_arn=resource,
        region=get_region(),
        service_context=service_context,
        principal_keys=principal.keys,
    )
    result = iam_evaluator.evaluate(context, principal.policies, *principal.limits)
    bucket_policy = iam_evaluator._resource_policy("s3", resource)
    if bucket_policy is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *bucket_policy, limits=principal.limits)
    return bool(result.decision == "Allow")


def is_allowed_by_role(role_arn: str, action: str, resource_arn: str) -> bool:
    """Return whether the policies of a role, within its permissions boundary, allow an action on a resource."""
    name, account_id = role_arn.rpartition("/")[2], get_account_id()
    context = EvalContext(
        principal_arn=f"arn:aws:sts::{account_id}:assumed-role/{name}/local",
        principal_type="AssumedRole",
        principal_account=account_id,
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        service_context={},
    )
    policies = iam_evaluator._gather_role_policies(name, account_id)
    boundary = iam_evaluator._permissions_boundary(iam._roles, name, account_id)
    return bool(iam_evaluator.evaluate(context, policies, *boundary).decision == "Allow")


def may_service_invoke(service_principal: str, function_arn: str, source_arn: str) -> bool:
    """Return whether the resource policy of a function lets an AWS service invoke it for one of its resources."""
    found = lambda_svc.function_policy_for_arn(function_arn)
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )
    policy = found[0] if found else None
    result = iam_evaluator.evaluate_resource_policy(policy, context, service=service_principal)
    return bool(result.decision == "Allow")
