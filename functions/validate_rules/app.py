"""Validate rules and buckets during a deployment, and subscribe people to the verdicts."""

from typing import Any

from vision import entry
from vision.adapters import cloudformation, notifications
from vision.domain.bulk import bulk_run
from vision.domain.inspection import rules
from vision.settings import ValidateRulesSettings

settings = ValidateRulesSettings.read()


@entry.task
def handler(event: entry.Event) -> None:
    """Respond to CloudFormation with success, or with the rule, bucket or address that is invalid and why."""
    reason = ""
    if event["RequestType"] != "Delete":
        try:
            _apply(event["ResourceProperties"], event.get("OldResourceProperties", {}))
        except Exception as error:  # Any error: without a response, the deployment waits and shows no reason.
            reason = f"{type(error).__name__}: {error}"
    cloudformation.respond(event, reason)


def _apply(properties: dict[str, Any], before: dict[str, Any]) -> None:
    rules.parse(properties["Rules"])
    # An update back to an earlier release has neither environments nor buckets.
    rules.check_deployable(properties["Rules"], properties.get("Environments", []))
    bulk_run.check_buckets([arn for arn in properties.get("BulkBucketArns", []) if arn])
    # An unconfirmed address would otherwise receive another email with each deployment.
    known = {"", *before.get("EmailAddresses", [])}
    for address in (one for one in properties["EmailAddresses"] if one not in known):
        notifications.subscribe(settings.quality_topic_arn, address)
