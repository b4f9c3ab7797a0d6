"""The pace of paid calls: whoever wants to call reserves the moments first, so that all together keep the quota."""

from __future__ import annotations

import time

from vision.adapters.items import Items
from vision.domain import table_keys

# Evenly spaced at a little less than the quota: a service counts with a clock of its own.
SHARE_OF_QUOTA = 0.98

_MICROSECONDS = 1_000_000


class RateLimiter:
    """When the next calls of one operation may be made, by everyone in the account who asks here.

    An item of the table holds the next free moment. Each worker moves it on by as many calls as it wants to make, and
    makes them at the moments in between. However many workers and runs there are, none has to know of the others.

    Parameters
    ----------
    operation
        The operation whose quota it is.
    calls_per_second
        How many calls may be made each second.
    """

    def __init__(self, table_name: str, operation: str, calls_per_second: float) -> None:
        self._items = Items(table_name)
        self._key = table_keys.pace_key(operation)
        self._gap = round(_MICROSECONDS / (calls_per_second * SHARE_OF_QUOTA))

    def reserve(self, calls: int) -> list[float]:
        """Return the moments of the next calls, in seconds since the epoch.

        Raises
        ------
        Throttled, ServiceUnavailable, AccessDenied
        """
        span = calls * self._gap
        while True:
            now = round(time.time() * _MICROSECONDS)
            ahead = self._items.add(self._key, {"next_at": span}, condition="#next_at >= :now", values={":now": now})
            if ahead is not None:
                first = int(ahead["next_at"]) - span
                break
            # Nobody has called for a while, so the past is free and now is the next moment.
            if self._items.update(
                self._key,
                {"next_at": now + span, "record_type": "pace"},
                {},
                condition="attribute_not_exists(#next_at) OR #next_at < :now",
                condition_values={":now": now},
            ):
                first = now
                break
        return [(first + call * self._gap) / _MICROSECONDS for call in range(calls)]
