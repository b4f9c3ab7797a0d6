"""A gallery of more photos than a page of the list holds: scrolling, searching, going from one to the next."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.people import make_person, tokens_of
from tests.functions.http_api import Answer
from tests.local.app.conftest import Client

PHOTOS = 60
# The window of these tests holds the first page of 24, and the end of it comes near enough for the second.
AT_FIRST = 48


@pytest.fixture(scope="module")
def owner(pipeline):
    return make_person(pipeline)


@pytest.fixture(scope="module")
def label(pipeline, owner):
    """A label of the cat, the oldest photo."""
    record = pipeline.finished(pipeline.upload(f"private/{owner.owner}/uploads/cat.jpg", pictures.cat_on_its_side()))
    return record["labels"][0]["name"]


@pytest.fixture(scope="module")
def names(pipeline, owner, label):
    """Sixty photos, newest first: a cat, the oldest, and others that are announced and never sent."""
    client = Client(pipeline, tokens_of(pipeline, owner)["access_token"])

    def announce(number: int) -> Answer:
        form = {"name": f"{number}.jpg", "content_type": "image/jpeg", "size_bytes": 1000}
        return client("POST", "/api/photos", form, **{"Idempotency-Key": f"crowd-{number}"})

    with ThreadPoolExecutor(4) as pool:
        assert {answer.status for answer in pool.map(announce, range(1, PHOTOS))} == {201}
    return [photo["name"] for photo in client.get("/api/photos?limit=100").json()["photos"]]


@pytest.fixture
def gallery(visit, owner, names):
    """The gallery, with what it shows before anybody scrolls."""
    visit.sign_in(owner)
    expect(visit.tiles).to_have_count(AT_FIRST)
    return visit


def search(visit, label):
    visit.page.get_by_role("combobox", name="Search labels").fill(label)
    visit.page.keyboard.press("Enter")


def to_the_end(visit):
    visit.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")


def test_scrolling_on_shows_every_photo_once(gallery, names):
    to_the_end(gallery)
    expect(gallery.tiles).to_have_count(PHOTOS)
    assert gallery.tiles.locator(".name").all_text_contents() == names


def test_a_search_from_far_down_shows_what_fits_and_nothing_else(gallery, label):
    to_the_end(gallery)
    expect(gallery.tiles).to_have_count(PHOTOS)
    search(gallery, label)
    expect(gallery.tiles).to_have_count(1)
    expect(gallery.tile("cat.jpg")).to_be_visible()


@pytest.fixture
def late(gallery, label):
    """A search whose first page is on its way, in a gallery whose end is in sight; gives what lets the page come."""
    held = []
    gallery.page.route(re.compile(rf"/api/photos\?.*label={label}"), lambda route: held.append(route))
    search(gallery, label)
    expect(gallery.page.get_by_role("list", name="Filters")).to_be_visible()
    to_the_end(gallery)
    gallery.page.wait_for_timeout(500)  # Time for what must not happen: the end of the list asks for more.

    def come():
        for route in held:
            route.continue_()
        gallery.page.unroute_all()

    return held, come


def test_a_scroll_while_a_search_is_under_way_asks_for_no_page_of_the_old_list(late):
    held, come = late
    asked = [parse_qs(urlsplit(route.request.url).query) for route in held]
    come()
    assert {"cursor" in query for query in asked} == {False}


def test_a_scroll_while_a_search_is_under_way_leaves_no_photo_that_does_not_fit(gallery, late):
    _, come = late
    come()
    expect(gallery.tiles).to_have_count(1)
    expect(gallery.tile("cat.jpg")).to_be_visible()


def test_the_last_photo_of_a_page_leads_on_to_the_next_page(gallery, names):
    # By its address: a click would scroll to it, and that would load on by itself.
    gallery.page.evaluate(
        "address => location.assign(address)", gallery.tiles.last.locator("a").first.get_attribute("href")
    )
    heading = gallery.page.get_by_role("heading", level=1)
    expect(heading).to_have_text(names[AT_FIRST - 1])
    gallery.link("Older photo").click()
    expect(heading).to_have_text(names[AT_FIRST])


def test_the_very_last_photo_leads_no_further(gallery):
    to_the_end(gallery)
    expect(gallery.tiles).to_have_count(PHOTOS)
    gallery.tile("cat.jpg").get_by_role("link").first.click()
    expect(gallery.link("Newer photo")).to_be_visible()
    expect(gallery.link("Older photo")).to_be_hidden()
