"""What a person may upload in a day: so many photos, and so many megabytes together. Days are those of UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vision.domain.gallery.daily_counts import day_of
from vision.domain.image_file.limits import MEGABYTE
from vision.domain.records import Record
from vision.domain.table_keys import EXPIRES

# Until then the count of a day is of use to nobody but an operator who asks what happened.
_KEPT = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of a day; 0 sets none.

    Attributes
    ----------
    uploads
        How many photos.
    megabytes
        How much they may have together.
    """

    uploads: int
    megabytes: int

    @property
    def is_limited(self) -> bool:
        """Whether anything is counted at all."""
        return bool(self.uploads or self.megabytes)

    @property
    def limit_bytes(self) -> int:
        """The megabytes as bytes."""
        return self.megabytes * MEGABYTE

    def takes(self, size_bytes: int) -> bool:
        """Tell whether a day that has nothing yet has room for an upload."""
        return not self.megabytes or size_bytes <= self.limit_bytes

    def refusal(self, now: str) -> str:
        """Return why an upload has no room any more: the limits, the time, and what to do."""
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
    """Return what the count of a day says of itself, beside its numbers."""
    expires = int((_next_day(now) + _KEPT).timestamp())
    return {"record_type": "allowance", "owner": owner, EXPIRES: expires}


def _next_day(now: str) -> datetime:
    return datetime.fromisoformat(day_of(now)).replace(tzinfo=UTC) + timedelta(days=1)
