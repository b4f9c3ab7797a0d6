"""Requests that fail once are repeated and reported, and no chosen file is lost silently."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import pictures

ME = re.compile("/api/me$")


def break_off(route):
    route.abort("connectionreset")


def test_photos_can_be_added_after_the_first_request_for_the_person_failed(make_visit, person):
    visit = make_visit()
    visit.page.route(ME, break_off, times=1)
    visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()


@pytest.mark.parametrize("address", [ME, re.compile("/config.json$")], ids=["person", "settings"])
def test_rejected_files_are_reported_and_accepted_after_try_again(make_visit, person, address):
    visit = make_visit()
    visit.page.route(address, break_off)
    visit.sign_in(person)
    expect(visit.button("Try again")).to_be_visible()
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.notice.last).to_contain_text(re.compile("^1 file not added. .* Check your connection and try again."))
    visit.page.unroute_all()
    visit.button("Try again").click()
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()
