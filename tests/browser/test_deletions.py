"""Deletions that something comes between: what was announced is done or told, and nothing is done after a long time."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import axe, pictures
from tests.browser.test_people import CHANGE_TOKENS
from tests.local.stack.pipeline import wait_for

A_PHOTO = re.compile("/api/photos/[^/?]+$")
LEAVE = "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))"
RETURN = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
# What a page sends while it goes passes by the routes of Playwright, so it is the page that finds no line.
NO_LINE = "() => { window.fetch = () => Promise.reject(new TypeError()); }"
CHANGE_KEPT = """changes => {
    const kept = JSON.parse(localStorage.getItem("deletions"));
    for (const deletion of Object.values(kept)) Object.assign(deletion, changes);
    localStorage.setItem("deletions", JSON.stringify(kept));
}"""
HOUR_MILLISECONDS = 3_600_000


def break_off(route):
    route.abort("connectionreset")


def kept(visit):
    """Names of the photos whose deletion this browser keeps in mind."""
    return visit.page.evaluate("Object.values(JSON.parse(localStorage.getItem('deletions'))).map(({ name }) => name)")


def photos(visit):
    """Names of the person's photos, as the API lists them."""
    return [photo["name"] for photo in visit.call("GET", "photos")[1]["photos"]]


def delete_red(visit):
    visit.button("Delete red.jpg").click()
    expect(visit.tile("red.jpg")).to_have_count(0)


def test_a_deletion_announced_as_the_token_ends_is_sent_when_the_page_goes(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    expect(visit.tile("red.jpg")).to_be_visible()
    refused = ended(visit)
    visit.page.evaluate(CHANGE_TOKENS, {"expires_at": 0, "access_token": refused})
    delete_red(visit)
    wait_for(lambda: token_of(visit) != refused)
    visit.page.goto("/empty")
    wait_for(lambda: photos(visit) == [])


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
    delete_red(visit)
    visit.page.evaluate(NO_LINE)
    visit.page.goto("/empty")
    return visit


def test_a_deletion_that_could_not_be_sent_is_finished_at_the_next_visit(interrupted, person):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    wait_for(lambda: photos(interrupted) == [])
    expect(interrupted.tiles).to_have_count(0)


def test_what_is_deleted_for_good_is_not_kept_in_mind(interrupted, person):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    wait_for(lambda: kept(interrupted) == [])


def test_another_person_at_the_same_browser_finishes_no_deletion_of_mine(interrupted, operator):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(operator)
    expect(interrupted.page.get_by_role("link", name="Inspections")).to_be_visible()
    assert kept(interrupted) == ["red.jpg"]


def test_a_second_tab_leaves_a_deletion_that_can_be_undone_to_the_first(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    delete_red(visit)
    second = visit.sign_in(person, page=visit.open_tab())
    expect(second.locator("li.tile")).to_have_count(1)


def test_a_deletion_that_fails_at_the_next_visit_too_says_so(interrupted, person):
    interrupted.context.route(A_PHOTO, lambda route: route.fulfill(status=503))
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    expect(interrupted.notice).to_contain_text("red.jpg is not deleted yet. The service answered 503.")
    interrupted.context.unroute_all()
    interrupted.button("Try again").click()
    wait_for(lambda: photos(interrupted) == [])


# A request that is under way when the page goes


@pytest.fixture
def under_way(make_visit, person, stored):
    """A visit whose time for "Undo" is over, and the request for the deletion, which waits on its way."""
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.sign_in(person)
    held = []
    visit.page.route(A_PHOTO, lambda route: held.append(route))
    delete_red(visit)
    with visit.page.expect_request(A_PHOTO):
        visit.button("Dismiss").click()
    while not held:
        visit.page.wait_for_timeout(10)
    return visit, held[0]


def test_a_deletion_that_is_under_way_outlives_the_page(under_way):
    visit, request = under_way
    visit.page.goto("/empty")
    request.continue_()
    wait_for(lambda: photos(visit) == [])


def test_a_deletion_whose_request_ends_with_the_page_is_kept(under_way):
    visit, request = under_way
    visit.page.evaluate(LEAVE)
    with visit.page.expect_event("requestfailed"):
        break_off(request)
    visit.page.wait_for_timeout(500)  # Time for what must not happen: that it is forgotten.
    assert kept(visit) == ["red.jpg"]


def test_a_refusal_that_comes_as_the_page_goes_loses_no_deletion(under_way):
    visit, request = under_way
    visit.page.evaluate(LEAVE)
    with visit.page.expect_event("requestfinished"):
        request.fulfill(status=500)
    visit.page.wait_for_timeout(500)  # Time for what must not happen: that it is forgotten.
    assert kept(visit) == ["red.jpg"]


def test_a_page_that_comes_back_as_it_was_sends_what_had_no_answer(under_way):
    visit, request = under_way
    visit.page.evaluate(LEAVE)
    with visit.page.expect_event("requestfailed"):
        break_off(request)
    visit.page.unroute_all()
    visit.page.evaluate(RETURN)
    wait_for(lambda: photos(visit) == [])
    wait_for(lambda: kept(visit) == [])


def test_a_deletion_without_an_answer_is_kept_and_says_so(under_way):
    visit, request = under_way
    break_off(request)
    expect(visit.notice).to_have_text(
        "red.jpg is not deleted yet. The service did not answer. Check your connection and try again."
    )
    assert kept(visit) == ["red.jpg"]


def test_a_deletion_without_an_answer_is_tried_again(under_way):
    visit, request = under_way
    break_off(request)
    visit.page.unroute_all()
    visit.button("Try again").click()
    wait_for(lambda: photos(visit) == [])
    wait_for(lambda: kept(visit) == [])


def test_a_deletion_that_the_service_refuses_brings_the_photo_back(under_way):
    visit, request = under_way
    request.fulfill(status=403)
    expect(visit.notice).to_contain_text("red.jpg is not deleted. The service answered 403.")
    expect(visit.tile("red.jpg")).to_be_visible()
    assert kept(visit) == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_deletion_that_may_be_done_in_part_is_kept_and_says_so(under_way, status):
    visit, request = under_way
    request.fulfill(status=status)
    expect(visit.notice).to_contain_text(f"red.jpg is not deleted yet. The service answered {status}.")
    expect(visit.tile("red.jpg")).to_have_count(0)
    assert kept(visit) == ["red.jpg"]


def test_a_deletion_that_may_be_done_in_part_is_tried_again(under_way):
    visit, request = under_way
    request.fulfill(status=503)
    visit.page.unroute_all()
    visit.button("Try again").click()
    wait_for(lambda: photos(visit) == [])
    wait_for(lambda: kept(visit) == [])


def test_what_a_page_that_comes_back_has_deleted_is_not_called_undeleted_any_more(under_way):
    visit, request = under_way
    break_off(request)
    expect(visit.notice).to_contain_text("red.jpg is not deleted yet.")
    visit.page.evaluate(LEAVE)
    visit.page.unroute_all()
    visit.page.evaluate(RETURN)
    wait_for(lambda: kept(visit) == [])
    expect(visit.notice).to_have_count(0)


def test_who_signs_out_leaves_no_name_of_a_photo(under_way):
    visit, request = under_way
    break_off(request)
    expect(visit.notice).to_contain_text("red.jpg is not deleted yet.")
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()
    assert "red.jpg" not in visit.page.evaluate("JSON.stringify(localStorage)")


def test_a_deletion_is_finished_at_the_next_visit_after_signing_out(under_way, person):
    visit, request = under_way
    break_off(request)
    expect(visit.notice).to_contain_text("red.jpg is not deleted yet.")
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()
    visit.page.unroute_all()
    visit.sign_in(person)
    expect(visit.notice).to_have_text("Deleted 1 photo, as you asked before you left.")


# Coming back


@pytest.fixture
def come_back(interrupted, person):
    """Come back some hours later, as far as the browser remembers."""

    def visit_again(hours):
        then = interrupted.page.evaluate("Date.now()") - hours * HOUR_MILLISECONDS
        interrupted.page.evaluate(CHANGE_KEPT, {"deletedAt": then})
        interrupted.page = interrupted.open_tab()
        interrupted.sign_in(person)
        return interrupted

    return visit_again


def test_who_comes_back_within_a_day_is_told_what_is_deleted_now(come_back):
    visit = come_back(hours=23)
    expect(visit.notice).to_have_text("Deleted red.jpg, as you asked before you left.")
    expect(visit.page.get_by_role("status").filter(has_text="Deleted red.jpg")).to_have_count(1)
    assert photos(visit) == []


def test_who_comes_back_after_a_day_finds_the_photo_and_is_told_so(come_back):
    visit = come_back(hours=25)
    sentence = "Kept red.jpg: the deletion was more than a day old and had not been carried out."
    expect(visit.notice).to_contain_text(sentence)
    expect(visit.page.get_by_role("status").filter(has_text=sentence)).to_have_count(1)
    expect(visit.tile("red.jpg")).to_be_visible()


def test_the_message_that_a_photo_was_kept_has_no_barrier(come_back):
    visit = come_back(hours=25)
    expect(visit.notice).to_contain_text("Kept red.jpg")
    assert axe.violations(visit.page) == []


def test_an_old_deletion_is_dropped(come_back):
    visit = come_back(hours=25)
    wait_for(lambda: kept(visit) == [])
    assert photos(visit) == ["red.jpg"]


def test_a_deletion_of_which_nobody_knows_how_old_it_is_is_dropped(interrupted, person):
    interrupted.page.evaluate(CHANGE_KEPT, {"deletedAt": None})
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    expect(interrupted.notice).to_contain_text("Kept red.jpg")
    assert photos(interrupted) == ["red.jpg"]


def test_an_old_deletion_that_the_service_had_heard_of_is_not_said_to_be_kept(interrupted, come_back):
    [photo] = interrupted.call("GET", "photos")[1]["photos"]
    assert interrupted.call("DELETE", f"photos/{photo['photo_id']}")[0] == 204
    visit = come_back(hours=25)
    wait_for(lambda: kept(visit) == [])
    expect(visit.notice).to_have_count(0)


def test_an_old_deletion_that_was_done_in_part_is_finished(interrupted, come_back):
    def as_erased_in_part(route):
        if route.request.method == "GET":
            route.fulfill(status=404)
        else:
            route.fallback()

    interrupted.context.route(A_PHOTO, as_erased_in_part)
    visit = come_back(hours=25)
    wait_for(lambda: kept(visit) == [])
    assert photos(visit) == []


def test_what_is_told_of_several_photos_is_one_message(make_visit, person, stored):
    stored(red=pictures.plain("red"), green=pictures.plain("green"))
    visit = make_visit()
    visit.sign_in(person)
    delete_red(visit)
    visit.button("Delete green.jpg").click()
    visit.page.evaluate(NO_LINE)
    visit.page.goto("/empty")
    visit.page = visit.open_tab()
    visit.sign_in(person)
    expect(visit.notice).to_have_text("Deleted 2 photos, as you asked before you left.")
