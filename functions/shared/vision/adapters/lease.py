"""The lease of a model: only its holder may start and stop the model."""

from __future__ import annotations

from dataclasses import dataclass

from vision.adapters.items import Items
from vision.domain import records, table_keys

LEASE_SECONDS = 1800
"""How long a lease lasts; each function of a session extends it far more often than this."""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """The current state of the lease item.

    Attributes
    ----------
    holder
        The execution that holds the lease, or the watchdog; ``""`` if it is free. The attribute of the item is
        ``owner``.
    expires_at, waiting_since, running_at, watched_at, keep_running_until
        Timestamps, or ``""``: when the lease expires, since when images wait, when the holder first found the model
        running, when the watchdog last checked, and until when an operator keeps the model running on purpose, as the
        operator wrote it.
    """

    holder: str = ""
    expires_at: str = ""
    waiting_since: str = ""
    running_at: str = ""
    watched_at: str = ""
    keep_running_until: str = ""

    def is_held(self, now: str) -> bool:
        """Return whether the lease has a holder and has not expired."""
        return bool(self.holder) and self.expires_at > now


class Lease:
    """The lease of one model, an item of the image table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str, model_version_arn: str) -> None:
        self._items = Items(table_name)
        self._key = table_keys.model_lease_key(model_version_arn)

    def read(self) -> LeaseState:
        """Return the current state of the lease."""
        item = self._items.get(self._key) or {}
        item["holder"] = item.get("owner", "")
        return LeaseState(**{name: str(item.get(name, "")) for name in LeaseState.__dataclass_fields__})

    def acquire(self, holder: str, now: str, expires_at: str) -> bool:
        """Acquire or extend the lease; return False if it has another holder.

        An expired lease is free: its holder died, and the ``running_at`` of that holder is removed.
        """
        return self.extend(holder, now, expires_at) or self._items.update(
            self._key,
            {"owner": holder, "expires_at": expires_at, "record_type": "session", "updated_at": now},
            {},
            condition="attribute_not_exists(#owner) OR #owner = :no_holder OR expires_at < :now",
            condition_values={":no_holder": "", ":now": now},
            remove=("running_at",),
        )

    def extend(self, holder: str, now: str, expires_at: str) -> bool:
        """Extend the lease; return False if this holder has lost it.

        Unlike :meth:`acquire`, this never acquires a released lease: a function that outlives its session must not
        hold the model for that session.
        """
        return self._items.update(
            self._key,
            {"owner": holder, "expires_at": expires_at, "updated_at": now},
            {},
            condition="#owner = :owner",
        )

    def release(self, holder: str, now: str) -> bool:
        """Release the lease if this holder has it; return whether it was released."""
        return self._items.update(
            self._key,
            {"owner": "", "expires_at": "", "updated_at": now},
            {},
            condition="#owner = :holder",
            condition_values={":holder": holder},
            remove=("running_at",),
        )

    def note_waiting(self, since: str, now: str) -> None:
        """Record since when images wait, because no queue attribute has that time; ``""`` if no image waits."""
        self._items.update(self._key, {"waiting_since": since, "updated_at": now}, {}, condition="attribute_exists(pk)")

    def note_running(self, holder: str, now: str) -> None:
        """Record when this holder first found its model running, the start of the paid time."""
        self._items.update(
            self._key, {"owner": holder, "updated_at": now}, {"running_at": now}, condition="#owner = :owner"
        )

    def note_watched(self, now: str) -> None:
        """Record when the watchdog checked the model."""
        self._items.update(
            self._key,
            {"watched_at": now, "record_type": "session", "updated_at": now},
            {},
            condition="attribute_not_exists(watched_at) OR watched_at < :watched_at",
        )


def expiry(seconds: int) -> str:
    """Return the timestamp that many seconds from now."""
    return records.seconds_ago(-seconds)
