"""Photos: from the file on a person's disk to the gallery, the search, and out again."""

import io
import urllib.request

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.people import new_email, new_password


def test_somebody_signs_up_makes_an_album_and_sees_a_photo_recognised(visit):
    page = visit.page
    page.goto("/")
    visit.button("Create account").click()
    page.get_by_label("Email").fill(new_email())
    page.get_by_label("Password").fill(new_password())
    visit.button("Sign up").click()
    visit.button("New album").click()
    page.get_by_label("Name").fill("Golden Gate")
    visit.button("Create album").click()
    expect(page.get_by_role("heading", name="Golden Gate")).to_be_visible()
    visit.choose({"IMG_0001.jpg": pictures.cat_on_its_side()})
    expect(visit.chip("IMG_0001.jpg", "Cat")).to_be_visible()


def test_the_state_of_a_photo_changes_without_a_reload(visit, person):
    page = visit.sign_in(person)
    loaded = page.evaluate("performance.timeOrigin")
    visit.choose({"cat.jpg": pictures.cat_on_its_side()})
    expect(visit.tile("cat.jpg").locator("img")).to_be_visible()
    assert page.evaluate("performance.timeOrigin") == loaded


def test_the_thumbnail_of_a_photo_that_was_stored_on_its_side_is_upright(visit, person):
    visit.sign_in(person)
    visit.choose({"cat.jpg": pictures.cat_on_its_side()})
    image = visit.tile("cat.jpg").locator("img")
    expect(image).to_be_visible()
    with urllib.request.urlopen(image.get_attribute("src")) as answer, Image.open(io.BytesIO(answer.read())) as shown:
        upright = pictures.upright_cat().resize(shown.size)
        difference = ImageStat.Stat(ImageChops.difference(shown.convert("RGB"), upright)).mean
    assert max(difference) < 8


def test_the_browser_shows_the_thumbnail_as_wide_as_the_photo_is_to_its_height(visit, person):
    visit.sign_in(person)
    visit.choose({"cat.jpg": pictures.cat_on_its_side()})
    image = visit.tile("cat.jpg").locator("img")
    expect(image).to_be_visible()
    width, height = image.evaluate("async image => (await image.decode(), [image.naturalWidth, image.naturalHeight])")
    assert abs(width / height - 451 / 300) < 0.01
