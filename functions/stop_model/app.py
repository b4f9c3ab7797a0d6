"""Bring the Custom Labels model to rest: at the end of a session, and whenever it runs although nobody holds it."""

from typing import Any

from vision import entry
from vision.adapters.lease import Lease, expiry
from vision.adapters.models import Model
from vision.domain import executions, models, records, sessions
from vision.settings import ModelSettings

LEASE_SECONDS = 1800
WATCHDOG = "watchdog"

settings = ModelSettings.read()
model = Model(settings.project_arn, settings.model_version_arn)
lease = Lease(settings.image_table_name, settings.model_version_arn)


@entry.task
def handler(event: entry.Event) -> dict[str, Any] | None:
    """End a session's model; or, for a dead session's event and on schedule, look after the model."""
    if "execution_arn" in event:
        return _end(event["execution_arn"], event["inspected"])
    if event.get("detail-type") == executions.STATUS_CHANGE:
        lease.give_back(event["detail"]["executionArn"], records.now())
    _watch()
    return None


def _end(owner: str, inspected: int) -> dict[str, Any]:
    holding, now = lease.read(), records.now()
    if holding.owner != owner:
        return {"stopped": True, "status": "NOT_OURS"}
    if holding.keep_running_until > now:
        lease.give_back(owner, now)
        return {"stopped": True, "status": "KEPT_RUNNING"}
    status = model.describe().status
    rest = models.step_to_stop(status)
    if rest is models.Rest.STOP:
        model.stop()
    if rest is not models.Rest.STOPPED:
        lease.extend(owner, now, expiry(LEASE_SECONDS))
        return {"stopped": False, "status": status}
    minutes = sessions.seconds_between(holding.started_at, now) / 60
    if minutes:
        entry.count("SessionModelMinutes", minutes)
        entry.count("ImagesPerModelHour", inspected / minutes * 60)
    lease.give_back(owner, now)
    return {"stopped": True, "status": status, "model_minutes": round(minutes, 1)}


def _watch() -> None:
    """Stop a model that runs although no live session holds it, unless an operator wants it to run."""
    holding, now, status = lease.read(), records.now(), model.describe().status
    if not models.is_paid_for(status):
        return
    entry.count("ModelMinutes", settings.watchdog_period_seconds / 60)
    if holding.keep_running_until > now or not lease.take(WATCHDOG, now, expiry(60)):
        return
    try:
        if models.step_to_stop(status) is models.Rest.STOP:
            model.stop()
            entry.count("ModelsStoppedByWatchdog")
    finally:
        lease.give_back(WATCHDOG, records.now())
