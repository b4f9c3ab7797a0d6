"""Rate limiter of paid calls: each worker reserves times for its calls first, so that all together keep the quota."""

from __future__ import annotations

import time

from vision.adapters.items import Items
from vision.domain import table_keys

# Calls are evenly spaced at slightly less than the quota, because a service counts with its own clock.
SHARE_OF_QUOTA = 0.98

LEAST_AT_ONCE = 10
"""Call times are reserved in blocks of at least this many calls: one write to the table for each block."""

# How long a block lasts at high rates. All workers write one item, often twice for a block; this is 200 writes a second
# at most, of the 1,000 that DynamoDB takes for one key.
_BLOCK_SECONDS = 0.01

_MICROSECONDS = 1_000_000


class RateLimiter:
    """A limiter for the calls of one operation, shared by all of its users in the account.

    An item of the table holds the next free time. Each worker advances it by the number of calls that it wants to make,
    and makes them at the times in between. Workers and runs need no knowledge of each other.

    Parameters
    ----------
    operation
        The operation that has the quota.
    calls_per_second
        The number of calls allowed per second.

    Attributes
    ----------
    calls_at_once
        How many calls a worker should reserve together.
    """

    def __init__(self, table_name: str, operation: str, calls_per_second: float) -> None:
        self._items = Items(table_name)
        self._key = table_keys.pace_key(operation)
        self.calls_at_once = max(LEAST_AT_ONCE, round(calls_per_second * _BLOCK_SECONDS))
        self._gap = round(_MICROSECONDS / (calls_per_second * SHARE_OF_QUOTA))

    def reserve(self, calls: int) -> list[float]:
        """Reserve the next calls and return their times, in seconds since the epoch.

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
            # The next free time is in the past, so the next call can be made now.
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
