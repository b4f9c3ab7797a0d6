import base64
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import days, moments, tokens
from vision.domain.gallery.listing import ListPosition, Span

line = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n"), max_size=60)
positions = st.builds(ListPosition, line, line.filter(bool), line.filter(bool))
INVALID = "leave it out to begin with the newest"


# Cursors


@given(positions)
def test_cursor_restores_its_position_and_is_safe_in_a_url(position: ListPosition) -> None:
    assert ListPosition.from_cursor(position.cursor()) == position
    assert set(position.cursor()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def _read(cursor: str) -> ListPosition | None:
    try:
        return ListPosition.from_cursor(cursor)
    except ValueError:
        return None


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda content: base64.urlsafe_b64encode(content).decode()))
def test_any_text_is_a_position_that_dynamodb_accepts_or_refused(text: str) -> None:
    position = _read(text)
    assert position is None or (position.pk and position.sk)


@given(positions, st.data())
def test_truncated_cursor_is_refused_or_another_position(position: ListPosition, data: st.DataObject) -> None:
    cursor = position.cursor()
    assert _read(cursor[: data.draw(st.integers(0, len(cursor) - 1))]) != position


@pytest.mark.parametrize("text", ["a", "====", "YQ==", "YQpiCmMKZA==", "YQpi Cg==", "_w==", "é", "\ud800"])
def test_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=INVALID):
        ListPosition.from_cursor(text)


@pytest.mark.parametrize(
    ("listing_sk", "pk", "sk"),
    [
        ("2026", "", "CURRENT"),
        ("2026", "PHOTO#a", ""),
        ("2" * 1025, "PHOTO#a", "CURRENT"),
        ("é" * 513, "PHOTO#a", "CURRENT"),
        ("2026", "p" * 2049, "CURRENT"),
        ("2026", "PHOTO#a", "s" * 1025),
    ],
)
def test_cursor_that_dynamodb_does_not_accept_is_refused(listing_sk: str, pk: str, sk: str) -> None:
    with pytest.raises(ValueError, match=INVALID):
        ListPosition.from_cursor(ListPosition(listing_sk, pk, sk).cursor())


def test_longest_keys_are_a_position() -> None:
    position = ListPosition("2" * 1024, "p" * 1024, "s" * 1024)
    assert ListPosition.from_cursor(position.cursor()) == position


# Days

spans = st.builds(Span, st.none() | days, st.none() | days)


@given(spans, moments, tokens)
def test_photo_is_in_a_span_if_its_day_is(span: Span, moment: str, photo_id: str) -> None:
    day = date.fromisoformat(moment[:10])
    is_in = (span.first is None or span.first <= day) and (span.last is None or day <= span.last)
    assert (span.low <= f"{moment}#{photo_id}" <= span.high(None)) == is_in


@given(spans, positions)
def test_span_after_a_position_has_nothing_newer(span: Span, after: ListPosition) -> None:
    assert span.high(after) <= min(span.high(None), after.listing_sk)


@given(days, st.integers(0, 100))
def test_days_of_a_span_are_listed_newest_first(last: date, back: int) -> None:
    assume(last >= date(2000, 1, 1) + timedelta(days=back))
    expected = [last - timedelta(days=ago) for ago in range(back + 1)]
    assert Span(last - timedelta(days=back), last).days() == expected


@pytest.mark.parametrize("span", [Span(), Span(date(2026, 11, 21)), Span(None, date(2026, 11, 21))])
def test_open_span_has_no_list_of_days(span: Span) -> None:
    with pytest.raises(ValueError, match="both ends must be known"):
        span.days()
