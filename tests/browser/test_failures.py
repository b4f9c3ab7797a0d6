"""What fails once: it is tried again, said in words, and never swallows what a person chose or announced."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import pictures

ME = re.compile("/api/me$")


def break_off(route):
    route.abort("connectionreset")


def test_photos_can_be_added_although_the_service_did_not_say_at_once_who_this_is(make_visit, person):
    visit = make_visit()
    visit.page.route(ME, break_off, times=1)
    visit.sign_in(person)
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg").locator("img")).to_be_visible()


@pytest.fixture(params=[ME, re.compile("/config.json$")], ids=["person", "settings"])
def shut_out(request, make_visit, person):
    """A visit that cannot take files, since something that it needs first did not come."""
    visit = make_visit()
    visit.page.route(request.param, break_off)
    visit.sign_in(person)
    expect(visit.button("Try again")).to_be_visible()
    return visit


def test_files_that_cannot_be_taken_are_not_lost_without_a_word(shut_out):
    shut_out.choose({"red.jpg": pictures.plain("red")})
    expect(shut_out.notice.last).to_contain_text(
        re.compile("^1 file not added. .* Check your connection and try again.")
    )


def test_try_again_lets_files_in(shut_out):
    shut_out.page.unroute_all()
    shut_out.button("Try again").click()
    shut_out.choose({"red.jpg": pictures.plain("red")})
    expect(shut_out.tile("red.jpg").locator("img")).to_be_visible()
