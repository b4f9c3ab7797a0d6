"""Bring the Custom Labels model to rest: at the end of a session, and whenever it runs although nobody holds it."""

from typing import Any

from vision import entry
from vision.adapters import workflow
from vision.adapters.lease import Holding, Lease, expiry
from vision.adapters.models import Model
from vision.adapters.session_log import SessionLog
from vision.domain import executions, models, records, sessions
from vision.domain.errors import VisionError
from vision.settings import ModelSettings

LEASE_SECONDS = 1800
WATCHDOG = "watchdog"

settings = ModelSettings.read()
model = Model(settings.project_arn, settings.model_version_arn)
lease = Lease(settings.image_table_name, settings.model_version_arn)
log = SessionLog(settings.image_table_name)


@entry.task
def handler(event: entry.Event) -> dict[str, Any] | None:
    """End a session's model; or, for a dead session's event and on schedule, look after the model."""
    if "execution_arn" in event:
        return _end(event["execution_arn"], event["inspected"])
    try:
        if event.get("detail-type") == executions.STATUS_CHANGE:
            lease.give_back(event["detail"]["executionArn"], records.now())
        _watch()
    except Exception:
        entry.count("WatchdogFailures")
        raise
    return None


def _end(owner: str, inspected: int) -> dict[str, Any]:
    holding, now = lease.read(), records.now()
    if holding.owner != owner:
        return {"stopped": True, "status": "NOT_OURS"}
    if _is_wanted(holding, now):
        lease.give_back(owner, now)
        return {"stopped": True, "status": "KEPT_RUNNING"}
    status = model.describe().status
    rest = models.step_to_stop(status)
    if rest is models.Rest.STOP:
        model.stop()
    if rest is not models.Rest.STOPPED:
        lease.extend(owner, now, expiry(LEASE_SECONDS))
        return {"stopped": False, "status": status}
    minutes = sessions.seconds_between(holding.running_at, now) / 60
    if minutes:
        entry.count("SessionModelMinutes", minutes)
        entry.count("ImagesPerModelHour", inspected / minutes * 60)
    log.close(owner, inspected, round(minutes, 1), now)
    lease.give_back(owner, now)
    return {"stopped": True, "status": status, "model_minutes": round(minutes, 1)}


def _watch() -> None:
    """Stop a model that runs although no live session holds it, unless an operator wants it to run."""
    holding, now, status = lease.read(), records.now(), model.describe().status
    if models.is_paid_for(status):
        minutes = sessions.minutes_to_count(holding.watched_at, now, settings.watchdog_period_seconds)
        entry.count("ModelMinutes", minutes)
    lease.note_watched(now)
    if holding.is_held(now) and _is_dead(holding.owner):
        lease.give_back(holding.owner, now)
    if not models.is_paid_for(status) or _is_wanted(holding, now) or not lease.take(WATCHDOG, now, expiry(60)):
        return
    try:
        if models.step_to_stop(status) is models.Rest.STOP:
            model.stop()
            entry.count("ModelsStoppedByWatchdog")
    finally:
        lease.give_back(WATCHDOG, records.now())


def _is_wanted(holding: Holding, now: str) -> bool:
    try:
        return sessions.declared(holding.keep_running_until) > now
    except (ValueError, OverflowError):
        entry.warn("keep_running_until is no timestamp like 2026-11-21T18:00:00Z, and so counts as not there")
        return False


def _is_dead(owner: str) -> bool:
    """Tell whether the session that holds the lease has ended without a word; in doubt it lives."""
    if owner == WATCHDOG:
        return False
    try:
        return workflow.has_ended(owner)
    except VisionError as error:
        entry.warn(f"{type(error).__name__}: whether the lease's owner lives is not known, so it counts as alive")
        return False
