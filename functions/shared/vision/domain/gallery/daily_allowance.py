"""The daily allowance: how many photos, and how many megabytes in total, a person may upload in a UTC day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vision.domain.gallery.daily_counts import day_of
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.records import Record
from vision.domain.table_keys import EXPIRES

# How long the item stays after its day ends; meanwhile only an operator who investigates uses it.
_KEPT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of a day; 0 means no limit.

    Attributes
    ----------
    uploads
        Maximum number of photos.
    megabytes
        Maximum total size.
    """

    uploads: int
    megabytes: int

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit, and therefore anything to count."""
        return bool(self.uploads or self.megabytes)

    @property
    def limit_bytes(self) -> int:
        """The maximum total size in bytes."""
        return self.megabytes * MEGABYTE

    def takes(self, size_bytes: int) -> bool:
        """Return whether a day without uploads has room for this one."""
        return not self.megabytes or size_bytes <= self.limit_bytes

    def refusal(self, now: str) -> str:
        """Return the message for an upload over the allowance: the limits, the reset time and the remedy."""
        limits = [f"{self.uploads:,} photos"] if self.uploads else []
        limits += [f"{self.megabytes:,} MB"] if self.megabytes else []
        begins = f"{_next_day(now):%Y-%m-%d %H:%M} UTC"
        return (
            f"uploads: the allowance of {' and '.join(limits)} a day has no room for this photo; "
            f"add it again after {begins}, or ask an operator for a larger allowance"
        )


def seconds_left(now: str) -> int:
    """Return the seconds until the next day begins, at least one."""
    return max(1, int((_next_day(now) - datetime.fromisoformat(now)).total_seconds()))


def day(owner: str, now: str) -> Record:
    """Return the attributes of a day's item, without its counts."""
    expires = int((_next_day(now) + _KEPT).timestamp())
    return {"record_type": "allowance", "owner": owner, EXPIRES: expires}


def _next_day(now: str) -> datetime:
    return datetime.fromisoformat(day_of(now)).replace(tzinfo=UTC) + timedelta(days=1)
