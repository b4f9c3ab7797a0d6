"""The pictures of the README and the tour: `SCREENSHOTS=write` takes them again, else they are compared with the page.

They show drawings of `drawings.py`: no picture in git is anybody else's.
"""

import io
import os

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import expect

from local.rekognition.fetch import DETECTOR, MODELS_DIR
from tests.browser.drawings import NAMES, drawing
from tests.browser.people import make_person
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(
    not (MODELS_DIR / DETECTOR.name).is_file(), reason="npm is missing, so the labels are not those of the pictures"
)

FOLDER = ROOT / "docs" / "images"
SIZE_LIMIT_BYTES = 200_000
DESKTOP = {"viewport": {"width": 1280, "height": 880}}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
    "color_scheme": "dark",
}
# So small that no letter counts, neither the date nor the font of another machine, but every picture and every panel.
COARSE = (24, 24)
# Mean difference of a colour, of 255.
TOLERANCE = 6


@pytest.fixture(scope="module")
def artist(pipeline):
    """An operator with all drawings, which came one after the other."""
    owner = make_person(pipeline, is_operator=True)
    for name in NAMES:
        pipeline.finished(pipeline.upload(f"private/{owner.owner}/uploads/{name}", drawing(name)))
    return owner


@pytest.fixture
def hold():
    """Compare a picture with what a page looks like, or take it again."""

    def compare(page, name):
        page.wait_for_load_state("networkidle")
        page.mouse.move(0, 0)
        shown = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
        if os.environ.get("SCREENSHOTS") == "write":
            FOLDER.mkdir(exist_ok=True)
            shown.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)
        assert (FOLDER / name).stat().st_size < SIZE_LIMIT_BYTES
        with Image.open(FOLDER / name) as file:
            kept = file.convert("RGB")
        assert kept.size == shown.size
        coarse = [picture.resize(COARSE, Image.Resampling.BOX) for picture in (kept, shown)]
        assert max(ImageStat.Stat(ImageChops.difference(*coarse)).mean) < TOLERANCE

    return compare


def images_are_there(visit, count):
    expect(visit.page.locator("main img")).to_have_count(count)
    for image in visit.page.locator("main img").all():
        image.evaluate("image => (image.loading = 'eager', image.decode())")


def test_readme_shows_the_gallery(make_visit, artist, hold):
    visit = make_visit(**DESKTOP)
    visit.sign_in(artist)
    images_are_there(visit, len(NAMES))
    hold(visit.page, "gallery.png")


def test_readme_shows_a_photo_with_its_boxes(make_visit, artist, hold):
    visit = make_visit(**DESKTOP)
    visit.sign_in(artist)
    visit.tile("traffic-light.png").get_by_role("link").first.click()
    visit.button("Boxes").click()
    expect(visit.page.locator(".box")).to_be_visible()
    hold(visit.page, "photo.png")


def test_readme_shows_the_inspection_board(make_visit, artist, inspected, hold):
    visit = make_visit(**DESKTOP)
    visit.sign_in(artist, "inspections?rule=road-signs")
    images_are_there(visit, 3)
    hold(visit.page, "inspections.png")


def test_readme_shows_a_phone_in_dark_mode(make_visit, artist, hold):
    visit = make_visit(**PHONE)
    visit.sign_in(artist)
    images_are_there(visit, len(NAMES))
    hold(visit.page, "phone.png")
