"""The lease of a model: whoever holds it may start and stop the model, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from vision.adapters.items import Items
from vision.domain import records
from vision.domain.keys import model_token
from vision.domain.records import Record


@dataclass(frozen=True, slots=True)
class Holding:
    """What the lease's item says now.

    Attributes
    ----------
    owner
        The execution that holds it, or the watchdog; ``""`` when nobody does.
    expires_at, waiting_since, started_at, keep_running_until
        Timestamps, or ``""``: until when it is held, since when images wait, when the session's model was started,
        until when an operator keeps the model running on purpose.
    """

    owner: str = ""
    expires_at: str = ""
    waiting_since: str = ""
    started_at: str = ""
    keep_running_until: str = ""

    def is_held(self, now: str) -> bool:
        """Tell whether somebody holds it."""
        return bool(self.owner) and self.expires_at > now


class Lease:
    """The lease of one model, an item of the image table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str, model_version_arn: str) -> None:
        self._items = Items(table_name)
        self._key: Record = {"pk": f"SESSION#{model_token(model_version_arn)}", "sk": "LEASE"}

    def read(self) -> Holding:
        """Return what the item says."""
        item = self._items.get(self._key) or {}
        return Holding(**{name: str(item.get(name, "")) for name in Holding.__dataclass_fields__})

    def take(self, owner: str, now: str, expires_at: str) -> bool:
        """Take the lease, or hold it longer; return False when somebody else holds it.

        A lease that has expired is free: its owner died.
        """
        return self._items.update(
            self._key,
            {"owner": owner, "expires_at": expires_at, "record_type": "session", "updated_at": now},
            {},
            condition="attribute_not_exists(#owner) OR #owner = :owner OR #owner = :nobody OR expires_at < :now",
            condition_values={":nobody": "", ":now": now},
        )

    def extend(self, owner: str, now: str, expires_at: str) -> bool:
        """Hold the lease longer; return False when this owner does not hold it any more.

        Unlike :meth:`take` it never takes what was given back: a function that outlives its session must not hold
        the model for the dead.
        """
        return self._items.update(
            self._key,
            {"owner": owner, "expires_at": expires_at, "updated_at": now},
            {},
            condition="#owner = :owner",
        )

    def give_back(self, owner: str, now: str) -> bool:
        """Free the lease if this owner holds it; return whether it did."""
        return self._items.update(
            self._key,
            {"owner": "", "expires_at": "", "updated_at": now},
            {},
            condition="#owner = :holder",
            condition_values={":holder": owner},
            remove=("started_at",),
        )

    def note_waiting(self, since: str, now: str) -> None:
        """Remember since when images wait, since no attribute of a queue tells it; ``""`` when none does."""
        self._items.update(self._key, {"waiting_since": since, "updated_at": now}, {}, condition="attribute_exists(pk)")

    def note_started(self, owner: str, now: str) -> None:
        """Remember when this owner's model was started, the first time."""
        self._items.update(
            self._key, {"owner": owner, "updated_at": now}, {"started_at": now}, condition="#owner = :owner"
        )


def expiry(seconds: int) -> str:
    """Return the timestamp of some seconds from now."""
    return records.seconds_ago(-seconds)
