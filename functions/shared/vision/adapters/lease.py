"""The lease of a model: whoever holds it may start and stop the model, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from vision.adapters.items import Items
from vision.domain import records, table_keys

LEASE_SECONDS = 1800
"""How long a session holds the lease; each of its functions extends it far more often than this."""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """What the lease's item says now.

    Attributes
    ----------
    holder
        The execution that holds it, or the watchdog; ``""`` when none does. The item calls it ``owner``.
    expires_at, waiting_since, running_at, watched_at, keep_running_until
        Timestamps, or ``""``: until when the lease is held, since when images wait, when its holder first found the
        model running, when the watchdog last looked, and until when an operator keeps the model running on purpose, in
        the operator's own spelling.
    """

    holder: str = ""
    expires_at: str = ""
    waiting_since: str = ""
    running_at: str = ""
    watched_at: str = ""
    keep_running_until: str = ""

    def is_held(self, now: str) -> bool:
        """Tell whether somebody holds it."""
        return bool(self.holder) and self.expires_at > now


class Lease:
    """The lease of one model, an item of the image table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str, model_version_arn: str) -> None:
        self._items = Items(table_name)
        self._key = table_keys.model_lease_key(model_version_arn)

    def read(self) -> LeaseState:
        """Return what the item says."""
        item = self._items.get(self._key) or {}
        item["holder"] = item.get("owner", "")
        return LeaseState(**{name: str(item.get(name, "")) for name in LeaseState.__dataclass_fields__})

    def acquire(self, holder: str, now: str, expires_at: str) -> bool:
        """Take the lease, or hold it longer; return False when somebody else holds it.

        A lease that has expired is free: its holder died, and what it noted of its model goes with it.
        """
        return self.extend(holder, now, expires_at) or self._items.update(
            self._key,
            {"owner": holder, "expires_at": expires_at, "record_type": "session", "updated_at": now},
            {},
            condition="attribute_not_exists(#owner) OR #owner = :nobody OR expires_at < :now",
            condition_values={":nobody": "", ":now": now},
            remove=("running_at",),
        )

    def extend(self, holder: str, now: str, expires_at: str) -> bool:
        """Hold the lease longer; return False when this holder has lost it.

        Unlike :meth:`acquire` it never takes what was released: a function that outlives its session must not hold
        the model for the dead.
        """
        return self._items.update(
            self._key,
            {"owner": holder, "expires_at": expires_at, "updated_at": now},
            {},
            condition="#owner = :owner",
        )

    def release(self, holder: str, now: str) -> bool:
        """Release the lease if this holder has it; return whether it did."""
        return self._items.update(
            self._key,
            {"owner": "", "expires_at": "", "updated_at": now},
            {},
            condition="#owner = :holder",
            condition_values={":holder": holder},
            remove=("running_at",),
        )

    def note_waiting(self, since: str, now: str) -> None:
        """Remember since when images wait, since no attribute of a queue tells it; ``""`` when none does."""
        self._items.update(self._key, {"waiting_since": since, "updated_at": now}, {}, condition="attribute_exists(pk)")

    def note_running(self, holder: str, now: str) -> None:
        """Remember when this holder first found its model running: from then on it is paid for."""
        self._items.update(
            self._key, {"owner": holder, "updated_at": now}, {"running_at": now}, condition="#owner = :owner"
        )

    def note_watched(self, now: str) -> None:
        """Remember when the watchdog looked."""
        self._items.update(
            self._key,
            {"watched_at": now, "record_type": "session", "updated_at": now},
            {},
            condition="attribute_not_exists(watched_at) OR watched_at < :watched_at",
        )


def expiry(seconds: int) -> str:
    """Return the timestamp of some seconds from now."""
    return records.seconds_ago(-seconds)
