"""Pages of a list, newest first: the list position where a page continues, and the days of a list.

An item is in a list of the index ``listing`` if it has a ``listing_pk``, a partition from
:mod:`vision.domain.table_keys`, and a ``listing_sk``, which begins with a timestamp. The lists of labels are partitions
of the table itself; their positions have the form that they had in the index.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, timedelta

SORT_KEY_LIMIT_BYTES = 1024
"""The maximum length of a sort key; DynamoDB rejects a query with a longer one.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_NOT_OURS = "cursor: not one that this API gave; leave it out to begin with the newest"

# Sorts after every sort key that begins with a timestamp.
_LAST = "~"


@dataclass(frozen=True, slots=True, order=True)
class ListPosition:
    """A list position: the sort key of an item in the index, and the item's primary key."""

    listing_sk: str
    pk: str
    sk: str

    def cursor(self) -> str:
        """Return the position as text for a URL."""
        return base64.urlsafe_b64encode(f"{self.listing_sk}\n{self.pk}\n{self.sk}".encode()).decode()

    @classmethod
    def from_cursor(cls, cursor: str) -> ListPosition:
        """Parse the result of :meth:`cursor`.

        Raises
        ------
        ValueError
            :meth:`cursor` did not produce this text.
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
    """The first and the last UTC day of a list, inclusive; ``None`` is an open end."""

    first: date | None = None
    last: date | None = None

    @property
    def low(self) -> str:
        """The smallest sort key."""
        return self.first.isoformat() if self.first else "0"

    def high(self, after: ListPosition | None) -> str:
        """Return the largest sort key of the items that follow a list position."""
        end = f"{(self.last + timedelta(days=1)).isoformat()}" if self.last else _LAST
        return min(end, after.listing_sk) if after else end

    def is_empty(self, after: ListPosition | None) -> bool:
        """Return whether the list must be empty; DynamoDB rejects such a query."""
        return self.low > self.high(after)

    def days(self) -> list[date]:
        """Return the days of the span, newest first; both ends must be set."""
        if self.first is None or self.last is None:
            raise ValueError("days: both ends must be known")
        return [self.last - timedelta(days=back) for back in range((self.last - self.first).days + 1)]
