"""Interrupted deletions: each is completed or reported, and an old one is dropped."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser import axe, pictures
from tests.browser.test_people import CHANGE_TOKENS
from tests.local.stack.pipeline import wait_for

A_PHOTO = re.compile("/api/photos/[^/?]+$")
LEAVE = "dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))"
RETURN = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"
# Playwright does not route requests of a page that is being left, so the page itself fails them.
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
    """Names of the photos whose deletion this browser remembers."""
    return visit.page.evaluate("Object.values(JSON.parse(localStorage.getItem('deletions'))).map(({ name }) => name)")


def photos(visit):
    """Names of the person's photos, as the API lists them."""
    return [photo["name"] for photo in visit.call("GET", "photos")[1]["photos"]]


def delete_red(visit):
    visit.button("Delete red.jpg").click()
    # The time for "Undo" stops under the pointer, however slow the machine is.
    visit.button("Undo").hover()
    expect(visit.tile("red.jpg")).to_have_count(0)


def test_deletion_is_sent_with_a_renewed_token_when_the_page_is_left(visit, person, stored):
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
    """The person's token with a wrong signature."""
    head, claims, signature = token_of(visit).split(".")
    return f"{head}.{claims}.{signature[::-1]}"


def test_deletion_is_sent_when_the_page_is_hidden(visit, person, stored):
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
    """A visit that ended before it could send the request of a deletion."""
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.sign_in(person)
    delete_red(visit)
    visit.page.evaluate(NO_LINE)
    visit.page.goto("/empty")
    return visit


def test_deletion_is_not_sent_for_another_person_at_the_same_browser(interrupted, operator):
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(operator)
    expect(interrupted.page.get_by_role("link", name="Inspections")).to_be_visible()
    assert kept(interrupted) == ["red.jpg"]


def test_second_tab_leaves_a_deletion_that_can_be_undone_to_the_first(visit, person, stored):
    stored(red=pictures.plain("red"))
    visit.sign_in(person)
    delete_red(visit)
    second = visit.sign_in(person, page=visit.open_tab())
    expect(second.locator("li.tile")).to_have_count(1)


def test_deletion_that_fails_again_at_the_next_visit_is_reported(interrupted, person):
    interrupted.context.route(A_PHOTO, lambda route: route.fulfill(status=503))
    interrupted.page = interrupted.open_tab()
    interrupted.sign_in(person)
    expect(interrupted.notice).to_contain_text("red.jpg is not deleted yet. The service answered 503.")
    interrupted.context.unroute_all()
    interrupted.button("Try again").click()
    wait_for(lambda: photos(interrupted) == [])


# A request that is in flight when the page is left


@pytest.fixture
def in_flight(make_visit, person, stored):
    """A visit after the time for "Undo", and the request for the deletion, which is held."""
    stored(red=pictures.plain("red"))
    visit = make_visit()
    visit.sign_in(person)
    held = []
    visit.page.route(A_PHOTO, lambda route: held.append(route))
    delete_red(visit)
    with visit.page.expect_request(A_PHOTO):
        visit.button("Dismiss").click()
    visit.wait_until(lambda: held)
    return visit, held[0]


def test_deletion_in_flight_outlives_the_page(in_flight):
    visit, request = in_flight
    visit.page.goto("/empty")
    request.continue_()
    wait_for(lambda: photos(visit) == [])


@pytest.mark.parametrize(
    ("end", "event"),
    [(break_off, "requestfailed"), (lambda request: request.fulfill(status=500), "requestfinished")],
    ids=["no answer", "refusal"],
)
def test_deletion_whose_request_fails_as_the_page_is_left_is_kept_and_repeated_on_return(in_flight, end, event):
    visit, request = in_flight
    visit.page.evaluate(LEAVE)
    with visit.page.expect_event(event):
        end(request)
    visit.page.wait_for_timeout(500)  # Time to forget it, which must not happen.
    assert kept(visit) == ["red.jpg"]
    visit.page.unroute_all()
    visit.page.evaluate(RETURN)
    wait_for(lambda: photos(visit) == [])
    wait_for(lambda: kept(visit) == [])


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_deletion_that_may_have_been_done_in_part_is_kept_reported_and_repeated(in_flight, status):
    visit, request = in_flight
    if status is None:
        break_off(request)
        reason = "The service did not answer. Check your connection and try again."
    else:
        request.fulfill(status=status)
        reason = f"The service answered {status}."
    expect(visit.notice).to_contain_text(f"red.jpg is not deleted yet. {reason}")
    expect(visit.tile("red.jpg")).to_have_count(0)
    assert kept(visit) == ["red.jpg"]
    visit.page.unroute_all()
    visit.button("Try again").click()
    wait_for(lambda: photos(visit) == [])
    wait_for(lambda: kept(visit) == [])


def test_refused_deletion_brings_the_photo_back(in_flight):
    visit, request = in_flight
    request.fulfill(status=403)
    expect(visit.notice).to_contain_text("red.jpg is not deleted. The service answered 403.")
    expect(visit.tile("red.jpg")).to_be_visible()
    assert kept(visit) == []


def test_restored_page_removes_the_message_of_a_completed_deletion(in_flight):
    visit, request = in_flight
    break_off(request)
    expect(visit.notice).to_contain_text("red.jpg is not deleted yet.")
    visit.page.evaluate(LEAVE)
    visit.page.unroute_all()
    visit.page.evaluate(RETURN)
    wait_for(lambda: kept(visit) == [])
    expect(visit.notice).to_have_count(0)


def test_deletion_after_sign_out_keeps_no_name_and_is_completed_at_the_next_visit(in_flight, person):
    visit, request = in_flight
    break_off(request)
    expect(visit.notice).to_contain_text("red.jpg is not deleted yet.")
    visit.button("Sign out").click()
    expect(visit.button("Sign in")).to_be_visible()
    assert "red.jpg" not in visit.page.evaluate("JSON.stringify(localStorage)")
    visit.page.unroute_all()
    visit.sign_in(person)
    expect(visit.notice).to_have_text("Deleted 1 photo, as you asked before you left.")


# Coming back


@pytest.fixture
def come_back(interrupted, person):
    """Come back some hours later, by the time that the browser remembers; it remembers none if they are None."""

    def visit_again(hours):
        now = interrupted.page.evaluate("Date.now()")
        then = None if hours is None else now - hours * HOUR_MILLISECONDS
        interrupted.page.evaluate(CHANGE_KEPT, {"deletedAt": then})
        interrupted.page = interrupted.open_tab()
        interrupted.sign_in(person)
        return interrupted

    return visit_again


def test_deletion_of_less_than_a_day_ago_is_completed_reported_and_forgotten(come_back):
    visit = come_back(hours=23)
    expect(visit.notice).to_have_text("Deleted red.jpg, as you asked before you left.")
    expect(visit.status.filter(has_text="Deleted red.jpg")).to_have_count(1)
    expect(visit.tiles).to_have_count(0)
    assert photos(visit) == []
    wait_for(lambda: kept(visit) == [])


@pytest.mark.parametrize("hours", [25, None])
def test_deletion_of_more_than_a_day_ago_or_of_unknown_age_is_dropped_and_reported(come_back, hours):
    visit = come_back(hours)
    expect(visit.notice).to_contain_text("Kept red.jpg: the deletion was more than a day old")
    expect(visit.status.filter(has_text="Kept red.jpg")).to_have_count(1)
    expect(visit.tile("red.jpg")).to_be_visible()
    assert axe.violations(visit.page) == []
    wait_for(lambda: kept(visit) == [])
    assert photos(visit) == ["red.jpg"]


def test_old_deletion_that_was_already_done_is_not_reported_as_kept(interrupted, come_back):
    [photo] = interrupted.call("GET", "photos")[1]["photos"]
    assert interrupted.call("DELETE", f"photos/{photo['photo_id']}")[0] == 204
    visit = come_back(hours=25)
    wait_for(lambda: kept(visit) == [])
    expect(visit.notice).to_have_count(0)


def test_old_deletion_that_was_done_in_part_is_completed(interrupted, come_back):
    def as_deleted_in_part(route):
        if route.request.method == "GET":
            route.fulfill(status=404)
        else:
            route.fallback()

    interrupted.context.route(A_PHOTO, as_deleted_in_part)
    visit = come_back(hours=25)
    wait_for(lambda: kept(visit) == [])
    assert photos(visit) == []


def test_several_completed_deletions_are_one_message(make_visit, person, stored):
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
