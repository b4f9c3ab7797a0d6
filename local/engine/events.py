"""EventBridge: the version in S3 events, permissions to deliver to a target, and retries of a Lambda target."""

from __future__ import annotations

import contextvars
import json
import logging
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import eventbridge, lambda_svc, s3, sqs

from local.engine.iam import may_service_invoke

logger = logging.getLogger("events")

SERVICE_PRINCIPAL = "events.amazonaws.com"

# The version id of the object whose event the current thread builds.
_object_version_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("version_id", default=None)


def install() -> None:
    """Patch the engine's EventBridge."""
    name_the_version_in_events_of_s3()
    ask_the_target_before_a_delivery()
    retry_a_lambda_target()


def name_the_version_in_events_of_s3() -> None:
    """Add `version-id` to `detail.object` of an S3 event when the bucket has versioning.

    The engine leaves it out. It already sends the raw key, the ETag without quotes and an increasing sequencer, as
    AWS does.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    fire = s3._fire_s3_event
    dispatch = eventbridge._dispatch_event

    def fire_s3_event(*arguments: object, version_id: str | None = None, **options: object) -> None:
        token = _object_version_id.set(version_id)
        try:
            fire(*arguments, version_id=version_id, **options)
        finally:
            _object_version_id.reset(token)

    def dispatch_event(event: dict[str, Any], view: object = None) -> None:
        version_id = _object_version_id.get()
        if event.get("Source") == "aws.s3" and version_id and view is None:
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        dispatch(event, view)

    s3._fire_s3_event = fire_s3_event
    eventbridge._dispatch_event = dispatch_event


def ask_the_target_before_a_delivery() -> None:
    """Deliver to a queue or a function only when its resource policy allows the rule.

    The engine always delivers, so a template without the queue policy would work here and lose every
    event on AWS.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    invoke = eventbridge._invoke_target

    def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: object = None) -> None:
        arn, rule_arn = target.get("Arn", ""), rule.get("Arn", "")
        if is_delivery_allowed(arn, rule_arn):
            invoke(target, event, rule, view)
        else:
            logger.error(
                "EventBridge: the resource policy of %s does not allow %s for %s; the event is lost, "
                "add the permission to the template",
                arn,
                SERVICE_PRINCIPAL,
                rule_arn,
            )

    eventbridge._invoke_target = invoke_target


def is_delivery_allowed(target_arn: str, rule_arn: str) -> bool:
    """Return whether the target's resource policy lets EventBridge deliver for a rule."""
    if ":sqs:" in target_arn:
        return bool(sqs.queue_policy_allows(target_arn, SERVICE_PRINCIPAL, rule_arn, get_account_id()))
    if ":lambda:" in target_arn:
        return may_service_invoke(SERVICE_PRINCIPAL, target_arn, rule_arn)
    return True


def retry_a_lambda_target() -> None:
    """Invoke a function asynchronously: two retries, then its on-failure destination.

    The engine invokes it once and forgets a failure.
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    def dispatch_to_lambda(arn: str, payload: str) -> None:
        func, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not func or not config:
            logger.warning("EventBridge: function %s not found", name)
            return
        record = lambda_svc._execution_record_for_config(func, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    eventbridge._dispatch_to_lambda = dispatch_to_lambda
