"""Bring the Custom Labels model to rest: at the end of a session, and whenever it runs although nobody holds it."""

from typing import Any

from vision import entry
from vision.domain import executions
from vision.services.model_lifecycle import ModelLifecycle
from vision.settings import ModelSettings

lifecycle = ModelLifecycle.from_settings(ModelSettings.read(), entry.count, entry.warn)


@entry.task
def handler(event: entry.Event) -> dict[str, Any] | None:
    """End a session's model; or, for a dead session's event and on schedule, look after the model."""
    if "execution_arn" in event:
        return lifecycle.end_session(event["execution_arn"], event["inspected"])
    is_end = event.get("detail-type") == executions.STATUS_CHANGE
    try:
        lifecycle.look(ended=event["detail"]["executionArn"] if is_end else "")
    except Exception:
        entry.count("WatchdogFailures")
        raise
    return None
