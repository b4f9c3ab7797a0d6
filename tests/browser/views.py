"""Every view of the page with content of the furnished person, for tests that check all views alike."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.pictures import LONG_NAME
from tests.browser.visits import Visit

Show = Callable[[Visit], None]


def _gallery(visit: Visit) -> None:
    expect(visit.tile("clock.png").locator("img")).to_be_visible()


def _found(visit: Visit) -> None:
    visit.open("photos?label=Clock&min_confidence=50")
    expect(visit.tiles).to_have_count(1)


def _suggestions(visit: Visit) -> None:
    visit.page.get_by_role("combobox", name="Search labels").press_sequentially("c")
    visit.page.keyboard.press("ArrowDown")
    expect(visit.page.get_by_role("option").first).to_be_visible()


def _photo(visit: Visit, name: str = "stop-sign.png") -> None:
    visit.open_photo(name)
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


def _loaded(view: str, shown: Callable[[Visit], Locator]) -> Show:
    """Open a view and wait for what it shows when it has loaded."""

    def show(visit: Visit) -> None:
        visit.open(view)
        expect(shown(visit)).to_be_visible()
        expect(visit.page.get_by_text(re.compile("^Loading "))).to_have_count(0)

    return show


_albums = _loaded("albums", lambda visit: visit.page.get_by_role("heading", name="Albums", exact=True))
_CLASSES = "Photos recognised, by class; deleted ones included"


def _new_album(visit: Visit) -> None:
    _albums(visit)
    visit.button("New album").first.click()
    expect(visit.page.get_by_role("dialog")).to_be_visible()


def _second_factor(visit: Visit) -> None:
    visit.link("Second factor").click()
    expect(visit.button("Continue")).to_be_visible()


def _notice(visit: Visit) -> None:
    visit.choose({"notes.gif": b"GIF89a"})
    visit.notice.hover()


VIEWS: dict[str, Show] = {
    "gallery": _gallery,
    "found": _found,
    "nothing found": _loaded("photos?label=Submarine", lambda visit: visit.heading("Nothing found")),
    "suggestions": _suggestions,
    "photo": _photo,
    "photo with boxes": _photo_with_boxes,
    "photo with a long name": _photo_with_a_long_name,
    "failed photo": _failed_photo,
    "unknown photo": _loaded("photos/unknown", lambda visit: visit.alert),
    "albums": _albums,
    "new album": _new_album,
    "statistics": _loaded("statistics", lambda visit: visit.page.get_by_role("table", name=_CLASSES)),
    "inspections": _loaded("inspections", lambda visit: visit.cards.first),
    "bulk runs": _loaded("bulk-runs", lambda visit: visit.button("Start run")),
    "sessions": _loaded("sessions", lambda visit: visit.heading("No session yet")),
    "second factor": _second_factor,
    "notice": _notice,
    "nowhere": _loaded("nowhere", lambda visit: visit.page.get_by_text("Nothing is here")),
}
"""How to reach each view from the gallery of the furnished person."""

# Views that expect an answer of 404.
WITH_A_REFUSAL = ("unknown photo",)
