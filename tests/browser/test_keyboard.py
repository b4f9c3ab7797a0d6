"""The whole page works with the keyboard alone, and the focus is always visible and never lost."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.drawings import drawing
from tests.browser.people import new_email, new_password

# The focused element, the width of its outline, and whether it is on the screen.
FOCUSED = """() => {
    const { activeElement: target } = document;
    const { top, bottom } = target.getBoundingClientRect();
    const { outlineStyle, outlineWidth } = getComputedStyle(target);
    const isOnScreen = bottom > 0 && top < innerHeight;
    return [target.outerHTML.slice(0, 100), outlineStyle === "none" ? 0 : parseFloat(outlineWidth), isOnScreen];
}"""


def go_to(visit, locator, key="Tab", most=60):
    """Press Tab until an element has the focus."""
    expect(locator).to_be_visible()
    for _ in range(most):
        if locator.evaluate("target => target === document.activeElement"):
            return
        visit.page.keyboard.press(key)
    raise AssertionError(f"{most} presses of {key} do not reach {locator}")


def press(visit, locator, key="Enter"):
    go_to(visit, locator)
    visit.page.keyboard.press(key)


@pytest.fixture
def two(visit, person, stored):
    """The gallery of a person with two photos, of which green.jpg is the newer."""
    stored(red=pictures.plain("red"))
    stored(green=pictures.plain("green"))
    visit.sign_in(person)
    expect(visit.tiles.locator("img")).to_have_count(2)
    return visit


def test_sign_up_album_upload_and_deletion_need_no_pointer(visit):
    page, keyboard = visit.page, visit.page.keyboard
    page.goto("/")
    press(visit, visit.button("Create account"))
    go_to(visit, page.get_by_label("Email"))
    keyboard.type(new_email())
    go_to(visit, page.get_by_label("Password"))
    keyboard.type(new_password())
    keyboard.press("Enter")
    press(visit, visit.button("New album"))
    expect(page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    keyboard.type("Streets")
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Streets")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        press(visit, visit.button("Add photos").first)
    content = drawing("stop-sign.png")
    chooser.value.set_files([{"name": "stop-sign.png", "mimeType": "image/png", "buffer": content}])
    expect(visit.tile("stop-sign.png").locator("img")).to_be_visible()
    press(visit, visit.tile("stop-sign.png").get_by_role("link").first)
    expect(page.get_by_role("heading", name="stop-sign.png")).to_be_visible()
    keyboard.press("Escape")
    press(visit, visit.button("Delete stop-sign.png"))
    expect(page.get_by_role("heading", name="This album is empty")).to_be_visible()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        press(visit, visit.button("Dismiss"))


def test_focused_elements_are_visible(visit, furnished):
    visit.sign_in(furnished)
    expect(visit.tile("clock.png").locator("img")).to_be_visible()
    hidden = []
    for _ in range(30):
        visit.page.keyboard.press("Tab")
        html, outline, is_on_screen = visit.page.evaluate(FOCUSED)
        if html.startswith("<body"):
            break
        if outline < 2 or not is_on_screen:
            hidden.append(html)
    assert hidden == []


def test_first_tab_offers_to_skip_to_the_content_and_an_opened_view_focuses_its_heading(visit, person):
    visit.sign_in(person)
    # Until a page is painted, Chromium discards what is typed.
    visit.page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
    visit.page.keyboard.press("Tab")
    expect(visit.link("Skip to content")).to_be_in_viewport()
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("main")).to_be_focused()
    press(visit, visit.link("Statistics"))
    expect(visit.page.get_by_role("heading", name="Statistics")).to_be_focused()


def test_search_suggestion_is_chosen_with_the_arrows(visit, collector):
    page = visit.sign_in(collector)
    go_to(visit, page.get_by_role("combobox", name="Search labels"))
    page.keyboard.type("ca")
    expect(page.get_by_role("option", name="Cat")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(visit.tile("red.jpg")).to_have_count(0)
    expect(visit.tile("cat.jpg")).to_be_visible()


def test_dialog_keeps_the_focus_inside_and_returns_it_or_moves_it_to_the_heading(visit, person):
    visit.sign_in(person, "albums")
    button = visit.button("New album").first
    press(visit, button)
    expect(visit.page.get_by_role("dialog").get_by_label("Name")).to_be_focused()
    outside = "() => document.activeElement !== document.body && !document.activeElement.closest('dialog')"
    for _ in range(8):
        visit.page.keyboard.press("Tab")
        assert not visit.page.evaluate(outside)
    visit.page.keyboard.press("Escape")
    expect(button).to_be_focused()
    button.evaluate("button => (button.click(), button.click())")
    expect(visit.page.get_by_role("dialog")).to_have_count(1)
    visit.call("POST", "albums", {"name": "Harbour"})
    visit.page.reload()
    press(visit, visit.button("Delete Harbour"))
    press(visit, visit.button("Delete album"))
    expect(visit.page.get_by_role("heading", name="Albums", exact=True)).to_be_focused()


def test_deletion_is_undone_with_a_key_and_moves_the_focus_to_the_next_photo_and_then_to_the_heading(two):
    press(two, two.button("Delete green.jpg"))
    expect(two.tile("green.jpg")).to_have_count(0)
    two.page.keyboard.press("Control+z")
    expect(two.tile("green.jpg")).to_be_visible()
    press(two, two.button("Delete green.jpg"))
    expect(two.tile("red.jpg").get_by_role("link").first).to_be_focused()
    press(two, two.button("Delete red.jpg"))
    expect(two.page.get_by_role("heading", name="Photos", exact=True)).to_be_focused()


def test_focus_follows_a_photo_that_is_opened_browsed_and_left(two):
    press(two, two.tile("green.jpg").get_by_role("link").first)
    expect(two.heading("green.jpg")).to_be_focused()
    expect(two.link("Older photo")).to_be_visible()
    two.page.keyboard.press("ArrowRight")
    expect(two.heading("red.jpg")).to_be_visible()
    two.page.keyboard.press("ArrowLeft")
    expect(two.heading("green.jpg")).to_be_visible()
    two.page.keyboard.press("Escape")
    press(two, two.tile("red.jpg").get_by_role("link").first)
    expect(two.heading("red.jpg")).to_be_visible()
    two.page.keyboard.press("Escape")
    expect(two.tile("red.jpg").get_by_role("link").first).to_be_focused()


def test_boxes_are_switched_on_with_the_space_bar(visit, furnished):
    visit.sign_in(furnished)
    press(visit, visit.tile("stop-sign.png").get_by_role("link").first)
    press(visit, visit.button("Boxes"), "Space")
    expect(visit.page.locator(".box").first).to_be_visible()


def test_recognised_photo_is_announced_to_screen_readers(visit, person):
    visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.page.get_by_role("status")).to_contain_text(re.compile("red.jpg: Recognised"))
