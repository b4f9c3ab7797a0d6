"""What fails once: it is tried again, said in words, and never swallows what a person chose or announced."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import pictures
from tests.browser.test_people import CHANGE_TOKENS
from tests.local.stack.pipeline import wait_for

ME = re.compile("/api/me$")
A_PHOTO = re.compile("/api/photos/[^/?]+$")


def break_off(route):
    route.abort("connectionreset")


def delete_red(visit):
    visit.button("Delete red.jpg").click()
    expect(visit.tile("red.jpg")).to_have_count(0)


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


def test_a_deletion_announced_as_the_token_ends_is_sent_when_the_page_goes(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    expect(visit.tile("red.jpg")).to_be_visible()
    refused = ended(visit)
    visit.page.evaluate(CHANGE_TOKENS, {"expires_at": 0, "access_token": refused})
    delete_red(visit)
    wait_for(lambda: token_of(visit) != refused)
    visit.page.goto("/empty")
    wait_for(lambda: visit.call("GET", "photos")[1]["photos"] == [])


def token_of(visit):
    return visit.page.evaluate("JSON.parse(sessionStorage.getItem('tokens')).access_token")


def ended(visit):
    """The person's token with another signature: the service refuses it."""
    head, claims, signature = token_of(visit).split(".")
    return f"{head}.{claims}.{signature[::-1]}"


def test_a_deletion_is_sent_when_the_page_goes_out_of_sight(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    delete_red(visit)
    with visit.page.expect_response(lambda answer: answer.request.method == "DELETE") as answer:
        visit.page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", { get: () => true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
    assert answer.value.ok
    expect(visit.button("Undo")).to_be_hidden()


@pytest.fixture
def interrupted(make_visit, person, stored):
    """A visit that ended after a deletion was announced, and could not send it."""
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.sign_in(person)
    visit.page.route(A_PHOTO, break_off)
    delete_red(visit)
    visit.page.goto("/empty")
    return visit


def test_a_deletion_that_could_not_be_sent_is_finished_at_the_next_visit(interrupted, person):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    wait_for(lambda: interrupted.call("GET", "photos")[1]["photos"] == [])
    expect(interrupted.tiles).to_have_count(0)


def test_what_is_deleted_for_good_is_not_kept_in_mind(interrupted, person):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    wait_for(lambda: interrupted.page.evaluate("localStorage.getItem('deletions')") == "{}")


def test_another_person_at_the_same_browser_finishes_no_deletion_of_mine(interrupted, operator):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(operator)
    expect(interrupted.page.get_by_role("link", name="Inspections")).to_be_visible()
    assert len(interrupted.page.evaluate("Object.keys(JSON.parse(localStorage.getItem('deletions')))")) == 1


def test_a_second_tab_leaves_a_deletion_that_can_be_undone_to_the_first(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    delete_red(visit)
    second = visit.sign_in(person, page=visit.open_tab())
    expect(second.locator("li.tile")).to_have_count(1)
