"""Lists that come page by page: one that is empty need not be the last, and one that did not come is no empty list."""

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.browser import axe, pictures

INSPECTIONS = re.compile(r"/api/inspections(\?|$)")
PHOTOS = re.compile(r"/api/photos\?")
BULK_RUNS = re.compile("/api/bulk-runs$")
SESSIONS = re.compile("/api/sessions$")
POLL_MILLISECONDS = 15_000


def inspection(name):
    return {
        "bucket": "images-bucket",
        "key": f"images/{name}",
        "inspected_at": "2026-11-20T10:00:00Z",
        "verdict": "SUCCESS",
        "rule": "no-cups",
        "reasons": [],
        "labels": [],
        "image_url": None,
    }


@pytest.fixture
def board(make_visit, operator):
    """Open the inspections over an API that gives these pages, one for each time it is asked, and then the last one.

    A page is the names of what was inspected and its cursor, or ``None`` for none at all.
    """

    def opened(*pages):
        visit = make_visit()
        left = list(pages)

        def answer(route):
            page = left.pop(0) if len(left) > 1 else left[0]
            if page is None:
                return route.abort("connectionreset")
            names, cursor = page
            return route.fulfill(json={"inspections": [inspection(name) for name in names], "cursor": cursor})

        visit.page.route(INSPECTIONS, answer)
        visit.page.clock.install()
        visit.sign_in(operator, "inspections")
        return visit

    return opened


def test_an_empty_page_that_is_not_the_last_says_that_there_may_be_more(board):
    visit = board(([], "further"))
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_be_visible()
    expect(visit.page.get_by_role("main").get_by_text("There may be more further back.")).to_be_visible()
    expect(visit.button("Show more")).to_be_visible()


def test_an_empty_page_that_is_not_the_last_is_read_to_who_does_not_see_it(board):
    visit = board(([], "further"))
    expect(visit.page.get_by_role("status")).to_have_text("Nothing found yet; there may be more further back.")


def test_an_empty_page_that_is_not_the_last_has_no_barrier(board):
    visit = board(([], "further"))
    expect(visit.button("Show more")).to_be_visible()
    assert axe.violations(visit.page) == []


def test_show_more_goes_on_behind_an_empty_page(board):
    visit = board(([], "further"), (["old.jpg"], None))
    visit.button("Show more").click()
    expect(visit.card("old.jpg")).to_be_visible()
    expect(visit.button("Show more")).to_have_count(0)


def test_an_empty_page_that_is_the_last_says_that_nothing_fits(board):
    visit = board(([], "further"), ([], None))
    visit.button("Show more").click()
    expect(visit.page.get_by_role("heading", name="No inspection fits")).to_be_visible()
    expect(visit.button("Show more")).to_have_count(0)


def test_show_more_keeps_the_focus_while_there_is_more(board):
    visit = board(([], "further"), (["old.jpg"], "further still"))
    visit.button("Show more").press("Enter")
    expect(visit.card("old.jpg")).to_be_visible()
    expect(visit.button("Show more")).to_be_focused()


def test_what_is_inspected_meanwhile_leaves_the_way_further_back(board):
    visit = board(([], "further"), (["new.jpg"], "further"))
    expect(visit.button("Show more")).to_be_visible()
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    expect(visit.card("new.jpg")).to_be_visible()
    expect(visit.button("Show more")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_have_count(0)


def test_a_first_page_that_did_not_come_stays_told(board):
    visit = board(None, (["new.jpg"], None))
    expect(visit.page.get_by_role("alert")).to_contain_text("The service did not answer.")
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    visit.page.wait_for_timeout(500)  # Time for what must not happen: that newer ones alone look like the list.
    expect(visit.page.get_by_role("alert")).to_contain_text("The service did not answer.")
    expect(visit.cards).to_have_count(0)


def test_try_again_brings_the_list_and_what_is_inspected_meanwhile(board):
    visit = board(None, (["old.jpg"], None), (["new.jpg", "old.jpg"], None))
    visit.button("Try again").click()
    expect(visit.card("old.jpg")).to_be_visible()
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    expect(visit.card("new.jpg")).to_be_visible()


def test_a_second_page_that_did_not_come_stays_told(board):
    visit = board((["one.jpg"], "further"), None, (["new.jpg", "one.jpg"], "further"))
    visit.button("Show more").click()
    expect(visit.page.get_by_role("alert")).to_be_visible()
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    expect(visit.card("new.jpg")).to_be_visible()
    expect(visit.page.get_by_role("alert")).to_be_visible()


def test_a_gallery_says_that_there_may_be_more_while_it_looks_further_back(make_visit, person, stored):
    stored(red=pictures.plain("red"))
    visit = make_visit()
    held = []

    def answer(route):
        if "cursor=" not in route.request.url:
            return route.fulfill(json={"photos": [], "cursor": "further"})
        return held.append(route)

    visit.page.route(PHOTOS, answer)
    visit.sign_in(person)
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_be_visible()
    [found] = visit.call("GET", "photos")[1]["photos"]
    while not held:
        visit.page.wait_for_timeout(10)
    held[0].fulfill(json={"photos": [found], "cursor": None})
    expect(visit.tile("red.jpg")).to_be_visible()
    expect(visit.page.get_by_role("heading", name="Nothing found yet")).to_have_count(0)


def test_a_photo_that_is_added_does_not_hide_that_the_others_did_not_come(make_visit, person):
    visit = make_visit()
    visit.page.route(PHOTOS, lambda route: route.abort("connectionreset"))
    visit.sign_in(person)
    expect(visit.page.get_by_role("alert")).to_contain_text("The service did not answer.")
    visit.choose({"red.jpg": pictures.plain("red")})
    expect(visit.tile("red.jpg")).to_be_visible()
    expect(visit.page.get_by_role("alert")).to_contain_text("The service did not answer.")


@pytest.fixture
def runs_that_did_not_come(pipeline, make_visit, operator):
    """The bulk runs, whose list did not come at first, and a prefix of which one has been started since."""
    prefix = f"archive/{secrets.token_hex(4)}/"
    pipeline.upload(f"{prefix}red.jpg", pictures.plain("red"))
    visit = make_visit()
    visit.page.route(BULK_RUNS, lambda route: route.abort("connectionreset"), times=1)
    visit.sign_in(operator, "bulk-runs")
    expect(visit.page.get_by_role("alert").filter(has_text="did not answer")).to_be_visible()
    assert visit.call("POST", "bulk-runs", {"prefix": f"{prefix}older/"})[0] == 202
    visit.page.get_by_label("Prefix").fill(prefix)
    visit.button("Start run").click()
    expect(visit.card(prefix)).to_have_count(1)
    return visit, prefix


def test_a_run_that_is_started_does_not_hide_that_the_others_did_not_come(runs_that_did_not_come):
    visit, _ = runs_that_did_not_come
    expect(visit.page.get_by_role("alert").filter(has_text="did not answer")).to_be_visible()


def test_runs_that_come_later_stand_below_a_newer_one(runs_that_did_not_come):
    visit, prefix = runs_that_did_not_come
    visit.button("Try again").click()
    expect(visit.card(f"{prefix}older/")).to_have_count(1)
    shown = visit.cards.get_by_role("heading").all_text_contents()
    assert [text.partition("/")[2] for text in shown[:2]] == [prefix, f"{prefix}older/"]


@pytest.mark.parametrize(
    ("view", "list_"), [("inspections", INSPECTIONS), ("bulk-runs", BULK_RUNS), ("sessions", SESSIONS)]
)
def test_a_list_that_is_refused_is_not_asked_for_again_and_again(make_visit, person, view, list_):
    visit = make_visit()
    asked = []
    visit.page.on("request", lambda request: list_.search(request.url) and asked.append(request))
    visit.page.clock.install()
    visit.sign_in(person, view)
    expect(visit.page.get_by_role("alert")).to_contain_text("operators")
    visit.page.clock.fast_forward(POLL_MILLISECONDS)
    visit.page.wait_for_timeout(500)  # Time for what must not happen.
    assert len(asked) == 1
