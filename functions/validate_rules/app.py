"""Check rules and buckets while the stack is deployed, and subscribe people to the verdicts."""

from typing import Any

from vision import entry
from vision.adapters import cloudformation, notifications
from vision.domain import bulk, rules
from vision.settings import ValidateRulesSettings

settings = ValidateRulesSettings.read()


@entry.task
def handler(event: entry.Event) -> None:
    """Answer CloudFormation: success, or the sentence that says which rule, bucket or address is wrong."""
    reason = ""
    if event["RequestType"] != "Delete":
        try:
            _apply(event["ResourceProperties"])
        except Exception as error:  # Whatever it is: without an answer the deployment waits, and nobody learns why.
            reason = f"{type(error).__name__}: {error}"
    cloudformation.respond(event, reason)


def _apply(properties: dict[str, Any]) -> None:
    rules.parse(properties["Rules"])
    rules.check_deployable(properties["Rules"], properties["Detector"])
    # A stack that goes back to an earlier release does not send them.
    bulk.check_buckets([arn for arn in properties.get("BulkBucketArns", []) if arn])
    for address in filter(None, properties["EmailAddresses"]):
        notifications.subscribe(settings.quality_topic_arn, address)
