"""Check rules and buckets while the stack is deployed, and subscribe people to the verdicts."""

from typing import Any

from vision import entry
from vision.adapters import cloudformation, notifications
from vision.domain.bulk import bulk_run
from vision.domain.inspection import rules
from vision.settings import ValidateRulesSettings

settings = ValidateRulesSettings.read()


@entry.task
def handler(event: entry.Event) -> None:
    """Answer CloudFormation: success, or the sentence that says which rule, bucket or address is wrong."""
    reason = ""
    if event["RequestType"] != "Delete":
        try:
            _apply(event["ResourceProperties"], event.get("OldResourceProperties", {}))
        except Exception as error:  # Whatever it is: without an answer the deployment waits, and nobody learns why.
            reason = f"{type(error).__name__}: {error}"
    cloudformation.respond(event, reason)


def _apply(properties: dict[str, Any], before: dict[str, Any]) -> None:
    rules.parse(properties["Rules"])
    # An update that goes back to an earlier release names neither environments nor buckets.
    rules.check_deployable(properties["Rules"], properties.get("Environments", []))
    bulk_run.check_buckets([arn for arn in properties.get("BulkBucketArns", []) if arn])
    # Who has not confirmed yet would get another mail with each deployment.
    known = {"", *before.get("EmailAddresses", [])}
    for address in (one for one in properties["EmailAddresses"] if one not in known):
        notifications.subscribe(settings.quality_topic_arn, address)
