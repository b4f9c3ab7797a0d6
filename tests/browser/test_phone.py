"""On a phone, everything works by touch; test_views.py has what each view looks like."""

import pytest
from playwright.sync_api import expect

from tests.browser import pictures

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


@pytest.fixture
def phone(make_visit):
    """A phone that must end without errors."""
    opened = make_visit(**PHONE)
    yield opened
    assert opened.troubles == []


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
