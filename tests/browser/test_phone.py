"""On a phone, every view fits, targets are large enough, and everything works by touch."""

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.views import VIEWS

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}

# Level AA: https://www.w3.org/WAI/WCAG22/Understanding/target-size-minimum.html
SMALLEST_TARGET = 24
TOO_SMALL = """smallest => [...document.querySelectorAll("a, button, input, select, summary, [role=option]")]
    .filter((target) => target.checkVisibility({ visibilityProperty: true }) && !target.matches(".skip"))
    .map((target) => [target.outerHTML.slice(0, 120), target.getBoundingClientRect()])
    .filter(([, { width, height }]) => width < smallest || height < smallest)
    .map(([html, { width, height }]) => `${html}: ${Math.round(width)} × ${Math.round(height)}`)"""


@pytest.fixture
def phone(make_visit):
    """A phone that must end without errors."""
    opened = make_visit(**PHONE)
    yield opened
    assert opened.troubles == []


@pytest.mark.parametrize("view", VIEWS)
def test_view_fits_the_phone_and_its_targets_are_large_enough(make_visit, furnished, view):
    visit = make_visit(**PHONE)
    visit.sign_in(furnished)
    VIEWS[view](visit)
    assert visit.page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]
    assert visit.page.evaluate(TOO_SMALL, SMALLEST_TARGET) == []


def test_welcome_page_fits_the_phone(phone):
    phone.page.goto("/")
    expect(phone.button("Create account")).to_be_in_viewport()
    assert phone.page.evaluate("document.documentElement.scrollWidth") == PHONE["viewport"]["width"]


def test_photo_is_added_opened_and_deleted_by_touch(phone, person):
    phone.sign_in(person)
    with phone.page.expect_file_chooser() as chooser:
        phone.button("Add photos").first.tap()
    chooser.value.set_files([{"name": "red.jpg", "mimeType": "image/jpeg", "buffer": pictures.plain("red")}])
    phone.tile("red.jpg").locator("img").tap()
    expect(phone.heading("red.jpg")).to_be_visible()
    phone.link("Back").tap()
    expect(phone.tile("red.jpg")).to_be_visible()
    phone.button("Delete red.jpg").tap()
    phone.button("Undo").tap()
    expect(phone.tile("red.jpg")).to_be_visible()
    phone.button("Delete red.jpg").tap()
    with phone.page.expect_response(lambda answer: answer.request.method == "DELETE"):
        phone.button("Dismiss").tap()
    phone.page.reload()
    expect(phone.heading("No photos yet")).to_be_visible()


def test_list_of_uploads_does_not_cover_notices(phone, person):
    phone.sign_in(person)
    phone.limit_line(upload=2000)
    phone.choose({"large.jpg": pictures.noise(), "notes.gif": b"GIF89a"})
    notice, panel = phone.page.locator(".notice"), phone.page.locator(".uploads")
    expect(notice).to_be_visible()
    expect(panel).to_be_visible()
    above, below = notice.bounding_box(), panel.bounding_box()
    assert above["y"] + above["height"] <= below["y"]
