"""A gallery with more photos than a page of the API: scrolling, searching, and going from photo to photo."""

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
# The window shows the first page of 24, and its end is near enough to load the second.
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
    """Names of sixty photos, newest first: the oldest is a cat, the others are announced and never uploaded."""
    client = Client(pipeline, tokens_of(pipeline, owner)["access_token"])

    def announce(number: int) -> Answer:
        form = {"name": f"{number}.jpg", "content_type": "image/jpeg", "size_bytes": 1000}
        return client("POST", "/api/photos", form, **{"Idempotency-Key": f"crowd-{number}"})

    with ThreadPoolExecutor(4) as pool:
        assert {answer.status for answer in pool.map(announce, range(1, PHOTOS))} == {201}
    return [photo["name"] for photo in client.get("/api/photos?limit=100").json()["photos"]]


@pytest.fixture
def gallery(visit, owner, names):
    """The gallery before any scrolling."""
    visit.sign_in(owner)
    expect(visit.tiles).to_have_count(AT_FIRST)
    return visit


def search(visit, label):
    visit.page.get_by_role("combobox", name="Search labels").fill(label)
    visit.page.keyboard.press("Enter")


def to_the_end(visit):
    visit.page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")


def test_scrolling_shows_every_photo_once_and_a_search_only_matching_ones(gallery, names, label):
    to_the_end(gallery)
    expect(gallery.tiles).to_have_count(PHOTOS)
    assert gallery.tiles.locator(".name").all_text_contents() == names
    search(gallery, label)
    expect(gallery.tiles).to_have_count(1)
    expect(gallery.tile("cat.jpg")).to_be_visible()


def test_scrolling_during_a_search_loads_nothing_of_the_old_list(gallery, label):
    held = []
    gallery.page.route(re.compile(rf"/api/photos\?.*label={label}"), lambda route: held.append(route))
    search(gallery, label)
    expect(gallery.page.get_by_role("list", name="Filters")).to_be_visible()
    to_the_end(gallery)
    gallery.page.wait_for_timeout(500)  # Time for the end of the list to load more, which must not happen.
    asked = [parse_qs(urlsplit(route.request.url).query) for route in held]
    for route in held:
        route.continue_()
    gallery.page.unroute_all()
    assert {"cursor" in query for query in asked} == {False}
    expect(gallery.tiles).to_have_count(1)
    expect(gallery.tile("cat.jpg")).to_be_visible()


def test_last_photo_of_a_page_leads_to_the_next_page(gallery, names):
    # By its address, since a click scrolls to the photo and that loads the next page.
    gallery.page.evaluate(
        "address => location.assign(address)", gallery.tiles.last.locator("a").first.get_attribute("href")
    )
    heading = gallery.page.get_by_role("heading", level=1)
    expect(heading).to_have_text(names[AT_FIRST - 1])
    gallery.link("Older photo").click()
    expect(heading).to_have_text(names[AT_FIRST])


def test_oldest_photo_has_no_older_one(gallery):
    to_the_end(gallery)
    expect(gallery.tiles).to_have_count(PHOTOS)
    gallery.open_photo("cat.jpg")
    expect(gallery.link("Newer photo")).to_be_visible()
    expect(gallery.link("Older photo")).to_be_hidden()
