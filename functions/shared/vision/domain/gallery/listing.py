"""Lists of the index ``listing``, newest first: where a page of a list goes on, and which days a list spans.

An item is in a list when it has ``listing_pk``, a partition of :mod:`vision.domain.table_keys`, and ``listing_sk``,
which begins with a timestamp.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, timedelta

SORT_KEY_LIMIT_BYTES = 1024
"""The longest sort key; DynamoDB refuses to be asked for a longer one.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_NOT_OURS = "cursor: not one that this API gave; leave it out to begin with the newest"

# Sorts after every timestamp and whatever follows it.
_LAST = "~"


@dataclass(frozen=True, slots=True, order=True)
class ListPosition:
    """A place in a list: where an item stands, and which one."""

    listing_sk: str
    pk: str
    sk: str

    def cursor(self) -> str:
        """Return it as text for an address."""
        return base64.urlsafe_b64encode(f"{self.listing_sk}\n{self.pk}\n{self.sk}".encode()).decode()

    @classmethod
    def from_cursor(cls, cursor: str) -> ListPosition:
        """Read what :meth:`cursor` wrote.

        Raises
        ------
        ValueError
            It is none of ours.
        """
        try:
            parts = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split("\n")
        except ValueError as error:
            raise ValueError(_NOT_OURS) from error
        match parts:
            case [listing_sk, pk, sk] if pk and sk and max(map(len, map(str.encode, parts))) <= SORT_KEY_LIMIT_BYTES:
                return cls(listing_sk, pk, sk)
        raise ValueError(_NOT_OURS)


@dataclass(frozen=True, slots=True)
class Span:
    """The days of a list, both included, in UTC; an open end is ``None``."""

    first: date | None = None
    last: date | None = None

    @property
    def low(self) -> str:
        """The smallest sort key."""
        return self.first.isoformat() if self.first else "0"

    def high(self, after: ListPosition | None) -> str:
        """Return the largest sort key of what comes after a place."""
        end = f"{(self.last + timedelta(days=1)).isoformat()}" if self.last else _LAST
        return min(end, after.listing_sk) if after else end

    def is_empty(self, after: ListPosition | None) -> bool:
        """Tell whether nothing can be in it; DynamoDB refuses to be asked."""
        return self.low > self.high(after)

    def days(self) -> list[date]:
        """Return its days, newest first; both ends must be known."""
        if self.first is None or self.last is None:
            raise ValueError("days: both ends must be known")
        return [self.last - timedelta(days=back) for back in range((self.last - self.first).days + 1)]
