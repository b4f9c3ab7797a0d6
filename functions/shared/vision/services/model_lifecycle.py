"""Stop a Custom Labels model at the end of its session, and whenever it runs without a live lease holder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vision.adapters import workflow
from vision.adapters.custom_model import Model
from vision.adapters.lease import LEASE_SECONDS, Lease, LeaseState, expiry
from vision.adapters.session_log import SessionLog
from vision.domain import records
from vision.domain.errors import VisionError
from vision.domain.session import custom_model, decisions
from vision.settings import ModelSettings

# How long the watchdog holds the lease, so that no session starts the model while it is being stopped.
_CHECK_SECONDS = 60
_WATCHDOG = "watchdog"


@dataclass(frozen=True, slots=True)
class ModelLifecycle:
    """Stops one model.

    All methods raise Throttled, ServiceUnavailable, AccessDenied and ModelNotUsable. Metrics counted before the error
    remain counted.

    Attributes
    ----------
    count
        Receives each metric and its value.
    warn
        Receives a sentence about each harmless problem.
    """

    model: Model
    lease: Lease
    log: SessionLog
    period_seconds: int
    count: Callable[[str, float], None]
    warn: Callable[[str], None]

    @classmethod
    def from_settings(
        cls, settings: ModelSettings, count: Callable[[str, float], None], warn: Callable[[str], None]
    ) -> ModelLifecycle:
        """Return the lifecycle of the model that the settings name."""
        return cls(
            Model(settings.project_arn, settings.model_version_arn),
            Lease(settings.image_table_name, settings.model_version_arn),
            SessionLog(settings.image_table_name),
            settings.watchdog_period_seconds,
            count,
            warn,
        )

    def end_session(self, holder: str, inspected: int) -> dict[str, Any]:
        """Take the next step to stop a session's model.

        Parameters
        ----------
        holder
            ARN of the session's execution.
        inspected
            Number of images that the session has inspected.

        Returns
        -------
        dict
            ``stopped`` is False while the session must call again. ``status`` is the status of the model, or the
            reason why it is left alone. Once the model has stopped, ``model_minutes`` are the billed minutes.
        """
        holding, now = self.lease.read(), records.now()
        if holding.holder != holder:
            return {"stopped": True, "status": "NOT_OURS"}
        if self._is_wanted(holding, now):
            self.lease.release(holder, now)
            return {"stopped": True, "status": "KEPT_RUNNING"}
        status = self.model.describe().status
        step = custom_model.step_to_stop(status)
        if step is custom_model.StopStep.STOP:
            self.model.stop()
        if step is not custom_model.StopStep.STOPPED:
            self.lease.extend(holder, now, expiry(LEASE_SECONDS))
            return {"stopped": False, "status": status}
        minutes = decisions.seconds_between(holding.running_at, now) / 60
        if minutes:
            self.count("SessionModelMinutes", minutes)
            self.count("ImagesPerModelHour", inspected / minutes * 60)
        self.log.close(holder, inspected, round(minutes, 1), now)
        self.lease.release(holder, now)
        return {"stopped": True, "status": status, "model_minutes": round(minutes, 1)}

    def check_model(self, ended: str = "") -> None:
        """Stop a model that runs without a live session, unless an operator keeps it running.

        Parameters
        ----------
        ended
            ARN of a session's execution that is known to have ended: its lease is released.
        """
        if ended:
            self.lease.release(ended, records.now())
        holding, now, status = self.lease.read(), records.now(), self.model.describe().status
        if custom_model.is_paid_for(status):
            self.count("ModelMinutes", decisions.minutes_to_count(holding.watched_at, now, self.period_seconds))
        self.lease.note_watched(now)
        if holding.is_held(now) and self._is_dead(holding.holder):
            self.lease.release(holding.holder, now)
        if not custom_model.is_paid_for(status) or self._is_wanted(holding, now):
            return
        if self.lease.acquire(_WATCHDOG, now, expiry(_CHECK_SECONDS)):
            try:
                self._stop(status)
            finally:
                self.lease.release(_WATCHDOG, records.now())

    def _stop(self, status: str) -> None:
        if custom_model.step_to_stop(status) is custom_model.StopStep.STOP:
            self.model.stop()
            self.count("ModelsStoppedByWatchdog", 1)

    def _is_wanted(self, holding: LeaseState, now: str) -> bool:
        try:
            return decisions.parse_operator_timestamp(holding.keep_running_until) > now
        except (ValueError, OverflowError):
            self.warn("keep_running_until is not a timestamp such as 2026-11-21T18:00:00Z, and is ignored")
            return False

    def _is_dead(self, holder: str) -> bool:
        """Return whether the session that holds the lease has ended without releasing it; in doubt, return False."""
        if holder == _WATCHDOG:
            return False
        try:
            return workflow.has_ended(holder)
        except VisionError as error:
            self.warn(f"{type(error).__name__}: whether the lease's holder lives is not known, so it counts as alive")
            return False
