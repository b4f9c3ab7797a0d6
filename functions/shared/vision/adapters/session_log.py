"""The log of Custom Labels sessions that started the model; the many checks that found no work are not logged."""

from __future__ import annotations

from itertools import islice

from vision.adapters.items import Items
from vision.domain import table_keys
from vision.domain.records import Record


class SessionLog:
    """The sessions of one table.

    All methods raise Throttled, ServiceUnavailable and AccessDenied.
    """

    def __init__(self, table_name: str) -> None:
        self._items = Items(table_name)

    def open(self, execution_arn: str, units: int, now: str) -> None:
        """Record the start of a session and its inference units; recording it again keeps the first start."""
        listed = {
            "listing_pk": table_keys.SESSION_LISTING,
            "listing_sk": table_keys.listing_sort_key(now, _name(execution_arn)),
            "started_at": now,
        }
        fields = {"record_type": "model_session", "execution_arn": execution_arn, "units": units, "updated_at": now}
        self._items.update(_key(execution_arn), fields, listed)

    def close(self, execution_arn: str, images: int, model_minutes: float, now: str) -> None:
        """Record the inspected images and the paid minutes of a session, whether it succeeded or failed."""
        fields = {"images": images, "model_minutes": model_minutes, "updated_at": now}
        self._items.update(_key(execution_arn), fields, {}, condition="attribute_exists(pk)")

    def latest(self, limit: int) -> list[Record]:
        """Return the latest sessions, newest first."""
        listed = self._items.query(
            "listing",
            "listing_pk = :partition",
            {},
            {":partition": table_keys.SESSION_LISTING},
            newest_first=True,
            page_size=limit,
        )
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in islice(listed, limit)]
        found = self._items.get_many(keys, ("execution_arn", "units", "started_at", "images", "model_minutes"))
        return sorted(found, key=lambda session: (session["started_at"], session["pk"]), reverse=True)


def _name(execution_arn: str) -> str:
    return execution_arn.rsplit(":", 1)[-1]


def _key(execution_arn: str) -> table_keys.Key:
    return table_keys.model_session_key(_name(execution_arn))
