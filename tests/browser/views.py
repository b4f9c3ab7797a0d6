"""Every view of the page with what its furnished person has in it, for tests that hold all of them to the same."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.pictures import LONG_NAME
from tests.browser.visits import Visit

Show = Callable[[Visit], None]


def _gallery(visit: Visit) -> None:
    expect(visit.tile("clock.png").locator("img")).to_be_visible()


def _found(visit: Visit) -> None:
    visit.open("photos?label=Clock&min_confidence=50")
    expect(visit.tiles).to_have_count(1)


def _nothing_found(visit: Visit) -> None:
    visit.open("photos?label=Submarine")
    expect(visit.page.get_by_role("heading", name="Nothing found")).to_be_visible()


def _suggestions(visit: Visit) -> None:
    visit.page.get_by_role("combobox", name="Search labels").press_sequentially("c")
    visit.page.keyboard.press("ArrowDown")
    expect(visit.page.get_by_role("option").first).to_be_visible()


def _photo(visit: Visit, name: str = "stop-sign.png") -> None:
    visit.tile(name).get_by_role("link").first.click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(name)
    expect(visit.page.get_by_role("heading", name="About this photo")).to_be_visible()


def _photo_with_boxes(visit: Visit) -> None:
    _photo(visit)
    visit.button("Boxes").click()


def _photo_with_a_long_name(visit: Visit) -> None:
    _photo(visit, LONG_NAME)


def _failed_photo(visit: Visit) -> None:
    _photo(visit, "broken.jpg")
    expect(visit.page.locator(".callout")).to_be_visible()


def _unknown_photo(visit: Visit) -> None:
    visit.open("photos/unknown")
    expect(visit.page.get_by_role("alert")).to_be_visible()


def _albums(visit: Visit) -> None:
    visit.open("albums")
    expect(visit.page.get_by_role("heading", name="Albums", exact=True)).to_be_visible()
    expect(visit.page.get_by_text("Loading albums")).to_have_count(0)


def _new_album(visit: Visit) -> None:
    _albums(visit)
    visit.button("New album").first.click()
    expect(visit.page.get_by_role("dialog")).to_be_visible()


def _statistics(visit: Visit) -> None:
    visit.open("statistics")
    expect(visit.page.get_by_role("table", name="Photos recognised, by class; deleted ones included")).to_be_visible()


def _inspections(visit: Visit) -> None:
    visit.open("inspections")
    expect(visit.cards.first).to_be_visible()


def _bulk_runs(visit: Visit) -> None:
    visit.open("bulk-runs")
    expect(visit.button("Start run")).to_be_visible()
    expect(visit.page.get_by_text("Loading runs")).to_have_count(0)


def _sessions(visit: Visit) -> None:
    visit.open("sessions")
    expect(visit.page.get_by_role("heading", name="No session yet")).to_be_visible()


def _second_factor(visit: Visit) -> None:
    visit.link("Second factor").click()
    expect(visit.button("Continue")).to_be_visible()


def _notice(visit: Visit) -> None:
    visit.choose({"notes.gif": b"GIF89a"})
    visit.notice.hover()


def _nowhere(visit: Visit) -> None:
    visit.open("nowhere")
    expect(visit.page.get_by_text("Nothing is here")).to_be_visible()


VIEWS: dict[str, Show] = {
    re.sub("^_", "", show.__name__).replace("_", " "): show
    for show in (
        _gallery,
        _found,
        _nothing_found,
        _suggestions,
        _photo,
        _photo_with_boxes,
        _photo_with_a_long_name,
        _failed_photo,
        _unknown_photo,
        _albums,
        _new_album,
        _statistics,
        _inspections,
        _bulk_runs,
        _sessions,
        _second_factor,
        _notice,
        _nowhere,
    )
}
"""How each view is reached from the gallery of the furnished person."""

# An answer of 404 belongs to it.
WITH_A_REFUSAL = ("unknown photo",)
