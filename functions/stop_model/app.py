"""Stop the Custom Labels model: at the end of a session, and whenever it runs without a holder of its lease."""

from typing import Any

from vision import entry
from vision.adapters import aws_sdk
from vision.domain import executions
from vision.services.model_lifecycle import ModelLifecycle
from vision.settings import ModelSettings

aws_sdk.make_clients("dynamodb", "rekognition", "stepfunctions")
lifecycle = ModelLifecycle.from_settings(ModelSettings.read(), entry.count, entry.warn)


@entry.task
def handler(event: entry.Event) -> dict[str, Any] | None:
    """Stop the model of a session; or, on the event of a dead session and on schedule, check on the model."""
    if "execution_arn" in event:
        return lifecycle.end_session(event["execution_arn"], event["inspected"])
    is_end = event.get("detail-type") == executions.STATUS_CHANGE
    try:
        lifecycle.check_model(ended=event["detail"]["executionArn"] if is_end else "")
    except Exception:
        entry.count("WatchdogFailures")
        raise
    return None
