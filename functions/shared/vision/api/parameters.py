"""Query parameters of lists: days, a cursor, a limit."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from vision.domain.gallery.listing import ListPosition, Span
from vision.domain.request_errors import InvalidDays

LabelName = Annotated[str, StringConstraints(max_length=256)]
RuleName = Annotated[str, StringConstraints(max_length=256)]
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
Limit = Annotated[int, Field(ge=1, le=100)]


def _is_cursor(text: str) -> str:
    if text:
        ListPosition.from_cursor(text)
    return text


Cursor = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_is_cursor)]
"""What the page before gave; without one the list begins with the newest."""


def _is_day(text: object) -> object:
    # Pydantic also reads numbers as dates, in seconds since 1970; here only a day is one.
    if isinstance(text, str) and not _DAY.fullmatch(text):
        raise ValueError("expected a day such as 2026-11-21")
    return text


Day = Annotated[date, BeforeValidator(_is_day), Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]


def list_position(cursor: str) -> ListPosition | None:
    """Return the list position of a cursor, ``None`` for ``""``."""
    return ListPosition.from_cursor(cursor) if cursor else None


def days(first: date | None, last: date | None, usual: int, limit: int) -> Span:
    """Return the days to query: those of the request, or the usual number of days up to the last one or today.

    Raises
    ------
    InvalidDays
        The last day is before the first, or there are more days than the limit.
    """
    until = last or datetime.now(UTC).date()
    return span(first or until - timedelta(days=usual - 1), until, limit)


def span(first: date | None, last: date | None, limit: int | None = None) -> Span:
    """Return the days of a list.

    Raises
    ------
    InvalidDays
        The last day is before the first, or there are more days than the limit.
    """
    if first and last and (last < first or (limit and (last - first).days >= limit)):
        most = f", at most {limit} days" if limit else ""
        raise InvalidDays(f"from, to: {first} to {last}; expected the earlier day first{most}")
    return Span(first, last)
