"""Check the inspection rules while the stack is deployed, and subscribe people to the verdicts."""

from typing import Any

from vision import entry
from vision.adapters import cloudformation, notifications
from vision.domain import rules
from vision.domain.errors import InvalidRule
from vision.settings import ValidateRulesSettings

settings = ValidateRulesSettings.read()


@entry.task
def handler(event: entry.Event) -> None:
    """Answer CloudFormation: success, or the sentence that says which rule is wrong."""
    reason = ""
    if event["RequestType"] != "Delete":
        try:
            _apply(event["ResourceProperties"])
        except InvalidRule as error:
            reason = f"InvalidRule: {error}"
    cloudformation.respond(event, reason)


def _apply(properties: dict[str, Any]) -> None:
    rules.parse(properties["Rules"])
    for address in filter(None, properties["EmailAddresses"]):
        notifications.subscribe(settings.quality_topic_arn, address)
