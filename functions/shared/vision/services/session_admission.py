"""Decide when a session of the Custom Labels model starts, and after each of its rounds how it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vision.adapters import queue
from vision.adapters.lease import LEASE_SECONDS, Lease, expiry
from vision.adapters.session_log import SessionLog
from vision.domain import records
from vision.domain.errors import LeaseLost
from vision.domain.session import decisions
from vision.domain.session.decisions import Round, SessionPolicy
from vision.settings import SessionSettings


@dataclass(frozen=True, slots=True)
class SessionAdmission:
    """Admits the sessions of one model and its inspection queue.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    queue_url: str
    lease: Lease
    log: SessionLog
    policy: SessionPolicy
    workers_per_unit: int

    @classmethod
    def from_settings(cls, settings: SessionSettings) -> SessionAdmission:
        """Return the admission to the model and the queue that the settings name."""
        return cls(
            settings.inspection_queue_url,
            Lease(settings.image_table_name, settings.model_version_arn),
            SessionLog(settings.image_table_name),
            settings.policy,
            settings.workers_per_unit,
        )

    def start_session(self, holder: str) -> dict[str, Any]:
        """Acquire the lease, and release it again if the waiting images are not worth a session.

        Returns
        -------
        dict
            ``decision`` is START, WAIT, or BUSY while another session holds the lease.
        """
        now = records.now()
        if not self.lease.acquire(holder, now, expiry(LEASE_SECONDS)):
            return {"decision": "BUSY"}
        backlog = queue.backlog(self.queue_url)
        since = decisions.waiting_since(self.lease.read().waiting_since, backlog, now)
        self.lease.note_waiting(since, now)
        if not decisions.is_worth_starting(backlog, decisions.seconds_between(since, now), self.policy):
            self.lease.release(holder, now)
            return {"decision": "WAIT", "messages": backlog.messages}
        units = decisions.inference_units(backlog, self.policy)
        self.log.open(holder, units, now)
        return {
            "decision": "START",
            "messages": backlog.messages,
            "units": units,
            "workers": decisions.workers(units, self.workers_per_unit),
            "seconds": self.policy.maximum_seconds,
        }

    def continue_session(self, holder: str, last: Round | None) -> dict[str, Any]:
        """Extend the lease, and return the next step of the session.

        Parameters
        ----------
        last
            The round that has just ended, see :func:`vision.domain.session.decisions.next_step`.

        Raises
        ------
        LeaseLost
            Another session holds the lease, or none does.
        """
        now = records.now()
        if not self.lease.extend(holder, now, expiry(LEASE_SECONDS)):
            raise LeaseLost("session: another one holds the lease; this session ends and leaves the model alone")
        backlog = queue.backlog(self.queue_url)
        # The images that waited before have already had their turn. Waiting images start to wait now.
        self.lease.note_waiting(decisions.waiting_since("", backlog, now), now)
        return {"decision": decisions.next_step(backlog, last), "messages": backlog.messages}
